/* model.c: from protoc's descriptors to the model: names, types by reference, events, nesting. */
#include "gen/model.h"

#include "gen/descriptor.h"
#include "gen/names.h"
#include "gen/options.h"

#include <stdlib.h>
#include <string.h>

const char *gen_kind_name(enum gen_kind kind) {
    static const char *const names[] = {"YOKE_UNARY", "YOKE_SERVER_STREAMING", "YOKE_CLIENT_STREAMING",
                                        "YOKE_BIDI_STREAMING"};
    return names[kind];
}

bool gen_requests_stream(const struct gen_method *method) {
    return method->kind == GEN_CLIENT_STREAMING || method->kind == GEN_BIDI_STREAMING;
}

bool gen_replies_stream(const struct gen_method *method) {
    return method->kind == GEN_SERVER_STREAMING || method->kind == GEN_BIDI_STREAMING;
}

const char *gen_c_full_name(struct gen_pool *pool, const struct gen_file *file, const char *full_name) {
    if (!file->c_package) {
        return full_name;
    }
    const char *rest = full_name + strlen(file->package);
    return gen_format(pool, "%s%s%s", file->c_package, *rest == '.' ? "" : ".", rest);
}

struct gen_element gen_element_child(struct gen_pool *pool, const struct gen_element *parent, const char *name,
                                     int32_t field, size_t index) {
    int32_t *path = gen_alloc(pool, parent->path_length + 2, sizeof(*path));
    if (parent->path_length > 0) {
        memcpy(path, parent->path, parent->path_length * sizeof(*path));
    }
    path[parent->path_length] = field;
    path[parent->path_length + 1] = (int32_t)index;

    const struct gen_file *file = parent->file;
    const char *scope = parent->path_length > 0 ? parent->full_name : file->package;
    return (struct gen_element){
        .file = file,
        .full_name = gen_format(pool, "%s%s%s", scope, *scope ? "." : "", name),
        .path = path,
        .path_length = parent->path_length + 2,
    };
}

const Google__Protobuf__SourceCodeInfo__Location *gen_element_location(const struct gen_element *element) {
    const Google__Protobuf__SourceCodeInfo *info = element->file->proto->source_code_info;
    for (size_t i = 0; info && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
        if (location->n_path == element->path_length &&
            (element->path_length == 0 ||
             memcmp(location->path, element->path, element->path_length * sizeof(*element->path)) == 0)) {
            return location;
        }
    }
    return NULL;
}

bool gen_method_has_key(const struct gen_method *method) {
    return method->request->key && !gen_requests_stream(method);
}

/* ---- Messages ------------------------------------------------------------------------------------------------- */

static size_t count_messages(Google__Protobuf__DescriptorProto *const *protos, size_t count) {
    size_t total = count;
    for (size_t i = 0; i < count; i++) {
        total += count_messages(protos[i]->nested_type, protos[i]->n_nested_type);
    }
    return total;
}

bool gen_field_is_key(const Field *field) {
    return gen_option_number(field->options ? &field->options->base : NULL, GEN_OPTION_KEY) != 0;
}

bool gen_field_has_presence_member(const struct gen_message *message, const Field *field) {
    return !message->element.file->proto3 &&
           field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_OPTIONAL &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING &&
           field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE;
}

static void find_key(struct gen_message *message) {
    for (size_t i = 0; i < message->proto->n_field && !message->key; i++) {
        if (gen_field_is_key(message->proto->field[i])) {
            message->key = message->proto->field[i];
            message->key_index = i;
        }
    }
}

static void add_message(struct gen_model *model, struct gen_file *file, const struct gen_message *parent,
                        const Google__Protobuf__DescriptorProto *proto, size_t index) {
    struct gen_message *message = gen_alloc(model->pool, 1, sizeof(*message));
    file->messages[file->message_count++] = message;
    model->by_name[model->message_count++] = message;

    const struct gen_element *scope = parent ? &parent->element : &file->element;
    message->element =
        gen_element_child(model->pool, scope, proto->name, parent ? MESSAGE_NESTED_TYPE : FILE_MESSAGE_TYPE, index);
    message->proto = proto;
    message->parent = parent;

    const char *c_full_name = gen_c_full_name(model->pool, file, message->element.full_name);
    message->c_type = gen_pbc_type(model->pool, c_full_name);
    message->c_lower = gen_pbc_lower(model->pool, c_full_name);
    message->c_name = gen_snake(model->pool, c_full_name);
    message->event = gen_option_is_set(proto->options, GEN_OPTION_EVENT);
    message->detail = gen_option_is_set(proto->options, GEN_OPTION_DETAIL);
    message->id = gen_name_id(message->element.full_name);
    find_key(message);

    for (size_t i = 0; i < proto->n_nested_type; i++) {
        add_message(model, file, message, proto->nested_type[i], i);
    }
}

