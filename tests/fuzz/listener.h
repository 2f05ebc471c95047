/*
 * listener.h: the peer's ears in fuzz_connection: whatever was said to a connection, what it says itself must be right.
 * Ends the program when it is not.
 */
#ifndef YOKE_TESTS_FUZZ_LISTENER_H
#define YOKE_TESTS_FUZZ_LISTENER_H

#include "rpc/frame.h"

#include <stdbool.h>
#include <stddef.h>

#define LISTENER_CALLS_MAX 1024

/* Begin with a new connection. `of_master`: the connection that is listened to is a master's. */
void listener_reset(bool of_master);

/* The peer has said OPEN with this id, right or wrong. False when there is no room for another. */
bool listener_open(uint32_t stream);

/* How many OPENs were said. */
size_t listener_open_count(void);

/* Hear a frame. */
void listener_hear(const struct yoke__frame *frame, const uint8_t *payload);

#endif
