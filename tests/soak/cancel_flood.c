/*
 * cancel_flood.c: calls that are opened and cancelled at once, by a worker against the master and by the master against
 * a worker, beside a neighbour who measures. The master's memory must not grow with their number.
 */
#include "load.h"
#include "neighbour.h"

#include <inttypes.h>
#include <stdio.h>

/* Calls that are under way before the next are made. */
#define BATCH 64

/* What a flood may leave in the master's heap: buffers and free lists. */
#define ALLOWANCE (16 * MIB)

/* In the process that makes the calls. */
struct flood {
    struct yoke_channel *channel;
    struct ev_loop *loop;
    uint64_t total, made, done, refused;
    unsigned in_flight;
    uint8_t *completions; /* of each call */
    ev_timer retry;
    void (*on_done)(struct flood *flood); /* after each call */
    void (*on_over)(struct flood *flood);
    void *data;
};

/* In the master. */
struct scene {
    struct soak_host host;
    bool is_upwards;
    uint64_t total;
    uint64_t quiet_calls; /* of the neighbour, before anything happens */
    struct neighbour *neighbour;
    struct load_counts *counts;
    struct load_service service;
    struct flood flood; /* when it is the master's; else the worker has a copy */
    struct yoke_pool *peer;
    ev_timer start;
    size_t memory_before, memory_tenth;
    uint64_t started_ns, took_ns;
};

/* ---- The flood --------------------------------------------------------------------------------------------------- */

static struct flood *running; /* in this process */

static void make_calls(struct flood *flood);

static void on_wait_done(struct yoke_call *call, const struct yoke_status *status, const Soak__Packet *reply,
                         void *user_data) {
    (void)call;
    (void)reply;
    struct flood *flood = running;
    uint8_t *completion = user_data;
    soak_check(++*completion == 1, "a call was completed again");
    soak_check(status->code == YOKE_CANCELLED, "a cancelled call is %s", yoke_code_name(status->code));
    flood->done++;
    flood->in_flight--;
    if (flood->on_done != NULL) {
        flood->on_done(flood);
    }
    if (flood->done == flood->total) {
        ev_timer_stop(flood->loop, &flood->retry);
        flood->on_over(flood);
    } else if (flood->in_flight == 0) {
        make_calls(flood);
    }
}

