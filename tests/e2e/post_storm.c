/* post_storm.c: see post_storm.h. */
#include "post_storm.h"

#include <stdlib.h>

bool storm_is_over(const struct storm *storm) {
    return storm->ran == storm->per_thread * STORM_THREADS;
}

static void run_drop(void *user_data) {
    const struct storm_drop *drop = user_data;
    struct storm *storm = drop->storm;
    storm->ran++;
    if (drop->number == storm->next[drop->thread] && pthread_equal(pthread_self(), storm->loop_thread)) {
        storm->in_order++;
        storm->next[drop->thread]++;
    }
    if (storm_is_over(storm) && storm->on_end != NULL) {
        storm->on_end(storm->user_data);
    }
}

static void *post_all(void *user_data) {
    struct storm_drop *drops = user_data;
    struct storm *storm = drops->storm;
    for (unsigned i = 0; i < storm->per_thread; i++) {
        if (storm->post(storm->owner, run_drop, &drops[i]) != 0) {
            abort();
        }
    }
    return NULL;
}

void storm_start(struct storm *storm) {
    storm->loop_thread = pthread_self();
    storm->drops = calloc((size_t)STORM_THREADS * storm->per_thread, sizeof(*storm->drops));
    if (storm->drops == NULL) {
        abort();
    }
    for (unsigned thread = 0; thread < STORM_THREADS; thread++) {
        struct storm_drop *own = &storm->drops[thread * storm->per_thread];
        for (unsigned i = 0; i < storm->per_thread; i++) {
            own[i] = (struct storm_drop){storm, thread, i};
        }
        if (pthread_create(&storm->threads[thread], NULL, post_all, own) != 0) {
            abort();
        }
    }
}

void storm_release(struct storm *storm) {
    for (unsigned thread = 0; thread < STORM_THREADS; thread++) {
        pthread_join(storm->threads[thread], NULL);
    }
    free(storm->drops);
}
