/* Adding up. A batch is added when its answer is here and never before, so nothing is counted twice. */
#include "figures.h"

#include <stdlib.h>

void figures_release(struct figures *figures) {
    words_destroy(figures->common);
    free(figures->by_worker);
    figures->common = NULL;
    figures->by_worker = NULL;
    figures->by_worker_count = 0;
}

void figures_add_worker(struct figures *figures, uint64_t id, pid_t pid) {
    size_t size = (figures->by_worker_count + 1) * sizeof(*figures->by_worker);
    struct worker_figures *by_worker = realloc(figures->by_worker, size);
    if (by_worker == NULL) {
        return;
    }
    by_worker[figures->by_worker_count++] = (struct worker_figures){.id = id, .pid = pid};
    figures->by_worker = by_worker;
}

static struct worker_figures *find_worker(struct figures *figures, uint64_t id) {
    for (size_t i = 0; i < figures->by_worker_count; i++) {
        if (figures->by_worker[i].id == id) {
            return &figures->by_worker[i];
        }
    }
    return NULL;
}

void figures_add_batch(struct figures *figures, uint64_t worker_id, const Treecount__CountReply *reply) {
    figures->batches++;
    figures->files += reply->files;
    figures->lines += reply->lines;
    figures->words += reply->words;
    figures->bytes += reply->bytes;

    for (size_t i = 0; figures->common != NULL && i < reply->n_common; i++) {
        words_add(figures->common, reply->common[i]->word, reply->common[i]->count);
    }

    struct worker_figures *worker = find_worker(figures, worker_id);
    if (worker != NULL) {
        worker->batches++;
        worker->files += reply->files;
        worker->bytes += reply->bytes;
    }
}

void figures_add_death(struct figures *figures, const Yoke__V1__WorkerDied *death) {
    bool died = death->reason != YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED;
    figures->deaths += died;

    struct worker_figures *worker = find_worker(figures, death->worker_id);
    if (worker != NULL) {
        worker->cpu_us = death->user_cpu_us + death->system_cpu_us;
        worker->max_rss_bytes = death->max_rss_bytes;
        worker->died = died;
    }
}
