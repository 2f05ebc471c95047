/* drain_worker.c: see drain_worker.h. */
#include "drain_worker.h"

#include "probe.yoke.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

static struct drain {
    struct yoke_worker *worker;
    ev_timer pause;
    unsigned made;
    int64_t answered;
    int error; /* the first that should not be */
} drain;

static void notice(char *what, int64_t value) {
    Probe__Noticed noticed = PROBE__NOTICED__INIT;
    noticed.what = what;
    noticed.value = value;
    int error = probe_noticed_emit(yoke_worker_master(drain.worker), &noticed);
    if (error != 0) {
        abort();
    }
}

static void on_echo(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                    void *user_data) {
    (void)call;
    (void)reply;
    (void)user_data;
    drain.answered += status->code == YOKE_OK;
    ev_timer_start(yoke_worker_loop(drain.worker), &drain.pause);
}

/* In a turn of its own, so that nothing is in flight at either side meanwhile. */
static void on_pause(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    ev_timer_stop(loop, timer);
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    if (drain.made++ < DRAIN_CALLS && drain.error == 0) {
        drain.error = probe_common_echo(yoke_worker_master(drain.worker), &request, NULL, on_echo, NULL);
    }
    if (drain.made > DRAIN_CALLS || drain.error != 0) {
        notice((char[]){"drained"}, drain.error != 0 ? drain.error : drain.answered);
        yoke_worker_stop(drain.worker, DRAIN_EXIT_CODE);
    }
}

static void on_drain(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    if (yoke_worker_on_drain(worker, on_drain, NULL) != -EALREADY) {
        drain.error = -EALREADY;
    }
    ev_timer_init(&drain.pause, on_pause, 0.001, 0.);
    ev_timer_start(yoke_worker_loop(worker), &drain.pause);
}

static void on_endless_drain(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    notice((char[]){"told"}, 1);
}

int drain_worker_start(struct yoke_worker *worker, bool is_endless) {
    drain.worker = worker;
    if (yoke_worker_on_drain(worker, NULL, NULL) != -EINVAL) {
        return -EINVAL;
    }
    return yoke_worker_on_drain(worker, is_endless ? on_endless_drain : on_drain, NULL);
}
