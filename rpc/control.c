/* control.c: see control.h. */
#include "rpc/control.h"

#include <errno.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>
#include <yoke/v1/control.pb.h>

_Static_assert(yoke_v1_Hello_size <= YOKE__CONTROL_SIZE_MAX, "a HELLO must fit");
_Static_assert(yoke_v1_Status_size <= YOKE__CONTROL_SIZE_MAX, "a status must fit");
_Static_assert(sizeof((yoke_v1_Hello *)0)->services == sizeof((struct yoke__hello *)0)->services,
               "control.options must agree with YOKE_SERVICES_MAX");
_Static_assert(sizeof((yoke_v1_Status *)0)->message == YOKE_STATUS_MESSAGE_MAX + 1,
               "control.options must agree with YOKE_STATUS_MESSAGE_MAX");

/* Encoding into a buffer that the type's maximum size fits in cannot fail. */
static size_t encode(const pb_msgdesc_t *type, const void *message, uint8_t *out) {
    pb_ostream_t stream = pb_ostream_from_buffer(out, YOKE__CONTROL_SIZE_MAX);
    return pb_encode(&stream, type, message) ? stream.bytes_written : 0;
}

size_t yoke__hello_encode(const struct yoke__hello *hello, uint8_t *out) {
    yoke_v1_Hello message = {.services_count = (pb_size_t)hello->service_count};
    memcpy(message.services, hello->services, hello->service_count * sizeof *hello->services);
    message.shared_bytes = hello->shared_bytes;
    message.starting = hello->is_starting;
    message.drains = hello->drains;
    return encode(yoke_v1_Hello_fields, &message, out);
}

int yoke__hello_decode(const uint8_t *bytes, size_t length, struct yoke__hello *ret_hello) {
    yoke_v1_Hello message = yoke_v1_Hello_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(bytes, length);
    if (!pb_decode(&stream, yoke_v1_Hello_fields, &message)) {
        return -EBADMSG;
    }
    ret_hello->shared_bytes = message.shared_bytes;
    ret_hello->is_starting = message.starting;
    ret_hello->drains = message.drains;
    ret_hello->service_count = message.services_count;
    memcpy(ret_hello->services, message.services, sizeof ret_hello->services);
    return 0;
}

/* The length of the longest prefix that fits and does not end inside a UTF-8 sequence. */
static size_t cut_length(const char *message) {
    size_t length = strnlen(message, YOKE_STATUS_MESSAGE_MAX + 1);
    if (length <= YOKE_STATUS_MESSAGE_MAX) {
        return length;
    }
    /* No sequence is longer than 4 bytes; going back further would be for bytes that are not UTF-8 at all. */
    length = YOKE_STATUS_MESSAGE_MAX;
    while (length > YOKE_STATUS_MESSAGE_MAX - 3 && ((unsigned char)message[length] & 0xc0) == 0x80) {
        length--;
    }
    return length;
}

size_t yoke__status_encode(const char *message, uint8_t *out) {
    yoke_v1_Status status = yoke_v1_Status_init_zero;
    if (message != NULL) {
        memcpy(status.message, message, cut_length(message));
    }
    return encode(yoke_v1_Status_fields, &status, out);
}

int yoke__status_decode(const uint8_t *bytes, size_t length, char ret_message[YOKE_STATUS_MESSAGE_MAX + 1]) {
    yoke_v1_Status status = yoke_v1_Status_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(bytes, length);
    if (!pb_decode(&stream, yoke_v1_Status_fields, &status)) {
        return -EBADMSG;
    }
    memcpy(ret_message, status.message, sizeof status.message);
    return 0;
}
