/* options.c: see options.h. What is malformed is taken for not there: protoc wrote it, so it is not. */
#include "gen/options.h"

/* Extension 1019 of FileOptions, and two fields of its message; from protobuf-c/protobuf-c.proto. */
enum { PB_C_FILE = 1019, PB_C_FILE_NO_GENERATE = 1, PB_C_FILE_C_PACKAGE = 6 };

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

bool gen_option_event(const Google__Protobuf__MessageOptions *options) {
    for (unsigned i = 0; options && i < options->base.n_unknown_fields; i++) {
        if (options->base.unknown_fields[i].tag == GEN_OPTION_EVENT) {
            return true;
        }
    }
    return false;
}

uint32_t gen_option_unknown(const ProtobufCMessage *options, uint32_t known) {
    for (unsigned i = 0; options && i < options->n_unknown_fields; i++) {
        uint32_t tag = options->unknown_fields[i].tag;
        if (tag >= GEN_OPTION_FIRST && tag <= GEN_OPTION_LAST && tag != known) {
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

/* All of the message's fields are varints or bytes. */
static void read_pbc_file_options(struct gen_pool *pool, struct reader body, struct gen_pbc_file_options *options) {
    uint64_t key;
    while (read_varint(&body, &key)) {
        uint64_t number = 0;
        struct reader block = {NULL, 0};
        if ((key & 7) == WIRE_VARINT && read_varint(&body, &number)) {
            if (key >> 3 == PB_C_FILE_NO_GENERATE) {
                options->no_generate = number != 0;
            }
        } else if ((key & 7) == WIRE_BYTES && read_block(&body, &block)) {
            if (key >> 3 == PB_C_FILE_C_PACKAGE) {
                options->c_package = gen_format(pool, "%.*s", (int)block.length, (const char *)block.bytes);
            }
        } else {
            return;
        }
    }
}

struct gen_pbc_file_options gen_pbc_file_options(struct gen_pool *pool, const Google__Protobuf__FileOptions *options) {
    struct gen_pbc_file_options found = {0};
    /* protoc writes the option once for each statement that sets a part of it. */
    for (unsigned i = 0; options && i < options->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->base.unknown_fields[i];
        struct reader reader = {field->data, field->len};
        struct reader body;
        /* protobuf-c keeps the length in front of the bytes. */
        if (field->tag == PB_C_FILE && field->wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
            read_block(&reader, &body)) {
            read_pbc_file_options(pool, body, &found);
        }
    }
    return found;
}
