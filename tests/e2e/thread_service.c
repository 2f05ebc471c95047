/* thread_service.c: see thread_service.h. */
#include "thread_service.h"

#include <stdlib.h>

/* ---- Work: the handler hands the call to a thread, which posts the answer */

struct job {
    struct job *next;
    struct thread_service *service;
    struct yoke_call *call; /* only for the loop's thread */
    int64_t value;
};

static void answer(void *user_data) {
    struct job *job = user_data;
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = job->value;
    /* The caller may have cancelled it meanwhile; answering it frees it. */
    probe_threads_work_reply(job->call, &reply);
    free(job);
}

/* The next job; NULL when there will be none. */
static struct job *take_job(struct thread_service *service) {
    pthread_mutex_lock(&service->mutex);
    while (service->first == NULL && !service->ending) {
        pthread_cond_wait(&service->has_news, &service->mutex);
    }
    struct job *job = service->first;
    if (job != NULL) {
        service->first = job->next;
        service->last = job->next != NULL ? service->last : &service->first;
    }
    pthread_mutex_unlock(&service->mutex);
    return job;
}

static void *work_on(void *user_data) {
    struct thread_service *service = user_data;
    for (struct job *job = take_job(service); job != NULL; job = take_job(service)) {
        job->value++;
        if (yoke_worker_post(service->worker, answer, job) != 0) {
            abort();
        }
    }
    return NULL;
}

static void work(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    struct thread_service *service = user_data;
    struct job *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        abort();
    }
    *job = (struct job){.service = service, .call = call, .value = request->value};
    while (service->crew_size < CREW_THREADS) {
        if (pthread_create(&service->crew[service->crew_size++], NULL, work_on, service) != 0) {
            abort();
        }
    }
    pthread_mutex_lock(&service->mutex);
    *service->last = job;
    service->last = &job->next;
    pthread_cond_signal(&service->has_news);
    pthread_mutex_unlock(&service->mutex);
}

/* ---- Storm */

static int post_to_worker(void *owner, void (*run)(void *user_data), void *user_data) {
    return yoke_worker_post(owner, run, user_data);
}

static void on_storm_end(void *user_data) {
    struct thread_service *service = user_data;
    Probe__Number reply = PROBE__NUMBER__INIT;
    storm_release(&service->storm);
    reply.value = service->storm.in_order;
    probe_threads_storm_reply(service->storm_call, &reply);
    service->storm_call = NULL;
}

static void begin_storm(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    struct thread_service *service = user_data;
    service->storm_call = call;
    service->storm = (struct storm){.post = post_to_worker,
                                    .owner = service->worker,
                                    .per_thread = (unsigned)request->value,
                                    .on_end = on_storm_end,
                                    .user_data = service};
    storm_start(&service->storm);
}

/* ---- Block */

static void block(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    const struct thread_service *service = user_data;
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Google__Protobuf__Empty *nothing;
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = probe_common_never_sync(yoke_worker_master(service->worker), request, NULL, &sync, &nothing);
    yoke_sync_release(&sync);
    probe_threads_block_reply(call, &reply);
}

int thread_service_serve(struct thread_service *service, struct yoke_worker *worker) {
    static const struct probe_threads_handlers handlers = {.work = work, .storm = begin_storm, .block = block};
    service->worker = worker;
    service->last = &service->first;
    pthread_mutex_init(&service->mutex, NULL);
    pthread_cond_init(&service->has_news, NULL);
    return probe_threads_serve(yoke_worker_server(worker), &handlers, service);
}

void thread_service_release(struct thread_service *service) {
    pthread_mutex_lock(&service->mutex);
    service->ending = true;
    pthread_cond_broadcast(&service->has_news);
    pthread_mutex_unlock(&service->mutex);
    for (unsigned i = 0; i < service->crew_size; i++) {
        pthread_join(service->crew[i], NULL);
    }
}
