/* The master; see side.h. */
#include "yoke/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Yoke's default for messages, which the larger puts need more than. */
#define MESSAGE_BYTES_DEFAULT (4u << 20)

/* With WAY_POLL: what the guide suggests. */
#define BUSY_POLL_US 50

/* What a message takes besides its payload. */
#define MESSAGE_EXTRA 64

void side_init(struct side *side, const struct bench_job *job, enum way way) {
    struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT};
    if (job->size + MESSAGE_EXTRA > MESSAGE_BYTES_DEFAULT) {
        options.limits.max_message_bytes = (uint32_t)job->size + MESSAGE_EXTRA;
    }
    /* A stream that is open is a call that is unanswered; the default is 4096 of these. */
    if (job->kind == BENCH_STREAMS) {
        options.limits.max_incoming_calls = job->streams;
    }
    if (way == WAY_SOCKET) {
        options.tuning.shared_min_bytes = UINT32_MAX;
    }
    if (way == WAY_POLL) {
        options.tuning.busy_poll_us = BUSY_POLL_US;
    }
    *side = (struct side){.job = job, .way = way, .loop = ev_loop_new(EVFLAG_AUTO)};
    if (!side->loop) {
        bench_die("ev_loop_new");
    }
    int error = yoke_master_create(side->loop, &options, &side->master);
    if (error) {
        die_of_error("yoke_master_create", error);
    }
    serve(yoke_master_server(side->master), job);
}

static void create_pool(struct side *side, const struct yoke_pool_options *options) {
    int error = yoke_pool_create(side->master, options, &side->pool);
    if (error) {
        die_of_error("yoke_pool_create", error);
    }
}

void side_fork(struct side *side, yoke_worker_entry *entry) {
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .workers = side->job->workers,
        .entry = entry,
        .user_data = (void *)side->job,
    };
    if (side->job->kind == BENCH_WORKERS) {
        /* As many calls in flight for each worker as everybody else has, who keep them apart by hand. */
        options.routing.route = YOKE_ROUTE_LEAST_OUTSTANDING;
    }
    create_pool(side, &options);
}

void side_spawn(struct side *side, unsigned workers, bool restart) {
    char program[] = "/proc/self/exe";
    char argument[] = WORKER_ARGUMENT;
    char size[32];
    char *const argv[] = {program, argument, size, NULL};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = workers,
                                        .restart = {.when = restart ? YOKE_RESTART_ALWAYS : YOKE_RESTART_NEVER,
                                                    .pause_ms = 1,
                                                    .max_pause_ms = 1,
                                                    .max_restarts = UINT32_MAX}};
    if (side->way == WAY_EXEC) {
        snprintf(size, sizeof size, "%zu", side->job->size);
        options.path = program;
        options.argv = argv;
    } else {
        options.entry = serve_as_worker;
        options.user_data = (void *)side->job;
    }
    create_pool(side, &options);
}

void side_break(struct side *side) {
    ev_break(side->loop, EVBREAK_ALL);
}

void side_release(struct side *side) {
    yoke_master_destroy(side->master);
    ev_loop_destroy(side->loop);
}

Bench__Payload make_payload(const struct bench_job *job) {
    Bench__Payload payload = BENCH__PAYLOAD__INIT;
    payload.data.len = job->size;
    payload.data.data = bench_payload(job->size);
    return payload;
}

_Noreturn void die_of_call(const struct yoke_status *status, size_t size, size_t expected) {
    fprintf(stderr, "Yoke: %s %s, %zu bytes of %zu\n", yoke_code_name(status->code), status->message, size, expected);
    exit(EXIT_FAILURE);
}

_Noreturn void die_of_error(const char *what, int error) {
    fprintf(stderr, "Yoke: %s: %s\n", what, strerror(-error));
    exit(EXIT_FAILURE);
}
