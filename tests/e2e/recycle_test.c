/* recycle_test.c: workers that have done enough are replaced, one by one, and no call fails for it. */
#include "kinds.h"
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MB UINT64_C(1000000)

static struct trace trace;
static struct load load;

#define POOL(...) (&(struct yoke_pool_options){.retry = {.max_attempts = 1}, __VA_ARGS__})

static void open_pool(struct lab *lab, unsigned workers, const struct yoke_pool_options *pool) {
    kinds_open_pool(lab, &trace, &(struct lab_options){.workers = workers, .pool = pool});
}

static void workers_go_after_so_many_calls(void) {
    struct lab lab;
    open_pool(&lab, 2, POOL(.recycle = {.after_calls = 200, .check_ms = 1}));
    load_begin(&load, &lab, 16);
    LAB_WAIT(&lab, trace.died >= 10);
    load_end(&load);
    CHECK_CONTAINS(trace.drain, "has answered ");
    for (unsigned i = 0; i < lab.death_count; i++) {
        CHECK_INT(lab.deaths[i].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_RECYCLED);
        CHECK_INT(lab.deaths[i].calls_in_flight, 0);
        CHECK(lab.deaths[i].calls_served >= 200);
    }
    CHECK(trace.most_alive >= 3);
    CHECK_INT(yoke_pool_size(lab.pool), 2);
    CHECK_INT(yoke_pool_generation(lab.pool), 1);
    kinds_close_pool(&lab);
}

/* Its replacement is ready before it drains. */
static void a_worker_goes_when_it_is_old(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(.recycle = {.after_ms = 20, .check_ms = 1}));
    load_begin(&load, &lab, 4);
    LAB_WAIT(&lab, trace_count(&trace, "died 1 recycled") + trace_count(&trace, "died 2 recycled") == 2);
    load_end(&load);
    TRACE_CHECK(&trace, "started 1 initial", "started 2 recycle in 0, generation 1", "ready 2", "draining 1 recycle",
                "died 1 recycled");
    CHECK_CONTAINS(trace.drain, " ms old");
    kinds_close_pool(&lab);
}

static uint64_t resident_bytes(pid_t pid) {
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    REQUIRE_INT(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What a worker has from the beginning. */
static uint64_t find_base(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    uint64_t bytes = resident_bytes(yoke_child_pid(yoke_pool_child(lab.pool, 0)));
    lab_close(&lab);
    return bytes;
}

/* A worker whose handler takes 100 MB and never ends goes, though not of its own accord. */
static void check_memory(const struct yoke_recycle_options *recycle, const char *why) {
    struct lab lab;
    Probe__SpendRequest request = PROBE__SPEND_REQUEST__INIT;
    struct lab_result result = {.lab = &lab};
    open_pool(&lab, 1, POOL(.recycle = *recycle, .stop = {.drain_ms = 1, .term_ms = 1}));
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(trace.draining, 0);
    request.memory_bytes = 100 * MB;
    request.cpu_ms = 3600000;
    REQUIRE_INT(probe_worker_spend(lab_channel(&lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, trace.died == 1);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    TRACE_CHECK(&trace, "started 2 recycle", "ready 2", "draining 1 recycle", "died 1 stop timeout");
    CHECK_CONTAINS(trace.drain, why);
    CHECK_INT(lab.log_count, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    kinds_close_pool(&lab);
}

static void a_worker_goes_when_it_has_too_much_memory(void) {
    check_memory(&(struct yoke_recycle_options){.above_rss_bytes = find_base() + 50 * MB, .check_ms = 1},
                 "MB of resident memory, over ");
}

static void memory_that_is_shared_can_be_counted_in_part(void) {
    check_memory(&(struct yoke_recycle_options){.above_pss_bytes = find_base() + 50 * MB, .check_ms = 1},
                 "MB of proportional memory, over ");
}

static void a_worker_can_be_recycled_by_hand(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.replace = {.surge = 1}));
    struct yoke_child *child = yoke_pool_child(lab.pool, 1);
    load_begin(&load, &lab, 16);
    CHECK_INT(yoke_child_recycle(child), 0);
    CHECK_INT(yoke_child_recycle(child), 0);
    LAB_WAIT(&lab, trace.died == 1);
    load_end(&load);
    TRACE_CHECK(&trace, "started 4 recycle in 1", "ready 4", "draining 2 recycle", "died 2 recycled");
    CHECK_INT(trace.started, 4);
    CHECK_INT(yoke_child_id(child), 4);
    kinds_close_pool(&lab);
}

static void who_is_dead_cannot_be_recycled(void) {
    struct lab lab;
    open_pool(&lab, 1, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, trace.died == 1);
    CHECK_INT(yoke_child_recycle(child), -ESRCH);
    kinds_close_pool(&lab);
}

/* The old one serves on until there is one that is good. */
static void a_replacement_that_fails_is_tried_again(void) {
    struct lab lab;
    open_pool(&lab, 2,
              POOL(.restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 5, .max_pause_ms = 5, .max_restarts = 1}));
    load_begin(&load, &lab, 8);
    spawn_as(EXITS);
    REQUIRE_INT(yoke_child_recycle(yoke_pool_child(lab.pool, 1)), 0);
    LAB_WAIT(&lab, trace.died == 5);
    CHECK_INT(yoke_child_id(yoke_pool_child(lab.pool, 1)), 2);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 1)), YOKE_CHILD_READY);
    CHECK_INT(trace.draining, 0);
    spawn_as(GOOD);
    LAB_WAIT(&lab, trace_count(&trace, "died 2 recycled") == 1);
    load_end(&load);
    CHECK_INT(trace.started, trace.died + 2);
    kinds_close_pool(&lab);
}

