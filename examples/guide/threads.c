/* threads: a job that blocks is left to a thread, which posts the answer; meanwhile the worker does the next job. */
#include "guide.yoke.h"
#include "run.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static sem_t woken;

/* A job that a thread does. */
struct work {
    struct yoke_worker *worker;
    struct yoke_call *call; /* for the loop's thread only */
    const Guide__Job *job;  /* lives until the call is answered, so the thread may read it */
    pthread_t thread;
    char text[32];
};

/* In the loop again: answer. Whether the call is cancelled by now makes no difference here. */
static void finish(void *user_data) {
    struct work *work = user_data;
    Guide__Result result = GUIDE__RESULT__INIT;
    pthread_join(work->thread, NULL);
    result.text = work->text;
    guide_jobs_run_reply(work->call, &result);
    free(work);
}

/* In a thread of its own, which may block. */
static void *do_work(void *user_data) {
    struct work *work = user_data;
    while (sem_wait(&woken) < 0) {
    }
    snprintf(work->text, sizeof work->text, "%s is over", work->job->name);
    if (yoke_worker_post(work->worker, finish, work) < 0) {
        abort(); /* no memory for a few bytes; the master hears of the death */
    }
    return NULL;
}

static void start_work(struct yoke_worker *worker, struct yoke_call *call, const Guide__Job *job) {
    struct work *work = calloc(1, sizeof *work);
    if (work != NULL) {
        work->worker = worker;
        work->call = call;
        work->job = job;
        if (pthread_create(&work->thread, NULL, do_work, work) == 0) {
            return;
        }
    }
    free(work);
    yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "no thread");
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    if (strcmp(job->name, "sleep") == 0) {
        start_work(user_data, call, job);
        return;
    }
    sem_post(&woken);
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "has woken the other";
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    if (sem_init(&woken, 0, 0) < 0 || guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0) {
        return 1;
    }
    return yoke_worker_run(worker); /* not before all threads have ended: their calls are unanswered until then */
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    printf("%s: %s\n", (const char *)user_data, status->code == YOKE_OK ? result->text : status->message);
}

static int start(struct yoke_master *master) {
    static char *const jobs[] = {"sleep", "wake"};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &options, &pool);
    for (size_t i = 0; i < 2 && error == 0; i++) {
        Guide__Job job = GUIDE__JOB__INIT;
        job.name = jobs[i];
        error = guide_jobs_run(yoke_pool_channel(pool), &job, NULL, on_result, jobs[i]);
    }
    yoke_master_stop(master); /* when both are answered */
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
