/*
 * control.h: the payloads of the framework's own frames (proto/yoke/v1/control.proto), coded with nanopb into structs of
 * fixed size, so that decoding what a peer sent allocates nothing.
 */
#ifndef YOKE_RPC_CONTROL_H
#define YOKE_RPC_CONTROL_H

#include <yoke/rpc.h>

/* No control payload is longer when encoded. */
#define YOKE__CONTROL_SIZE_MAX 1024

/* What a peer announced. */
struct yoke__hello {
    uint32_t shared_bytes; /* so many bytes of buffers it takes; 0: none */
    bool is_starting;      /* a worker that is not ready before it says READY */
    bool drains;           /* a worker that is told by DRAIN that it shall stop */
    size_t service_count;
    uint32_t services[YOKE_SERVICES_MAX]; /* ascending */
};

/* Encode into `out`, YOKE__CONTROL_SIZE_MAX bytes large. Returns the encoded length. */
size_t yoke__hello_encode(const struct yoke__hello *hello, uint8_t *out);

/* -EBADMSG: malformed, or more services than YOKE_SERVICES_MAX. */
int yoke__hello_decode(const uint8_t *bytes, size_t length, struct yoke__hello *ret_hello);

/* Encode a status message; NULL is empty, one over YOKE_STATUS_MESSAGE_MAX is cut. Returns the encoded length. */
size_t yoke__status_encode(const char *message, uint8_t *out);

/* -EBADMSG: malformed, or over YOKE_STATUS_MESSAGE_MAX. */
int yoke__status_decode(const uint8_t *bytes, size_t length, char ret_message[YOKE_STATUS_MESSAGE_MAX + 1]);

#endif
