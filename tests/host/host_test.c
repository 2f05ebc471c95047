/*
 * host_test.c: the conversation on a host that fails: each system call and each allocation of its master and of its
 * workers fails, in each way that it can, once and for a while; and each side is killed behind each of its transfers.
 * However it comes, every call that was accepted ends once, every worker dies once and is told of once, and nothing is
 * left.
 */
#include "conversation.h"
#include "faults.h"
#include "fdlist.h"
#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A run that hangs is ended after so many seconds. */
#define HANG_S 20

/* How many calls in a row fail when they do so for a while. */
#define WHILE 20

static const struct fault_plan none = {.action = FAULT_NONE};

/* The workers of a suite. */
struct host_mode {
    bool exec, furnished;
};

static bool is_exec(void) {
    const struct host_mode *mode = test_config();
    return mode->exec;
}

static bool is_furnished(void) {
    const struct host_mode *mode = test_config();
    return mode->furnished;
}

/* ---- One run, in a process of its own */

/* What is wrong with what came of a run, told as the output of the case. */
static unsigned faults_found;

__attribute__((format(printf, 2, 3))) static void expect(bool holds, const char *format, ...) {
    if (!holds) {
        va_list arguments;
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        faults_found++;
    }
}

static void differ(const char *text) {
    expect(false, "%s", text);
}

static void check_record(const struct conversation *conversation) {
    expect(!conversation->is_stuck, "it waits for what cannot come");
    expect(conversation->completed == conversation->made, "%u of %u calls completed", conversation->completed,
           conversation->made);
    for (unsigned i = 0; i < conversation->made; i++) {
        expect(conversation->calls[i].count == 1, "call %u completed %u times", i, conversation->calls[i].count);
    }
    for (unsigned i = 0; i < conversation->worker_count && i < CONVERSATION_WORKERS_MAX; i++) {
        expect(conversation->workers[i].died == 1, "worker %u died %u times", i, conversation->workers[i].died);
    }
    /* Where there is no pool, there are no calls, and nobody has been told of workers. */
    const unsigned pools = conversation->error == 0;
    expect(conversation->stopped == pools, "the pool stopped %u times", conversation->stopped);
    expect(pools == 1 || (conversation->made == 0 && conversation->worker_count == 0), "calls without a pool");
}

/* Nothing failed that matters. */
static void check_success(const struct conversation *conversation, const struct conversation_options *options) {
    if (options->renew) {
        expect(conversation->error == 0 && conversation->was_renewed, "it was not renewed");
        expect(conversation->worker_count == 4, "%u workers", conversation->worker_count);
        return;
    }
    expect(conversation->error == 0 && conversation->worker_count == options->workers, "it did not begin: %d",
           conversation->error);
    const unsigned cancelled = 2 * options->workers + 3;
    expect(conversation->made >= cancelled + 1 + CONVERSATION_SHARED_CALLS, "%u calls were made", conversation->made);
    for (unsigned i = 0; i < cancelled + 1 + CONVERSATION_SHARED_CALLS; i++) {
        expect(i == cancelled || conversation->calls[i].code == YOKE_OK, "call %u: %s", i,
               yoke_code_name(conversation->calls[i].code));
    }
}

static void run_once(const struct conversation_options *options, const struct fault_plan *master,
                     const struct fault_plan *worker) {
    static struct conversation conversation;
    struct test_fdlist before;
    struct test_fdlist after;
    pid_t left[4];
    test_fdlist_take(&before);
    const size_t blocks = faults_live_blocks();
    faults_begin(master, worker);
    converse(&conversation, options);
    faults_end();
    expect(faults_live_blocks() == blocks, "%zd blocks of memory are left", (ssize_t)(faults_live_blocks() - blocks));
    test_fdlist_take(&after);
    test_fdlist_compare(&before, &after, differ);
    expect(test_children(left, 4) == 0, "a worker is left");
    check_record(&conversation);
    /* What others get over without it is what a confined worker needs. */
    const bool needs_all = options->furnished && (master->action == FAULT_FAIL || worker->action == FAULT_FAIL);
    if (!needs_all && !faults_traces()->master.is_harmed && !faults_traces()->worker.is_harmed) {
        check_success(&conversation, options);
    }
    test_fdlist_release(&after);
    test_fdlist_release(&before);
}

/* Waits for a run. `what` was done to it. */
static void await_run(pid_t pid, const char *what) {
    int status = 0;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        printf("killed by signal %d%s\n", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    }
    if (status != 0) {
        printf("... with %s\n", what);
    }
    CHECK_INT(status, 0);
}

static void run(const struct conversation_options *options, const struct fault_plan *master,
                const struct fault_plan *worker, const char *what) {
    fflush(stdout);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        alarm(HANG_S);
        run_once(options, master, worker);
        fflush(stdout);
        _exit(faults_found > 0);
    }
    await_run(pid, what);
}

/* ---- Failures, one after the other */

static void fail(const struct conversation_options *options, bool at_worker, enum fault_kind kind,
                 const struct fault_plan *plan) {
    char what[80];
    snprintf(what, sizeof(what), "%u failing calls from %u, %s, on, errno %d", plan->span, plan->at, fault_name(kind),
             fault_errno(kind, plan->way));
    run(options, at_worker ? &none : plan, at_worker ? plan : &none, what);
}

