/* job.h: what a bench program is asked to measure. */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The cases, and what one operation is. DEPTH operations are in flight at any time: as soon as one is finished, the
 * next is started. All measure time, but for the last two.
 */
enum bench_kind {
    /* "unary": the master sends SIZE bytes to the worker, which sends as many back. */
    BENCH_UNARY,
    /* "unary-up": the same, started by the worker and answered by the master. */
    BENCH_UNARY_UP,
    /* "unary-checked": as unary; every call has a deadline of a second, which does not pass, and passes an interceptor
     * at the caller and one at the handler, which do nothing. */
    BENCH_UNARY_CHECKED,
    /* "put": the master sends SIZE bytes to the worker, which sends a small acknowledgement back. */
    BENCH_PUT,
    /* "stream": in one call, the worker sends messages of SIZE bytes as fast as flow control lets it. An operation is a
     * message that the master has received. */
    BENCH_STREAM,
    /* "bidi": on one stream that is open both ways, DEPTH messages of SIZE bytes are in flight, and the worker answers
     * each with as many bytes. An operation is a message each way. */
    BENCH_BIDI,
    /* "workers": unary with WORKERS worker processes, DEPTH in flight for each. The operations are those of all. */
    BENCH_WORKERS,
    /* "streams": STREAMS streams are open both ways. An operation is a message each way on one of them; they take
     * turns, with DEPTH in flight altogether. */
    BENCH_STREAMS,
    /* "spawn": from asking for a new worker until the master knows that it is ready, as its first message has come. One
     * at a time; what comes between, such as the worker's end, is not counted. */
    BENCH_SPAWN,
    /* "spawn-large": as spawn, from a master that has SIZE bytes of its memory resident. */
    BENCH_SPAWN_LARGE,
    /* "kill": from kill(pid, SIGKILL) until the master's program has been told of the worker's death, with the process
     * reaped. One at a time; what comes between is not counted. */
    BENCH_KILL,
    /* "idle": measures memory, the PSS of a worker. WORKERS workers have each handled one call, and have been
     * idle for three times SECONDS. */
    BENCH_IDLE,
    /* "latency": measures latency. Calls as in unary start at RATE in a second, evenly spaced, whether or not earlier
     * ones have finished; a call's latency counts from the instant at which it was due. */
    BENCH_LATENCY
};

struct bench_job {
    enum bench_kind kind; /* "case" */
    size_t size;          /* "size": bytes; default 64 */
    unsigned depth;       /* "depth": operations in flight; default 1 */
    unsigned workers;     /* "workers"; default 1 */
    unsigned streams;     /* "streams"; default 1 */
    double rate;          /* "rate": operations in a second; latency only, which must have it */
    double seconds;       /* "seconds": how long to measure; a fifth more is warm-up; default 0.5 */
};

/* Reads NAME=VALUE arguments. False, with a word on stderr, when they are no job. */
bool bench_job_parse(struct bench_job *job, char *const *arguments);

#ifdef __cplusplus
}
#endif

#endif
