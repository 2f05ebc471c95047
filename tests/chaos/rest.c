/* rest.c: see rest.h. */
#include "rest.h"

#include "run.h"

#include "harness.h"
#include "soak.h"

/*
 * Descriptors for a worker: its channel and its pidfd; its stdout and stderr, if they are captured. While workers are spawned
 * and large messages travel, there are a few more.
 */
#define FDS_PER_WORKER 2u
#define FDS_PER_OUTPUT 2u
#define FDS_PASSING 32

/*
 * What the master may have allocated more in a truce than in the first one: free lists and tables that busier times have
 * left, and buffers that were taken for large messages. A leak of 1 KiB for each death is beyond it within ten minutes, and so
 * is one of 8 bytes for each call. What the heap keeps of what was freed is not Yoke's; so resident memory may grow by more.
 */
#define HEAP_ALLOWANCE (4 * MIB)
#define RESIDENT_ALLOWANCE (32 * MIB)

static void on_before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events) {
    (void)loop;
    (void)events;
    struct rest *rest = watcher->data;
    uint64_t turn_ns = rest->woken_ns != 0 ? chaos_now_ns() - rest->woken_ns : 0;
    rest->longest_turn_ns = turn_ns > rest->longest_turn_ns ? turn_ns : rest->longest_turn_ns;
}

static void on_after_sleep(struct ev_loop *loop, ev_check *watcher, int events) {
    (void)loop;
    (void)events;
    struct rest *rest = watcher->data;
    rest->woken_ns = chaos_now_ns();
}

void rest_init(struct rest *rest) {
    test_fdlist_take(&rest->fds);
}

static size_t count_fds(void) {
    struct test_fdlist fds;
    test_fdlist_take(&fds);
    size_t count = fds.count;
    test_fdlist_release(&fds);
    return count;
}

void rest_start(struct rest *rest, struct ev_loop *loop) {
    rest->idle_fds = count_fds();
    ev_prepare_init(&rest->before_sleep, on_before_sleep);
    rest->before_sleep.data = rest;
    ev_set_priority(&rest->before_sleep, EV_MINPRI);
    ev_prepare_start(loop, &rest->before_sleep);
    ev_unref(loop);
    ev_check_init(&rest->after_sleep, on_after_sleep);
    rest->after_sleep.data = rest;
    ev_set_priority(&rest->after_sleep, EV_MAXPRI);
    ev_check_start(loop, &rest->after_sleep);
    ev_unref(loop);
}

void rest_stop(struct rest *rest, struct ev_loop *loop) {
    ev_ref(loop);
    ev_prepare_stop(loop, &rest->before_sleep);
    ev_ref(loop);
    ev_check_stop(loop, &rest->after_sleep);
}

/* That the live workers need. */
static size_t fds_of_workers(const struct watch *watch) {
    size_t count = 0;
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        count +=
            watch->pools[pool].live * (pools_kinds[pool].has_output ? FDS_PER_WORKER + FDS_PER_OUTPUT : FDS_PER_WORKER);
    }
    return count;
}

void rest_watch_fds(struct rest *rest, const struct watch *watch) {
    size_t count = count_fds();
    size_t most = rest->idle_fds + fds_of_workers(watch) + FDS_PASSING;
    chaos_check(count <= most, "there are %zu descriptors for %u workers", count, watch->live_count);
    rest->most_fds = count > rest->most_fds ? count : rest->most_fds;
}

static bool may_end(bool may_wait, bool holds, const char *what, size_t is, size_t should_be) {
    if (!holds && !may_wait) {
        chaos_check(false, "in a truce: %s: %zu, not %zu", what, is, should_be);
    }
    return holds || !may_wait;
}

bool rest_sample(struct rest *rest, const struct watch *watch, bool may_wait) {
    size_t fds = count_fds();
    size_t should_fds = rest->idle_fds + fds_of_workers(watch);
    size_t heap = soak_heap();
    size_t resident = soak_memory();
    size_t most_heap = rest->samples > 0 ? rest->heap + HEAP_ALLOWANCE : SIZE_MAX;
    size_t most_resident = rest->samples > 0 && !test_has_asan() ? rest->resident + RESIDENT_ALLOWANCE : SIZE_MAX;
    pid_t pids[WATCH_LIVE_MAX];
    size_t children = test_children(pids, WATCH_LIVE_MAX);
    size_t known = 0;
    for (size_t i = 0; i < children; i++) {
        known += watch_lives(watch, pids[i]) && test_process_lives(pids[i]);
    }
    if (!may_end(may_wait, children == watch->live_count, "processes", children, watch->live_count) ||
        !may_end(may_wait, known == children, "processes that are workers", known, children) ||
        !may_end(may_wait, fds == should_fds, "descriptors", fds, should_fds) ||
        !may_end(may_wait, heap <= most_heap, "bytes allocated", heap, most_heap) ||
        !may_end(may_wait, resident <= most_resident, "bytes resident", resident, most_resident)) {
        return false;
    }
    if (rest->samples++ == 0) {
        rest->heap = heap;
        rest->resident = resident;
    }
    rest->last_heap = heap;
    rest->last_resident = resident;
    return true;
}

static void report_fd(const char *text) {
    chaos_check(false, "at the end: %s", text);
}

void rest_settle(struct rest *rest) {
    struct test_fdlist fds;
    test_fdlist_take(&fds);
    test_fdlist_compare(&rest->fds, &fds, report_fd);
    test_fdlist_release(&fds);
    test_fdlist_release(&rest->fds);
    pid_t pids[WATCH_LIVE_MAX];
    size_t count = test_children(pids, WATCH_LIVE_MAX);
    chaos_check(count == 0, "at the end: %zu processes are left, dead or alive", count);
}
