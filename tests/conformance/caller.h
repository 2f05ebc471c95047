/*
 * caller.h: the calling side of the cases: it makes calls over a channel, in whatever process and whatever way, and
 * keeps what went wrong as text. A case is written against this and knows of no configuration.
 */
#ifndef YOKE_TESTS_CONFORMANCE_CALLER_H
#define YOKE_TESTS_CONFORMANCE_CALLER_H

#include "message.h"

#include <yoke/rpc.h>

struct ev_loop;

enum method {
    EMPTY_CALL,
    UNARY_CALL,
    STREAMING_OUTPUT_CALL,
    STREAMING_INPUT_CALL,
    FULL_DUPLEX_CALL,
    HALF_DUPLEX_CALL,
    UNIMPLEMENTED_CALL,
    UNIMPLEMENTED_SERVICE_CALL,
    CONTROL_STATE,
    CONTROL_RELEASE
};

/* One call; made by start(), freed with its caller. */
struct made {
    struct caller *caller;
    struct made *older;
    enum method method;
    struct yoke_call *call; /* NULL before it has begun and once it has ended */
    void *private;          /* the driver's */

    struct reply *replies; /* received; those before `taken` have been looked at */
    size_t count, taken;
    unsigned refused; /* messages that the peer must make room for first */
    unsigned told;    /* how often it was said that there is room */

    unsigned headers_told; /* how often it was said that the headers have come */

    unsigned ends; /* one is right */
    unsigned late; /* replies after the end */
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    struct yoke_metadata *headers, *trailers; /* copies */
    char details[200];
};

/* An entry of metadata. A key that ends in "-bin" has `length` bytes, any other a string. */
struct pair {
    const char *key;
    const void *value;
    size_t length;
};

/* What a call is besides its method and request. NULL, where a function takes it, is all zeros. */
struct call_setup {
    uint64_t timeout_us;
    const struct pair *metadata;
    size_t metadata_count;
};

/*
 * How calls are made.
 *
 * blocks:         start() of a unary call and send() wait until they are done
 * start:          begins the call; `request` is NULL when requests stream. What the stub returned
 * send:           one of a stream of requests; -EAGAIN, with `refused` counted: there is no room
 * await_reply:    waits until there is a reply that has not been taken, or the end
 * await_room:     waits until `told` is not `told_before`, or the end
 * await_end:      waits for the end
 * await_headers:  waits for the headers, or the end; NULL: it cannot
 * hold, resume:   whether replies are received
 */
struct driver {
    bool blocks;
    int (*start)(struct made *made, const struct request *request, const struct call_setup *setup);
    int (*send)(struct made *made, const struct request *request);
    int (*half_close)(struct made *made);
    int (*cancel)(struct made *made);
    void (*await_reply)(struct made *made);
    void (*await_room)(struct made *made, unsigned told_before);
    void (*await_end)(struct made *made);
    void (*await_headers)(struct made *made);
    void (*hold)(struct made *made);
    void (*resume)(struct made *made);
    void (*release)(struct made *made);
};

extern const struct driver async_driver, sync_driver;

struct caller {
    const struct driver *driver;
    struct yoke_channel *channel;
    struct ev_loop *loop;
    struct made *newest;
    bool is_idle;      /* the last turn of the loop had nothing to wait for */
    char report[4096]; /* what went wrong, a line each; empty: nothing */
    size_t report_length;
};

void caller_init(struct caller *caller, const struct driver *driver, struct yoke_channel *channel,
                 struct ev_loop *loop);

/* What is left when a case is over: no call, at neither side, and each has ended once. Frees the calls. */
void caller_finish(struct caller *caller);

/* Turns the loop. False when there is nothing to wait for, which goes into the report. */
bool caller_turn(struct caller *caller);

/* ---- For drivers */

void made_add_reply(struct made *made, const struct reply *reply);

/* `call` is NULL when none was made. Otherwise its headers, trailers and details are kept. */
void made_add_end(struct made *made, struct yoke_call *call, const struct yoke_status *status);

/* The metadata of a setup as a list; NULL when it has none. To be destroyed. */
struct yoke_metadata *metadata_of(const struct call_setup *setup);

/* ---- For cases ------------------------------------------------------------------------------------------------- */

/* Begins a call; it is in the report when that fails. */
struct made *start(struct caller *caller, enum method method, const struct request *request);
struct made *start_with(struct caller *caller, enum method method, const struct request *request,
                        const struct call_setup *setup);

/* Sends one of a stream of requests, when there is room. False when the call has ended before. */
bool send_request(struct made *made, const struct request *request);

/* The next reply; NULL: there is none any more, the call has ended. */
const struct reply *next_reply(struct made *made);

void half_close(struct made *made);
void await_end(struct made *made);

/* What the server says of itself. */
struct reply server_state(struct caller *caller);

/* A neighbour's call is answered. */
void expect_neighbour(struct caller *caller);

/* The call ends with this code, and with this message unless it is NULL. */
#define EXPECT_END(made, expected_code, expected_message) \
    expect_end((made), (expected_code), (expected_message), __FILE__, __LINE__)
void expect_end(struct made *made, enum yoke_code code, const char *message, const char *file, unsigned line);

/* The next reply comes and has a body of this size. */
#define EXPECT_BODY(made, size) expect_body((made), (size), __FILE__, __LINE__)
void expect_body(struct made *made, size_t size, const char *file, unsigned line);

/* No reply comes any more. */
#define EXPECT_NO_REPLY(made) expect_no_reply((made), __FILE__, __LINE__)
void expect_no_reply(struct made *made, const char *file, unsigned line);

/* Entry number `index` with the key of `expected` has its value; or there is none, when that has no value. */
#define EXPECT_ENTRY(made, list, index, expected) expect_entry((made), (list), (index), (expected), __FILE__, __LINE__)
void expect_entry(struct made *made, const struct yoke_metadata *list, size_t index, const struct pair *expected,
                  const char *file, unsigned line);

#define EXPECT_STR(caller, actual, expected) expect_str((caller), (actual), (expected), #actual, __FILE__, __LINE__)
void expect_str(struct caller *caller, const char *actual, const char *expected, const char *what, const char *file,
                unsigned line);

#define EXPECT_INT(caller, actual, expected) \
    expect_int((caller), (long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
void expect_int(struct caller *caller, long long actual, long long expected, const char *what, const char *file,
                unsigned line);

#define EXPECT(caller, condition) expect((caller), (condition), #condition, __FILE__, __LINE__)
void expect(struct caller *caller, bool holds, const char *what, const char *file, unsigned line);

/* Adds a line to the report. */
void report(struct caller *caller, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
