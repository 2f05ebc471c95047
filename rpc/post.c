/* post.c: see post.h. */
#include "rpc/post.h"

#include <errno.h>
#include <stdlib.h>

struct yoke__post {
    struct yoke__post *next;
    yoke__post_run *run;
    void *user_data;
};

void yoke__posts_init(struct yoke__posts *posts) {
    /* A mutex of the default kind takes nothing that could be missing. */
    (void)pthread_mutex_init(&posts->mutex, NULL);
    posts->first = NULL;
    posts->last = &posts->first;
    posts->due = NULL;
}

static void free_all(struct yoke__post *post) {
    while (post != NULL) {
        struct yoke__post *next = post->next;
        free(post);
        post = next;
    }
}

void yoke__posts_release(struct yoke__posts *posts) {
    free_all(posts->due);
    free_all(posts->first);
    (void)pthread_mutex_destroy(&posts->mutex);
}

int yoke__posts_add(struct yoke__posts *posts, yoke__post_run *run, void *user_data, bool *ret_wake) {
    struct yoke__post *post = malloc(sizeof *post);
    if (post == NULL) {
        return -ENOMEM;
    }
    *post = (struct yoke__post){.run = run, .user_data = user_data};
    (void)pthread_mutex_lock(&posts->mutex);
    *ret_wake = posts->first == NULL;
    *posts->last = post;
    posts->last = &post->next;
    (void)pthread_mutex_unlock(&posts->mutex);
    return 0;
}

static struct yoke__post *take_all(struct yoke__posts *posts) {
    (void)pthread_mutex_lock(&posts->mutex);
    struct yoke__post *first = posts->first;
    posts->first = NULL;
    posts->last = &posts->first;
    (void)pthread_mutex_unlock(&posts->mutex);
    return first;
}

void yoke__posts_run(struct yoke__posts *posts) {
    /* A function may run the loop, and so come here again: then the rest of its batch runs first, to keep the order. */
    struct yoke__post **end = &posts->due;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = take_all(posts);
    while (posts->due != NULL) {
        struct yoke__post *post = posts->due;
        posts->due = post->next;
        post->run(post->user_data);
        free(post);
    }
}
