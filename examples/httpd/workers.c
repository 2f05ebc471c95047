/* workers.c: see workers.h. */
#include "workers.h"

#include "httpd.yoke.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct worker {
    struct worker *next;
    uint64_t id, generation, requests;
    int32_t pid;
    uint32_t place;
    const char *state;
};

static uint64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* Where the pointer to the worker is; to the end, which is NULL, when there is no such one. */
static struct worker **find(struct workers *workers, uint64_t id) {
    struct worker **at = &workers->first;
    while (*at != NULL && (*at)->id != id) {
        at = &(*at)->next;
    }
    return at;
}

static void set_state(struct workers *workers, uint64_t id, const char *state) {
    struct worker *worker = *find(workers, id);
    if (worker != NULL) {
        worker->state = state;
    }
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

/* Without memory for it, the worker works all the same; it is only not listed. */
static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    struct workers *workers = user_data;
    struct worker *worker = calloc(1, sizeof(*worker));
    (void)peer;
    if (worker == NULL) {
        return;
    }
    worker->id = event->worker_id;
    worker->generation = event->generation;
    worker->pid = event->pid;
    worker->place = event->index;
    worker->state = "starting";
    *find(workers, event->worker_id) = worker;
    workers->count++;
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    set_state(user_data, event->worker_id, "ready");
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    (void)peer;
    set_state(user_data, event->worker_id, "draining");
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    struct workers *workers = user_data;
    struct worker **at = find(workers, event->worker_id), *worker = *at;
    (void)peer;
    if (worker != NULL) {
        *at = worker->next;
        workers->count--;
        free(worker);
    }
}

/* Begin another second if this one is over. */
static void turn_second(struct workers *workers) {
    uint64_t second = (now_us() - workers->started_us) / 1000000;
    if (second != workers->second) {
        workers->in_last_second = second == workers->second + 1 ? workers->in_second : 0;
        workers->in_second = 0;
        workers->second = second;
    }
}

static void on_served(const struct yoke_peer *peer, const Httpd__Served *event, void *user_data) {
    struct workers *workers = user_data;
    struct worker *worker = *find(workers, peer->worker_id);
    if (worker != NULL) {
        worker->requests += event->requests;
    }
    turn_second(workers);
    workers->in_second += event->requests;
    workers->requests += event->requests;
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static void fill(const struct worker *worker, Httpd__WorkerStatus *status) {
    httpd__worker_status__init(status);
    status->id = worker->id;
    status->pid = worker->pid;
    status->place = worker->place;
    status->generation = worker->generation;
    status->state = (char *)worker->state;
    status->requests = worker->requests;
}

static void status(struct yoke_call *call, const Httpd__StatusRequest *request, void *user_data) {
    struct workers *workers = user_data;
    Httpd__WorkerStatus *list = calloc(workers->count + 1, sizeof(*list));
    Httpd__WorkerStatus **pointers = calloc(workers->count + 1, sizeof(*pointers));
    Httpd__StatusReply reply = HTTPD__STATUS_REPLY__INIT;
    (void)request;
    if (list != NULL && pointers != NULL) {
        turn_second(workers);
        for (const struct worker *worker = workers->first; worker != NULL; worker = worker->next) {
            fill(worker, &list[reply.n_workers]);
            pointers[reply.n_workers] = &list[reply.n_workers];
            reply.n_workers++;
        }
        reply.workers = pointers;
        reply.pid = getpid();
        reply.uptime_us = now_us() - workers->started_us;
        reply.requests = workers->requests;
        reply.requests_per_second = workers->in_last_second;
        (void)httpd_master_status_reply(call, &reply);
    } else {
        (void)yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "the master is out of memory");
    }
    free(list);
    free(pointers);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

int workers_init(struct workers *workers, struct yoke_master *master) {
    static const struct httpd_master_handlers handlers = {.status = status};
    struct yoke_events *events = yoke_master_events(master);
    *workers = (struct workers){.started_us = now_us()};
    int error = yoke_v1_worker_started_on(events, on_started, workers);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(events, on_ready, workers);
    }
    if (error == 0) {
        error = yoke_v1_worker_draining_on(events, on_draining, workers);
    }
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, workers);
    }
    if (error == 0) {
        error = httpd_served_on(events, on_served, workers);
    }
    return error == 0 ? httpd_master_serve(yoke_master_server(master), &handlers, workers) : error;
}

void workers_release(struct workers *workers) {
    while (workers->first != NULL) {
        struct worker *worker = workers->first;
        workers->first = worker->next;
        free(worker);
    }
    workers->count = 0;
}
