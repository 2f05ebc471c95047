/* start_worker.c: see start_worker.h. */
#include "start_worker.h"

#include "probe.yoke.h"

#include <errno.h>

static void notice(struct yoke_worker *worker, char *what, int64_t value) {
    Probe__Noticed noticed = PROBE__NOTICED__INIT;
    noticed.what = what;
    noticed.value = value;
    (void)probe_noticed_emit(yoke_worker_master(worker), &noticed);
}

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    struct yoke_worker *worker = user_data;
    (void)peer;
    if (event->number == START_WORKER_READY) {
        notice(worker, (char[]){"ready"}, yoke_worker_ready(worker));
    }
}

int start_worker_postpone(struct yoke_worker *worker) {
    int error = yoke_worker_postpone_ready(worker);
    if (error == 0) {
        error = probe_tick_on(yoke_worker_events(worker), on_tick, worker);
    }
    notice(worker, (char[]){"postponed"}, error);
    /* Too late now to say it. */
    return error == 0 && yoke_worker_postpone_ready(worker) != -EALREADY ? -EINVAL : error;
}
