/*
 * shared.h: memory that a master and a worker share, for large messages: buffers, each a sealed memfd that both have mapped.
 * The master makes them all and passes the descriptors, so a master never takes one from a worker. Those for messages of the
 * master can be written by the master, the others by the worker. docs/protocol.md, "Buffers".
 */
#ifndef YOKE_RPC_SHARED_H
#define YOKE_RPC_SHARED_H

#include "rpc/frame.h"

#include <stdbool.h>
#include <stddef.h>

struct yoke__connection;

/* The buffers that there can be at a time for the messages of one side. */
#define YOKE__BUFFERS_MAX 16

/* The payload of a BUFFER frame: its size. */
#define YOKE__BUFFER_SIZE 4

/* What stands for a message that lies in a buffer: the buffer, where in it, how long. */
#define YOKE__REFERENCE_SIZE 12

/* What precedes the place of a user's data in a buffer: room for the rest of its message. A page, so that the data begins one. */
#define YOKE__HEADROOM 4096u

enum yoke__access { YOKE__ACCESS_READ, YOKE__ACCESS_WRITE };

/*
 * Can pages that are mapped be relied on? Not where the kernel counts them strictly, vm.overcommit_memory = 2: it may then refuse
 * one when it is first touched, which kills the process that touches it. `path`: of that setting's file.
 */
bool yoke__shared_is_safe(const char *path);

/* The size of a buffer for messages of this length. */
size_t yoke__shared_size(size_t length);

/* New memory to share. `writer` is our own access; with READ the other side may write. -1 when there is none to be had. */
int yoke__shared_create(size_t size, enum yoke__access own, uint8_t **ret_bytes);

/* Map a descriptor that has come. NULL when there is no memory, or the kernel does not want to. */
uint8_t *yoke__shared_map(int fd, size_t size, enum yoke__access own);
void yoke__shared_unmap(const uint8_t *bytes, size_t size);

/* Is it a file in memory, which will not get shorter, and is as large as was said? */
bool yoke__shared_is_sealed(int fd, size_t size);

/* How much both sides allow for buffers of one direction. */
size_t yoke__shared_limit(const struct yoke__connection *connection);

/* Queue a BUFFER frame, with which `fd` leaves if it is one; it is closed then, or when the connection ends. False when out of
 * memory. The caller asks for the connection's attention. */
bool yoke__shared_send_buffer(struct yoke__connection *connection, unsigned number, unsigned flags, size_t size,
                              int fd);

/* Queue a RELEASE frame. Without memory for it the buffer is not used any more, which both can bear. */
void yoke__shared_send_release(struct yoke__connection *connection, unsigned number, unsigned flags);

/* Close a descriptor that a peer has sent. That must not wait for what it is, so sockets lose their linger time. */
void yoke__close_unwanted(int fd);

/* A descriptor has come. False when none is expected: it is the caller's to close. */
bool yoke__shared_take_descriptor(struct yoke__connection *connection, int fd);

/* One has come that the kernel could not give us. */
void yoke__shared_lose_descriptor(struct yoke__connection *connection);

/*
 * How much of `room` may be filled when a descriptor has come, and `available` bytes wait to be complete. A descriptor comes with
 * the first byte of its frame; until the last byte is there, too, nothing behind it is read, or the descriptor of a later frame
 * could come before.
 */
size_t yoke__shared_room(size_t available, size_t room);

/* Handle a BUFFER, at a worker, or a RELEASE, whose header has been checked. */
void yoke__shared_receive_buffer(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload);
void yoke__shared_receive_release(struct yoke__connection *connection, const struct yoke__frame *frame);

#endif
