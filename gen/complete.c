/* complete.c: see complete.h. Descriptors are messages, so they are walked by their own descriptors. */
#include "gen/complete.h"

#include <stdbool.h>

typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__MethodDescriptorProto Method;

static const void *member(const ProtobufCMessage *message, size_t offset) {
    return (const char *)message + offset;
}

/* The rest, such as options and source positions, may have names or not. */
static bool describes_schema(const ProtobufCMessageDescriptor *type) {
    return type == &google__protobuf__file_descriptor_proto__descriptor ||
           type == &google__protobuf__descriptor_proto__descriptor ||
           type == &google__protobuf__field_descriptor_proto__descriptor ||
           type == &google__protobuf__oneof_descriptor_proto__descriptor ||
           type == &google__protobuf__enum_descriptor_proto__descriptor ||
           type == &google__protobuf__enum_value_descriptor_proto__descriptor ||
           type == &google__protobuf__service_descriptor_proto__descriptor ||
           type == &google__protobuf__method_descriptor_proto__descriptor;
}

static bool is_named(const ProtobufCMessage *message) {
    const ProtobufCFieldDescriptor *name = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, "name");
    return *(char *const *)member(message, name->offset) != NULL;
}

static bool names_its_types(const ProtobufCMessage *message) {
    if (message->descriptor == &google__protobuf__field_descriptor_proto__descriptor) {
        const Field *field = (const Field *)message;
        return field->type_name != NULL ||
               (field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE &&
                field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP &&
                field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM);
    }
    if (message->descriptor == &google__protobuf__method_descriptor_proto__descriptor) {
        const Method *method = (const Method *)message;
        return method->input_type != NULL && method->output_type != NULL;
    }
    return true;
}

static const char *check_message(struct gen_pool *pool, const ProtobufCMessage *message);

static const char *check_parts(struct gen_pool *pool, const ProtobufCMessage *message,
                               const ProtobufCFieldDescriptor *field) {
    size_t count = *(const size_t *)member(message, field->quantifier_offset);
    ProtobufCMessage *const *parts = *(ProtobufCMessage *const *const *)member(message, field->offset);
    const char *trouble = NULL;
    for (size_t i = 0; i < count && !trouble; i++) {
        trouble = check_message(pool, parts[i]);
    }
    return trouble;
}

static const char *check_message(struct gen_pool *pool, const ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    if (!describes_schema(type)) {
        return NULL;
    }
    if (!is_named(message) || !names_its_types(message)) {
        return gen_format(pool, "the request has a %s without a name", type->short_name);
    }
    const char *trouble = NULL;
    for (unsigned i = 0; i < type->n_fields && !trouble; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE && type->fields[i].label == PROTOBUF_C_LABEL_REPEATED) {
            trouble = check_parts(pool, message, &type->fields[i]);
        }
    }
    return trouble;
}

const char *gen_check_complete(struct gen_pool *pool, const Google__Protobuf__Compiler__CodeGeneratorRequest *request) {
    const char *trouble = NULL;
    for (size_t i = 0; i < request->n_proto_file && !trouble; i++) {
        trouble = check_message(pool, &request->proto_file[i]->base);
    }
    return trouble;
}
