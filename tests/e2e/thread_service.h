/* thread_service.h: probe.Threads, as workers serve it: handlers that leave their work to threads. */
#ifndef YOKE_TESTS_THREAD_SERVICE_H
#define YOKE_TESTS_THREAD_SERVICE_H

#include "post_storm.h"
#include "probe.yoke.h"

#include <yoke/worker.h>

#define CREW_THREADS 4

struct job;

struct thread_service {
    struct yoke_worker *worker;
    pthread_t crew[CREW_THREADS];
    unsigned crew_size; /* 0 until there is work */
    pthread_mutex_t mutex;
    pthread_cond_t has_news;
    struct job *first, **last; /* what is to be done */
    bool ending;
    struct storm storm;
    struct yoke_call *storm_call; /* NULL: no storm */
};

/* Offers the service. What yoke_server_add() gives. */
int thread_service_serve(struct thread_service *service, struct yoke_worker *worker);

/* Waits for the threads; when the worker has run. */
void thread_service_release(struct thread_service *service);

#endif
