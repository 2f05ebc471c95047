/* worker.h: what a worker consists of. */
#ifndef YOKE_WORKER_WORKER_H
#define YOKE_WORKER_WORKER_H

#include "rpc/channel.h"
#include "rpc/socket.h"
#include "worker/boot.h"

struct yoke_worker {
    struct yoke__engine engine;
    struct ev_loop *loop;
    struct yoke__io io;
    struct yoke_server server;
    struct yoke_events events;
    struct yoke__socket socket;
    struct yoke__single_channel master;
    uint64_t id;
    unsigned index;
    uint64_t generation;
    unsigned listener_count;
    yoke_worker_drain_hook *drain_hook; /* NULL: the master stops us */
    void *drain_data;
    ev_timer drain; /* ends the patience of yoke_worker_drain() */
    bool is_orphan; /* the master is dead: yoke_worker_run() returns whatever is in flight */
    bool ending;    /* yoke_worker_run() returns when nothing is in flight */
    int exit_code;
};

/* A worker on the channel of this process. -EINVAL: limits out of range; -ENOMEM, -EMFILE. */
int yoke__worker_create(const struct yoke__worker_setup *setup, struct yoke_worker **ret_worker);

/* Send what is queued and free the worker. */
void yoke__worker_destroy(struct yoke_worker *worker);

#endif
