/* check_keys.c: fields marked as keys that cannot be: a request has one key, and always. */
#include "gen/check.h"
#include "gen/descriptor.h"

#define CHOOSE "choose another field, or remove the option"

/* Can a field of this type be a key? */
static bool is_hashable(const Field *field) {
    switch (field->type) {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE:
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_FLOAT:
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE:
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP:
        return false;
    default:
        return true;
    }
}

static const char *trouble_with(const Field *field) {
    if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED) {
        return "(yoke.v1.key) is on a repeated field, and a key is one value; " CHOOSE;
    }
    if (!is_hashable(field)) {
        return "(yoke.v1.key) is on a field whose type is neither an integer type nor bool, enum, string or "
               "bytes; " CHOOSE;
    }
    if (field->has_oneof_index && !field->proto3_optional) {
        return "(yoke.v1.key) is on a field of a oneof, which can be another one; " CHOOSE;
    }
    return NULL;
}

static void check_message(struct gen_pool *pool, const struct gen_message *message, struct gen_report *report) {
    const Google__Protobuf__DescriptorProto *proto = message->proto;
    for (size_t i = 0; i < proto->n_field; i++) {
        if (!gen_field_is_key(proto->field[i])) {
            continue;
        }
        struct gen_element field = gen_element_child(pool, &message->element, proto->field[i]->name, MESSAGE_FIELD, i);
        const char *trouble = trouble_with(proto->field[i]);
        if (trouble) {
            gen_report_add(report, &field, "%s", trouble);
        }
        if (proto->field[i] != message->key) {
            struct gen_element first =
                gen_element_child(pool, &message->element, message->key->name, MESSAGE_FIELD, message->key_index);
            gen_report_add(report, &field,
                           "(yoke.v1.key) is on %s (%s) as well, and a message has one key; remove one of the options",
                           first.full_name, gen_place(pool, &first));
        }
    }
}

/* Fields that are declared outside of the message that they belong to. */
static void check_extensions(struct gen_pool *pool, const struct gen_element *scope, Field *const *fields, size_t count,
                             int32_t step, struct gen_report *report) {
    for (size_t i = 0; i < count; i++) {
        if (gen_field_is_key(fields[i])) {
            struct gen_element field = gen_element_child(pool, scope, fields[i]->name, step, i);
            gen_report_add(report, &field,
                           "(yoke.v1.key) is on an extension, which protobuf-c has no field for; " CHOOSE);
        }
    }
}

void gen_check_keys(const struct gen_model *model, struct gen_report *report) {
    for (size_t i = 0; i < model->file_count; i++) {
        const struct gen_file *file = &model->files[i];
        if (!file->generate) {
            continue;
        }
        check_extensions(model->pool, &file->element, file->proto->extension, file->proto->n_extension, FILE_EXTENSION,
                         report);
        for (size_t j = 0; j < file->message_count; j++) {
            const struct gen_message *message = file->messages[j];
            check_message(model->pool, message, report);
            check_extensions(model->pool, &message->element, message->proto->extension, message->proto->n_extension,
                             MESSAGE_EXTENSION, report);
        }
    }
}
