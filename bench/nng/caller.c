/* See caller.h. nng finishes calls on threads of its own, so what counts them is behind a lock. */
#include "nng/caller.h"

#include <nng/protocol/pipeline0/pull.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "nng/call.h"

/* The one run of this process. The lock guards what is below it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static size_t in_flight; /* what is to finish before the run has ended */
static bool is_over;     /* the time is up */
static struct bench_meter meter;
static struct bench_latency latency;
static struct call *idle_calls; /* of the open loop */

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        bench_die("calloc");
    }
    return memory;
}

/* With the lock. */
static void finish_one(void) {
    if (--in_flight == 0) {
        pthread_cond_signal(&ended);
    }
}

static void wait_for_end(void) {
    pthread_mutex_lock(&lock);
    while (in_flight) {
        pthread_cond_wait(&ended, &lock);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- A closed loop -------------------------------------------------------------------------------------------- */

/* Counts an operation. True when there is to be another. */
static bool tick(void) {
    pthread_mutex_lock(&lock);
    is_over = is_over || bench_meter_tick(&meter);
    bool go_on = !is_over;
    if (!go_on) {
        finish_one();
    }
    pthread_mutex_unlock(&lock);
    return go_on;
}

static void on_done(struct call *call) {
    if (tick()) {
        call_start(call);
    }
}

int call_closed_loop(const struct bench_job *job, const struct meeting *meeting) {
    in_flight = (size_t)job->workers * job->depth;
    struct call *calls = allocate(in_flight, sizeof *calls);
    struct call *call = calls;
    meeting_wait(meeting, job->workers);
    for (unsigned i = 0; i < job->workers; i++) {
        nng_socket socket = call_socket(meeting, i);
        for (unsigned j = 0; j < job->depth; j++) {
            call_init(call++, socket, job, meeting, on_done);
        }
    }
    bench_meter_start(&meter, job);
    while (call > calls) {
        call_start(--call);
    }
    wait_for_end();
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}

/* ---- An open loop --------------------------------------------------------------------------------------------- */

/* With the lock. */
static void put_back(struct call *call) {
    call->next = idle_calls;
    idle_calls = call;
}

/* The first call, which shows that all is up. */
static void on_first_done(struct call *call) {
    pthread_mutex_lock(&lock);
    put_back(call);
    finish_one();
    pthread_mutex_unlock(&lock);
}

static void on_due_done(struct call *call) {
    pthread_mutex_lock(&lock);
    put_back(call);
    if (bench_latency_finish(&latency, call->due_ns)) {
        finish_one();
    }
    pthread_mutex_unlock(&lock);
}

static struct call *take_idle(void) {
    pthread_mutex_lock(&lock);
    struct call *call = idle_calls;
    if (call) {
        idle_calls = call->next;
    }
    pthread_mutex_unlock(&lock);
    return call;
}

static struct call *take_call(nng_socket socket, const struct bench_job *job, const struct meeting *meeting) {
    struct call *call = take_idle();
    if (!call) {
        call = allocate(1, sizeof *call);
        call_init(call, socket, job, meeting, on_due_done);
    }
    return call;
}

int call_open_loop(const struct bench_job *job, const struct meeting *meeting) {
    meeting_wait(meeting, 1);
    nng_socket socket = call_socket(meeting, 0);
    struct call *first = allocate(1, sizeof *first);
    call_init(first, socket, job, meeting, on_first_done);
    in_flight = 1;
    call_start(first);
    wait_for_end();
    first->done = on_due_done;
    in_flight = 1; /* the schedule */
    bench_latency_start(&latency, job);
    while (!bench_latency_all_started(&latency)) {
        bench_latency_wait(&latency);
        for (uint64_t n = bench_latency_due(&latency); n > 0; n--) {
            struct call *call = take_call(socket, job, meeting);
            call->due_ns = bench_latency_take(&latency);
            call_start(call);
        }
    }
    wait_for_end();
    bench_latency_print(&latency);
    return EXIT_SUCCESS;
}

/* ---- A stream ------------------------------------------------------------------------------------------------- */

struct puller {
    const struct bench_job *job;
    nng_socket socket;
    nng_aio *aio;
};

static void on_pulled(void *user_data) {
    struct puller *puller = user_data;
    check_nng(nng_aio_result(puller->aio), "cannot pull");
    nng_msg *message = nng_aio_get_msg(puller->aio);
    if (nng_msg_len(message) != puller->job->size) {
        fprintf(stderr, "nng: a message of %zu bytes\n", nng_msg_len(message));
        _exit(EXIT_FAILURE);
    }
    nng_msg_free(message);
    if (tick()) {
        nng_recv_aio(puller->socket, puller->aio);
    }
}

/* The worker has ended. PULL itself would wait for another. */
static void on_pipe_lost(nng_pipe pipe, nng_pipe_ev event, void *user_data) {
    (void)pipe, (void)event, (void)user_data;
    pthread_mutex_lock(&lock);
    check_nng(is_over ? 0 : NNG_ECONNRESET, "cannot pull");
    pthread_mutex_unlock(&lock);
}

int pull_stream(const struct bench_job *job, const struct meeting *meeting) {
    static struct puller puller;
    puller.job = job;
    check_nng(nng_pull0_open(&puller.socket), "cannot open a PULL socket");
    check_nng(nng_pipe_notify(puller.socket, NNG_PIPE_EV_REM_POST, on_pipe_lost, NULL), "cannot watch the worker");
    check_nng(nng_aio_alloc(&puller.aio, on_pulled, &puller), "cannot make an aio");
    meeting_wait(meeting, 1);
    in_flight = 1; /* the stream */
    bench_meter_start(&meter, job);
    nng_recv_aio(puller.socket, puller.aio);
    meeting_dial(meeting, 0, puller.socket);
    wait_for_end();
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}
