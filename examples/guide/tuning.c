/* tuning: calls that are made one after the other, by processes that look out for bytes before they sleep. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

#define CALLS 1000

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void square(struct yoke_call *call, const Guide__Number *number, void *user_data) {
    (void)user_data;
    Guide__Number result = GUIDE__NUMBER__INIT;
    result.value = number->value * number->value;
    guide_math_square_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_math_handlers handlers = {.square = square};
    return guide_math_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
    Guide__Number next;
    int64_t sum;
};

static int ask(struct demo *demo);

static void on_square(struct yoke_call *call, const struct yoke_status *status, const Guide__Number *result,
                      void *user_data) {
    (void)call;
    struct demo *demo = user_data;
    demo->sum += status->code == YOKE_OK ? result->value : 0;
    if (demo->next.value == CALLS || ask(demo) < 0) {
        printf("the sum of %d squares is %lld\n", (int)demo->next.value, (long long)demo->sum);
        yoke_master_stop(demo->master);
    }
}

static int ask(struct demo *demo) {
    demo->next.value++;
    return guide_math_square(yoke_pool_channel(demo->pool), &demo->next, NULL, on_square, demo);
}

static int start(struct yoke_master *master) {
    static struct demo demo = {.next = GUIDE__NUMBER__INIT};
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    demo.master = master;
    int error = yoke_pool_create(master, &options, &demo.pool);
    return error < 0 ? error : ask(&demo);
}

int main(void) {
    const struct yoke_master_options options = {
        YOKE_MASTER_OPTIONS_INIT,
        .tuning = {.busy_poll_us = 50},
    };
    return guide_run(&options, start);
}
