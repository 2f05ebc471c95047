/* Workers that come, go, and do nothing; see libev.h. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw/end.h"
#include "raw/libev.h"

/* ---- Coming and going ----------------------------------------------------------------------------------------- */

/* A worker, and the master's watchers of its socket and its process. */
struct life {
    const struct bench_job *job;
    struct ev_loop *loop;
    int fds[2];
    int pidfd;
    pid_t pid;
    ev_io ready;
    ev_io dead;
    struct bench_spans spans;
};

static void on_master_gone(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* The worker: says that it is there, then waits for its end. */
static int live(const struct bench_job *job, unsigned index, void *user_data) {
    (void)job, (void)index;
    const struct life *life = user_data;
    struct ev_loop *loop = end_loop_new();
    close(life->fds[0]);
    if (write(life->fds[1], "", 1) != 1) {
        bench_die("write");
    }
    ev_io master;
    ev_io_init(&master, on_master_gone, life->fds[1], EV_READ);
    ev_io_start(loop, &master);
    ev_run(loop, 0);
    return EXIT_SUCCESS;
}

static void begin_life(struct life *life) {
    if (life->job->kind != BENCH_KILL) {
        bench_span_begin(&life->spans);
    }
    end_socketpair(life->fds);
    life->pid = bench_fork_worker(life->job, 0, live, life);
    close(life->fds[1]);
    life->pidfd = (int)syscall(SYS_pidfd_open, life->pid, 0);
    if (life->pidfd < 0) {
        bench_die("pidfd_open");
    }
    ev_io_set(&life->ready, life->fds[0], EV_READ);
    ev_io_set(&life->dead, life->pidfd, EV_READ);
    ev_io_start(life->loop, &life->ready);
    ev_io_start(life->loop, &life->dead);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    struct life *life = watcher->data;
    char byte;
    if (read(watcher->fd, &byte, 1) != 1) {
        bench_die("the worker has not started");
    }
    ev_io_stop(loop, watcher);
    if (life->job->kind == BENCH_KILL) {
        bench_span_begin(&life->spans);
    } else if (bench_span_end(&life->spans)) {
        ev_break(loop, EVBREAK_ALL);
    }
    kill(life->pid, SIGKILL);
}

static void on_dead(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    struct life *life = watcher->data;
    siginfo_t info;
    if (waitid(P_PIDFD, (id_t)life->pidfd, &info, WEXITED)) {
        bench_die("waitid");
    }
    if (life->job->kind == BENCH_KILL && bench_span_end(&life->spans)) {
        ev_break(loop, EVBREAK_ALL);
    }
    ev_io_stop(loop, watcher);
    close(life->pidfd);
    close(life->fds[0]);
    begin_life(life);
}

int libev_run_lives(const struct bench_job *job) {
    struct life life = {.job = job, .loop = end_loop_new()};
    ev_io_init(&life.ready, on_ready, -1, EV_READ);
    ev_io_init(&life.dead, on_dead, -1, EV_READ);
    life.ready.data = life.dead.data = &life;
    if (job->kind == BENCH_SPAWN_LARGE) {
        bench_memory_hold(job->size);
    }
    bench_spans_start(&life.spans, job);
    begin_life(&life);
    ev_run(life.loop, 0);
    bench_end_workers(&life.pid, 1);
    bench_spans_print(&life.spans);
    ev_loop_destroy(life.loop);
    return EXIT_SUCCESS;
}

/* ---- Doing nothing -------------------------------------------------------------------------------------------- */

static bool on_reply(struct end *end) {
    unsigned *missing = end->user_data;
    if (!--*missing) {
        ev_break(end->loop, EVBREAK_ALL);
    }
    return false;
}

int libev_run_idle(const struct bench_job *job) {
    struct fleet fleet;
    struct ev_loop *loop = end_loop_new();
    unsigned missing = job->workers;
    struct end *ends = calloc(job->workers, sizeof *ends);
    if (!ends) {
        bench_die("calloc");
    }
    fleet_start(&fleet, job, job->workers);
    for (unsigned i = 0; i < job->workers; i++) {
        end_init(&ends[i], loop, fleet.fds[i], job->size, job->size, job->size, on_reply, &missing);
        end_send(&ends[i], job->size);
    }
    ev_run(loop, 0);
    bench_memory_print(job, fleet.pids);
    for (unsigned i = 0; i < job->workers; i++) {
        end_release(&ends[i]);
    }
    free(ends);
    ev_loop_destroy(loop);
    fleet_end(&fleet);
    return EXIT_SUCCESS;
}
