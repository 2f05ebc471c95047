/*
 * engine.h: what all connections of one master or worker share: limits, the log hook, and the free lists that make a
 * steady stream of calls free of malloc. No I/O, and a clock that can be replaced: a connection and its engine can run
 * inside a test.
 */
#ifndef YOKE_RPC_ENGINE_H
#define YOKE_RPC_ENGINE_H

#include "rpc/arena.h"
#include "rpc/chunk.h"
#include "rpc/deadline.h"
#include "rpc/list.h"

/* What decoding may use however small the message is: enough for some thousand small messages within it. */
#define YOKE__ARENA_BUDGET_BASE (256u * 1024u)

/* Drafts of so many sizes are kept idle. */
#define YOKE__DRAFT_CLASSES 5

/* Envelopes kept idle. */
#define YOKE__IDLE_ENVELOPES_MAX 256

struct yoke__engine {
    struct yoke_limits limits; /* resolved */
    uint32_t
        shared_min_bytes; /* messages of so many bytes go through shared memory; UINT32_MAX, until it is set: none */
    yoke_log_hook *log;
    void *log_user_data;
    struct yoke__chunk_pool chunks;
    struct yoke_call *idle_calls;
    struct yoke__stream *idle_streams;
    struct yoke__envelope *idle_envelopes;
    size_t idle_envelope_count;
    struct yoke__draft *idle_drafts[YOKE__DRAFT_CLASSES]; /* by their sizes */
    size_t idle_draft_bytes;
    size_t draft_bytes; /* of requests in the drafts of calls, but for small ones */
    struct yoke_arena *idle_arenas;
    size_t idle_arena_count;
    uint64_t (*clock_ns)(void);       /* CLOCK_MONOTONIC */
    uint64_t (*rough_clock_ns)(void); /* the same, up to a few ms behind, at a fraction of the cost */
    struct yoke__deadlines deadlines; /* of calls at both sides */
    struct yoke__link wakeups;        /* streams with a callback that is due */
    struct yoke__link due_channels;   /* whose waiting calls may find a peer that has room */
    struct yoke__link settled;        /* our calls that have ended on our side; their callbacks are due */
    struct yoke__link orphans;        /* calls that handlers hold but whose connection is gone */
    struct yoke_call *current_call;   /* the call whose handler is running */
    unsigned callback_depth;          /* > 0 while a user's callback runs */
    bool is_ending;                   /* no call begins any more */
    bool is_mute;                     /* no callback runs any more */
    bool is_turn_due;                 /* the loop must not sleep before a blocking call has looked again */

    /* Run the loop until it is over with one of our calls, which is asked once a turn. -EINTR: a callback told the loop to
     * stop; -ENOTCONN: nothing is left that the loop could wait for. Set by io.c. */
    int (*wait)(struct yoke__engine *engine, const struct yoke_call *call,
                bool (*is_over)(const struct yoke_call *call));
    void *wait_data;
    unsigned wait_depth; /* > 0 while a call blocks */

    struct yoke__link lenders; /* of connections that share memory with their peers */
    struct yoke__taken *taken; /* buffers that users have, of connections that are gone */

    unsigned fork_count; /* yoke__fork_count() when the engine was made */
};

/*
 * The engine must not move afterwards. On release, calls that handlers still hold are cut loose: answering them later
 * frees them. -EINVAL: limits out of range; nothing to release then.
 */
int yoke__engine_init(struct yoke__engine *engine, const struct yoke_limits *limits, yoke_log_hook *log,
                      void *log_user_data);
void yoke__engine_release(struct yoke__engine *engine);

/* Free what is kept for calls to come. */
void yoke__engine_trim(struct yoke__engine *engine);

/* True in a process forked from the one that made the engine, where it must not be used. */
bool yoke__engine_is_foreign(const struct yoke__engine *engine);

/* A call object, zeroed as far as its maker does not set it; NULL when out of memory. */
struct yoke_call *yoke__engine_get_call(struct yoke__engine *engine);
void yoke__engine_put_call(struct yoke__engine *engine, struct yoke_call *call);

/* An arena for decoding a message of `length` bytes, with the budget that the limits allow; NULL when out of memory. */
static inline struct yoke_arena *yoke__engine_get_arena(struct yoke__engine *engine, size_t length) {
    struct yoke_arena *arena = engine->idle_arenas;
    if (arena == NULL) {
        arena = yoke__arena_create();
    } else {
        engine->idle_arenas = arena->next;
        engine->idle_arena_count--;
    }
    if (arena != NULL) {
        yoke__arena_reset(arena, YOKE__ARENA_BUDGET_BASE + length * engine->limits.decode_memory_factor);
    }
    return arena;
}
void yoke__engine_put_arena(struct yoke__engine *engine, struct yoke_arena *arena); /* NULL is fine */

/* Hand one line to the log hook, if there is one. */
void yoke__engine_log(const struct yoke__engine *engine, enum yoke_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
