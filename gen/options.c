/* options.c: see options.h. What is malformed is taken for not there: protoc wrote it, so it is not. */
#include "gen/options.h"

/* An extension of both FileOptions and MessageOptions, and fields of the messages; from protobuf-c/protobuf-c.proto. */
enum { PB_C_OPTION = 1019, PB_C_FILE_NO_GENERATE = 1, PB_C_FILE_C_PACKAGE = 6, PB_C_MSG_BASE_FIELD_NAME = 3 };

enum { WIRE_BLOCK = 2 };

static const ProtobufCMessageUnknownField *find(const Google__Protobuf__MessageOptions *options, uint32_t number) {
    for (unsigned i = 0; options && i < options->base.n_unknown_fields; i++) {
        if (options->base.unknown_fields[i].tag == number) {
            return &options->base.unknown_fields[i];
        }
    }
    return NULL;
}

bool gen_option_is_set(const Google__Protobuf__MessageOptions *options, uint32_t number) {
    return find(options, number) != NULL;
}

bool gen_option_has_unknown(const Google__Protobuf__MessageOptions *options, uint32_t number) {
    const ProtobufCMessageUnknownField *field = find(options, number);
    /* Empty is a length of 0, and nothing. */
    return field && (field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || field->len != 1);
}

static bool is_among(uint32_t number, const uint32_t *known) {
    while (*known != 0 && *known != number) {
        known++;
    }
    return *known != 0;
}

uint32_t gen_option_unknown(const ProtobufCMessage *options, const uint32_t *known) {
    for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
        uint32_t tag = options->unknown_fields[i].tag;
        if (tag >= GEN_OPTION_FIRST && tag <= GEN_OPTION_LAST && !is_among(tag, known)) {
            return tag;
        }
    }
    return 0;
}

/* Bytes that are still to be read. */
struct reader {
    const uint8_t *bytes;
    size_t length;
};

static bool read_varint(struct reader *reader, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->length > 0; shift += 7) {
        uint8_t byte = *reader->bytes++;
        reader->length--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

uint32_t gen_option_number(const ProtobufCMessage *options, uint32_t number) {
    uint64_t value = 0;
    for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        struct reader reader = {field->data, field->len};
        if (field->tag == number && field->wire_type == PROTOBUF_C_WIRE_TYPE_VARINT) {
            (void)read_varint(&reader, &value);
        }
    }
    return (uint32_t)value;
}

static bool read_block(struct reader *reader, struct reader *ret_block) {
    uint64_t length;
    if (!read_varint(reader, &length) || length > reader->length) {
        return false;
    }
    *ret_block = (struct reader){reader->bytes, (size_t)length};
    reader->bytes += length;
    reader->length -= (size_t)length;
    return true;
}

/*
 * What the last setting of `field` within protobuf-c's option says, be it a number or a block; false when nothing does.
 * protoc writes the option once for each statement that sets a part of it. All its fields are varints or blocks.
 */
static bool find_pbc_field(const ProtobufCMessage *options, uint32_t field, uint64_t *ret_number,
                           struct reader *ret_block) {
    bool found = false;
    for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *unknown = &options->unknown_fields[i];
        struct reader reader = {unknown->data, unknown->len};
        struct reader body = {NULL, 0};
        /* protobuf-c keeps the length in front of the bytes. */
        if (unknown->tag != PB_C_OPTION || !read_block(&reader, &body)) {
            continue;
        }
        uint64_t key;
        while (read_varint(&body, &key)) {
            bool block = (key & 7) == WIRE_BLOCK;
            uint64_t number = 0;
            struct reader bytes = {NULL, 0};
            if (!(block ? read_block(&body, &bytes) : read_varint(&body, &number))) {
                break;
            }
            if (key >> 3 == field) {
                found = true;
                *ret_number = number;
                *ret_block = bytes;
            }
        }
    }
    return found;
}

static char *block_string(struct gen_pool *pool, struct reader block) {
    return gen_format(pool, "%.*s", (int)block.length, (const char *)block.bytes);
}

struct gen_pbc_file_options gen_pbc_file_options(struct gen_pool *pool, const Google__Protobuf__FileOptions *options) {
    const ProtobufCMessage *base = options ? &options->base : NULL;
    struct gen_pbc_file_options found = {false, NULL};
    uint64_t number;
    struct reader block;
    if (find_pbc_field(base, PB_C_FILE_NO_GENERATE, &number, &block)) {
        found.no_generate = number != 0;
    }
    if (find_pbc_field(base, PB_C_FILE_C_PACKAGE, &number, &block)) {
        found.c_package = block_string(pool, block);
    }
    return found;
}

const char *gen_pbc_base_member(struct gen_pool *pool, const Google__Protobuf__MessageOptions *options) {
    uint64_t number;
    struct reader block;
    if (find_pbc_field(options ? &options->base : NULL, PB_C_MSG_BASE_FIELD_NAME, &number, &block)) {
        return block_string(pool, block);
    }
    return "base";
}
