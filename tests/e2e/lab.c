/* lab.c: see lab.h. The master and what it hears; calls are in lab_calls.c. */
#include "lab.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct lab_mode lab_fork_mode = {.exec = false};
const struct lab_mode lab_exec_mode = {.exec = true};
const struct lab_mode lab_busy_mode = {.busy_poll_us = 500};

static const struct lab_mode *current_mode(void) {
    const struct lab_mode *mode = test_config();
    return mode != NULL ? mode : &lab_fork_mode;
}

bool lab_is_exec(void) {
    return current_mode()->exec;
}

const char *lab_worker_path(void) {
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/probe_worker", test_program_dir());
    return path;
}

/* ---- What the master hears */

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    struct lab *lab = user_data;
    REQUIRE(lab->birth_count < LAB_DEATHS_MAX);
    lab->births[lab->birth_count++] = (struct lab_birth){
        .worker_id = event->worker_id,
        .pid = event->pid,
        .index = event->index,
        .reason = (int)event->reason,
        .started_order = ++lab->order,
    };
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct lab *lab = user_data;
    lab->ready_count++;
    lab->order++;
    for (unsigned i = 0; i < lab->birth_count; i++) {
        if (lab->births[i].worker_id == event->worker_id) {
            CHECK_INT(lab->births[i].ready_order, 0);
            CHECK_INT(lab->births[i].pid, event->pid);
            CHECK_INT(lab->births[i].index, event->index);
            lab->births[i].ready_order = lab->order;
            return;
        }
    }
    test_check(false, "WorkerReady comes for a worker that has started", __FILE__, __LINE__, false);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct lab *lab = user_data;
    REQUIRE(lab->death_count < LAB_DEATHS_MAX);
    for (unsigned i = 0; i < lab->death_count; i++) {
        CHECK(lab->deaths[i].worker_id != event->worker_id);
    }
    struct lab_death *death = &lab->deaths[lab->death_count++];
    *death = (struct lab_death){
        .worker_id = event->worker_id,
        .pid = event->pid,
        .index = event->index,
        .reason = (int)event->reason,
        .exit_code = event->exit_code,
        .signal = event->signal,
        .core_dumped = event->core_dumped,
        .uptime_us = event->uptime_us,
        .cpu_us = event->user_cpu_us + event->system_cpu_us,
        .max_rss_bytes = event->max_rss_bytes,
        .calls_in_flight = event->calls_in_flight,
        .calls_served = event->calls_served,
        .generation = event->generation,
        .order = ++lab->order,
    };
    snprintf(death->pool, sizeof(death->pool), "%s", event->pool);
    snprintf(death->detail, sizeof(death->detail), "%s", event->detail);
    printf("worker %d died: reason %d, exit code %d, signal %d: %s\n", (int)death->pid, death->reason, death->exit_code,
           death->signal, death->detail);
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    struct lab *lab = user_data;
    lab->stopped_count++;
    lab->order++;
}

/* Another entry of a list, which is filled in only as far as there is room. */
static struct lab_told *add_told(struct lab *lab, struct lab_list *list, const char *detail) {
    static struct lab_told beyond;
    struct lab_told *told = list->count < LAB_TOLD_MAX ? &list->told[list->count] : &beyond;
    list->count++;
    *told = (struct lab_told){.order = ++lab->order};
    snprintf(told->detail, sizeof(told->detail), "%s", detail);
    if (detail[0] != '\0') {
        printf("told: %s\n", detail);
    }
    return told;
}

