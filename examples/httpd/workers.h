/* workers.h: what the master knows of its workers, from events, and the service that tells it. */
#ifndef HTTPD_WORKERS_H
#define HTTPD_WORKERS_H

#include <stddef.h>
#include <stdint.h>
#include <yoke/master.h>

struct worker;

struct workers {
    struct worker *first; /* those that live, in order of their start */
    size_t count;
    uint64_t started_us;
    uint64_t requests;

    /* Requests told of in the second that goes on, and in the one before. */
    uint64_t second, in_second, in_last_second;
};

/* Subscribe and serve. Errors as yoke_events_on() and yoke_server_add(). */
int workers_init(struct workers *workers, struct yoke_master *master);

/* When the master has been destroyed. */
void workers_release(struct workers *workers);

#endif
