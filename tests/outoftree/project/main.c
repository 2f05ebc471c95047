/*
 * main.c: ask one forked worker for the time, then stop it. Exits 0 when the worker emitted its event, answered and died
 * in peace.
 */
#include "clock.yoke.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <yoke/yoke.h>

struct outcome {
    struct yoke_master *master;
    int looks;
    int answers;
    int deaths;
};

/* ---- The worker ---- */

static void tell(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    struct yoke_worker *worker = user_data;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    Google__Protobuf__Timestamp reply = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    reply.seconds = now.tv_sec;
    reply.nanos = (int32_t)now.tv_nsec;
    Outside__Looked event = OUTSIDE__LOOKED__INIT;
    event.at = &reply;
    outside_looked_emit(yoke_worker_master(worker), &event);
    outside_clock_tell_reply(call, &reply);
}

static const struct outside_clock_handlers handlers = {.tell = tell};

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    outside_clock_serve(yoke_worker_server(worker), &handlers, worker);
    return yoke_worker_run(worker);
}

/* ---- The master ---- */

static void on_look(const struct yoke_peer *peer, const Outside__Looked *event, void *user_data) {
    struct outcome *outcome = user_data;
    printf("worker %d looked\n", (int)peer->pid);
    outcome->looks += event->at && event->at->seconds > 0;
}

static void on_time(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Timestamp *reply,
                    void *user_data) {
    struct outcome *outcome = user_data;
    if (reply) {
        printf("worker %d says %lld\n", (int)yoke_call_peer(call)->pid, (long long)reply->seconds);
        outcome->answers += reply->seconds > 0;
    } else {
        fprintf(stderr, "%s: %s\n", yoke_code_name(status->code), status->message);
    }
    yoke_master_stop(outcome->master);
}

static void on_death(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct outcome *outcome = user_data;
    printf("worker %d died, exit code %d\n", (int)event->pid, (int)event->exit_code);
    outcome->deaths += event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED;
}

static int fail(const char *what, int error) {
    fprintf(stderr, "%s: %d\n", what, error);
    return EXIT_FAILURE;
}

int main(void) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct outcome outcome = {NULL, 0, 0, 0};
    int error = yoke_master_create(loop, NULL, &outcome.master);
    if (error) {
        return fail("yoke_master_create", error);
    }
    error = yoke_v1_worker_died_on(yoke_master_events(outcome.master), on_death, &outcome);
    if (error) {
        return fail("yoke_v1_worker_died_on", error);
    }
    error = outside_looked_on(yoke_master_events(outcome.master), on_look, &outcome);
    if (error) {
        return fail("outside_looked_on", error);
    }

    struct yoke_pool *pool;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .entry = worker_main, .workers = 1};
    error = yoke_pool_create(outcome.master, &options, &pool);
    if (error) {
        return fail("yoke_pool_create", error);
    }
    Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    error = outside_clock_tell(yoke_pool_channel(pool), &request, NULL, on_time, &outcome);
    if (error) {
        return fail("outside_clock_tell", error);
    }

    ev_run(loop, 0);
    yoke_master_destroy(outcome.master);
    ev_loop_destroy(loop);
    return outcome.looks == 1 && outcome.answers == 1 && outcome.deaths == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
