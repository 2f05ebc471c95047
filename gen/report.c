/* report.c: see report.h. */
#include "gen/report.h"

#include <stdlib.h>
#include <string.h>

struct gen_problem {
    const struct gen_file *file;
    int32_t line;
    int32_t column;
    size_t order; /* of discovery */
    const char *text;
};

static void find_position(const struct gen_element *element, int32_t *ret_line, int32_t *ret_column) {
    const Google__Protobuf__SourceCodeInfo__Location *location = gen_element_location(element);
    if (location && location->n_span >= 2) {
        *ret_line = location->span[0] + 1;
        *ret_column = location->span[1] + 1;
    }
}

char *gen_place(struct gen_pool *pool, const struct gen_element *element) {
    int32_t line = 0;
    int32_t column = 0;
    find_position(element, &line, &column);
    const char *path = element->file->element.full_name;
    return line ? gen_format(pool, "%s:%d:%d", path, line, column) : gen_format(pool, "%s", path);
}

static struct gen_problem *new_problem(struct gen_report *report) {
    if (report->count == report->capacity) {
        size_t capacity = report->capacity ? report->capacity * 2 : 16;
        struct gen_problem *grown = gen_alloc(report->pool, capacity, sizeof(*grown));
        if (report->count > 0) {
            memcpy(grown, report->problems, report->count * sizeof(*grown));
        }
        report->problems = grown;
        report->capacity = capacity;
    }
    struct gen_problem *problem = &report->problems[report->count];
    problem->order = report->count++;
    return problem;
}

void gen_report_add(struct gen_report *report, const struct gen_element *element, const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    const char *sentence = gen_format_list(report->pool, what, arguments);
    va_end(arguments);

    struct gen_problem *problem = new_problem(report);
    problem->file = element->file;
    find_position(element, &problem->line, &problem->column);
    const char *place = gen_place(report->pool, element);
    /* Of a file there is no more to name than its path. */
    if (element == &element->file->element) {
        problem->text = gen_format(report->pool, "%s: %s", place, sentence);
    } else {
        problem->text = gen_format(report->pool, "%s: %s: %s", place, element->full_name, sentence);
    }
}

static int compare(const void *left, const void *right) {
    const struct gen_problem *a = left;
    const struct gen_problem *b = right;
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1; /* both are in one array, in protoc's order */
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

char *gen_report_text(struct gen_report *report) {
    if (report->count == 0) {
        return NULL;
    }
    qsort(report->problems, report->count, sizeof(*report->problems), compare);
    struct gen_text text = {.pool = report->pool};
    for (size_t i = 0; i < report->count; i++) {
        gen_text_printf(&text, "%s%s", i ? "\n" : "", report->problems[i].text);
    }
    return text.bytes;
}
