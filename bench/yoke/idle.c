/* The case idle: the memory of workers that have each handled a call; see side.h. */
#include <stdlib.h>

#include "yoke/side.h"

struct idle {
    const struct bench_job *job;
    struct side side;
    unsigned missing; /* answers */
};

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Bench__Payload *reply,
                    void *user_data) {
    (void)call;
    struct idle *idle = user_data;
    size_t size = reply ? reply->data.len : 0;
    if (status->code != YOKE_OK || size != idle->job->size) {
        die_of_call(status, size, idle->job->size);
    }
    if (!--idle->missing) {
        side_break(&idle->side);
    }
}

static void call_all(struct idle *idle) {
    Bench__Payload request = make_payload(idle->job);
    for (unsigned i = 0; i < idle->job->workers; i++) {
        struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(idle->side.pool, i));
        int error = bench_echo_unary(channel, &request, NULL, on_done, idle);
        if (error) {
            die_of_error("cannot call", error);
        }
    }
    free(request.data.data);
}

static void print_memory(const struct idle *idle) {
    pid_t *pids = calloc(idle->job->workers, sizeof *pids);
    if (!pids) {
        bench_die("calloc");
    }
    for (unsigned i = 0; i < idle->job->workers; i++) {
        pids[i] = yoke_child_pid(yoke_pool_child(idle->side.pool, i));
    }
    bench_memory_print(idle->job, pids);
    free(pids);
}

int run_idle(const struct bench_job *job, enum way way) {
    struct idle idle = {.job = job, .missing = job->workers};
    side_init(&idle.side, job, way);
    side_spawn(&idle.side, job->workers, false);
    call_all(&idle);
    ev_run(idle.side.loop, 0);
    print_memory(&idle);
    side_release(&idle.side);
    return EXIT_SUCCESS;
}
