/* The case latency: calls that are due on a schedule; see side.h. */
#include <stdlib.h>

#include "yoke/side.h"

struct schedule;

/* A call in flight, or, in the free list, one that may be. */
struct slot {
    struct schedule *schedule;
    uint64_t due_ns;
    struct slot *next_free;
};

struct schedule {
    const struct bench_job *job;
    struct side side;
    ev_io due;
    struct bench_latency latency;
    Bench__Payload request;
    struct slot *free_slots;
};

static struct slot *take_slot(struct schedule *schedule) {
    struct slot *slot = schedule->free_slots;
    if (slot) {
        schedule->free_slots = slot->next_free;
        return slot;
    }
    slot = malloc(sizeof *slot);
    if (!slot) {
        bench_die("malloc");
    }
    slot->schedule = schedule;
    return slot;
}

static void check(const struct yoke_status *status, const Bench__Payload *reply, const struct bench_job *job) {
    size_t size = reply ? reply->data.len : 0;
    if (status->code != YOKE_OK || size != job->size) {
        die_of_call(status, size, job->size);
    }
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Bench__Payload *reply,
                    void *user_data) {
    (void)call;
    struct slot *slot = user_data;
    struct schedule *schedule = slot->schedule;
    check(status, reply, schedule->job);
    if (bench_latency_finish(&schedule->latency, slot->due_ns)) {
        side_break(&schedule->side);
    }
    slot->next_free = schedule->free_slots;
    schedule->free_slots = slot;
}

/* A call that cannot be started when it is due is one that the system refuses, so the case has failed. */
static void start_call(struct schedule *schedule, bench_echo_unary_done *done, void *user_data) {
    int error = bench_echo_unary(yoke_pool_channel(schedule->side.pool), &schedule->request, NULL, done, user_data);
    if (error) {
        die_of_error("cannot call", error);
    }
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    struct schedule *schedule = watcher->data;
    for (uint64_t count = bench_latency_due(&schedule->latency); count > 0; count--) {
        struct slot *slot = take_slot(schedule);
        slot->due_ns = bench_latency_take(&schedule->latency);
        start_call(schedule, on_done, slot);
    }
}

/* The first answer shows that the worker is there; then the schedule begins. */
static void on_first_done(struct yoke_call *call, const struct yoke_status *status, const Bench__Payload *reply,
                          void *user_data) {
    (void)call;
    struct schedule *schedule = user_data;
    check(status, reply, schedule->job);
    bench_latency_start(&schedule->latency, schedule->job);
    ev_io_init(&schedule->due, on_due, schedule->latency.fd, EV_READ);
    schedule->due.data = schedule;
    ev_io_start(schedule->side.loop, &schedule->due);
}

int run_schedule(const struct bench_job *job, enum way way) {
    struct schedule *schedule = calloc(1, sizeof *schedule);
    if (!schedule) {
        bench_die("calloc");
    }
    schedule->job = job;
    schedule->request = make_payload(job);
    side_init(&schedule->side, job, way);
    side_spawn(&schedule->side, 1, false);
    start_call(schedule, on_first_done, schedule);
    ev_run(schedule->side.loop, 0);
    side_release(&schedule->side);
    bench_latency_print(&schedule->latency);
    while (schedule->free_slots) {
        struct slot *slot = schedule->free_slots;
        schedule->free_slots = slot->next_free;
        free(slot);
    }
    free(schedule->request.data.data);
    free(schedule);
    return EXIT_SUCCESS;
}
