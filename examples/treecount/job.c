/*
 * The job, at the master's side. Each worker has at most WINDOW batches: one that it works on and one that waits, so
 * that it need not wait for the master. The walk goes on only when a batch is wanted: memory does not depend on the
 * size of the tree. A batch whose worker died is suspect: it is handed out again, but to a worker that has no other, so
 * that it alone answers for what happens. When BATCH_FAILURES workers have died on it, it is given up.
 */
#include "job.h"

#include "batch.h"
#include "counter.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WINDOW 2
#define BATCH_FAILURES 3

/* After so many deaths of idle workers in a row the job is given up: workers do not live long enough to do it. */
#define IDLE_DEATHS 10

/* --kill-one lets so many batches be done first, unless the last is handed out before. */
#define BATCHES_BEFORE_KILL 8

/* How many of a batch's most common words go into the sum. */
#define COMMON_PER_BATCH 256

struct job {
    const struct options *options;
    struct figures *figures;
    struct progress *progress;
    struct yoke_master *master;
    struct yoke_pool *pool;

    struct batcher batcher;
    struct batch *fresh; /* one batch ahead, so that the last is known to be the last; NULL: there are no more */
    struct batch *redo;  /* batches that came back */
    size_t in_flight;    /* batches that workers have */
    size_t suspects;     /* of these, suspects */

    bool kill_one; /* is still to be done */
    unsigned idle_deaths;
    bool stopping;
    int error;
};

static void stop(struct job *job) {
    job->stopping = true;
    yoke_master_stop(job->master);
}

static void fail(struct job *job, const char *what, int error) {
    progress_hide(job->progress);
    fprintf(stderr, "treecount: %s: %s\n", what, strerror(-error));
    job->error = error;
    stop(job);
}

static void add_error(struct job *job, const char *path, const char *why) {
    job->figures->errors++;
    progress_hide(job->progress);
    report_error(path, why);
}

/* ---- Batches to hand out -------------------------------------------------------------------------------------- */

static void on_walk_error(const char *path, int error, void *user_data) {
    add_error(user_data, path, strerror(error));
}

static int make_fresh(struct job *job) {
    job->fresh = NULL;
    int made = batcher_next(&job->batcher, &job->fresh);
    if (made == 1) {
        job->fresh->job = job;
    }
    return made < 0 ? made : 0;
}

static bool has_batch(const struct job *job) {
    return job->redo != NULL || job->fresh != NULL;
}

static void put_back(struct job *job, struct batch *batch) {
    batch->next = job->redo;
    job->redo = batch;
}

/* A batch, which there must be. Suspects go first. */
static int take(struct job *job, struct batch **ret_batch) {
    struct batch *batch = job->redo;
    if (batch != NULL) {
        job->redo = batch->next;
    } else {
        batch = job->fresh;
        int error = make_fresh(job);
        if (error < 0) {
            put_back(job, batch);
            return error;
        }
    }
    *ret_batch = batch;
    return 0;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

static void carry_on(struct job *job);

static void add_reply(struct job *job, const struct batch *batch, uint64_t worker_id,
                      const Treecount__CountReply *reply) {
    job->idle_deaths = 0;
    figures_add_batch(job->figures, worker_id, reply);
    for (size_t i = 0; i < reply->n_errors; i++) {
        const Treecount__FileError *error = reply->errors[i];
        add_error(job, error->file < batch->count ? batch_path(batch, error->file) : "?", strerror(error->error));
    }
}

static void give_up(struct job *job, const struct batch *batch, const char *why) {
    for (size_t i = 0; i < batch->count; i++) {
        add_error(job, batch_path(batch, i), why);
    }
}

static void on_counted(struct yoke_call *call, const struct yoke_status *status, const Treecount__CountReply *reply,
                       void *user_data) {
    struct batch *batch = user_data;
    struct job *job = batch->job;

    job->in_flight--;
    job->suspects -= batch->failures > 0;
    if (status->code == YOKE_UNAVAILABLE && ++batch->failures < BATCH_FAILURES) {
        job->figures->redone++;
        put_back(job, batch);
    } else {
        if (status->code == YOKE_OK) {
            add_reply(job, batch, yoke_call_peer(call)->worker_id, reply);
        } else {
            give_up(job, batch, status->message);
        }
        batch_destroy(batch);
    }
    carry_on(job);
}

/*
 * Kill this worker, which has just been given a batch, if it is to be the one: it has another as well and so is at
 * work, or there will be no more batches. The new batch is not even written to the socket yet, so it is unfinished.
 */
static void maybe_kill(struct job *job, struct yoke_child *child, size_t batches_before) {
    bool at_work = batches_before > 0 && job->figures->batches >= BATCHES_BEFORE_KILL;
    if (job->kill_one && (at_work || !has_batch(job))) {
        job->kill_one = yoke_child_kill(child, SIGKILL) < 0;
    }
}

static void hand_out(struct job *job, struct yoke_child *child) {
    struct batch *batch;
    int error = take(job, &batch);
    if (error < 0) {
        fail(job, job->options->root, error);
        return;
    }

    Treecount__CountRequest request = TREECOUNT__COUNT_REQUEST__INIT;
    request.n_paths = batch->count;
    request.paths = batch->paths;
    request.top_words = job->options->top > 0 ? COMMON_PER_BATCH : 0;

    size_t batches_before = yoke_child_calls_in_flight(child);
    error = treecount_counter_count(yoke_child_channel(child), &request, NULL, on_counted, batch);
    if (error == 0) {
        job->in_flight++;
        job->suspects += batch->failures > 0;
        maybe_kill(job, child, batches_before);
        return;
    }
    put_back(job, batch);
    /* A worker that has just died, or a full queue: it goes on with the next event. */
    if (error != -ENOTCONN && error != -ENOBUFS) {
        fail(job, "cannot call a worker", error);
    }
}

/* May a worker that has so many batches be given another one? While there are suspects, nobody has two. */
static bool may_hand_out(const struct job *job, const struct yoke_child *child, size_t batches) {
    return !job->stopping && has_batch(job) && (batches == 0 || (job->redo == NULL && job->suspects == 0)) &&
           yoke_child_state(child) == YOKE_CHILD_READY && yoke_child_calls_in_flight(child) == batches;
}

/* Give a first batch to every worker that has none before giving anybody a second. */
static void carry_on(struct job *job) {
    for (size_t batches = 0; batches < WINDOW; batches++) {
        struct yoke_child *child;
        for (unsigned i = 0; (child = yoke_pool_child(job->pool, i)) != NULL; i++) {
            if (may_hand_out(job, child, batches)) {
                hand_out(job, child);
            }
        }
    }
    if (!has_batch(job) && job->in_flight == 0 && !job->stopping) {
        stop(job);
    }
}

/* ---- The lives of the workers --------------------------------------------------------------------------------- */

static void on_worker_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    struct job *job = user_data;
    figures_add_worker(job->figures, event->worker_id, (pid_t)event->pid);
}

