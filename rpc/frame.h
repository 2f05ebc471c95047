/*
 * frame.h: the 16-byte header that precedes every payload on the wire. docs/protocol.md is the reference.
 * Only bytes to fields and back; what a frame means is connection.c's business.
 */
#ifndef YOKE_RPC_FRAME_H
#define YOKE_RPC_FRAME_H

#include <stdint.h>

#define YOKE__FRAME_HEADER_SIZE 16

/* The `method` field of a HELLO holds "YOKE" and its `aux` the protocol version. */
#define YOKE__HELLO_MAGIC 0x454b4f59u
#define YOKE__PROTOCOL_VERSION 1

enum yoke__frame_type {
    YOKE__FRAME_HELLO = 1,    /* the first frame of each direction; payload yoke.v1.Hello */
    YOKE__FRAME_OPEN = 2,     /* starts a call; payload: the request */
    YOKE__FRAME_END = 3,      /* ends a call; aux: the status code; payload: the reply, or yoke.v1.Status */
    YOKE__FRAME_EVENT = 4,    /* method: the event's id; payload: the event */
    YOKE__FRAME_CANCEL = 5,   /* the caller does not want the answer any more */
    YOKE__FRAME_MESSAGE = 6,  /* a message of a call, or a fragment of one */
    YOKE__FRAME_CREDIT = 7,   /* payload: how much more may be sent on the stream */
    YOKE__FRAME_HEADERS = 8,  /* payload: metadata that precedes the replies */
    YOKE__FRAME_GOAWAY = 9,   /* payload: the last call that the sender accepts */
    YOKE__FRAME_BUFFER = 10,  /* aux: a buffer's number; payload: its size; its descriptor comes along */
    YOKE__FRAME_RELEASE = 11, /* aux: the number of a buffer that is not in use any more */
    YOKE__FRAME_READY = 12,   /* from a worker: it has started */
    YOKE__FRAME_DRAIN = 13    /* to a worker: it shall stop when it has done what is its own */
};

/* OPEN, MESSAGE: no further message follows from the caller. */
#define YOKE__FLAG_END_STREAM 0x01u

/* OPEN: the payload begins with the call's deadline: CLOCK_MONOTONIC, in ns, YOKE__DEADLINE_SIZE bytes. */
#define YOKE__FLAG_DEADLINE 0x02u
#define YOKE__DEADLINE_SIZE 8u

/* OPEN, MESSAGE, END: the frame carries no message, not even an empty one. */
#define YOKE__FLAG_NO_MESSAGE 0x04u

/* MESSAGE: a fragment; more of the same message follows. */
#define YOKE__FLAG_MORE 0x08u

/* OPEN, END: then comes metadata: the request's, or the trailers. See prefix.h. */
#define YOKE__FLAG_METADATA 0x10u

/* END: then come details of the status. */
#define YOKE__FLAG_DETAILS 0x20u

/* OPEN, MESSAGE, END, EVENT: the message lies in a buffer; what comes in its place refers to it. See borrow.h. */
#define YOKE__FLAG_SHARED 0x40u

/* BUFFER, RELEASE: the buffer is for messages of the worker. */
#define YOKE__FLAG_UPWARD 0x01u

/* RELEASE, from a worker: it cannot have the buffer that it was given, nor another. */
#define YOKE__FLAG_DECLINED 0x02u

/* The payload of a GOAWAY frame. */
#define YOKE__GOAWAY_SIZE 4

struct yoke__frame {
    uint32_t length; /* bytes of payload that follow the header */
    uint32_t stream; /* the call; 0 for the connection itself */
    uint32_t method; /* id of the method or event */
    uint8_t type;
    uint8_t flags;
    uint16_t aux;
};

/* Write the header to `out`, YOKE__FRAME_HEADER_SIZE bytes. */
void yoke__frame_encode(const struct yoke__frame *frame, uint8_t *out);

/* Read the header from `bytes`, YOKE__FRAME_HEADER_SIZE of them. Every bit pattern decodes. */
void yoke__frame_decode(const uint8_t *bytes, struct yoke__frame *ret_frame);

#endif
