/* pool_options.c: see pool_options.h. */
#include "master/pool_options.h"

#include "rpc/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct yoke__kept {
    struct yoke__kept *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void yoke__kept_release(struct yoke__kept *kept) {
    while (kept != NULL) {
        struct yoke__kept *next = kept->next;
        free(kept);
        kept = next;
    }
}

/* ---- Copies ---------------------------------------------------------------------------------------------------------- */

void *yoke__keep(struct yoke__kept **kept, const void *bytes, size_t size) {
    struct yoke__kept *copy = malloc(sizeof *copy + size);
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy->bytes, bytes, size);
    copy->next = *kept;
    *kept = copy;
    return copy->bytes;
}

int yoke__keep_string(struct yoke__kept **kept, const char **pointer) {
    if (*pointer == NULL) {
        return 0;
    }
    *pointer = yoke__keep(kept, *pointer, strlen(*pointer) + 1);
    return *pointer != NULL ? 0 : -ENOMEM;
}

int yoke__keep_strings(struct yoke__kept **kept, const char *const **pointer) {
    if (*pointer == NULL) {
        return 0;
    }
    size_t count = 0;
    while ((*pointer)[count] != NULL) {
        count++;
    }
    const char **copy = yoke__keep(kept, *pointer, (count + 1) * sizeof *copy);
    int error = copy != NULL ? 0 : -ENOMEM;
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = yoke__keep_string(kept, &copy[i]);
    }
    *pointer = copy;
    return error;
}

/* The array; what it points to belongs to the master. */
static int keep_listeners(struct yoke__kept **kept, struct yoke_listener *const **pointer) {
    if (*pointer == NULL) {
        return 0;
    }
    size_t count = 0;
    while ((*pointer)[count] != NULL) {
        if (++count > YOKE_LISTENERS_MAX) {
            return -EINVAL;
        }
    }
    *pointer = yoke__keep(kept, *pointer, (count + 1) * sizeof **pointer);
    return *pointer != NULL ? 0 : -ENOMEM;
}

/* ---- Defaults --------------------------------------------------------------------------------------------------------- */

static void set_default(uint32_t *value, uint32_t fallback) {
    if (*value == 0) {
        *value = fallback;
    }
}

