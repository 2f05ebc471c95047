/*
 * check_options.c: options whose numbers are Yoke's but that this version does not know. They come from a newer
 * yoke/v1/options.proto, and leaving them out would change what the schema means.
 */
#include "gen/check.h"
#include "gen/descriptor.h"
#include "gen/options.h"

struct place {
    struct gen_pool *pool;
    struct gen_report *report;
};

/* Where Yoke has no option. */
static const uint32_t none_known[] = {0};

/* On fields, also those of extensions, of which check_key.c says why they cannot be keys. */
static const uint32_t key_known[] = {GEN_OPTION_KEY, 0};

#define CURE "use a protoc-gen-yoke as new as the options.proto that declares it, or remove the option"

static void check(struct place place, const struct gen_element *element, const ProtobufCMessage *options,
                  const uint32_t *known) {
    uint32_t number = gen_option_unknown(options, known);
    if (number != 0) {
        gen_report_add(place.report, element, "unknown yoke option, number %u; " CURE, number);
    }
}

/* Options messages all begin with a ProtobufCMessage; a NULL one has none. */
#define BASE(options) ((options) ? &(options)->base : NULL)

static void check_field(struct place place, const struct gen_element *parent, const Field *field, int32_t step,
                        size_t index) {
    struct gen_element element = gen_element_child(place.pool, parent, field->name, step, index);
    check(place, &element, BASE(field->options), key_known);
}

static void check_enum(struct place place, const struct gen_element *parent, const Enum *proto, int32_t step,
                       size_t index) {
    struct gen_element element = gen_element_child(place.pool, parent, proto->name, step, index);
    check(place, &element, BASE(proto->options), none_known);
    for (size_t i = 0; i < proto->n_value; i++) {
        struct gen_element value = gen_element_child(place.pool, &element, proto->value[i]->name, ENUM_VALUE, i);
        check(place, &value, BASE(proto->value[i]->options), none_known);
    }
}

static void check_message(struct place place, const struct gen_message *message) {
    const Google__Protobuf__DescriptorProto *proto = message->proto;
    const struct gen_element *element = &message->element;
    check(place, element, BASE(proto->options), (const uint32_t[]){GEN_OPTION_EVENT, GEN_OPTION_DETAIL, 0});
    if (gen_option_has_unknown(proto->options, GEN_OPTION_EVENT)) {
        gen_report_add(place.report, element, "unknown yoke option, within (yoke.v1.event); " CURE);
    }
    if (gen_option_has_unknown(proto->options, GEN_OPTION_DETAIL)) {
        gen_report_add(place.report, element, "unknown yoke option, within (yoke.v1.detail); " CURE);
    }
    for (size_t i = 0; i < proto->n_field; i++) {
        check_field(place, element, proto->field[i], MESSAGE_FIELD, i);
    }
    for (size_t i = 0; i < proto->n_extension; i++) {
        check_field(place, element, proto->extension[i], MESSAGE_EXTENSION, i);
    }
    for (size_t i = 0; i < proto->n_enum_type; i++) {
        check_enum(place, element, proto->enum_type[i], MESSAGE_ENUM_TYPE, i);
    }
    for (size_t i = 0; i < proto->n_oneof_decl; i++) {
        struct gen_element oneof =
            gen_element_child(place.pool, element, proto->oneof_decl[i]->name, MESSAGE_ONEOF_DECL, i);
        check(place, &oneof, BASE(proto->oneof_decl[i]->options), none_known);
    }
    for (size_t i = 0; i < proto->n_extension_range; i++) {
        struct gen_element range = gen_element_child(place.pool, element, "extensions", MESSAGE_EXTENSION_RANGE, i);
        check(place, &range, BASE(proto->extension_range[i]->options), none_known);
    }
}

static void check_service(struct place place, const struct gen_service *service) {
    check(place, &service->element, BASE(service->proto->options), none_known);
    for (size_t i = 0; i < service->method_count; i++) {
        const struct gen_method *method = &service->methods[i];
        check(place, &method->element, BASE(method->proto->options),
              (const uint32_t[]){GEN_OPTION_TIMEOUT_MS, GEN_OPTION_HANDLER_TIMEOUT_MS, 0});
    }
}

static void check_file(struct place place, const struct gen_file *file) {
    const Google__Protobuf__FileDescriptorProto *proto = file->proto;
    check(place, &file->element, BASE(proto->options), none_known);
    for (size_t i = 0; i < proto->n_extension; i++) {
        check_field(place, &file->element, proto->extension[i], FILE_EXTENSION, i);
    }
    for (size_t i = 0; i < proto->n_enum_type; i++) {
        check_enum(place, &file->element, proto->enum_type[i], FILE_ENUM_TYPE, i);
    }
    for (size_t i = 0; i < file->message_count; i++) {
        check_message(place, file->messages[i]);
    }
    for (size_t i = 0; i < file->service_count; i++) {
        check_service(place, &file->services[i]);
    }
}

void gen_check_options(const struct gen_model *model, struct gen_report *report) {
    for (size_t i = 0; i < model->file_count; i++) {
        if (model->files[i].generate) {
            check_file((struct place){model->pool, report}, &model->files[i]);
        }
    }
}
