/* wire.c: see wire.h. */
#include "wire.h"

#include "harness.h"
#include "rpc/control.h"

#include "unit.yoke.h"
#include <stdlib.h>
#include <string.h>

void wire_add(struct wire *wire, const void *bytes, size_t length) {
    REQUIRE(length <= sizeof(wire->bytes) - wire->length);
    if (bytes != NULL) {
        memcpy(wire->bytes + wire->length, bytes, length);
    } else {
        memset(wire->bytes + wire->length, 0, length);
    }
    wire->length += length;
}

void wire_frame(struct wire *wire, const struct yoke__frame *header, const void *payload) {
    uint8_t encoded[YOKE__FRAME_HEADER_SIZE];
    yoke__frame_encode(header, encoded);
    wire_add(wire, encoded, sizeof(encoded));
    wire_add(wire, payload, header->length);
}

void wire_hello(struct wire *wire) {
    const struct yoke__hello hello = {.service_count = 0};
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    const struct yoke__frame header = {.length = (uint32_t)yoke__hello_encode(&hello, payload),
                                       .method = YOKE__HELLO_MAGIC,
                                       .type = YOKE__FRAME_HELLO,
                                       .aux = YOKE__PROTOCOL_VERSION};
    wire_frame(wire, &header, payload);
}

/* Append a frame whose payload is a unit.Bytes of `size` bytes. */
static void add_bytes_frame(struct wire *wire, struct yoke__frame header, size_t size) {
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    uint8_t *data = malloc(size + 1);
    uint8_t *payload = malloc(size + 16);
    REQUIRE(data != NULL && payload != NULL);
    memset(data, 'x', size);
    bytes.data = (ProtobufCBinaryData){.len = size, .data = data};
    header.length = (uint32_t)unit__bytes__pack(&bytes, payload);
    wire_frame(wire, &header, payload);
    free(data);
    free(payload);
}

void wire_open(struct wire *wire, uint32_t stream, const struct yoke_method *method, size_t size) {
    const struct yoke__frame header = {
        .stream = stream, .method = method->id, .type = YOKE__FRAME_OPEN, .flags = YOKE__FLAG_END_STREAM};
    add_bytes_frame(wire, header, size);
}

void wire_end(struct wire *wire, uint32_t stream, const struct yoke_method *method, size_t size) {
    add_bytes_frame(wire, (struct yoke__frame){.stream = stream, .method = method->id, .type = YOKE__FRAME_END}, size);
}

void wire_end_error(struct wire *wire, uint32_t stream, const struct yoke_method *method, enum yoke_code code,
                    const char *message) {
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    const struct yoke__frame header = {.length = (uint32_t)yoke__status_encode(message, payload),
                                       .stream = stream,
                                       .method = method->id,
                                       .type = YOKE__FRAME_END,
                                       .aux = (uint16_t)code};
    wire_frame(wire, &header, payload);
}

void wire_note(struct wire *wire, const char *text) {
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = (char *)(uintptr_t)text;
    uint8_t payload[1024];
    REQUIRE(unit__note__get_packed_size(&note) <= sizeof(payload));
    const struct yoke__frame header = {
        .length = (uint32_t)unit__note__pack(&note, payload), .method = unit_note_event.id, .type = YOKE__FRAME_EVENT};
    wire_frame(wire, &header, payload);
}