static uint32_t greater(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static int resolve_size(struct yoke_pool_options *options) {
    if (options->workers == 0) {
        options->workers = yoke_usable_cpus();
    }
    if (options->max_workers == 0) {
        options->max_workers = options->workers;
    }
    return options->max_workers < options->workers || options->max_workers > YOKE_WORKERS_MAX ? -EINVAL : 0;
}

/* Deaths that a pool remembers at most, to find more than so many in a period. */
#define RESTARTS_MAX 1000000u

static int resolve_restart(struct yoke_restart_options *restart, unsigned workers) {
    if (restart->when > YOKE_RESTART_ON_FAILURE || restart->on_failure > YOKE_FAILURE_KEEP_TRYING ||
        restart->jitter_percent > 100 || restart->exit_code < 0 || restart->exit_code > 255 ||
        restart->final_exit_code < 0 || restart->final_exit_code > 255) {
        return -EINVAL;
    }
    set_default(&restart->pause_ms, 100);
    set_default(&restart->max_pause_ms, greater(30000, restart->pause_ms));
    set_default(&restart->jitter_percent, 20);
    set_default(&restart->healthy_ms, 10000);
    set_default(&restart->max_restarts, 5 * workers);
    set_default(&restart->period_ms, 60000);
    if (restart->exit_code == 0) {
        restart->exit_code = 1;
    }
    if (restart->max_restarts > RESTARTS_MAX && restart->max_restarts != UINT32_MAX) {
        return -EINVAL;
    }
    return restart->max_pause_ms < restart->pause_ms ? -EINVAL : 0;
}

static void resolve_liveness(struct yoke_liveness_options *liveness) {
    const uint32_t interval = liveness->heartbeat_ms;
    set_default(&liveness->patience_ms, interval == 0 ? 3000 : interval > UINT32_MAX / 3 ? UINT32_MAX : 3 * interval);
    set_default(&liveness->abort_ms, 2000);
}

static int resolve_recycle(struct yoke_recycle_options *recycle) {
    set_default(&recycle->jitter_percent, 10);
    set_default(&recycle->check_ms, 1000);
    return recycle->jitter_percent > 100 ? -EINVAL : 0;
}

static int resolve_routing(struct yoke_routing_options *routing) {
    if (routing->max_calls_per_worker != 0) {
        set_default(&routing->max_queued_calls, 1024);
    }
    return routing->route > YOKE_ROUTE_STICKY ? -EINVAL : 0;
}

static int resolve_retry(struct yoke_retry_options *retry) {
    set_default(&retry->max_attempts, 3);
    set_default(&retry->pause_ms, 10);
    set_default(&retry->max_pause_ms, greater(1000, retry->pause_ms));
    set_default(&retry->budget_percent, 10);
    set_default(&retry->max_request_bytes, 64 * 1024);
    return retry->budget_percent > 100 || retry->max_pause_ms < retry->pause_ms ? -EINVAL : 0;
}

/* Each worker has a buffer for two lines, one of stdout and one of stderr. */
#define LINE_BYTES_MAX (1024u * 1024u)

static int resolve_output(struct yoke_output_options *output) {
    set_default(&output->max_line_bytes, 4096);
    set_default(&output->max_lines_per_second, 10000);
    set_default(&output->last_lines, 10);
    bool is_bounded = output->last_lines <= 100 && output->max_line_bytes <= LINE_BYTES_MAX;
    return output->mode > YOKE_OUTPUT_PREFIX || !is_bounded ? -EINVAL : 0;
}

/* Complete what is not set. -EINVAL: out of range. */
static int resolve(struct yoke_pool_options *options) {
    if ((options->entry == NULL) == (options->path == NULL) || (options->entry != NULL && options->argv != NULL)) {
        return -EINVAL;
    }
    set_default(&options->start_ms, 30000);
    set_default(&options->stop.drain_ms, 5000);
    set_default(&options->stop.term_ms, 1000);
    set_default(&options->replace.surge, 1);
    set_default(&options->demand.grow_after_ms, 10);
    set_default(&options->demand.shrink_after_ms, 30000);
    resolve_liveness(&options->liveness);
    int error = resolve_size(options);
    error = error != 0 ? error : resolve_restart(&options->restart, options->max_workers);
    error = error != 0 ? error : resolve_recycle(&options->recycle);
    error = error != 0 ? error : resolve_routing(&options->routing);
    error = error != 0 ? error : resolve_retry(&options->retry);
    return error != 0 ? error : resolve_output(&options->output);
}

static int keep_all(struct yoke_pool_options *options, struct yoke__kept **kept) {
    if (options->name == NULL) {
        options->name = "pool";
    }
    char *const only_path[] = {(char *)options->path, NULL};
    if (options->path != NULL && options->argv == NULL) {
        options->argv = only_path;
    }
    const char *const *argv = (const char *const *)options->argv;
    int error = yoke__keep_string(kept, &options->name);
    error = error != 0 ? error : yoke__keep_string(kept, &options->path);
    error = error != 0 ? error : yoke__keep_strings(kept, &argv);
    options->argv = (char *const *)argv;
    return error != 0 ? error : keep_listeners(kept, &options->listeners);
}

int yoke__pool_options_read(const struct yoke_pool_options *options, struct yoke_pool_options *ret_options,
                            struct yoke__kept **kept) {
    int error = yoke__options_read(ret_options, sizeof *ret_options, options);
    if (error == 0) {
        error = resolve(ret_options);
    }
    return error != 0 ? error : keep_all(ret_options, kept);
}
