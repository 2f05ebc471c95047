/*
 * c_names.c: see c_names.h. It follows what protoc-gen-c 1.4.1 writes, declaration by declaration. That the clashes which
 * follow from it are real is shown by tests/gen/errors_test.c, with a compiler.
 */
#include "gen/c_names.h"

#include "gen/descriptor.h"
#include "gen/names.h"
#include "gen/options.h"

#include <string.h>

static void add_name(struct gen_c_names *names, struct gen_c_name name) {
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 256;
        struct gen_c_name *grown = gen_alloc(names->pool, capacity, sizeof(*grown));
        if (names->count > 0) {
            memcpy(grown, names->names, names->count * sizeof(*grown));
        }
        names->names = grown;
        names->capacity = capacity;
    }
    name.order = names->count;
    names->names[names->count++] = name;
}

/* Add `first` and `second` joined, at file scope. */
static void add(struct gen_c_names *names, const struct gen_element *owner, const char *first, const char *second) {
    add_name(names, (struct gen_c_name){"", gen_format(names->pool, "%s%s", first, second), owner, 0});
}

/* Add a stem with each of the endings, which are words of one string. */
static void add_all(struct gen_c_names *names, const struct gen_element *owner, const char *stem, const char *endings) {
    while (*endings) {
        size_t length = strcspn(endings, " ");
        add(names, owner, stem, gen_format(names->pool, "%.*s", (int)length, endings));
        endings += length + (endings[length] == ' ');
    }
}

static void add_member(struct gen_c_names *names, const struct gen_element *owner, const char *scope, const char *first,
                       const char *second) {
    add_name(names, (struct gen_c_name){scope, gen_format(names->pool, "%s%s", first, second), owner, 0});
}

/* An element that outlives the caller. */
static const struct gen_element *child(struct gen_c_names *names, const struct gen_element *parent, const char *name,
                                       int32_t field, size_t index) {
    struct gen_element *element = gen_alloc(names->pool, 1, sizeof(*element));
    *element = gen_element_child(names->pool, parent, name, field, index);
    return element;
}

/* ---- Enums ---------------------------------------------------------------------------------------------------- */

static void add_enum(struct gen_c_names *names, const struct gen_element *element, const Enum *proto) {
    static const char lower_endings[] = "__descriptor __enum_values_by_number __value_ranges __enum_values_by_name";
    const char *full_name = gen_c_full_name(names->pool, element->file, element->full_name);
    const char *type = gen_pbc_type(names->pool, full_name);
    const char *upper = gen_pbc_upper(names->pool, full_name);
    add(names, element, type, "");
    add(names, element, "_", type);
    add_all(names, element, gen_pbc_lower(names->pool, full_name), lower_endings);
    add(names, element, gen_format(names->pool, "_%s", upper), "_IS_INT_SIZE");
    for (size_t i = 0; i < proto->n_value; i++) {
        const char *name = proto->value[i]->name;
        add(names, child(names, element, name, ENUM_VALUE, i), gen_format(names->pool, "%s__", upper), name);
    }
}

/* ---- Messages ------------------------------------------------------------------------------------------------- */

static void add_field(struct gen_c_names *names, const struct gen_message *message, size_t index) {
    const Field *field = message->proto->field[index];
    const struct gen_element *element = child(names, &message->element, field->name, MESSAGE_FIELD, index);
    const char *member = gen_pbc_field(names->pool, field->name);
    add_member(names, element, message->c_type, member, "");
    if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED) {
        add_member(names, element, message->c_type, "n_", member);
    } else if (!field->has_oneof_index && gen_field_has_presence_member(message, field)) {
        add_member(names, element, message->c_type, "has_", member);
    }
    if (field->default_value) {
        const char *lower = gen_pbc_lower(names->pool, field->name);
        add(names, element, gen_format(names->pool, "%s__%s", message->c_lower, lower), "__default_value");
    }
}

static bool is_synthetic(const struct gen_message *message, size_t oneof) {
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const Field *field = message->proto->field[i];
        if (field->has_oneof_index && (size_t)field->oneof_index == oneof && field->proto3_optional) {
            return true;
        }
    }
    return false;
}

static void add_oneof(struct gen_c_names *names, const struct gen_message *message, const char *upper, size_t index) {
    const char *name = message->proto->oneof_decl[index]->name;
    const struct gen_element *element = child(names, &message->element, name, MESSAGE_ONEOF_DECL, index);
    const char *stem = gen_format(names->pool, "%s__%s", upper, gen_pbc_upper(names->pool, name));
    add(names, element, gen_format(names->pool, "%s__%s", message->c_type, gen_pbc_type(names->pool, name)), "Case");
    add(names, element, stem, "__NOT_SET");
    add(names, element, gen_format(names->pool, "_%s", stem), "__CASE_IS_INT_SIZE");
    add_member(names, element, message->c_type, gen_pbc_lower(names->pool, name), "_case");
    for (size_t i = 0; i < message->proto->n_field; i++) {
        const Field *field = message->proto->field[i];
        if (field->has_oneof_index && (size_t)field->oneof_index == index) {
            const struct gen_element *owner = child(names, &message->element, field->name, MESSAGE_FIELD, i);
            add(names, owner, gen_format(names->pool, "%s_", stem), gen_pbc_upper(names->pool, field->name));
        }
    }
}