static int compare_by_name(const void *left, const void *right) {
    const struct gen_message *const *a = left;
    const struct gen_message *const *b = right;
    return strcmp((*a)->element.full_name, (*b)->element.full_name);
}

struct gen_message *gen_model_message(const struct gen_model *model, const char *dotted_name) {
    struct gen_message key = {.element.full_name = dotted_name + (*dotted_name == '.')};
    const struct gen_message *wanted = &key;
    if (model->message_count == 0) {
        return NULL;
    }
    struct gen_message **found =
        bsearch(&wanted, model->by_name, model->message_count, sizeof(*model->by_name), compare_by_name);
    return found ? *found : NULL;
}

static const char *find_parts(struct gen_model *model, struct gen_message *message) {
    const Google__Protobuf__DescriptorProto *proto = message->proto;
    message->parts = gen_alloc(model->pool, proto->n_field, sizeof(struct gen_message *));
    for (size_t i = 0; i < proto->n_field; i++) {
        const Google__Protobuf__FieldDescriptorProto *field = proto->field[i];
        if (field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE &&
            field->type != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP) {
            continue;
        }
        struct gen_message *part = gen_model_message(model, field->type_name);
        if (!part) {
            return gen_format(model->pool, "the request does not describe %s", field->type_name);
        }
        message->parts[message->part_count++] = part;
    }
    return NULL;
}

/*
 * How many levels of messages can be within one another, itself included: one more than the deepest part has. A round
 * carries that one level up, so when nothing changes any more it is right, and what is on a cycle reaches the maximum.
 */
static void find_levels(struct gen_model *model) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < model->message_count; i++) {
            struct gen_message *message = model->by_name[i];
            unsigned below = 0;
            for (size_t part = 0; part < message->part_count; part++) {
                below = message->parts[part]->levels > below ? message->parts[part]->levels : below;
            }
            unsigned levels = below > GEN_LEVELS_MAX ? GEN_LEVELS_MAX + 1 : below + 1;
            if (levels > message->levels) {
                message->levels = levels;
                changed = true;
            }
        }
    }
}

bool gen_message_is_deep(const struct gen_message *message) {
    return message->levels > GEN_LEVELS_MAX;
}

/* ---- Services ------------------------------------------------------------------------------------------------- */

static enum gen_kind kind_of(const Google__Protobuf__MethodDescriptorProto *proto) {
    bool client = proto->has_client_streaming && proto->client_streaming;
    bool server = proto->has_server_streaming && proto->server_streaming;
    if (client) {
        return server ? GEN_BIDI_STREAMING : GEN_CLIENT_STREAMING;
    }
    return server ? GEN_SERVER_STREAMING : GEN_UNARY;
}

static const char *build_method(struct gen_model *model, const struct gen_service *service, size_t index) {
    struct gen_method *method = &service->methods[index];
    const Google__Protobuf__MethodDescriptorProto *proto = service->proto->method[index];
    method->element = gen_element_child(model->pool, &service->element, proto->name, SERVICE_METHOD, index);
    method->proto = proto;
    method->service = service;
    method->name = gen_format(model->pool, "%s/%s", service->element.full_name, proto->name);
    method->id = gen_name_id(method->name);
    method->kind = kind_of(proto);
    const ProtobufCMessage *options = proto->options ? &proto->options->base : NULL;
    method->timeout_ms = gen_option_number(options, GEN_OPTION_TIMEOUT_MS);
    method->handler_timeout_ms = gen_option_number(options, GEN_OPTION_HANDLER_TIMEOUT_MS);
    method->idempotent =
        proto->options && proto->options->has_idempotency_level &&
        proto->options->idempotency_level != GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__IDEMPOTENCY_UNKNOWN;
    method->request = gen_model_message(model, proto->input_type);
    method->reply = gen_model_message(model, proto->output_type);
    method->member = gen_snake(model->pool, proto->name);
    method->c_name = gen_format(model->pool, "%s_%s", service->c_name, method->member);
    if (!method->request || !method->reply) {
        return gen_format(model->pool, "the request does not describe the types of %s", method->name);
    }
    return NULL;
}