/* In exec mode it cannot even be started. */
static void a_replacement_that_cannot_be_started_is_tried_again(void) {
    struct lab lab;
    if (!lab_is_exec()) {
        return;
    }
    open_pool(&lab, 1, POOL(.restart = {.pause_ms = 1, .max_pause_ms = 1}));
    load_begin(&load, &lab, 4);
    kinds_remove_program();
    REQUIRE_INT(yoke_child_recycle(yoke_pool_child(lab.pool, 0)), 0);
    LAB_WAIT(&lab, lab.log_count >= 3);
    CHECK_CONTAINS(lab.last_log, "cannot start a worker to replace another: No such file");
    spawn_as(GOOD);
    LAB_WAIT(&lab, trace.died == 1);
    load_end(&load);
    kinds_close_pool(&lab);
}

/* Each reload and each recycling is through in the end, and nothing fails for it. */
static void reloads_and_recycling_go_together(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.recycle = {.after_calls = 100, .check_ms = 1}, .replace = {.surge = 2}));
    load_begin(&load, &lab, 24);
    for (unsigned i = 1; i <= 5; i++) {
        const unsigned died = trace.died;
        REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
        LAB_WAIT(&lab, trace.reloaded == i && trace.died > died + 6);
    }
    load_end(&load);
    CHECK(trace_count(&trace, "draining") > 30);
    kinds_close_pool(&lab);
}

static void a_master_can_be_destroyed_in_the_middle_of_it(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.recycle = {.after_calls = 10, .check_ms = 1}, .replace = {.surge = 2}));
    load_begin(&load, &lab, 8);
    LAB_WAIT(&lab, trace.draining >= 5);
    load.is_over = true;
    kinds_close_pool(&lab);
    CHECK_INT(load.live, 0);
}

static const struct test_case cases[] = {
    {.name = "workers go after so many calls", .run = workers_go_after_so_many_calls},
    {.name = "a worker goes when it is old", .run = a_worker_goes_when_it_is_old},
    {.name = "a worker goes when it has too much memory", .run = a_worker_goes_when_it_has_too_much_memory},
    {.name = "memory that is shared can be counted in part", .run = memory_that_is_shared_can_be_counted_in_part},
    {.name = "a worker can be recycled by hand", .run = a_worker_can_be_recycled_by_hand},
    {.name = "who is dead cannot be recycled", .run = who_is_dead_cannot_be_recycled},
    {.name = "a replacement that fails is tried again", .run = a_replacement_that_fails_is_tried_again},
    {.name = "a replacement that cannot be started is tried again",
     .run = a_replacement_that_cannot_be_started_is_tried_again},
    {.name = "reloads and recycling go together", .run = reloads_and_recycling_go_together},
    {.name = "a master can be destroyed in the middle of it", .run = a_master_can_be_destroyed_in_the_middle_of_it},
    {.name = NULL},
};

LAB_MAIN(cases)
