/* What a run has come to: the totals, each worker's share, the common words. */
#ifndef TREECOUNT_FIGURES_H
#define TREECOUNT_FIGURES_H

#include "batch.h"
#include "treecount.yoke.h"
#include "words.h"

#include <yoke/master.h>

#include <stdbool.h>
#include <stdint.h>

/* One worker process; a replacement has an entry of its own. */
struct worker_figures {
    uint64_t id;
    pid_t pid;
    uint64_t batches;
    uint64_t files;
    uint64_t bytes;
    uint64_t cpu_us;
    uint64_t max_rss_bytes;
    bool died; /* of something else than being told to stop */
};

struct figures {
    uint64_t files; /* that could be opened */
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
    uint64_t errors; /* files and directories that could not be read */
    uint64_t batches;
    uint64_t deaths;
    uint64_t redone; /* batches that were handed out again because their worker died */
    unsigned workers;
    double seconds;

    struct worker_figures *by_worker; /* in the order in which they started */
    size_t by_worker_count;
    struct words *common; /* NULL: not asked for */
};

/* Forget the workers; *figures itself is the caller's. */
void figures_release(struct figures *figures);

/* A new worker. Without memory for it, its share is left out of by_worker. */
void figures_add_worker(struct figures *figures, uint64_t id, pid_t pid);

/* The answer of a worker about one batch. */
void figures_add_batch(struct figures *figures, uint64_t worker_id, const Treecount__CountReply *reply);

void figures_add_death(struct figures *figures, const Yoke__V1__WorkerDied *death);

#endif
