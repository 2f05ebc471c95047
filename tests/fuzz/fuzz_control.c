/* fuzz_control.c: the payloads of HELLO and of error END, from a peer, and status messages from a user. */
#include "fuzz.h"

#include "rpc/control.h"

#include <string.h>

/* What decodes is within bounds, and comes back when it is encoded again. */
static void decode_hello(const uint8_t *bytes, size_t length) {
    struct yoke__hello hello;
    struct yoke__hello again;
    uint8_t encoded[YOKE__CONTROL_SIZE_MAX];
    if (yoke__hello_decode(bytes, length, &hello) != 0) {
        return;
    }
    FUZZ_CHECK(hello.service_count <= YOKE_SERVICES_MAX);
    FUZZ_CHECK(yoke__hello_decode(encoded, yoke__hello_encode(&hello, encoded), &again) == 0);
    FUZZ_CHECK(again.service_count == hello.service_count);
    FUZZ_CHECK(memcmp(again.services, hello.services, hello.service_count * sizeof(*hello.services)) == 0);
}

static void decode_status(const uint8_t *bytes, size_t length) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    char again[YOKE_STATUS_MESSAGE_MAX + 1];
    uint8_t encoded[YOKE__CONTROL_SIZE_MAX];
    if (yoke__status_decode(bytes, length, message) != 0) {
        return;
    }
    FUZZ_CHECK(memchr(message, '\0', sizeof(message)) != NULL);
    FUZZ_CHECK(yoke__status_decode(encoded, yoke__status_encode(message, encoded), again) == 0);
    FUZZ_CHECK(strcmp(message, again) == 0);
}

/* Whatever a user says arrives, or the beginning of it, cut before a character and not within. */
static void encode_status(const uint8_t *bytes, size_t length) {
    char message[4096];
    char arrived[YOKE_STATUS_MESSAGE_MAX + 1];
    uint8_t encoded[YOKE__CONTROL_SIZE_MAX];
    length = length < sizeof(message) ? length : sizeof(message) - 1;
    memcpy(message, bytes, length);
    message[length] = '\0';
    FUZZ_CHECK(yoke__status_decode(encoded, yoke__status_encode(message, encoded), arrived) == 0);
    size_t size = strlen(arrived);
    FUZZ_CHECK(strncmp(message, arrived, size) == 0);
    if (strlen(message) <= YOKE_STATUS_MESSAGE_MAX) {
        FUZZ_CHECK(size == strlen(message));
    } else {
        FUZZ_CHECK(size >= YOKE_STATUS_MESSAGE_MAX - 3);
        FUZZ_CHECK(size == YOKE_STATUS_MESSAGE_MAX - 3 || ((unsigned char)message[size] & 0xc0) != 0x80);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 3) {
    case 0:
        decode_hello(data + 1, size - 1);
        break;
    case 1:
        decode_status(data + 1, size - 1);
        break;
    default:
        encode_status(data + 1, size - 1);
        break;
    }
    return 0;
}