static void on_restarting(const struct yoke_peer *peer, const Yoke__V1__WorkerRestarting *event, void *user_data) {
    struct lab *lab = user_data;
    struct lab_told *told = add_told(lab, &lab->restarts, "");
    CHECK_INT(peer->worker_id, 0);
    told->index = event->index;
    told->pause_us = event->pause_us;
    told->deaths_in_a_row = event->deaths_in_a_row;
    told->in_period = event->deaths_in_period;
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolFailed *event, void *user_data) {
    struct lab *lab = user_data;
    struct lab_told *told = add_told(lab, &lab->failures, event->detail);
    CHECK_INT(peer->worker_id, 0);
    CHECK_STR(event->pool, "lab");
    told->reason = (int)event->action;
    told->in_period = event->deaths_in_period;
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    struct lab *lab = user_data;
    struct lab_told *told = add_told(lab, &lab->drains, event->detail);
    CHECK_INT(peer->worker_id, event->worker_id);
    told->worker_id = event->worker_id;
    told->index = event->index;
    told->reason = (int)event->reason;
    told->calls_in_flight = event->calls_in_flight;
}

static void on_hung(const struct yoke_peer *peer, const Yoke__V1__WorkerHung *event, void *user_data) {
    struct lab *lab = user_data;
    struct lab_told *told = add_told(lab, &lab->hangs, event->detail);
    CHECK_INT(peer->worker_id, event->worker_id);
    told->worker_id = event->worker_id;
    told->index = event->index;
    told->silent_us = event->silent_us;
    snprintf(told->method, sizeof(told->method), "%s", event->method);
}

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    struct lab *lab = user_data;
    lab->ticks_out_of_order += event->number != lab->tick_count;
    lab->tick_count++;
    lab->tick_bytes += event->data.len;
    lab->tick_worker_id = peer->worker_id;
    lab->last_tick_order = ++lab->order;
}

static void on_noticed(const struct yoke_peer *peer, const Probe__Noticed *event, void *user_data) {
    (void)peer;
    struct lab *lab = user_data;
    lab->noticed_count++;
    lab->noticed_value = event->value;
    lab->order++;
    snprintf(lab->noticed_what, sizeof(lab->noticed_what), "%s", event->what);
}

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    struct lab *lab = user_data;
    printf("log %d: %s\n", (int)level, message);
    if (level <= YOKE_LOG_WARNING) {
        lab->log_count++;
        snprintf(lab->last_log, sizeof(lab->last_log), "%s", message);
    }
}

/* ---- The master and its pool */

static unsigned either(unsigned first, unsigned second) {
    return first != 0 ? first : second;
}

void lab_open_master(struct lab *lab, const struct lab_options *options) {
    *lab = (struct lab){0};
    lab->loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(lab->loop != NULL);
    const struct yoke_master_options master_options = {
        YOKE_MASTER_OPTIONS_INIT,
        .limits = options->limits,
        .tuning = {.busy_poll_us = either(options->busy_poll_us, current_mode()->busy_poll_us)},
        .log = on_log,
        .log_user_data = lab,
    };
    REQUIRE_INT(yoke_master_create(lab->loop, &master_options, &lab->master), 0);
    REQUIRE_INT(probe_common_serve(yoke_master_server(lab->master), &common_handlers, &lab->common), 0);
    REQUIRE_INT(probe_streams_serve(yoke_master_server(lab->master), &stream_handlers, &lab->streams), 0);
    struct yoke_events *events = yoke_master_events(lab->master);
    REQUIRE_INT(yoke_v1_worker_started_on(events, on_started, lab), 0);
    REQUIRE_INT(yoke_v1_worker_ready_on(events, on_ready, lab), 0);
    REQUIRE_INT(yoke_v1_worker_died_on(events, on_died, lab), 0);
    REQUIRE_INT(yoke_v1_pool_stopped_on(events, on_stopped, lab), 0);
    REQUIRE_INT(yoke_v1_worker_restarting_on(events, on_restarting, lab), 0);
    REQUIRE_INT(yoke_v1_pool_failed_on(events, on_failed, lab), 0);
    REQUIRE_INT(yoke_v1_worker_draining_on(events, on_draining, lab), 0);
    REQUIRE_INT(yoke_v1_worker_hung_on(events, on_hung, lab), 0);
    REQUIRE_INT(probe_tick_on(events, on_tick, lab), 0);
    REQUIRE_INT(probe_noticed_on(events, on_noticed, lab), 0);
}

