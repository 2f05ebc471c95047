/*
 * check_names.c: names that C refuses, names of a schema that differ there but meet in C, and names that are Yoke's.
 * protobuf-c checks none of this; the compiler would, with errors in generated code.
 */
#include "gen/c_names.h"
#include "gen/check.h"
#include "gen/descriptor.h"
#include "gen/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names that C refuses ------------------------------------------------------------------------------------- */

static const char *trouble_with(const struct gen_c_name *name) {
    if (!*name->name || isdigit((unsigned char)*name->name)) {
        return "which is no identifier";
    }
    if (!*name->scope) {
        return NULL; /* made of several words, so never a keyword */
    }
    if (strncmp(name->name, "__", 2) == 0) {
        return "which is reserved for the compiler";
    }
    return gen_is_c_keyword(name->name) ? "which is a keyword or a macro" : NULL;
}

static void check_spelling(const struct gen_c_names *names, struct gen_report *report) {
    const struct gen_element *last = NULL;
    for (size_t i = 0; i < names->count; i++) {
        const struct gen_c_name *name = &names->names[i];
        const char *trouble = trouble_with(name);
        if (trouble && name->owner->file->generate && name->owner != last) {
            gen_report_add(report, name->owner, "in C its name is \"%s\", %s; rename it", name->name, trouble);
            last = name->owner; /* a method's name goes wrong both in protobuf-c's struct and in ours */
        }
    }
}

/* ---- Names that meet ------------------------------------------------------------------------------------------ */

static int compare(const void *left, const void *right) {
    const struct gen_c_name *a = left;
    const struct gen_c_name *b = right;
    int scopes = strcmp(a->scope, b->scope);
    if (scopes != 0) {
        return scopes;
    }
    int names = strcmp(a->name, b->name);
    if (names != 0) {
        return names;
    }
    return strcmp(a->owner->full_name, b->owner->full_name);
}

/* True when `a` is declared after `b`. */
static bool is_later(const struct gen_element *a, const struct gen_element *b) {
    const Google__Protobuf__SourceCodeInfo__Location *at = gen_element_location(a);
    const Google__Protobuf__SourceCodeInfo__Location *bt = gen_element_location(b);
    if (a->file != b->file || !at || !bt) {
        return a->file > b->file;
    }
    return at->span[0] != bt->span[0] ? at->span[0] > bt->span[0] : at->span[1] > bt->span[1];
}

static bool meet(const struct gen_c_name *a, const struct gen_c_name *b) {
    return strcmp(a->name, b->name) == 0 && strcmp(a->scope, b->scope) == 0 &&
           strcmp(a->owner->full_name, b->owner->full_name) != 0 &&
           (a->owner->file->generate || b->owner->file->generate);
}

/* Two names that meet. */
struct pair {
    const struct gen_c_name *first;
    const struct gen_c_name *second;
};

static int compare_pairs(const void *left, const void *right) {
    const struct pair *a = left;
    const struct pair *b = right;
    return a->second->order < b->second->order ? -1 : 1;
}

static void report_pair(struct gen_report *report, const struct pair *pair) {
    const struct gen_element *here = pair->first->owner;
    const struct gen_element *there = pair->second->owner;
    if (!here->file->generate || (there->file->generate && is_later(there, here))) {
        here = pair->second->owner;
        there = pair->first->owner;
    }
    gen_report_add(report, here, "in C it and %s (%s) both get the name \"%s\"; rename one of them", there->full_name,
                   gen_place(report->pool, there), pair->first->name);
}

static bool is_reported(const struct pair *pairs, size_t count, const struct pair *pair) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pairs[i].first->owner->full_name, pair->first->owner->full_name) == 0 &&
            strcmp(pairs[i].second->owner->full_name, pair->second->owner->full_name) == 0) {
            return true;
        }
    }
    return false;
}

/* Two elements that meet usually meet in several names: one report, with the foremost name, is enough. */
static void check_meetings(struct gen_c_names *names, struct gen_report *report) {
    if (names->count == 0) {
        return;
    }
    qsort(names->names, names->count, sizeof(*names->names), compare);
    struct pair *pairs = gen_alloc(names->pool, names->count, sizeof(*pairs));
    size_t count = 0;
    for (size_t i = 1; i < names->count; i++) {
        if (meet(&names->names[i - 1], &names->names[i])) {
            pairs[count++] = (struct pair){&names->names[i - 1], &names->names[i]};
        }
    }
    if (count > 0) {
        qsort(pairs, count, sizeof(*pairs), compare_pairs);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_reported(pairs, i, &pairs[i])) {
            report_pair(report, &pairs[i]);
        }
    }
}

/* ---- Names that are Yoke's ------------------------------------------------------------------------------------ */

static bool is_ours(const struct gen_file *file) {
    return strcmp(file->package, "yoke.v1") == 0 && strncmp(file->element.full_name, "yoke/v1/", 8) == 0;
}

static bool is_reserved(struct gen_pool *pool, const char *name) {
    const char *snake = gen_snake(pool, name);
    return strcmp(snake, "yoke") == 0 || strncmp(snake, "yoke_", 5) == 0;
}

static void check_top_level(struct gen_pool *pool, const struct gen_element *element, struct gen_report *report) {
    if (is_reserved(pool, element->full_name)) {
        gen_report_add(report, element, "names in C that begin with yoke_ are Yoke's own; rename it");
    }
}

static void check_reserved(struct gen_pool *pool, const struct gen_file *file, struct gen_report *report) {
    const char *package = file->c_package ? file->c_package : file->package;
    if (is_ours(file)) {
        return;
    }
    if (*package) {
        static const int32_t path[] = {FILE_PACKAGE};
        struct gen_element element = {.file = file, .full_name = package, .path = path, .path_length = 1};
        if (is_reserved(pool, package)) {
            gen_report_add(report, &element, "names in C that begin with yoke_ are Yoke's own; choose another package");
        }
        return;
    }
    for (size_t i = 0; i < file->message_count; i++) {
        if (!file->messages[i]->parent) {
            check_top_level(pool, &file->messages[i]->element, report);
        }
    }
    for (size_t i = 0; i < file->service_count; i++) {
        check_top_level(pool, &file->services[i].element, report);
    }
    for (size_t i = 0; i < file->proto->n_enum_type; i++) {
        const char *name = file->proto->enum_type[i]->name;
        struct gen_element element = gen_element_child(pool, &file->element, name, FILE_ENUM_TYPE, i);
        check_top_level(pool, &element, report);
    }
}

void gen_check_names(const struct gen_model *model, struct gen_report *report) {
    struct gen_c_names names = {.pool = model->pool};
    for (size_t i = 0; i < model->file_count; i++) {
        gen_c_names_add_file(&names, &model->files[i]);
        if (model->files[i].generate) {
            check_reserved(model->pool, &model->files[i], report);
        }
    }
    check_spelling(&names, report);
    check_meetings(&names, report);
}
