/*
 * busy_poll_test.c: masters and workers that look out for bytes before they sleep: that they do, for how long, and that
 * all else goes on. Whether a process sleeps is told by the kernel, which counts how often it has; no time is measured.
 */
#include "lab.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS 500

/* Longer than anything takes that happens here. */
#define PATIENCE_US 1000000

/* What /proc/PID/status says behind a label. */
static void read_status(pid_t pid, const char *label, char *value, size_t size) {
    char path[64];
    char line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    REQUIRE(file != NULL);
    value[0] = '\0';
    while (value[0] == '\0' && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, label, strlen(label)) == 0) {
            snprintf(value, size, "%s", line + strlen(label));
        }
    }
    REQUIRE_INT(fclose(file), 0);
    REQUIRE(value[0] != '\0');
}

/* How often a process has slept. */
static long long count_sleeps(pid_t pid) {
    char value[64];
    read_status(pid, "voluntary_ctxt_switches:", value, sizeof(value));
    return atoll(value);
}

static bool is_asleep(pid_t pid) {
    char value[64];
    read_status(pid, "State:", value, sizeof(value));
    return strchr(value, 'S') != NULL;
}

static pid_t worker_pid(struct lab *lab) {
    return yoke_child_pid(yoke_pool_child(lab->pool, 0));
}

struct sleeps {
    long long master, worker;
};

/* Makes one call after the other, and tells how often the two have slept meanwhile. */
static struct sleeps call_often(struct lab *lab) {
    lab_check_echo(lab, lab_channel(lab));
    const struct sleeps before = {count_sleeps(getpid()), count_sleeps(worker_pid(lab))};
    for (unsigned i = 0; i < CALLS; i++) {
        lab_check_echo(lab, lab_channel(lab));
    }
    return (struct sleeps){count_sleeps(getpid()) - before.master, count_sleeps(worker_pid(lab)) - before.worker};
}

static bool has_cpus(void) {
    if (yoke_usable_cpus() == 1) {
        printf("there is one CPU, so nobody busy-polls\n");
        return false;
    }
    return true;
}

static void nobody_sleeps_between_calls(void) {
    struct lab lab;
    if (!has_cpus()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.busy_poll_us = PATIENCE_US, .worker_busy_poll_us = PATIENCE_US});
    struct sleeps sleeps = call_often(&lab);
    CHECK(sleeps.master < CALLS / 10);
    CHECK(sleeps.worker < CALLS / 10);
    lab_close(&lab);
}

/* A forked worker has its master's option, a program its own. */
static void each_side_has_its_own_option(void) {
    struct lab lab;
    if (!lab_is_exec() || !has_cpus()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.worker_busy_poll_us = PATIENCE_US});
    struct sleeps sleeps = call_often(&lab);
    CHECK(sleeps.worker < CALLS / 10);
    lab_close(&lab);
}

static void on_one_cpu_it_is_off(void) {
    struct lab lab;
    cpu_set_t set;
    REQUIRE_INT(sched_getaffinity(0, sizeof(set), &set), 0);
    for (size_t cpu = 0; CPU_COUNT(&set) > 1; cpu++) {
        CPU_CLR(cpu, &set);
    }
    REQUIRE_INT(sched_setaffinity(0, sizeof(set), &set), 0);
    lab_open(&lab, &(struct lab_options){.busy_poll_us = PATIENCE_US, .worker_busy_poll_us = PATIENCE_US});
    struct sleeps sleeps = call_often(&lab);
    /* One of them has to, or the other could not have run. */
    CHECK(sleeps.master + sleeps.worker > CALLS / 2);
    lab_close(&lab);
}

static void note_that_it_fired(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    *(bool *)timer->data = true;
}

