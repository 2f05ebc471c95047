/*
 * Yoke: a master and one forked worker, generated stubs, a pool's channel downwards and the master's channel upwards.
 * All options are at their defaults.
 */
#include "common/bench.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yoke/yoke.h>

#include "bench.yoke.h"

/* The calls of one run, in the process that makes them. */
struct caller {
    const struct bench_job *job;
    struct yoke_channel *channel;
    void (*over)(void *user_data); /* the time is up */
    void *over_data;
    struct bench_meter meter;
    Bench__Payload request;
    bool is_over;
};

/* ---- The answering side --------------------------------------------------------------------------------------- */

static void on_unary(struct yoke_call *call, const Bench__Payload *request, void *user_data) {
    (void)user_data;
    bench_echo_unary_reply(call, request);
}

static void on_put(struct yoke_call *call, const Bench__Payload *request, void *user_data) {
    (void)request, (void)user_data;
    Bench__Ack ack = BENCH__ACK__INIT;
    bench_echo_put_reply(call, &ack);
}

static const struct bench_echo_handlers handlers = {.unary = on_unary, .put = on_put};

static void serve(struct yoke_server *server) {
    if (bench_echo_serve(server, &handlers, NULL)) {
        bench_die("bench_echo_serve");
    }
}

/* ---- The calling side ----------------------------------------------------------------------------------------- */

static void start_call(struct caller *caller);

static void complete_call(struct caller *caller, const struct yoke_status *status, size_t size, size_t expected) {
    if (caller->is_over) {
        return;
    }
    if (status->code != YOKE_OK || size != expected) {
        fprintf(stderr, "Yoke: %s %s, %zu bytes of %zu\n", yoke_code_name(status->code), status->message, size,
                expected);
        exit(EXIT_FAILURE);
    }
    caller->is_over = bench_meter_tick(&caller->meter);
    if (caller->is_over) {
        caller->over(caller->over_data);
    } else {
        start_call(caller);
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

static void start_call(struct caller *caller) {
    int error = caller->job->kind == BENCH_PUT
                    ? bench_echo_put(caller->channel, &caller->request, NULL, on_put_done, caller)
                    : bench_echo_unary(caller->channel, &caller->request, NULL, on_unary_done, caller);
    if (error) {
        fprintf(stderr, "Yoke: cannot call: %s\n", strerror(-error));
        exit(EXIT_FAILURE);
    }
}

static void start_calls(struct caller *caller) {
    caller->request = (Bench__Payload)BENCH__PAYLOAD__INIT;
    caller->request.data.len = caller->job->size;
    caller->request.data.data = bench_payload(caller->job->size);
    bench_meter_start(&caller->meter, caller->job);
    for (unsigned i = 0; i < caller->job->depth; i++) {
        start_call(caller);
    }
}

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void stop_worker(void *worker) {
    yoke_worker_stop(worker, EXIT_SUCCESS);
}

static int run_worker(struct yoke_worker *worker, void *user_data) {
    const struct bench_job *job = user_data;
    serve(yoke_worker_server(worker));
    if (job->kind != BENCH_UNARY_UP) {
        return yoke_worker_run(worker);
    }
    struct caller caller = {
        .job = job,
        .channel = yoke_worker_master(worker),
        .over = stop_worker,
        .over_data = worker,
    };
    start_calls(&caller);
    int code = yoke_worker_run(worker);
    bench_meter_print(&caller.meter);
    free(caller.request.data.data);
    return code;
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void on_worker_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    int *code = user_data;
    *code = event->exit_code;
    if (event->exit_code) {
        fprintf(stderr, "Yoke: the worker died: %s\n", event->detail);
    }
}

static void on_pool_over(void *pool) {
    yoke_pool_stop(pool);
}

static struct yoke_pool *create_pool(struct yoke_master *master, const struct bench_job *job) {
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .workers = 1,
        .entry = run_worker,
        .user_data = (void *)job,
    };
    struct yoke_pool *pool;
    if (yoke_pool_create(master, &options, &pool)) {
        bench_die("yoke_pool_create");
    }
    return pool;
}

static int run(const struct bench_job *job) {
    if (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT) {
        return BENCH_UNSUPPORTED;
    }
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master *master;
    int code = EXIT_FAILURE;
    if (!loop || yoke_master_create(loop, NULL, &master)) {
        bench_die("yoke_master_create");
    }
    if (yoke_v1_worker_died_on(yoke_master_events(master), on_worker_died, &code)) {
        bench_die("yoke_v1_worker_died_on");
    }
    serve(yoke_master_server(master));
    struct yoke_pool *pool = create_pool(master, job);
    struct caller caller = {
        .job = job,
        .channel = yoke_pool_channel(pool),
        .over = on_pool_over,
        .over_data = pool,
    };
    if (job->kind != BENCH_UNARY_UP) {
        start_calls(&caller);
    }
    ev_run(loop, 0);
    if (job->kind != BENCH_UNARY_UP) {
        bench_meter_print(&caller.meter);
    }
    free(caller.request.data.data);
    yoke_master_destroy(master);
    ev_loop_destroy(loop);
    return code;
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "Yoke " BENCH_YOKE_VERSION, run);
}