static void on_worker_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    carry_on(user_data);
}

static void on_worker_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct job *job = user_data;

    figures_add_death(job->figures, event);
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED) {
        return;
    }
    if (!job->options->json) {
        progress_hide(job->progress);
        report_death(event);
    }
    if (event->calls_in_flight == 0 && ++job->idle_deaths == IDLE_DEATHS) {
        fail(job, "workers die before they have done anything", -ECHILD);
    } else {
        carry_on(job);
    }
}

static void on_pool_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    struct job *job = user_data;
    progress_destroy(job->progress);
    job->progress = NULL;
}

static int subscribe(struct job *job) {
    struct yoke_events *events = yoke_master_events(job->master);
    int error = yoke_v1_worker_started_on(events, on_worker_started, job);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(events, on_worker_ready, job);
    }
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_worker_died, job);
    }
    if (error == 0) {
        error = yoke_v1_pool_stopped_on(events, on_pool_stopped, job);
    }
    return error;
}

/* ---- The run -------------------------------------------------------------------------------------------------- */

static int start_workers(struct job *job, struct ev_loop *loop) {
    int error = yoke_master_create(loop, NULL, &job->master);
    if (error == 0) {
        error = subscribe(job);
    }
    if (error < 0) {
        return error;
    }

    struct yoke_pool_options pool = {YOKE_POOL_OPTIONS_INIT, .name = "counters", .entry = counter_main,
                                     .restart = {.when = YOKE_RESTART_ALWAYS}};
    pool.workers = job->options->workers;
    error = yoke_pool_create(job->master, &pool, &job->pool);
    if (error == 0) {
        job->figures->workers = yoke_pool_size(job->pool);
    }
    return error;
}

static int set_up(struct job *job, struct ev_loop *loop) {
    if (job->options->top > 0) {
        job->figures->common = words_create();
        if (job->figures->common == NULL) {
            return -ENOMEM;
        }
    }
    job->batcher.walk = walk_create(job->options->root, on_walk_error, job);
    if (job->batcher.walk == NULL) {
        return -ENOMEM;
    }

    int error = start_workers(job, loop);
    if (error == 0) {
        error = make_fresh(job);
    }
    if (error == 0) {
        job->progress = progress_create(loop, job->options->root, job->figures);
    }
    return error;
}

static void tear_down(struct job *job) {
    yoke_master_destroy(job->master);
    progress_destroy(job->progress);
    while (job->redo != NULL) {
        struct batch *batch = job->redo;
        job->redo = batch->next;
        batch_destroy(batch);
    }
    batch_destroy(job->fresh);
    walk_destroy(job->batcher.walk);
}

int job_run(struct ev_loop *loop, const struct options *options, struct figures *figures) {
    struct job job = {.options = options, .figures = figures, .kill_one = options->kill_one};

    job.error = set_up(&job, loop);
    if (job.error < 0) {
        fprintf(stderr, "treecount: cannot start: %s\n", strerror(-job.error));
    } else {
        ev_run(loop, 0); /* until every worker has stopped */
    }
    job.stopping = true;
    tear_down(&job);
    return job.error;
}
