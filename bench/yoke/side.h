/*
 * side.h: what Yoke's cases share: the way in which Yoke is used, the master with its pool, and the service that both
 * sides offer.
 */
#ifndef BENCH_YOKE_SIDE_H
#define BENCH_YOKE_SIDE_H

#include <ev.h>
#include <yoke/yoke.h>

#include "bench.yoke.h"
#include "common/bench.h"

/* ---- The ways to use it --------------------------------------------------------------------------------------- */

/* Each has a program of its own, whose cases are those in which it matters. */
enum way {
    WAY_FORK,  /* workers are copies of the master */
    WAY_EXEC,  /* workers are programs of their own, spawned in constant time */
    WAY_POLL,  /* forked; both sides look out for bytes before they sleep */
    WAY_SOCKET /* forked; no memory is shared */
};

/* What makes a program spawned with WAY_EXEC a worker: the first word of its command line. The second is the size. */
#define WORKER_ARGUMENT "worker"

/* ---- The cases; each returns an exit code --------------------------------------------------------------------- */

int run_calls(const struct bench_job *job, enum way way);    /* calls.c */
int run_stream(const struct bench_job *job, enum way way);   /* stream.c */
int run_talk(const struct bench_job *job, enum way way);     /* talk.c */
int run_schedule(const struct bench_job *job, enum way way); /* schedule.c */
int run_lives(const struct bench_job *job, enum way way);    /* lives.c */
int run_idle(const struct bench_job *job, enum way way);     /* idle.c */

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct side {
    const struct bench_job *job;
    enum way way;
    struct ev_loop *loop;
    struct yoke_master *master;
    struct yoke_pool *pool; /* NULL until side_fork() or side_spawn() */
};

/* Makes loop and master, with what the way and the case need beyond Yoke's defaults. */
void side_init(struct side *side, const struct bench_job *job, enum way way);

/* Makes the pool: the job's workers, forked, which run `entry` with the job as user_data. */
void side_fork(struct side *side, yoke_worker_entry *entry);

/* Makes the pool: so many workers that serve and no more. With `restart`, one that dies is replaced at once. */
void side_spawn(struct side *side, unsigned workers, bool restart);

/* Ends the loop's run; the master is then destroyed, and with it the workers and what is in flight. */
void side_break(struct side *side);

/* Ends all. */
void side_release(struct side *side);

/* ---- The service ---------------------------------------------------------------------------------------------- */

/* Offers bench.Echo, at either side. Calls whose payload is not of the job's size fail. */
void serve(struct yoke_server *server, const struct bench_job *job);

/* A worker that serves and no more; user_data is the job. */
int serve_as_worker(struct yoke_worker *worker, void *user_data);

/* The message that is sent, again and again. */
Bench__Payload make_payload(const struct bench_job *job);

/* Ends the program: a call has ended badly, or an answer has the wrong size. */
_Noreturn void die_of_call(const struct yoke_status *status, size_t size, size_t expected);

/* Ends the program: a function of Yoke has failed. */
_Noreturn void die_of_error(const char *what, int error);

#endif
