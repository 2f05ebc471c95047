/* frame.c: see frame.h. */
#include "rpc/frame.h"

#include <endian.h>
#include <string.h>

void yoke__frame_encode(const struct yoke__frame *frame, uint8_t *out) {
    const uint32_t words[3] = {htole32(frame->length), htole32(frame->stream), htole32(frame->method)};
    const uint16_t aux = htole16(frame->aux);
    memcpy(out, words, sizeof words);
    out[12] = frame->type;
    out[13] = frame->flags;
    memcpy(out + 14, &aux, sizeof aux);
}

void yoke__frame_decode(const uint8_t *bytes, struct yoke__frame *ret_frame) {
    uint32_t words[3];
    uint16_t aux;
    memcpy(words, bytes, sizeof words);
    memcpy(&aux, bytes + 14, sizeof aux);
    *ret_frame = (struct yoke__frame){
        .length = le32toh(words[0]),
        .stream = le32toh(words[1]),
        .method = le32toh(words[2]),
        .type = bytes[12],
        .flags = bytes[13],
        .aux = le16toh(aux),
    };
}
