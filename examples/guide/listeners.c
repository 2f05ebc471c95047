/* listeners: a server is killed, and who connects while there is none is served by the next. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The server ----------------------------------------------------------------------------------------------- */

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    (void)events;
    struct yoke_worker *worker = watcher->data;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) { /* or another worker was faster */
        dprintf(fd, "hello from worker %u", (unsigned)yoke_worker_id(worker));
        close(fd);
    }
}

static int web_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static ev_io watcher;
    ev_io_init(&watcher, on_connection, yoke_worker_listener(worker, 0), EV_READ);
    watcher.data = worker;
    ev_io_start(yoke_worker_loop(worker), &watcher);
    return yoke_worker_run(worker);
}

/* ---- The client: a worker, too, because it blocks. --------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    char text[100] = "";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strrchr(job->name, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        recv(fd, text, sizeof text - 1, MSG_WAITALL) < 0) {
        snprintf(text, sizeof text, "%s", strerror(errno));
    }
    close(fd);
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = text;
    guide_jobs_run_reply(call, &result);
}

static int client_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_listener *listener;
    struct yoke_pool *web, *client;
    unsigned visits;
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    struct demo *demo = user_data;
    printf("the client got: %s\n", result != NULL ? result->text : status->message);
    if (++demo->visits == 1) {
        yoke_child_kill(yoke_pool_child(demo->web, 0), SIGKILL);
    } else {
        yoke_master_stop(demo->master);
    }
}

static int visit(struct demo *demo) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = (char *)yoke_listener_address(demo->listener);
    return guide_jobs_run(yoke_pool_channel(demo->client), &job, NULL, on_result, demo);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    if (event->signal == SIGKILL) {
        printf("%s/%u is dead, the client connects\n", event->pool, event->index);
        visit(user_data);
    }
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    const struct yoke_listener_options where = {YOKE_LISTENER_OPTIONS_INIT, .address = "tcp:127.0.0.1:0"};
    int error = yoke_master_listen(master, &where, &demo.listener);
    struct yoke_listener *listeners[] = {demo.listener, NULL};
    struct yoke_pool_options web = {
        YOKE_POOL_OPTIONS_INIT, .name = "web",          .workers = 1,
        .entry = web_main,      .listeners = listeners, .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 10},
    };
    struct yoke_pool_options client = {YOKE_POOL_OPTIONS_INIT, .name = "client", .workers = 1, .entry = client_main};
    if (error == 0) {
        error = yoke_v1_worker_died_on(yoke_master_events(master), on_died, &demo);
    }
    if (error == 0) {
        error = yoke_pool_create(master, &web, &demo.web);
    }
    if (error == 0) {
        error = yoke_pool_create(master, &client, &demo.client);
    }
    return error == 0 ? visit(&demo) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