/* What forked workers do; replacements are forked later, and see what it is then. */
static struct probe_setup setup;

void lab_set_scenario(enum probe_scenario scenario) {
    setup.scenario = scenario;
}

int lab_create_pool(struct lab *lab, const struct lab_options *options, struct yoke_pool **ret_pool) {
    static const struct inspection nothing; /* for a worker that must not open the files of /proc */
    setup = (struct probe_setup){
        .scenario = options->scenario,
        .inspection = options->identity.seccomp == YOKE_SECCOMP_NO_FILES ? &nothing : NULL,
    };
    char scenario[16];
    char max_message[16];
    char max_incoming[16];
    char busy_poll[16];
    const struct yoke_limits *limits = &options->limits;
    const struct yoke_limits *own = &options->worker_limits;
    snprintf(scenario, sizeof(scenario), "%d", (int)options->scenario);
    snprintf(max_message, sizeof(max_message), "%u", either(own->max_message_bytes, limits->max_message_bytes));
    snprintf(max_incoming, sizeof(max_incoming), "%u", either(own->max_incoming_calls, limits->max_incoming_calls));
    snprintf(busy_poll, sizeof(busy_poll), "%u", options->worker_busy_poll_us);
    char name[] = "probe_worker";
    char *argv[] = {name, scenario, max_message, max_incoming, busy_poll, NULL};
    struct yoke_pool_options pool_options = {YOKE_POOL_OPTIONS_INIT};
    if (options->pool != NULL) {
        pool_options = *options->pool;
        pool_options.size = sizeof(pool_options);
    }
    pool_options.name = "lab";
    pool_options.workers = either(options->workers, 1);
    if (options->restart) {
        pool_options.restart = (struct yoke_restart_options){.when = YOKE_RESTART_ALWAYS,
                                                             .pause_ms = options->restart_pause_ms,
                                                             .max_pause_ms = options->restart_pause_ms,
                                                             .max_restarts = UINT32_MAX};
    }
    if (options->stop_timeout_ms != 0) {
        pool_options.stop.drain_ms = options->stop_timeout_ms;
    }
    pool_options.identity = options->identity;
    pool_options.output = options->output;
    if (lab_is_exec()) {
        pool_options.path = options->worker_path != NULL ? options->worker_path : lab_worker_path();
        pool_options.argv = argv;
    } else {
        pool_options.entry = probe_worker_entry;
        pool_options.user_data = &setup;
    }
    return yoke_pool_create(lab->master, &pool_options, ret_pool);
}

void lab_open(struct lab *lab, const struct lab_options *options) {
    const struct lab_options defaults = {0};
    if (options == NULL) {
        options = &defaults;
    }
    lab_open_master(lab, options);
    REQUIRE_INT(lab_create_pool(lab, options, &lab->pool), 0);
    LAB_WAIT(lab, lab->ready_count == yoke_pool_size(lab->pool));
}

void lab_close(struct lab *lab) {
    CHECK_INT(yoke_master_destroy(lab->master), 0);
    ev_loop_destroy(lab->loop);
    /* What the master had not answered is answered now, in vain: that frees it. */
    common_release(&lab->common, false);
    stream_service_release(&lab->streams);
    if (lab->common.never_count > 0) {
        CHECK_INT(yoke_call_fail(lab->common.never, YOKE_ABORTED, NULL), -ENOTCONN);
    }
}

void lab_turn(struct lab *lab, const char *condition, const char *file, unsigned line) {
    /* A last turn may be what makes the condition true, so an idle loop is wrong only when it was idle before. */
    static const char *idle_at;
    bool active = ev_run(lab->loop, EVRUN_ONCE) != 0;
    if (!active && idle_at == condition) {
        printf("nothing is left to wait for\n");
        test_check(false, condition, file, line, true);
    }
    idle_at = active ? NULL : condition;
}

struct yoke_channel *lab_channel(struct lab *lab) {
    return yoke_child_channel(yoke_pool_child(lab->pool, 0));
}