/* They look out for a while after the last call, and then sleep until something comes. */
static void nobody_stays_awake_after_the_last_call(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.busy_poll_us = 1000, .worker_busy_poll_us = 1000});
    (void)call_often(&lab);
    while (!is_asleep(worker_pid(&lab))) {
        sched_yield();
    }
    long long before = count_sleeps(getpid());
    bool has_fired = false;
    ev_timer timer;
    ev_timer_init(&timer, note_that_it_fired, 0.1, 0.);
    timer.data = &has_fired;
    ev_now_update(lab.loop);
    ev_timer_start(lab.loop, &timer);
    LAB_WAIT(&lab, has_fired);
    CHECK(count_sleeps(getpid()) > before);
    lab_close(&lab);
}

static void call_and_look_out(struct lab *lab, struct lab_result *result) {
    lab_open(lab, &(struct lab_options){.busy_poll_us = PATIENCE_US, .worker_busy_poll_us = PATIENCE_US});
    lab_check_echo(lab, lab_channel(lab));
    REQUIRE_INT(lab_never(lab, lab_channel(lab), result), 0);
    for (unsigned i = 0; i < 1000; i++) {
        ev_run(lab->loop, EVRUN_NOWAIT);
    }
}

static void a_death_is_heard_meanwhile(void) {
    struct lab lab;
    struct lab_result result = {0};
    call_and_look_out(&lab, &result);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.deaths[0].signal, SIGKILL);
    lab_release(&result);
    lab_close(&lab);
}

static void a_call_can_be_given_up_meanwhile(void) {
    struct lab lab;
    struct lab_result result = {0};
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 20000};
    lab_open(&lab, &(struct lab_options){.busy_poll_us = PATIENCE_US, .worker_busy_poll_us = PATIENCE_US});
    lab_check_echo(&lab, lab_channel(&lab));
    result.lab = &lab;
    REQUIRE_INT(probe_common_never(lab_channel(&lab), &request, &options, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_DEADLINE_EXCEEDED);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_release(&result);
    lab_close(&lab);
}

static void a_pool_stops_meanwhile(void) {
    struct lab lab;
    lab_open(&lab,
             &(struct lab_options){.workers = 3, .busy_poll_us = PATIENCE_US, .worker_busy_poll_us = PATIENCE_US});
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.death_count, 3);
    for (unsigned i = 0; i < lab.death_count; i++) {
        CHECK_INT(lab.deaths[i].exit_code, 0);
    }
    /* The master keeps its loop running for nothing else. */
    ev_run(lab.loop, 0);
    lab_close(&lab);
}

static int never_reached(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    return 0;
}

static void patience_beyond_a_second_is_refused(void) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master *master = NULL;
    struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .tuning = {.busy_poll_us = 1000001}};
    const struct yoke_worker_options worker_options = {YOKE_WORKER_OPTIONS_INIT, .tuning = options.tuning};
    CHECK_INT(yoke_master_create(loop, &options, &master), -EINVAL);
    CHECK(master == NULL);
    CHECK_INT(yoke_worker_main(never_reached, &worker_options, NULL), -EINVAL);
    options.tuning.busy_poll_us = 1000000;
    REQUIRE_INT(yoke_master_create(loop, &options, &master), 0);
    CHECK_INT(yoke_master_destroy(master), 0);
    ev_loop_destroy(loop);
}

static const struct test_case cases[] = {
    {.name = "nobody sleeps between calls", .run = nobody_sleeps_between_calls},
    {.name = "each side has its own option", .run = each_side_has_its_own_option},
    {.name = "on one CPU it is off", .run = on_one_cpu_it_is_off},
    {.name = "nobody stays awake after the last call", .run = nobody_stays_awake_after_the_last_call},
    {.name = "a death is heard meanwhile", .run = a_death_is_heard_meanwhile},
    {.name = "a call can be given up meanwhile", .run = a_call_can_be_given_up_meanwhile},
    {.name = "a pool stops meanwhile", .run = a_pool_stops_meanwhile},
    {.name = "patience beyond a second is refused", .run = patience_beyond_a_second_is_refused},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {
        {"fork", cases, &lab_fork_mode}, {"exec", cases, &lab_exec_mode}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