static void add_event(struct gen_c_names *names, const struct gen_message *event) {
    static const char endings[] = "_event _handler _on _off _emit __deliver";
    add_all(names, &event->element, event->c_name, endings);
}

static void add_message(struct gen_c_names *names, const struct gen_message *message) {
    static const char lower_endings[] =
        "__init __get_packed_size __pack __pack_to_buffer __unpack __free_unpacked __descriptor __field_descriptors "
        "__field_indices_by_name __number_ranges __type";
    const struct gen_element *element = &message->element;
    const char *upper = gen_pbc_upper(names->pool, gen_c_full_name(names->pool, element->file, element->full_name));
    add(names, element, message->c_type, "");
    add(names, element, message->c_type, "_Closure");
    add(names, element, upper, "__INIT");
    add_all(names, element, message->c_lower, lower_endings);
    add_member(names, element, message->c_type, gen_pbc_base_member(names->pool, message->proto->options), "");
    for (size_t i = 0; i < message->proto->n_field; i++) {
        add_field(names, message, i);
    }
    for (size_t i = 0; i < message->proto->n_oneof_decl; i++) {
        if (!is_synthetic(message, i)) {
            add_oneof(names, message, upper, i);
        }
    }
    for (size_t i = 0; i < message->proto->n_enum_type; i++) {
        const Enum *proto = message->proto->enum_type[i];
        add_enum(names, child(names, element, proto->name, MESSAGE_ENUM_TYPE, i), proto);
    }
    if (message->event) {
        add_event(names, message);
    }
    if (message->detail) {
        add_all(names, element, message->c_name, "_detail_add _detail_get");
    }
}

/* ---- Services ------------------------------------------------------------------------------------------------- */

static void add_method(struct gen_c_names *names, const struct gen_method *method, const char *pbc_struct) {
    static const char endings[] = "_method _done _reply _sync __handle __complete";
    const struct gen_element *element = &method->element;
    const char *handlers = gen_format(names->pool, "%s_handlers", method->service->c_name);
    add(names, element, method->c_name, "");
    add_all(names, element, method->c_name, endings);
    add_member(names, element, handlers, method->member, "");
    if (method->kind == GEN_UNARY) {
        add_all(names, element, method->c_name, "_all");
    }
    if (gen_method_has_key(method)) {
        add_all(names, element, method->c_name, "__key");
    }
    if (gen_requests_stream(method)) {
        add_all(names, element, method->c_name, "_send _write __message __end");
        add_member(names, element, handlers, method->member, "_message");
        add_member(names, element, handlers, method->member, "_end");
    }
    if (gen_replies_stream(method)) {
        add_all(names, element, method->c_name, "_message _next __receive");
    } else if (gen_requests_stream(method)) {
        add_all(names, element, method->c_name, "_close");
    }

    const char *pbc_member = gen_pbc_lower(names->pool, method->proto->name);
    add(names, element, gen_format(names->pool, "%s__", method->service->c_lower), pbc_member);
    add_member(names, element, pbc_struct, pbc_member, "");
}

static void add_service(struct gen_c_names *names, const struct gen_service *service) {
    static const char type_endings[] = "_Service _ServiceDestroy";
    static const char lower_endings[] = "__init __descriptor __method_descriptors __method_indices_by_name";
    static const char upper_endings[] = "__BASE_INIT __INIT";
    static const char our_endings[] = "_service _handlers _serve __methods";
    const struct gen_element *element = &service->element;
    const char *full_name = gen_c_full_name(names->pool, element->file, element->full_name);
    const char *type = gen_pbc_type(names->pool, full_name);
    const char *pbc_struct = gen_format(names->pool, "%s_Service", type);
    add_all(names, element, type, type_endings);
    add_all(names, element, service->c_lower, lower_endings);
    add_all(names, element, gen_pbc_upper(names->pool, full_name), upper_endings);
    add_all(names, element, service->c_name, our_endings);
    add_member(names, element, pbc_struct, "base", "");
    for (size_t i = 0; i < service->method_count; i++) {
        add_method(names, &service->methods[i], pbc_struct);
    }
}

void gen_c_names_add_file(struct gen_c_names *names, const struct gen_file *file) {
    for (size_t i = 0; i < file->message_count; i++) {
        add_message(names, file->messages[i]);
    }
    for (size_t i = 0; i < file->proto->n_enum_type; i++) {
        const Enum *proto = file->proto->enum_type[i];
        add_enum(names, child(names, &file->element, proto->name, FILE_ENUM_TYPE, i), proto);
    }
    for (size_t i = 0; i < file->service_count; i++) {
        add_service(names, &file->services[i]);
    }
}
