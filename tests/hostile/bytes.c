/* bytes.c: see bytes.h. */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

void bytes_release(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static uint8_t *extend(struct bytes *bytes, size_t size) {
    if (bytes->data == NULL || bytes->size + size > bytes->capacity) {
        bytes->capacity = 2 * (bytes->size + size) + 64;
        bytes->data = realloc(bytes->data, bytes->capacity);
        if (bytes->data == NULL) {
            abort();
        }
    }
    uint8_t *space = bytes->data + bytes->size;
    bytes->size += size;
    return space;
}

void bytes_add(struct bytes *bytes, const void *data, size_t size) {
    uint8_t *space = extend(bytes, size);
    if (data == NULL) {
        memset(space, 0, size);
    } else if (size > 0) {
        memcpy(space, data, size);
    }
}

void bytes_number(struct bytes *bytes, uint64_t value, unsigned size) {
    uint8_t *space = extend(bytes, size);
    for (unsigned i = 0; i < size; i++) {
        space[i] = (uint8_t)(value >> (8 * i));
    }
}

void bytes_header(struct bytes *bytes, const struct header *header) {
    bytes_number(bytes, header->length, 4);
    bytes_number(bytes, header->stream, 4);
    bytes_number(bytes, header->method, 4);
    bytes_number(bytes, header->type, 1);
    bytes_number(bytes, header->flags, 1);
    bytes_number(bytes, header->aux, 2);
}

void bytes_frame(struct bytes *bytes, struct header header, const void *payload, size_t size) {
    header.length = (uint32_t)size;
    bytes_header(bytes, &header);
    bytes_add(bytes, payload, size);
}

static void add_varint(struct bytes *bytes, uint64_t value) {
    while (value >= 0x80) {
        bytes_number(bytes, value | 0x80, 1);
        value >>= 7;
    }
    bytes_number(bytes, value, 1);
}

void bytes_field(struct bytes *bytes, unsigned number, const void *data, size_t size) {
    add_varint(bytes, number << 3 | 2);
    add_varint(bytes, size);
    bytes_add(bytes, data, size);
}

static size_t varint_size(size_t value) {
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* Each level is a Tree.children with the rest inside. The sizes are reckoned from the innermost one outwards first. */
void bytes_deep_tree(struct bytes *bytes, unsigned depth) {
    size_t *sizes = calloc(depth + 1, sizeof(*sizes));
    if (sizes == NULL) {
        abort();
    }
    for (unsigned level = 1; level < depth; level++) {
        sizes[level] = sizes[level - 1] + varint_size(sizes[level - 1]) + 1;
    }
    for (unsigned level = depth; level > 1; level--) {
        bytes_number(bytes, 2 << 3 | 2, 1);
        add_varint(bytes, sizes[level - 2]);
    }
    free(sizes);
}

void bytes_unknown_fields(struct bytes *bytes, size_t size) {
    for (size_t i = 0; i < size; i += 2) {
        bytes_number(bytes, 15 << 3, 1); /* field 15, a varint */
        bytes_number(bytes, 1, 1);
    }
}

static uint32_t number_at(const uint8_t *bytes, unsigned size) {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)bytes[i] << (8 * i);
    }
    return value;
}

void header_decode(const uint8_t bytes[HEADER_SIZE], struct header *ret_header) {
    *ret_header = (struct header){
        .length = number_at(bytes, 4),
        .stream = number_at(bytes + 4, 4),
        .method = number_at(bytes + 8, 4),
        .type = bytes[12],
        .flags = bytes[13],
        .aux = (uint16_t)number_at(bytes + 14, 2),
    };
}
