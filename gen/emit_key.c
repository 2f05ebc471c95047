/* emit_key.c: the function that hashes the key of a request. */
#include "gen/descriptor.h"
#include "gen/emit.h"
#include "gen/names.h"

static const char *hash_of(struct gen_pool *pool, const Field *field, const char *member) {
    switch (field->type) {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING:
        return gen_format(pool, "yoke_key_of_string(message->%s)", member);
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES:
        return gen_format(pool, "yoke_key_of_bytes(message->%s.data, message->%s.len)", member, member);
    default:
        return gen_format(pool, "yoke_key_of_integer((uint64_t)message->%s)", member);
    }
}

/* What is not there counts as what it would be read as without a default of its own: 0, or empty. */
static const char *hash_of_nothing(const Field *field) {
    return field->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES ? "yoke_key_of_bytes(NULL, 0)"
                                                                                     : "yoke_key_of_integer(0)";
}

void gen_emit_key(struct gen_text *text, const struct gen_method *method) {
    const struct gen_message *message = method->request;
    const char *member = gen_pbc_field(text->pool, message->key->name);
    gen_text_printf(text,
                    "\n"
                    "static uint64_t %s__key(const void *request) {\n"
                    "    const %s *message = request;\n",
                    method->c_name, message->c_type);
    if (gen_field_has_presence_member(message, message->key)) {
        gen_text_printf(text,
                        "    if (!message->has_%s) {\n"
                        "        return %s;\n"
                        "    }\n",
                        member, hash_of_nothing(message->key));
    }
    gen_text_printf(text, "    return %s;\n}\n", hash_of(text->pool, message->key, member));
}
