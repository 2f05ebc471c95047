/* Operations that follow each other; see libev.h. */
#include <stdint.h>
#include <stdlib.h>

#include "raw/end.h"
#include "raw/libev.h"

/* ---- One worker ----------------------------------------------------------------------------------------------- */

struct pair {
    int fds[2]; /* the caller's, the answerer's */
    size_t reply_size;
};

/* The caller's side, whose user_data is the meter. */
static bool on_reply(struct end *end) {
    if (bench_meter_tick(end->user_data)) {
        ev_break(end->loop, EVBREAK_ALL);
        return false;
    }
    return true;
}

/* In a stream: the caller sends no more. What one read has brought when the time is up is not counted. */
static bool on_message(struct end *end) {
    on_reply(end);
    return false;
}

static int call(const struct bench_job *job, void *user_data) {
    const struct pair *pair = user_data;
    bool is_stream = job->kind == BENCH_STREAM;
    struct bench_meter meter;
    struct end end;
    bench_meter_start(&meter, job);
    end_init(&end, end_loop_new(), pair->fds[0], pair->reply_size, job->size, END_BUFFER,
             is_stream ? on_message : on_reply, &meter);
    end_send(&end, job->size * job->depth);
    ev_run(end.loop, 0);
    bench_meter_print(&meter);
    end_release(&end);
    ev_loop_destroy(end.loop);
    return EXIT_SUCCESS;
}

/* A request for a stream: from now on there is always something to send. */
static bool on_stream(struct end *end) {
    end_send(end, SIZE_MAX / 2);
    return false;
}

static int answer(const struct bench_job *job, void *user_data) {
    const struct pair *pair = user_data;
    if (job->kind != BENCH_STREAM) {
        end_answer(pair->fds[1], job->size, pair->reply_size, END_BUFFER);
    }
    struct end end;
    end_init(&end, end_loop_new(), pair->fds[1], job->size, job->size, END_BUFFER, on_stream, NULL);
    ev_run(end.loop, 0);
    return EXIT_FAILURE;
}

int libev_run_pair(const struct bench_job *job) {
    struct pair pair = {.reply_size = job->kind == BENCH_PUT ? LIBEV_ACK_SIZE : job->size};
    end_socketpair(pair.fds);
    return bench_run_pair(job, call, answer, &pair);
}

/* ---- Several workers ------------------------------------------------------------------------------------------ */

int libev_run_workers(const struct bench_job *job) {
    struct fleet fleet;
    struct bench_meter meter;
    struct ev_loop *loop = end_loop_new();
    struct end *ends = calloc(job->workers, sizeof *ends);
    if (!ends) {
        bench_die("calloc");
    }
    fleet_start(&fleet, job, job->workers);
    bench_meter_start(&meter, job);
    for (unsigned i = 0; i < job->workers; i++) {
        end_init(&ends[i], loop, fleet.fds[i], job->size, job->size, END_BUFFER, on_reply, &meter);
        end_send(&ends[i], job->size * job->depth);
    }
    ev_run(loop, 0);
    bench_meter_print(&meter);
    for (unsigned i = 0; i < job->workers; i++) {
        end_release(&ends[i]);
    }
    free(ends);
    ev_loop_destroy(loop);
    fleet_end(&fleet);
    return EXIT_SUCCESS;
}
