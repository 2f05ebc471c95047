/* count.h: how many requests this worker has answered, told to the master: at most ten times a second, and at the end. */
#ifndef HTTPD_COUNT_H
#define HTTPD_COUNT_H

#include <ev.h>
#include <stdint.h>
#include <yoke/worker.h>

struct count {
    struct yoke_worker *worker;
    ev_timer timer;    /* runs while there is something to tell */
    uint64_t requests; /* that the master has not been told of */
};

void count_init(struct count *count, struct yoke_worker *worker);

/* A request has been answered. */
void count_one(struct count *count);

/* The worker ends: tell what is left. */
void count_finish(struct count *count);

#endif
