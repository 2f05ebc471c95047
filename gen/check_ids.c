/*
 * check_ids.c: ids of methods, services and events. They are hashes of names, so two names can share one. Registration
 * refuses that as well, but here it is refused before anything is built.
 */
#include "gen/check.h"

#include <stdlib.h>
#include <string.h>

struct id {
    const char *kind; /* "method"; ids of one kind only must differ */
    uint32_t value;
    const char *name; /* what is hashed */
    const struct gen_element *element;
};

struct ids {
    struct id *ids;
    size_t count;
};

static void add(struct ids *ids, const char *kind, uint32_t value, const char *name,
                const struct gen_element *element) {
    ids->ids[ids->count++] = (struct id){kind, value, name, element};
}

static size_t count_ids(const struct gen_model *model) {
    size_t count = model->message_count;
    for (size_t i = 0; i < model->file_count; i++) {
        for (size_t j = 0; j < model->files[i].service_count; j++) {
            count += 1 + model->files[i].services[j].method_count;
        }
    }
    return count;
}

static void add_file(struct ids *ids, const struct gen_file *file) {
    for (size_t i = 0; i < file->service_count; i++) {
        const struct gen_service *service = &file->services[i];
        add(ids, "service", service->id, service->element.full_name, &service->element);
        for (size_t j = 0; j < service->method_count; j++) {
            add(ids, "method", service->methods[j].id, service->methods[j].name, &service->methods[j].element);
        }
    }
    for (size_t i = 0; i < file->message_count; i++) {
        const struct gen_message *message = file->messages[i];
        if (message->event) {
            add(ids, "event", message->id, message->element.full_name, &message->element);
        }
    }
}

static int compare(const void *left, const void *right) {
    const struct id *a = left;
    const struct id *b = right;
    int kinds = strcmp(a->kind, b->kind);
    if (kinds != 0) {
        return kinds;
    }
    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* Report at whichever of the two is in a file to generate, the second for choice. */
static void report_pair(struct gen_report *report, const struct id *first, const struct id *second) {
    const struct id *here = second->element->file->generate ? second : first;
    const struct id *there = here == second ? first : second;
    if (here->element->file->generate) {
        gen_report_add(report, here->element, "its %s id 0x%08x is also that of %s (%s); rename one of them",
                       here->kind, here->value, there->name, gen_place(report->pool, there->element));
    }
}

void gen_check_ids(const struct gen_model *model, struct gen_report *report) {
    struct ids ids = {gen_alloc(model->pool, count_ids(model), sizeof(struct id)), 0};
    for (size_t i = 0; i < model->file_count; i++) {
        add_file(&ids, &model->files[i]);
    }
    if (ids.count > 0) {
        qsort(ids.ids, ids.count, sizeof(*ids.ids), compare);
    }
    for (size_t i = 0; i < ids.count; i++) {
        const struct id *id = &ids.ids[i];
        if (id->value == 0 && id->element->file->generate) {
            gen_report_add(report, id->element, "its %s id is 0, which means no %s; rename it", id->kind, id->kind);
        }
        if (i > 0 && id->value == id[-1].value && strcmp(id->kind, id[-1].kind) == 0) {
            report_pair(report, &id[-1], id);
        }
    }
}
