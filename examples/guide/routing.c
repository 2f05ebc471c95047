/* routing: calls in turn, and calls by the user that they are about, before and after a worker has died; then one to all. */
#include "guide.yoke.h"
#include "run.h"

#include <signal.h>
#include <stdio.h>

enum { WORKERS = 4, CALLS = 6 };

static char *const users[CALLS] = {"ann", "bob", "cid", "dan", "eve", "flo"};

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void touch(struct yoke_call *call, const Guide__Visit *visit, void *user_data) {
    struct yoke_worker *worker = user_data;
    (void)visit;
    char text[20];
    snprintf(text, sizeof text, "%u", yoke_worker_index(worker));
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = text;
    guide_sessions_touch_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_sessions_handlers handlers = {.touch = touch};
    return guide_sessions_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master: a round is a call for each user, one after the other. ------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *in_turn, *sticky;
    struct yoke_pool *pool; /* of this round */
    unsigned ready, calls, rounds;
    unsigned place_of_ann;
    unsigned answers, answers_ok;
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data);

static void call_next(struct demo *demo) {
    Guide__Visit visit = GUIDE__VISIT__INIT;
    visit.user = users[demo->calls];
    guide_sessions_touch(yoke_pool_channel(demo->pool), &visit, NULL, on_result, demo);
}

static void begin_round(struct demo *demo, struct yoke_pool *pool, const char *title) {
    printf("%s:", title);
    demo->pool = pool;
    demo->calls = 0;
    demo->rounds++;
    call_next(demo);
}

/* One for each place. */
static void on_answer(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)result;
    struct demo *demo = user_data;
    demo->answers_ok += status->code == YOKE_OK;
    if (++demo->answers == WORKERS) {
        printf("all: %u of %u are OK\n", demo->answers_ok, demo->answers);
        yoke_master_stop(demo->master);
    }
}

static void call_all(struct demo *demo) {
    Guide__Visit visit = GUIDE__VISIT__INIT;
    visit.user = "everybody";
    guide_sessions_touch_all(yoke_pool_channel(demo->sticky), &visit, NULL, on_answer, demo);
}

static void end_round(struct demo *demo) {
    printf("\n");
    if (demo->rounds == 1) {
        begin_round(demo, demo->sticky, "sticky");
    } else if (demo->rounds == 2) {
        yoke_child_kill(yoke_pool_child(demo->sticky, demo->place_of_ann), SIGKILL);
    } else {
        call_all(demo);
    }
}

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    struct demo *demo = user_data;
    const char *place = result != NULL ? result->text : yoke_code_name(status->code);
    printf(" %s %s", users[demo->calls], place);
    if (demo->rounds == 2 && demo->calls == 0) {
        demo->place_of_ann = (unsigned)(yoke_call_peer(call)->worker_id - 1) % WORKERS;
    }
    if (++demo->calls < CALLS) {
        call_next(demo);
    } else {
        end_round(demo);
    }
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    struct demo *demo = user_data;
    if (++demo->ready == 2 * WORKERS) {
        begin_round(demo, demo->in_turn, "round robin");
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->signal == SIGKILL) {
        begin_round(demo, demo->sticky, "without ann's");
    }
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    struct yoke_events *events = yoke_master_events(master);
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = WORKERS, .entry = worker_main};
    int error = yoke_v1_worker_ready_on(events, on_ready, &demo);
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, &demo);
    }
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.in_turn);
    }
    if (error == 0) {
        options.routing.route = YOKE_ROUTE_STICKY;
        error = yoke_pool_create(master, &options, &demo.sticky);
    }
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
