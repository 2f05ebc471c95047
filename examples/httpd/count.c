/* count.c: see count.h. An event for each request would cost more than the request. */
#include "count.h"

#include "httpd.yoke.h"

#define TELL_SECONDS 0.1

/* What cannot be sent now, because the master is slow to read, is told with the next. */
static void tell(struct count *count) {
    Httpd__Served served = HTTPD__SERVED__INIT;
    served.requests = count->requests;
    if (count->requests > 0 && httpd_served_emit(yoke_worker_master(count->worker), &served) == 0) {
        count->requests = 0;
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    struct count *count = timer->data;
    (void)events;
    tell(count);
    if (count->requests > 0) {
        ev_timer_again(loop, timer);
    } else {
        ev_timer_stop(loop, timer);
    }
}

void count_init(struct count *count, struct yoke_worker *worker) {
    *count = (struct count){.worker = worker};
    ev_timer_init(&count->timer, on_timer, 0., TELL_SECONDS);
    count->timer.data = count;
}

void count_one(struct count *count) {
    if (count->requests++ == 0) {
        ev_timer_again(yoke_worker_loop(count->worker), &count->timer);
    }
}

void count_finish(struct count *count) {
    ev_timer_stop(yoke_worker_loop(count->worker), &count->timer);
    tell(count);
}
