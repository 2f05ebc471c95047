/*
 * post.h: functions that other threads hand over, to be run on the loop's thread: the one thing in Yoke that threads
 * share. The owner of the loop is woken once for all that gathers until it comes.
 */
#ifndef YOKE_RPC_POST_H
#define YOKE_RPC_POST_H

#include <pthread.h>
#include <stdbool.h>

typedef void yoke__post_run(void *user_data);

struct yoke__post;

struct yoke__posts {
    pthread_mutex_t mutex; /* for the first two */
    struct yoke__post *first, **last;
    struct yoke__post *due; /* the loop's: taken over and not yet run */
};

/* Must not move afterwards. */
void yoke__posts_init(struct yoke__posts *posts);

/* Free what has not run. No other thread may be in yoke__posts_add() any more. */
void yoke__posts_release(struct yoke__posts *posts);

/* From any thread. -ENOMEM. `ret_wake` says whether the loop must be told: not while it has still to come for others. */
int yoke__posts_add(struct yoke__posts *posts, yoke__post_run *run, void *user_data, bool *ret_wake);

/* Run what has been added until now, in order; what is added meanwhile is for the next time. From the loop. */
void yoke__posts_run(struct yoke__posts *posts);

#endif
