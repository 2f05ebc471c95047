/*
 * worker.c: the worker of all configurations: it serves; and if it is given a case, it runs that, reports it to the
 * master by an event, and exits.
 */
#include "row.h"

#include <ev.h>

struct at_work {
    struct yoke_worker *worker;
    const struct worker_job *job;
    struct service service;
    ev_timer begin;
};

/* Gives the exit code. */
static int run_and_report(struct at_work *work) {
    struct yoke_channel *master = yoke_worker_master(work->worker);
    struct caller caller;
    caller_init(&caller, work->job->row->driver, master, yoke_worker_loop(work->worker));
    work->job->test->body(&caller);
    caller_finish(&caller);
    Interop__CaseReport event = INTEROP__CASE_REPORT__INIT;
    event.text = caller.report;
    /* If the event does not leave, the exit code still says whether the case went well. */
    (void)interop_case_report_emit(master, &event);
    return caller.report_length > 0 ? EXIT_CASE_FAILED : 0;
}

/* From a watcher of ours: the case waits by turning the loop, which must not be done in a callback of Yoke's. */
static void on_begin(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)events;
    struct at_work *work = watcher->data;
    yoke_worker_stop(work->worker, run_and_report(work));
}

static int serve(struct at_work *work) {
    ev_timer_init(&work->begin, on_begin, 0, 0);
    work->begin.data = work;
    if (work->job->test != NULL) {
        ev_timer_start(yoke_worker_loop(work->worker), &work->begin);
    }
    return yoke_worker_run(work->worker);
}

int row_worker_entry(struct yoke_worker *worker, void *user_data) {
    struct at_work work = {.worker = worker, .job = user_data};
    struct ev_loop *loop = yoke_worker_loop(worker);
    if (service_serve(&work.service, yoke_worker_server(worker), loop) != 0) {
        return YOKE_EXIT_BOOT;
    }
    /* A case that blocks needs no loop of its worker's. */
    int exit_code = work.job->test != NULL && work.job->row->driver->blocks ? run_and_report(&work) : serve(&work);
    return exit_code == 0 && work.service.live > 0 ? EXIT_CALLS_LEFT : exit_code;
}
