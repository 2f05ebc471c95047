/*
 * hello: a master and two workers greet each other by typed calls, exchange news by typed events, and the master sees
 * one of them die. The exit status is 0 when all of it happened. With --wait the master does not end: kill it, and no
 * worker is left.
 */
#include "hello.yoke.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <yoke/yoke.h>

#define WORKERS 2

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void worker_says(struct yoke_worker *worker, const char *what, const char *text) {
    printf("  worker %u: %s \"%s\"\n", (unsigned)yoke_worker_id(worker), what, text);
}

/* The master's answer to our call. */
static void on_master_answer(struct yoke_call *call, const struct yoke_status *status, const Hello__Greeting *reply,
                             void *user_data) {
    (void)call;
    worker_says(user_data, "the master answers", status->code == YOKE_OK ? reply->text : status->message);
}

/* The master calls us. */
static void worker_greet(struct yoke_call *call, const Hello__Greeting *request, void *user_data) {
    Hello__Greeting reply = HELLO__GREETING__INIT;
    worker_says(user_data, "the master calls", request->text);
    reply.text = "hello, master";
    hello_worker_greet_reply(call, &reply);
}

/* The master has news. So have we. */
static void on_master_news(const struct yoke_peer *peer, const Hello__News *event, void *user_data) {
    (void)peer;
    struct yoke_worker *worker = user_data;
    Hello__News news = HELLO__NEWS__INIT;
    worker_says(worker, "news", event->text);
    news.text = "I have heard it";
    hello_news_emit(yoke_worker_master(worker), &news);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct hello_worker_handlers handlers = {.greet = worker_greet};
    Hello__Greeting request = HELLO__GREETING__INIT;
    request.text = "hello from your worker";

    if (hello_worker_serve(yoke_worker_server(worker), &handlers, worker) < 0 ||
        hello_news_on(yoke_worker_events(worker), on_master_news, worker) < 0 ||
        hello_master_greet(yoke_worker_master(worker), &request, NULL, on_master_answer, worker) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
    bool wait;

    /* How many workers … */
    unsigned greeted;  /* have called and been answered */
    unsigned answered; /* have been called and answered */
    unsigned heard;    /* have heard the news */
    unsigned killed;
    unsigned stopped;
};

/* When everybody has been greeted, tell everybody. */
static void maybe_tell_news(struct demo *demo) {
    Hello__News news = HELLO__NEWS__INIT;
    news.text = "everybody has been greeted";
    if (demo->greeted == WORKERS && demo->answered == WORKERS) {
        hello_news_emit(yoke_pool_channel(demo->pool), &news);
    }
}

/* A worker calls us: it is answered by name. */
static void master_greet(struct yoke_call *call, const Hello__Greeting *request, void *user_data) {
    struct demo *demo = user_data;
    unsigned id = (unsigned)yoke_call_peer(call)->worker_id;
    char text[32];
    Hello__Greeting reply = HELLO__GREETING__INIT;

    printf("master: worker %u calls: \"%s\"\n", id, request->text);
    snprintf(text, sizeof(text), "hello, worker %u", id);
    reply.text = text;
    hello_master_greet_reply(call, &reply);
    demo->greeted++;
    maybe_tell_news(demo);
}

/* A worker answers us. */
static void on_worker_answer(struct yoke_call *call, const struct yoke_status *status, const Hello__Greeting *reply,
                             void *user_data) {
    struct demo *demo = user_data;
    if (status->code != YOKE_OK) {
        return; /* the worker died, and on_worker_died() will hear of it */
    }
    printf("master: worker %u answers: \"%s\"\n", (unsigned)yoke_call_peer(call)->worker_id, reply->text);
    demo->answered++;
    maybe_tell_news(demo);
}

static void on_worker_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    struct yoke_child *child = yoke_pool_child(demo->pool, event->index);
    Hello__Greeting request = HELLO__GREETING__INIT;
    request.text = "hello from your master";
    hello_worker_greet(yoke_child_channel(child), &request, NULL, on_worker_answer, demo);
}

/* A worker has news. When both have been heard, one has to die. */
static void on_worker_news(const struct yoke_peer *peer, const Hello__News *event, void *user_data) {
    struct demo *demo = user_data;
    printf("master: news from worker %u: \"%s\"\n", (unsigned)peer->worker_id, event->text);
    if (++demo->heard < WORKERS) {
        return;
    }
    if (demo->wait) {
        puts("master: waiting");
    } else {
        yoke_child_kill(yoke_pool_child(demo->pool, WORKERS - 1), SIGKILL);
    }
}

static void on_worker_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    printf("master: worker %u died: exit code %d, signal %d: %s\n", (unsigned)event->worker_id, event->exit_code,
           event->signal, event->detail);
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED) {
        demo->stopped++;
    } else {
        demo->killed += event->signal == SIGKILL;
        yoke_master_stop(demo->master);
    }
}

static int start(struct demo *demo, struct ev_loop *loop) {
    static const struct hello_master_handlers handlers = {.greet = master_greet};
    int error = yoke_master_create(loop, NULL, &demo->master);
    if (error < 0) {
        return error;
    }

    struct yoke_events *events = yoke_master_events(demo->master);
    if (hello_master_serve(yoke_master_server(demo->master), &handlers, demo) < 0 ||
        hello_news_on(events, on_worker_news, demo) < 0 || yoke_v1_worker_ready_on(events, on_worker_ready, demo) < 0 ||
        yoke_v1_worker_died_on(events, on_worker_died, demo) < 0) {
        return -ENOMEM;
    }

    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = WORKERS, .entry = worker_main};
    return yoke_pool_create(demo->master, &options, &demo->pool);
}

int main(int argc, char **argv) {
    struct demo demo = {.wait = argc == 2 && strcmp(argv[1], "--wait") == 0};
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, though three processes write them */

    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL) {
        return 1;
    }
    int error = start(&demo, loop);
    if (error == 0) {
        ev_run(loop, 0); /* until every worker has stopped */
    } else {
        fprintf(stderr, "hello: %s\n", strerror(-error));
    }
    yoke_master_destroy(demo.master);
    ev_loop_destroy(loop);

    bool all = demo.greeted == WORKERS && demo.answered == WORKERS && demo.heard == WORKERS && demo.killed == 1 &&
               demo.stopped == WORKERS - 1;
    return all ? 0 : 1;
}
