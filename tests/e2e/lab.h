/*
 * lab.h: a master with one pool, and all that it hears, for the end-to-end tests. What fails in here ends the case.
 * Nothing in here waits for time to pass: a wait ends when its condition holds, or the harness ends a case that hangs.
 */
#ifndef YOKE_TESTS_LAB_H
#define YOKE_TESTS_LAB_H

#include "common_service.h"
#include "harness.h"
#include "probe_worker.h"
#include "stream_caller.h"
#include "stream_service.h"

#include <yoke/yoke.h>

#include <errno.h>
#include <ev.h>
#include <signal.h>

/* How workers are spawned, and whether they and the master busy-poll; the config of each suite. */
struct lab_mode {
    bool exec;
    uint32_t busy_poll_us;
};

extern const struct lab_mode lab_fork_mode, lab_exec_mode, lab_busy_mode;

/* Defines main() of a program whose cases run in all modes; and the same without leak checks of workers. */
#define LAB_MAIN(cases) LAB_MAIN_AFTER(cases, (void)0)
#define LAB_MAIN_WITHOUT_LEAK_CHECKS(cases) LAB_MAIN_AFTER(cases, test_skip_leak_checks())
#define LAB_MAIN_AFTER(cases, preparation)                 \
    int main(int argc, char **argv) {                      \
        const struct test_suite suites[] = {               \
            {"fork", cases, &lab_fork_mode},               \
            {"exec", cases, &lab_exec_mode},               \
            {"fork, busy-polling", cases, &lab_busy_mode}, \
            {.name = NULL},                                \
        };                                                 \
        preparation;                                       \
        return test_main(argc, argv, suites);              \
    }

#define LAB_DEATHS_MAX 256

/* What was told of restarts, failures, and workers that drain or hang. */
#define LAB_TOLD_MAX 64

struct lab_told {
    uint64_t worker_id; /* 0: it is about no worker */
    unsigned index;
    int reason;                          /* WorkerDraining's, or PoolFailed's action */
    uint64_t pause_us;                   /* WorkerRestarting's */
    unsigned deaths_in_a_row, in_period; /* WorkerRestarting's; PoolFailed's, too */
    uint64_t calls_in_flight, silent_us; /* WorkerDraining's; WorkerHung's */
    char method[64];                     /* WorkerHung's */
    char detail[300];
    unsigned order; /* of all that was heard */
};

struct lab_list {
    struct lab_told told[LAB_TOLD_MAX]; /* the first so many */
    unsigned count;
};

struct lab_death {
    uint64_t worker_id;
    pid_t pid;
    char pool[32];
    unsigned index;
    int reason; /* Yoke__V1__DeathReason */
    int exit_code;
    int signal;
    bool core_dumped;
    uint64_t uptime_us, cpu_us, max_rss_bytes, calls_in_flight, calls_served, generation;
    char detail[300];
    unsigned order; /* of all that was heard */
};

struct lab_birth {
    uint64_t worker_id;
    pid_t pid;
    unsigned index;
    int reason;                          /* Yoke__V1__StartReason */
    unsigned started_order, ready_order; /* 0: not yet */
};

struct lab {
    struct ev_loop *loop;
    struct yoke_master *master;
    struct yoke_pool *pool;
    struct common_service common; /* what the master serves */
    struct stream_service streams;
    unsigned order; /* counts everything that is heard, from 1 */

    struct lab_birth births[LAB_DEATHS_MAX];
    unsigned birth_count, ready_count;
    struct lab_death deaths[LAB_DEATHS_MAX];
    unsigned death_count;
    unsigned stopped_count;
    struct lab_list restarts, failures, drains, hangs;

    unsigned tick_count, ticks_out_of_order, last_tick_order;
    uint64_t tick_bytes;
    uint64_t tick_worker_id;
    unsigned noticed_count;
    char noticed_what[64];
    int64_t noticed_value;

    unsigned log_count; /* lines of warning or error */
    char last_log[300];
};

struct lab_options {
    unsigned workers; /* 0: one */
    struct yoke_limits limits;
    struct yoke_limits worker_limits; /* exec mode only: zeros: as `limits` */
    uint32_t busy_poll_us;            /* 0: the mode's; a worker in exec mode has the following */
    uint32_t worker_busy_poll_us;
    bool restart;
    unsigned restart_pause_ms, stop_timeout_ms;
    enum probe_scenario scenario;
    const char *worker_path; /* exec mode; NULL: lab_worker_path() */
    struct yoke_identity_options identity;
    struct yoke_output_options output;
    const struct yoke_pool_options *pool; /* all else that the pool is asked for; NULL: nothing */
};

