/* check_support.c: what protobuf-c 1.4 cannot turn into C that compiles. */
#include "gen/check.h"
#include "gen/descriptor.h"

#include <string.h>

static void check_service(const struct gen_service *service, struct gen_report *report) {
    if (service->method_count == 0) {
        gen_report_add(report, &service->element,
                       "protobuf-c's code for a service without methods is not ISO C; give it a method, or remove it");
    }
}

static bool is_not_finite(const char *number) {
    return strcmp(number, "inf") == 0 || strcmp(number, "-inf") == 0 || strcmp(number, "nan") == 0;
}

static const char *trouble_with(const Field *field) {
    if (field->proto3_optional) {
        return "protobuf-c has no optional of proto3; put the field in a oneof of its own, use a type of "
               "google/protobuf/wrappers.proto, or write the file in proto2";
    }
    if (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP) {
        return "protobuf-c has no groups; use a message and a field of its type";
    }
    if (field->default_value && is_not_finite(field->default_value) &&
        (field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE ||
         field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT)) {
        return "protobuf-c writes no C for a default of inf or nan; leave the default out";
    }
    return NULL;
}

static void check_message(struct gen_pool *pool, const struct gen_message *message, struct gen_report *report) {
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const char *trouble = trouble_with(message->proto->field[i]);
        if (trouble) {
            struct gen_element field =
                gen_element_child(pool, &message->element, message->proto->field[i]->name, MESSAGE_FIELD, i);
            gen_report_add(report, &field, "%s", trouble);
        }
    }
}

void gen_check_support(const struct gen_model *model, struct gen_report *report) {
    for (size_t i = 0; i < model->file_count; i++) {
        const struct gen_file *file = &model->files[i];
        if (!file->generate) {
            continue;
        }
        if (file->no_c) {
            gen_report_add(report, &file->element,
                           "the generated code needs protobuf-c's, which (pb_c_file).no_generate suppresses; remove "
                           "that option, or do not generate from this file");
        }
        for (size_t j = 0; j < file->service_count; j++) {
            check_service(&file->services[j], report);
        }
        for (size_t j = 0; j < file->message_count; j++) {
            check_message(model->pool, file->messages[j], report);
        }
    }
}
