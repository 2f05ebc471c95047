/*
 * run.c: one case in one configuration: a master, a worker for each round, and the case in the one that calls. What
 * went wrong becomes a failure of the harness's case, wherever it went wrong.
 */
#include "row.h"

#include "harness.h"

#include <ev.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct row *row;
    const struct conformance_case *test;
    struct ev_loop *loop;
    struct yoke_master *master;
    struct service service; /* the master's */
    unsigned reports, deaths, stops;
};

/* A failure for each line of a caller's report. */
static void show_report(const char *text) {
    char copy[sizeof(((struct caller *)NULL)->report)];
    snprintf(copy, sizeof(copy), "%s", text);
    char *rest;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        test_check(false, line, "", 0, false);
    }
}

static void on_case_report(const struct yoke_peer *peer, const Interop__CaseReport *event, void *user_data) {
    (void)peer;
    struct run *run = user_data;
    run->reports++;
    show_report(event->text);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct run *run = user_data;
    run->deaths++;
    if (event->signal != 0 || event->exit_code != 0) {
        test_check(false, event->detail, "", 0, false);
    }
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    struct run *run = user_data;
    run->stops++;
}

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    (void)user_data;
    printf("log %d: %s\n", (int)level, message);
}

static void open_master(struct run *run) {
    run->loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(run->loop != NULL);
    const struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .limits = row_limits,
                                                .tuning = {.busy_poll_us = run->row->busy_poll_us}, .log = on_log};
    REQUIRE_INT(yoke_master_create(run->loop, &options, &run->master), 0);
    REQUIRE_INT(service_serve(&run->service, yoke_master_server(run->master), run->loop), 0);
    struct yoke_events *events = yoke_master_events(run->master);
    REQUIRE_INT(yoke_v1_worker_died_on(events, on_died, run), 0);
    REQUIRE_INT(yoke_v1_pool_stopped_on(events, on_stopped, run), 0);
    REQUIRE_INT(interop_case_report_on(events, on_case_report, run), 0);
}

static struct yoke_pool *spawn(struct run *run) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/conformance_worker", test_program_dir());
    struct worker_job job = {.row = run->row, .test = run->row->upward ? run->test : NULL};
    char *argv[] = {path, (char *)run->row->name, run->row->upward ? (char *)run->test->name : NULL, NULL};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1};
    if (run->row->exec) {
        options.path = path;
        options.argv = argv;
    } else {
        /* It is copied with all else before yoke_pool_create() returns. */
        options.entry = row_worker_entry;
        options.user_data = &job;
    }
    struct yoke_pool *pool;
    REQUIRE_INT(yoke_pool_create(run->master, &options, &pool), 0);
    return pool;
}

static void run_round(struct run *run) {
    run->reports = run->deaths = run->stops = 0;
    struct yoke_pool *pool = spawn(run);
    if (!run->row->upward) {
        struct caller caller;
        caller_init(&caller, run->row->driver, yoke_pool_channel(pool), run->loop);
        run->test->body(&caller);
        caller_finish(&caller);
        show_report(caller.report);
        yoke_pool_stop(pool);
    }
    while (run->deaths == 0) {
        REQUIRE(ev_run(run->loop, EVRUN_ONCE) != 0 || run->deaths > 0);
    }
    yoke_pool_stop(pool);
    while (run->stops == 0) {
        REQUIRE(ev_run(run->loop, EVRUN_ONCE) != 0 || run->stops > 0);
    }
    CHECK_INT(run->deaths, 1);
    CHECK_INT(run->reports, run->row->upward ? 1 : 0);
    CHECK_INT(run->service.live, 0);
}

void run_case(const struct conformance_case *test, unsigned rounds) {
    struct run run = {.row = test_config(), .test = test};
    open_master(&run);
    for (unsigned i = 0; i < rounds; i++) {
        run_round(&run);
    }
    CHECK_INT(yoke_master_destroy(run.master), 0);
    ev_loop_destroy(run.loop);
}
