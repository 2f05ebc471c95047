/* post_storm.h: eight threads that post as fast as they can, to a master or a worker, and what came of it. */
#ifndef YOKE_TESTS_POST_STORM_H
#define YOKE_TESTS_POST_STORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define STORM_THREADS 8

/* yoke_master_post() or yoke_worker_post(). */
typedef int post_function(void *owner, void (*run)(void *user_data), void *user_data);

struct storm;

/* One function that is posted. */
struct storm_drop {
    struct storm *storm;
    unsigned thread, number;
};

struct storm {
    post_function *post;
    void *owner;
    unsigned per_thread;
    pthread_t loop_thread, threads[STORM_THREADS];
    struct storm_drop *drops;        /* of all threads */
    unsigned next[STORM_THREADS];    /* the number that is expected next of each */
    unsigned ran, in_order;          /* how many ran, and did so in their turn and on the loop's thread */
    void (*on_end)(void *user_data); /* from the loop, when all have run; NULL: nobody */
    void *user_data;
};

/* Begin on the loop's thread, with the first five and the last two members set. */
void storm_start(struct storm *storm);

bool storm_is_over(const struct storm *storm);

/* Waits for the threads. */
void storm_release(struct storm *storm);

#endif
