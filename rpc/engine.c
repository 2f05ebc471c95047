/* engine.c: see engine.h. */
#include "rpc/engine.h"

#include "rpc/call.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/lend.h"
#include "rpc/options.h"
#include "rpc/stream.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Arenas kept idle. More are needed only by calls that are answered later. */
#define IDLE_ARENAS_MAX 256

#define LOG_LINE_MAX 512

/* Counted in each forked child, so that a check costs a comparison and not a getpid(). */
static unsigned fork_count;
static pthread_once_t fork_count_once = PTHREAD_ONCE_INIT;

static void count_fork(void) {
    fork_count++;
}

static void register_fork_count(void) {
    /* Fails only for want of memory; then a forked copy of a handle is not refused, which costs nobody else. */
    (void)pthread_atfork(NULL, NULL, count_fork);
}

static uint64_t read_ns(clockid_t clock) {
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

static uint64_t rough_monotonic_ns(void) {
    return read_ns(CLOCK_MONOTONIC_COARSE);
}

int yoke__engine_init(struct yoke__engine *engine, const struct yoke_limits *limits, yoke_log_hook *log,
                      void *log_user_data) {
    struct yoke_limits resolved = *limits;
    int error = yoke__limits_resolve(&resolved);
    if (error != 0) {
        return error;
    }
    (void)pthread_once(&fork_count_once, register_fork_count);
    *engine =
        (struct yoke__engine){.limits = resolved, .log = log, .log_user_data = log_user_data, .fork_count = fork_count};
    engine->clock_ns = monotonic_ns;
    engine->rough_clock_ns = rough_monotonic_ns;
    engine->shared_min_bytes = UINT32_MAX;
    yoke__link_init(&engine->wakeups);
    yoke__link_init(&engine->due_channels);
    yoke__link_init(&engine->settled);
    yoke__link_init(&engine->orphans);
    yoke__link_init(&engine->lenders);
    return 0;
}

/* Free what only some calls have. */
static void release_parts(struct yoke_call *call) {
    if (call->streaming != NULL) {
        yoke__stream_release(call);
    }
    if (call->envelope != NULL) {
        yoke__envelope_release(call);
    }
    if (call->is_client && call->draft != NULL) {
        yoke__draft_release(call);
    }
}

void yoke__engine_trim(struct yoke__engine *engine) {
    while (engine->idle_calls != NULL) {
        struct yoke_call *call = engine->idle_calls;
        engine->idle_calls = call->next_idle;
        free(call);
    }
    while (engine->idle_streams != NULL) {
        struct yoke__stream *stream = engine->idle_streams;
        engine->idle_streams = stream->next_idle;
        free(stream);
    }
    while (engine->idle_envelopes != NULL) {
        struct yoke__envelope *envelope = engine->idle_envelopes;
        engine->idle_envelopes = envelope->next_idle;
        yoke__envelope_destroy(envelope);
    }
    while (engine->idle_arenas != NULL) {
        struct yoke_arena *arena = engine->idle_arenas;
        engine->idle_arenas = arena->next;
        yoke__arena_destroy(arena);
    }
    engine->idle_envelope_count = engine->idle_arena_count = 0;
    if (engine->deadlines.count == 0) {
        yoke__deadlines_release(&engine->deadlines);
    }
    yoke__drafts_trim(engine);
    yoke__chunk_pool_release(&engine->chunks);
}

void yoke__engine_release(struct yoke__engine *engine) {
    while (!yoke__link_is_alone(&engine->orphans)) {
        struct yoke_call *call = YOKE__CONTAINER(engine->orphans.next, struct yoke_call, link);
        yoke__link_remove(&call->link);
        yoke__deadlines_remove(&engine->deadlines, call);
        release_parts(call);
        call->started = 0; /* The interceptors may be gone, too. */
        call->engine = NULL;
    }
    yoke__engine_trim(engine);
    yoke__lend_release_taken(engine);
    yoke__deadlines_release(&engine->deadlines);
}

bool yoke__engine_is_foreign(const struct yoke__engine *engine) {
    return engine->fork_count != fork_count;
}

struct yoke_call *yoke__engine_get_call(struct yoke__engine *engine) {
    struct yoke_call *call = engine->idle_calls;
    if (call == NULL) {
        return calloc(1, sizeof *call);
    }
    engine->idle_calls = call->next_idle;
    memset(&call->connection, 0, sizeof *call - offsetof(struct yoke_call, connection));
    return call;
}

void yoke__engine_put_call(struct yoke__engine *engine, struct yoke_call *call) {
    release_parts(call);
    call->next_idle = engine->idle_calls;
    engine->idle_calls = call;
}

void yoke__engine_put_arena(struct yoke__engine *engine, struct yoke_arena *arena) {
    if (arena == NULL) {
        return;
    }
    if (engine->idle_arena_count == IDLE_ARENAS_MAX) {
        yoke__arena_destroy(arena);
        return;
    }
    arena->next = engine->idle_arenas;
    engine->idle_arenas = arena;
    engine->idle_arena_count++;
    /* What a large message took. */
    yoke__arena_trim(arena);
}

void yoke__engine_log(const struct yoke__engine *engine, enum yoke_log_level level, const char *format, ...) {
    if (engine->log == NULL) {
        return;
    }
    char line[LOG_LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    engine->log(level, line, engine->log_user_data);
}
