/* Calls that follow each other: unary, unary-up, unary-checked, put, workers; see side.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "yoke/side.h"

/* The deadline of a checked call. */
#define TIMEOUT_US 1000000

/* The calls of one run, in the process that makes them. */
struct caller {
    const struct bench_job *job;
    struct yoke_channel *channel;
    const struct yoke_call_options *options;
    void (*over)(void *user_data); /* the time is up */
    void *over_data;
    struct bench_meter meter;
    Bench__Payload request;
    unsigned depth;
    unsigned in_flight;
    bool is_over;
};

/* ---- Checked calls -------------------------------------------------------------------------------------------- */

static void do_nothing(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call, (void)status, (void)call_data, (void)user_data;
}

static const struct yoke_interceptor interceptor = {.start = do_nothing, .finish = do_nothing};

static const struct yoke_call_options checked_options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = TIMEOUT_US};

static void check_calls(struct caller *caller) {
    int error = yoke_channel_intercept(caller->channel, &interceptor, NULL);
    if (error) {
        die_of_error("yoke_channel_intercept", error);
    }
    caller->options = &checked_options;
}

/* ---- The calling side ----------------------------------------------------------------------------------------- */

static void start_calls(struct caller *caller);

static void complete_call(struct caller *caller, const struct yoke_status *status, size_t size, size_t expected) {
    caller->in_flight--;
    if (caller->is_over) {
        return;
    }
    if (status->code != YOKE_OK || size != expected) {
        die_of_call(status, size, expected);
    }
    caller->is_over = bench_meter_tick(&caller->meter);
    if (caller->is_over) {
        caller->over(caller->over_data);
    } else {
        start_calls(caller);
    }
}

static void on_unary_done(struct yoke_call *call, const struct yoke_status *status, const Bench__Payload *reply,
                          void *user_data) {
    (void)call;
    struct caller *caller = user_data;
    complete_call(caller, status, reply ? reply->data.len : 0, caller->job->size);
}

static void on_put_done(struct yoke_call *call, const struct yoke_status *status, const Bench__Ack *reply,
                        void *user_data) {
    (void)call, (void)reply;
    complete_call(user_data, status, 0, 0);
}

static int start_call(struct caller *caller) {
    return caller->job->kind == BENCH_PUT
               ? bench_echo_put(caller->channel, &caller->request, caller->options, on_put_done, caller)
               : bench_echo_unary(caller->channel, &caller->request, caller->options, on_unary_done, caller);
}

/* As many as there should be in flight, or as there is room for; each that completes makes some. */
static void start_calls(struct caller *caller) {
    while (caller->in_flight < caller->depth) {
        int error = start_call(caller);
        if (error == -ENOBUFS && caller->in_flight) {
            return;
        }
        if (error) {
            die_of_error("cannot call", error);
        }
        caller->in_flight++;
    }
}

static void begin(struct caller *caller) {
    caller->request = make_payload(caller->job);
    caller->depth = caller->job->depth * caller->job->workers;
    if (caller->job->kind == BENCH_UNARY_CHECKED) {
        check_calls(caller);
    }
    bench_meter_start(&caller->meter, caller->job);
    start_calls(caller);
}

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void stop_worker(void *worker) {
    yoke_worker_stop(worker, EXIT_SUCCESS);
}

static int call_from_worker(struct yoke_worker *worker, const struct bench_job *job) {
    struct caller caller = {
        .job = job, .channel = yoke_worker_master(worker), .over = stop_worker, .over_data = worker};
    begin(&caller);
    int code = yoke_worker_run(worker);
    bench_meter_print(&caller.meter);
    free(caller.request.data.data);
    return code;
}

static int run_worker(struct yoke_worker *worker, void *user_data) {
    const struct bench_job *job = user_data;
    struct yoke_server *server = yoke_worker_server(worker);
    serve(server, job);
    if (job->kind == BENCH_UNARY_UP) {
        return call_from_worker(worker, job);
    }
    if (job->kind == BENCH_UNARY_CHECKED) {
        int error = yoke_server_intercept(server, &interceptor, NULL);
        if (error) {
            die_of_error("yoke_server_intercept", error);
        }
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

/* The worst that a worker ended with. */
static void on_worker_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    int *code = user_data;
    if (event->exit_code) {
        *code = EXIT_FAILURE;
        fprintf(stderr, "Yoke: a worker died: %s\n", event->detail);
    }
}

static void stop_pool(void *pool) {
    yoke_pool_stop(pool);
}

int run_calls(const struct bench_job *job, enum way way) {
    struct side side;
    int code = EXIT_SUCCESS;
    side_init(&side, job, way);
    int error = yoke_v1_worker_died_on(yoke_master_events(side.master), on_worker_died, &code);
    if (error) {
        die_of_error("yoke_v1_worker_died_on", error);
    }
    side_fork(&side, run_worker);
    struct caller caller = {
        .job = job, .channel = yoke_pool_channel(side.pool), .over = stop_pool, .over_data = side.pool};
    bool is_caller = job->kind != BENCH_UNARY_UP;
    if (is_caller) {
        begin(&caller);
    }
    ev_run(side.loop, 0);
    if (is_caller) {
        bench_meter_print(&caller.meter);
    }
    free(caller.request.data.data);
    side_release(&side);
    return code;
}
