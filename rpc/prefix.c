/* prefix.c: see prefix.h. */
#include "rpc/prefix.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

static uint8_t *write_block(const struct yoke__block *block, uint8_t *out) {
    if (block->length == 0) {
        return out;
    }
    const uint32_t length = htole32((uint32_t)block->length);
    memcpy(out, &length, YOKE__BLOCK_LENGTH_SIZE);
    memcpy(out + YOKE__BLOCK_LENGTH_SIZE, block->bytes, block->length);
    return out + YOKE__BLOCK_LENGTH_SIZE + block->length;
}

uint8_t *yoke__prefix_write(const struct yoke__prefix *prefix, uint8_t *out) {
    if (prefix->deadline_ns != 0) {
        const uint64_t deadline = htole64(prefix->deadline_ns);
        memcpy(out, &deadline, YOKE__DEADLINE_SIZE);
        out += YOKE__DEADLINE_SIZE;
    }
    return write_block(&prefix->details, write_block(&prefix->metadata, out));
}

/* Take a list from the front of what is left. False when it is not all there, or no list. */
static bool read_block(const uint8_t **at, size_t *left, enum yoke__metadata_kind kind, struct yoke__block *ret_block) {
    uint32_t length;
    if (*left < YOKE__BLOCK_LENGTH_SIZE) {
        return false;
    }
    memcpy(&length, *at, YOKE__BLOCK_LENGTH_SIZE);
    length = le32toh(length);
    *at += YOKE__BLOCK_LENGTH_SIZE;
    *left -= YOKE__BLOCK_LENGTH_SIZE;
    if (length > *left || length > YOKE__METADATA_BYTES_MAX || !yoke__metadata_is_valid(*at, length, kind)) {
        return false;
    }
    *ret_block = (struct yoke__block){*at, length};
    *at += length;
    *left -= length;
    return true;
}

int yoke__prefix_parse(const struct yoke__frame *frame, const uint8_t *payload, struct yoke__prefix *ret_prefix) {
    const uint8_t *at = payload;
    size_t left = frame->length;
    struct yoke__prefix prefix = {0};
    if ((frame->flags & YOKE__FLAG_DEADLINE) != 0) {
        memcpy(&prefix.deadline_ns, at, YOKE__DEADLINE_SIZE);
        prefix.deadline_ns = le64toh(prefix.deadline_ns);
        at += YOKE__DEADLINE_SIZE;
        left -= YOKE__DEADLINE_SIZE;
    }
    if ((frame->flags & YOKE__FLAG_METADATA) != 0 && !read_block(&at, &left, YOKE__METADATA_PAIRS, &prefix.metadata)) {
        return -EBADMSG;
    }
    if ((frame->flags & YOKE__FLAG_DETAILS) != 0 && !read_block(&at, &left, YOKE__METADATA_DETAILS, &prefix.details)) {
        return -EBADMSG;
    }
    prefix.size = frame->length - left;
    *ret_prefix = prefix;
    return 0;
}

size_t yoke__prefix_bound(const struct yoke__frame *frame, size_t metadata_bytes) {
    const size_t block = YOKE__BLOCK_LENGTH_SIZE + metadata_bytes;
    return ((frame->flags & YOKE__FLAG_DEADLINE) != 0 ? YOKE__DEADLINE_SIZE : 0) +
           ((frame->flags & YOKE__FLAG_METADATA) != 0 ? block : 0) +
           ((frame->flags & YOKE__FLAG_DETAILS) != 0 ? block : 0);
}
