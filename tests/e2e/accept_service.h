/*
 * accept_service.h: what a worker of the tests does with its listening sockets: it accepts from all of them, and answers each line
 * with "PID INDEX LISTENER MASTER\n", the line "die" by dying. Told to drain, it accepts no more and ends when its connections have.
 */
#ifndef YOKE_TESTS_ACCEPT_SERVICE_H
#define YOKE_TESTS_ACCEPT_SERVICE_H

#include <yoke/worker.h>

#include <ev.h>
#include <stdbool.h>

#define ACCEPT_LISTENERS_MAX 64

struct accept_service;

struct accept_listener {
    ev_io watcher;
    struct accept_service *service;
    unsigned number;
};

struct accept_service {
    struct yoke_worker *worker;
    struct accept_listener listeners[ACCEPT_LISTENERS_MAX];
    unsigned count;
    unsigned open; /* connections */
    bool is_draining;
};

/* Before yoke_worker_run(). What that gives. */
int accept_service_start(struct accept_service *service, struct yoke_worker *worker);

#endif