/* A loop and a master that serves Common, without a pool. */
void lab_open_master(struct lab *lab, const struct lab_options *options);

/* A pool in the suite's mode. Not waited for. */
int lab_create_pool(struct lab *lab, const struct lab_options *options, struct yoke_pool **ret_pool);

/* Workers that are forked from now on do this. */
void lab_set_scenario(enum probe_scenario scenario);

/* Both, and then waits until the workers are ready. `options` may be NULL. */
void lab_open(struct lab *lab, const struct lab_options *options);

/* Destroys the master and the loop. */
void lab_close(struct lab *lab);

/* Runs the loop until the condition holds. */
#define LAB_WAIT(lab, condition)                         \
    while (!(condition)) {                               \
        lab_turn((lab), #condition, __FILE__, __LINE__); \
    }
void lab_turn(struct lab *lab, const char *condition, const char *file, unsigned line);

struct yoke_channel *lab_channel(struct lab *lab); /* to the first worker */
bool lab_is_exec(void);

/* The program that exec mode starts. */
const char *lab_worker_path(void);

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* How a call ended. Zeroed before the call; released with lab_release(). */
struct lab_result {
    struct lab *lab;
    unsigned count; /* completions: at most one is right */
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    bool has_reply;
    uint8_t *data;
    size_t size;
    int64_t number;
    unsigned order;
    struct yoke_peer peer;
    void (*also)(struct lab_result *result); /* called at the completion */
};

void lab_release(struct lab_result *result);

/* Each makes a call that completes into `result`; what the stub returned. */
int lab_echo(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, struct lab_result *result);
int lab_hold(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, struct lab_result *result);
int lab_make(struct lab *lab, struct yoke_channel *channel, size_t size, uint32_t max_reply_bytes,
             struct lab_result *result);
int lab_fail(struct lab *lab, struct yoke_channel *channel, int code, const char *message, struct lab_result *result);
int lab_never(struct lab *lab, struct yoke_channel *channel, struct lab_result *result);
int lab_slow(struct lab *lab, struct yoke_channel *channel, int64_t milliseconds, struct lab_result *result);
int lab_finish(struct lab *lab, struct yoke_channel *channel, Probe__End how, int code, struct lab_result *result);
int lab_burst(struct lab *lab, struct yoke_channel *channel, uint32_t events, uint32_t bytes, Probe__End how, int code,
              struct lab_result *result);
int lab_send_raw(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, Probe__End how, int code,
                 struct lab_result *result);

/* Makes a call of a method of Common or Worker that takes and gives google.protobuf.Empty or probe.Number. */
typedef int lab_empty_stub(struct yoke_channel *channel, const Google__Protobuf__Empty *request,
                           const struct yoke_call_options *options, probe_common_never_done *done, void *user_data);
int lab_call_empty(struct lab *lab, lab_empty_stub *stub, struct yoke_channel *channel, struct lab_result *result);
typedef int lab_number_stub(struct yoke_channel *channel, const Google__Protobuf__Empty *request,
                            const struct yoke_call_options *options, probe_common_answer_wrongly_done *done,
                            void *user_data);
int lab_call_number(struct lab *lab, lab_number_stub *stub, struct yoke_channel *channel, struct lab_result *result);

/* Typed ends of calls, for stubs that are called directly; user_data: struct lab_result. */
void lab_on_payload(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                    void *user_data);
void lab_on_empty(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                  void *user_data);
void lab_on_number(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                   void *user_data);
void lab_on_tree(struct yoke_call *call, const struct yoke_status *status, const Probe__Tree *reply, void *user_data);

/* Checks that an Echo over the channel works. */
void lab_check_echo(struct lab *lab, struct yoke_channel *channel);

/* Checks that a call ended once, with this code. */
#define LAB_CHECK_ENDED(result, expected)                                    \
    do {                                                                     \
        CHECK_INT((result)->count, 1);                                       \
        CHECK_STR(yoke_code_name((result)->code), yoke_code_name(expected)); \
    } while (0)

/* What Worker.CallMaster told; released with lab_master_call_release(). */
struct lab_master_call {
    struct lab_result result; /* of CallMaster itself */
    int error;
    unsigned completed, ok;
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    uint8_t *data;
    size_t size;
    bool from_master;
};

int lab_call_master(struct lab *lab, struct yoke_channel *channel, const Probe__CallMasterRequest *request,
                    struct lab_master_call *call);
void lab_master_call_release(struct lab_master_call *call);

/* What the worker's Streams has seen. */
Probe__StreamState lab_streams_state(struct lab *lab);

#endif