/* Once in each way, and for a while in one of them; or, where runs are slow or say nothing new, one of these. */
static void fail_one(const struct conversation_options *options, bool at_worker, unsigned at, enum fault_kind kind,
                     bool is_thorough) {
    const unsigned ways = fault_ways(kind);
    const unsigned chosen = at % (ways + 1);
    for (unsigned way = 0; way <= ways; way++) {
        const struct fault_plan once = {FAULT_FAIL, at, 1, way};
        const struct fault_plan longer = {FAULT_FAIL, at, WHILE, at % ways};
        if (is_thorough || way == chosen) {
            fail(options, at_worker, kind, way < ways ? &once : &longer);
        }
    }
}

/* Executed workers differ from forked ones until the loop runs. */
static void fail_each(const struct conversation_options *options, bool at_worker) {
    static struct fault_trace trace;
    faults_open();
    run(options, &none, &none, "nothing");
    trace = at_worker ? faults_traces()->worker : faults_traces()->master;
    CHECK(trace.count > 20 && trace.count <= FAULT_TRACE_MAX);
    bool is_thorough = !test_has_asan() && !is_furnished() && !options->renew;
    for (unsigned at = 0; at < trace.count; at++) {
        enum fault_kind kind = (enum fault_kind)trace.kinds[at];
        is_thorough = is_thorough && !(is_exec() && kind == FAULT_EPOLL_WAIT);
        fail_one(options, at_worker, at, kind, is_thorough);
    }
    printf("%u calls\n", trace.count);
    faults_close();
}

static void each_call_of_the_master_fails(void) {
    fail_each(
        &(struct conversation_options){.exec = is_exec(), .furnished = is_furnished(), .workers = 2, .kill = true},
        false);
}

static void each_call_of_a_master_that_renews_fails(void) {
    fail_each(
        &(struct conversation_options){.exec = is_exec(), .furnished = is_furnished(), .workers = 1, .renew = true},
        false);
}

static void each_call_of_a_worker_fails(void) {
    fail_each(&(struct conversation_options){.exec = is_exec(), .furnished = is_furnished(), .workers = 1}, true);
}

/* ---- Kills, one after the other */

static void a_worker_is_killed_at_each_step(void) {
    const struct conversation_options options = {.exec = is_exec(), .furnished = is_furnished(), .workers = 1};
    faults_open();
    run(&options, &none, &none, "nothing");
    const unsigned transfers = faults_traces()->worker.transfers;
    CHECK(transfers > 10);
    for (unsigned at = 0; at < transfers; at++) {
        const struct fault_plan plan = {.action = FAULT_KILL, .at = at};
        char what[40];
        snprintf(what, sizeof(what), "a kill behind transfer %u", at);
        run(&options, &none, &plan, what);
    }
    printf("%u transfers\n", transfers);
    faults_close();
}

/* The master's orphans come to this process, and end by themselves. */
static void run_killed_master(const struct conversation_options *options, unsigned at) {
    const struct fault_plan plan = {.action = FAULT_KILL, .at = at};
    int status = 0;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t master = fork();
    if (master == 0) {
        static struct conversation conversation;
        faults_begin(&plan, &none);
        converse(&conversation, options);
        _exit(0);
    }
    /* No two runs are quite the same: this one may have ended before. */
    expect(waitpid(master, &status, 0) == master &&
               (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)),
           "the master ended with status %d", status);
    while (waitpid(-1, NULL, 0) > 0) {
    }
}

static void a_master_is_killed_at_each_step(void) {
    const struct conversation_options options = {
        .exec = is_exec(), .furnished = is_furnished(), .workers = 2, .kill = true};
    faults_open();
    run(&options, &none, &none, "nothing");
    const unsigned transfers = faults_traces()->master.transfers;
    CHECK(transfers > 20);
    for (unsigned at = 0; at < transfers; at++) {
        char what[40];
        snprintf(what, sizeof(what), "a kill behind transfer %u", at);
        fflush(stdout);
        pid_t pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            alarm(HANG_S);
            run_killed_master(&options, at);
            fflush(stdout);
            _exit(faults_found > 0);
        }
        await_run(pid, what);
    }
    printf("%u transfers\n", transfers);
    faults_close();
}

static const struct test_case cases[] = {
    {.name = "each call of the master fails", .run = each_call_of_the_master_fails, .timeout_ms = 300000},
    {.name = "each call of a master that renews its workers fails",
     .run = each_call_of_a_master_that_renews_fails,
     .timeout_ms = 300000},
    {.name = "each call of a worker fails", .run = each_call_of_a_worker_fails, .timeout_ms = 300000},
    {.name = "a worker is killed at each step", .run = a_worker_is_killed_at_each_step, .timeout_ms = 300000},
    {.name = "a master is killed at each step", .run = a_master_is_killed_at_each_step, .timeout_ms = 300000},
    {.name = NULL},
};

/* What is new with these workers is how they begin. */
static const struct test_case furnished_cases[] = {
    {.name = "each call of the master fails", .run = each_call_of_the_master_fails, .timeout_ms = 300000},
    {.name = "each call of a worker fails", .run = each_call_of_a_worker_fails, .timeout_ms = 300000},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct host_mode forked = {.exec = false};
    static const struct host_mode executed = {.exec = true};
    static const struct host_mode forked_furnished = {.exec = false, .furnished = true};
    static const struct host_mode executed_furnished = {.exec = true, .furnished = true};
    static const struct test_suite suites[] = {
        {"forked workers", cases, &forked},
        {"executed workers", cases, &executed},
        {"forked workers, confined and captured", furnished_cases, &forked_furnished},
        {"executed workers, confined and captured", furnished_cases, &executed_furnished},
        {.name = NULL},
    };
    return test_main(argc, argv, suites);
}
