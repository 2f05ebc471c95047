/* Operations that are due on a schedule; see libev.h. */
#include <stdlib.h>

#include "raw/end.h"
#include "raw/libev.h"

/* The caller. Answers come in the order of the requests, so a ring of their instants is all it needs. */
struct caller {
    const struct bench_job *job;
    struct end end;
    ev_io due;
    struct bench_latency latency;
    bool has_begun;
    uint64_t *ring;
    size_t capacity; /* a power of two */
    size_t first;
    size_t next;
};

static void push(struct caller *caller, uint64_t due_ns) {
    if (caller->next - caller->first == caller->capacity) {
        uint64_t *larger = calloc(2 * caller->capacity, sizeof *larger);
        if (!larger) {
            bench_die("calloc");
        }
        for (size_t i = caller->first; i != caller->next; i++) {
            larger[i & (2 * caller->capacity - 1)] = caller->ring[i & (caller->capacity - 1)];
        }
        free(caller->ring);
        caller->ring = larger;
        caller->capacity *= 2;
    }
    caller->ring[caller->next++ & (caller->capacity - 1)] = due_ns;
}

static void on_due(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    struct caller *caller = watcher->data;
    uint64_t count = bench_latency_due(&caller->latency);
    for (uint64_t i = 0; i < count; i++) {
        push(caller, bench_latency_take(&caller->latency));
    }
    end_send(&caller->end, count * caller->job->size);
}

/* The first answer shows that the worker is there; then the schedule begins. */
static bool on_reply(struct end *end) {
    struct caller *caller = end->user_data;
    if (!caller->has_begun) {
        caller->has_begun = true;
        bench_latency_start(&caller->latency, caller->job);
        ev_io_init(&caller->due, on_due, caller->latency.fd, EV_READ);
        caller->due.data = caller;
        ev_io_start(end->loop, &caller->due);
    } else if (bench_latency_finish(&caller->latency, caller->ring[caller->first++ & (caller->capacity - 1)])) {
        ev_break(end->loop, EVBREAK_ALL);
    }
    return false;
}

int libev_run_latency(const struct bench_job *job) {
    struct fleet fleet;
    fleet_start(&fleet, job, 1);
    struct caller *caller = calloc(1, sizeof *caller);
    uint64_t *ring = calloc(1024, sizeof *ring);
    if (!caller || !ring) {
        bench_die("calloc");
    }
    *caller = (struct caller){.job = job, .ring = ring, .capacity = 1024};
    end_init(&caller->end, end_loop_new(), fleet.fds[0], job->size, job->size, END_BUFFER, on_reply, caller);
    end_send(&caller->end, job->size);
    ev_run(caller->end.loop, 0);
    bench_latency_print(&caller->latency);
    end_release(&caller->end);
    ev_loop_destroy(caller->end.loop);
    free(caller->ring);
    free(caller);
    fleet_end(&fleet);
    return EXIT_SUCCESS;
}