static void make_calls(struct flood *flood) {
    const Soak__Packet request = SOAK__PACKET__INIT;
    while (flood->in_flight < BATCH && flood->made < flood->total) {
        struct yoke_call *call;
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
        if (soak_load_wait(flood->channel, &request, &options, on_wait_done, &flood->completions[flood->made]) != 0) {
            flood->refused++;
            ev_timer_set(&flood->retry, 0.001, 0.);
            ev_timer_start(flood->loop, &flood->retry);
            return;
        }
        soak_check(yoke_call_cancel(call) == 0, "a call cannot be cancelled");
        flood->made++;
        flood->in_flight++;
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    make_calls(timer->data);
}

static void start_flood(struct flood *flood) {
    running = flood;
    ev_timer_init(&flood->retry, on_retry, 0., 0.);
    flood->retry.data = flood;
    make_calls(flood);
}

/* ---- The peer: a worker that floods, or is flooded --------------------------------------------------------------- */

static void stop_worker(struct flood *flood) {
    yoke_worker_stop(flood->data, 0);
}

static int peer_entry(struct yoke_worker *worker, void *user_data) {
    struct scene *scene = user_data;
    struct load_service service = {.counts = scene->counts};
    struct flood flood = scene->flood;
    if (scene->is_upwards) {
        flood.channel = yoke_worker_master(worker);
        flood.loop = yoke_worker_loop(worker);
        flood.on_done = NULL;
        flood.on_over = stop_worker;
        flood.data = worker;
        start_flood(&flood);
    } else {
        (void)soak_load_serve(yoke_worker_server(worker), &load_handlers, &service);
    }
    return yoke_worker_run(worker);
}

/* ---- The master -------------------------------------------------------------------------------------------------- */

/* The flood is over, and what it has left behind is to be seen. */
static void end_flood(struct scene *scene) {
    scene->took_ns = soak_now_ns() - scene->started_ns;
    atomic_store(&scene->neighbour->phase, PHASE_OVER);
    yoke_master_stop(scene->host.master);
}

static void on_master_done(struct flood *flood) {
    struct scene *scene = flood->data;
    if (flood->done == flood->total / 10) {
        scene->memory_tenth = soak_memory();
    }
}

static void on_master_over(struct flood *flood) {
    end_flood(flood->data);
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct scene *scene = user_data;
    if (!scene->is_upwards && scene->peer != NULL && event->pid == yoke_child_pid(yoke_pool_child(scene->peer, 0))) {
        scene->flood.channel = yoke_pool_channel(scene->peer);
        start_flood(&scene->flood);
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct scene *scene = user_data;
    soak_check(event->exit_code == 0, "%s", event->detail);
    if (scene->is_upwards && scene->took_ns == 0) {
        end_flood(scene);
    }
}

static void on_start(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct scene *scene = timer->data;
    scene->memory_before = soak_memory();
    scene->started_ns = soak_now_ns();
    atomic_store(&scene->neighbour->phase, PHASE_BUSY);
    scene->peer = soak_pool(&scene->host, "peer", 1, peer_entry, scene);
}

static void on_echo(uint64_t count, void *user_data) {
    struct scene *scene = user_data;
    if (count == NEIGHBOUR_WARM_CALLS) {
        atomic_store(&scene->neighbour->phase, PHASE_QUIET);
    } else if (count == NEIGHBOUR_WARM_CALLS + scene->quiet_calls) {
        ev_timer_start(scene->host.loop, &scene->start);
    }
    uint64_t opened = atomic_load(&scene->counts->opened);
    if (scene->is_upwards && scene->memory_tenth == 0 && opened >= scene->total / 10) {
        scene->memory_tenth = soak_memory();
    }
}

static void report(struct scene *scene) {
    size_t memory_end = soak_memory();
    uint64_t opened = atomic_load(&scene->counts->opened);
    uint64_t freed = atomic_load(&scene->counts->freed);
    double seconds = (double)scene->took_ns / 1e9;
    printf("  %" PRIu64 " calls reached their handler, %" PRIu64 " were let go, in %.2f s, %.0f a second\n", opened,
           freed, seconds, (double)opened / seconds);
    printf("  master: %zu KiB before, %zu KiB after a tenth, %zu KiB at the end\n", scene->memory_before / KIB,
           scene->memory_tenth / KIB, memory_end / KIB);
    soak_check(opened == scene->total, "%" PRIu64 " calls were made, %" PRIu64 " arrived", scene->total, opened);
    soak_check(freed == opened, "%" PRIu64 " calls arrived, %" PRIu64 " were let go", opened, freed);
    soak_check_growth("the flood", scene->memory_before, memory_end, ALLOWANCE);
    uint64_t completed = 0;
    for (uint64_t i = 0; i < scene->total; i++) {
        completed += scene->flood.completions[i] == 1;
    }
    soak_check(completed == scene->total, "%" PRIu64 " of %" PRIu64 " calls were completed once", completed,
               scene->total);
    neighbour_report(scene->neighbour);
}

static void run(const struct soak_options *options, bool is_upwards) {
    printf(is_upwards ? " a worker floods the master\n" : " the master floods a worker\n");
    (void)fflush(stdout);
    static struct scene scene;
    scene = (struct scene){
        .is_upwards = is_upwards, .total = options->calls, .quiet_calls = neighbour_calls(options->calls / 100)};
    scene.neighbour = soak_share(sizeof *scene.neighbour);
    scene.counts = soak_share(sizeof *scene.counts);
    scene.flood = (struct flood){.total = options->calls,
                                 .completions = soak_share(options->calls),
                                 .on_done = on_master_done,
                                 .on_over = on_master_over,
                                 .data = &scene};
    scene.service = (struct load_service){.counts = scene.counts, .on_echo = on_echo, .on_echo_data = &scene};
    ev_timer_init(&scene.start, on_start, 0., 0.);
    scene.start.data = &scene;
    soak_open(&scene.host, NULL);
    scene.flood.loop = scene.host.loop;
    (void)soak_load_serve(yoke_master_server(scene.host.master), &load_handlers, &scene.service);
    (void)yoke_v1_worker_ready_on(yoke_master_events(scene.host.master), on_ready, &scene);
    (void)yoke_v1_worker_died_on(yoke_master_events(scene.host.master), on_died, &scene);
    (void)soak_pool(&scene.host, "neighbour", 1, neighbour_entry, scene.neighbour);
    ev_run(scene.host.loop, 0);
    report(&scene);
    soak_close(&scene.host);
    soak_unshare(scene.flood.completions, options->calls);
    soak_unshare(scene.counts, sizeof *scene.counts);
    soak_unshare(scene.neighbour, sizeof *scene.neighbour);
}

void soak_cancel_flood(const struct soak_options *options) {
    run(options, true);
    run(options, false);
}