static const char *build_service(struct gen_model *model, struct gen_file *file, size_t index) {
    struct gen_service *service = &file->services[index];
    service->proto = file->proto->service[index];
    service->element = gen_element_child(model->pool, &file->element, service->proto->name, FILE_SERVICE, index);
    service->id = gen_name_id(service->element.full_name);
    const char *c_full_name = gen_c_full_name(model->pool, file, service->element.full_name);
    service->c_name = gen_snake(model->pool, c_full_name);
    service->c_lower = gen_pbc_lower(model->pool, c_full_name);
    service->method_count = service->proto->n_method;
    service->methods = gen_alloc(model->pool, service->method_count, sizeof(*service->methods));
    for (size_t i = 0; i < service->method_count; i++) {
        const char *trouble = build_method(model, service, i);
        if (trouble) {
            return trouble;
        }
    }
    return NULL;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

static void build_file(struct gen_model *model, struct gen_file *file,
                       const Google__Protobuf__FileDescriptorProto *proto) {
    file->proto = proto;
    file->element = (struct gen_element){.file = file, .full_name = proto->name};
    file->base = gen_strip_proto(model->pool, proto->name);
    file->package = proto->package ? proto->package : "";
    file->proto3 = proto->syntax && strcmp(proto->syntax, "proto3") == 0;
    struct gen_pbc_file_options options = gen_pbc_file_options(model->pool, proto->options);
    file->c_package = options.c_package;
    file->no_c = options.no_generate;

    size_t count = count_messages(proto->message_type, proto->n_message_type);
    file->messages = gen_alloc(model->pool, count, sizeof(struct gen_message *));
    for (size_t i = 0; i < proto->n_message_type; i++) {
        add_message(model, file, NULL, proto->message_type[i], i);
    }
}

static const char *link_file(struct gen_model *model, struct gen_file *file) {
    for (size_t i = 0; i < file->message_count; i++) {
        const char *trouble = find_parts(model, file->messages[i]);
        if (trouble) {
            return trouble;
        }
    }
    file->service_count = file->proto->n_service;
    file->services = gen_alloc(model->pool, file->service_count, sizeof(*file->services));
    for (size_t i = 0; i < file->service_count; i++) {
        const char *trouble = build_service(model, file, i);
        if (trouble) {
            return trouble;
        }
    }
    return NULL;
}

static const char *mark_wanted(struct gen_model *model, const char *path) {
    for (size_t i = 0; i < model->file_count; i++) {
        if (strcmp(model->files[i].element.full_name, path) == 0) {
            model->files[i].generate = true;
            return NULL;
        }
    }
    return gen_format(model->pool, "the request does not describe %s", path);
}

const char *gen_model_build(struct gen_model *model, const Google__Protobuf__Compiler__CodeGeneratorRequest *request) {
    size_t messages = 0;
    for (size_t i = 0; i < request->n_proto_file; i++) {
        messages += count_messages(request->proto_file[i]->message_type, request->proto_file[i]->n_message_type);
    }
    model->by_name = gen_alloc(model->pool, messages, sizeof(struct gen_message *));
    model->file_count = request->n_proto_file;
    model->files = gen_alloc(model->pool, model->file_count, sizeof(*model->files));
    for (size_t i = 0; i < model->file_count; i++) {
        build_file(model, &model->files[i], request->proto_file[i]);
    }
    if (model->message_count > 0) {
        qsort(model->by_name, model->message_count, sizeof(*model->by_name), compare_by_name);
    }

    const char *trouble = NULL;
    for (size_t i = 0; i < model->file_count && !trouble; i++) {
        trouble = link_file(model, &model->files[i]);
    }
    for (size_t i = 0; i < request->n_file_to_generate && !trouble; i++) {
        trouble = mark_wanted(model, request->file_to_generate[i]);
    }
    if (!trouble) {
        find_levels(model);
    }
    return trouble;
}
