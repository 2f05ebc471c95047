/* recycle.c: see recycle.h. */
#include "master/recycle.h"

#include "master/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The decision --------------------------------------------------------------------------------------------------- */

/* The bound, and up to so many percent more; 0 stays 0. */
static uint64_t lengthen(uint64_t bound, uint32_t percent, uint64_t chance) {
    uint64_t most = bound / 100 * percent + bound % 100 * percent / 100;
    uint64_t more = most == UINT64_MAX ? chance : chance % (most + 1);
    return more > UINT64_MAX - bound ? UINT64_MAX : bound + more;
}

struct yoke__recycle_bounds yoke__recycle_bounds_of(const struct yoke_recycle_options *options,
                                                    const uint64_t chances[2]) {
    return (struct yoke__recycle_bounds){
        .calls = lengthen(options->after_calls, options->jitter_percent, chances[0]),
        .age_us = lengthen((uint64_t)options->after_ms * 1000, options->jitter_percent, chances[1]),
    };
}

/* 26 digits and commas, and the end. */
#define GROUPED_MAX 27

/* "10,012" */
static const char *group(uint64_t number, char text[GROUPED_MAX]) {
    char *at = &text[GROUPED_MAX - 1];
    unsigned digits = 0;
    *at = '\0';
    do {
        if (digits > 0 && digits % 3 == 0) {
            *--at = ',';
        }
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number > 0);
    return at;
}

static bool is_over(uint64_t value, uint64_t bound) {
    return bound != 0 && value > bound;
}

static bool has_reached(uint64_t value, uint64_t bound) {
    return bound != 0 && value >= bound;
}

static void tell_age(uint64_t age_us, char why[YOKE__RECYCLE_WHY_MAX]) {
    char text[GROUPED_MAX];
    bool is_short = age_us < 10000000;
    (void)snprintf(why, YOKE__RECYCLE_WHY_MAX, "it is %s %s old", group(age_us / (is_short ? 1000 : 1000000), text),
                   is_short ? "ms" : "s");
}

static void tell_memory(uint64_t bytes, uint64_t bound, const char *kind, char why[YOKE__RECYCLE_WHY_MAX]) {
    char used[GROUPED_MAX];
    char most[GROUPED_MAX];
    const bool is_small = bound < 10000000;
    const uint64_t unit = is_small ? 1000 : 1000000;
    const char *name = is_small ? "kB" : "MB";
    (void)snprintf(why, YOKE__RECYCLE_WHY_MAX, "it uses %s %s of %s memory, over %s %s", group(bytes / unit, used),
                   name, kind, group(bound / unit, most), name);
}

bool yoke__recycle_is_due(const struct yoke_recycle_options *options, const struct yoke__recycle_bounds *bounds,
                          const struct yoke__recycle_facts *facts, char why[YOKE__RECYCLE_WHY_MAX]) {
    char text[GROUPED_MAX];
    if (has_reached(facts->calls, bounds->calls)) {
        (void)snprintf(why, YOKE__RECYCLE_WHY_MAX, "it has answered %s calls", group(facts->calls, text));
    } else if (has_reached(facts->age_us, bounds->age_us)) {
        tell_age(facts->age_us, why);
    } else if (is_over(facts->rss_bytes, options->above_rss_bytes)) {
        tell_memory(facts->rss_bytes, options->above_rss_bytes, "resident", why);
    } else if (is_over(facts->pss_bytes, options->above_pss_bytes)) {
        tell_memory(facts->pss_bytes, options->above_pss_bytes, "proportional", why);
    } else {
        return false;
    }
    return true;
}

/* ---- Memory, as the kernel tells it ----------------------------------------------------------------------------------- */

/* Read a file of a worker that is not reaped, so its id is its own. -errno. */
static int read_about(const struct yoke__life *life, const char *file, char *text, size_t size) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)life->process.pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t length = read(fd, text, size - 1);
    int error = length < 0 ? -errno : 0;
    (void)close(fd);
    text[length > 0 ? length : 0] = '\0';
    return error;
}

/* "SIZE RESIDENT …", in pages. */
static int read_rss(const struct yoke__life *life, uint64_t *ret_bytes) {
    char text[256];
    uint64_t pages = 0;
    int error = read_about(life, "statm", text, sizeof text);
    if (error == 0 && sscanf(text, "%*u %" SCNu64, &pages) != 1) {
        error = -EPROTO;
    }
    *ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return error;
}

/* A line "Pss:   1234 kB" among others; it comes among the first. */
static int read_pss(const struct yoke__life *life, uint64_t *ret_bytes) {
    char text[1024];
    uint64_t kilobytes = 0;
    int error = read_about(life, "smaps_rollup", text, sizeof text);
    const char *line = error == 0 ? strstr(text, "\nPss:") : NULL;
    if (error == 0 && (line == NULL || sscanf(line, " Pss: %" SCNu64, &kilobytes) != 1)) {
        error = -EPROTO;
    }
    *ret_bytes = kilobytes * 1024;
    return error;
}

static void warn_once(struct yoke_pool *pool, const char *file, int error) {
    if (!pool->recycling.has_warned) {
        pool->recycling.has_warned = true;
        yoke__engine_log(&pool->master->engine, YOKE_LOG_WARNING,
                         "pool %s: cannot look at a worker's memory, in /proc/PID/%s: %s", pool->options.name, file,
                         strerror(-error));
    }
}

/* ---- In a pool ------------------------------------------------------------------------------------------------------ */

static void find_facts(const struct yoke__life *life, struct yoke__recycle_facts *facts) {
    struct yoke_pool *pool = life->pool;
    const struct yoke_recycle_options *options = &pool->options.recycle;
    *facts = (struct yoke__recycle_facts){
        .calls = yoke__life_calls_served(life),
        .age_us = yoke__master_now_us(pool->master) - life->started_us,
    };
    /* One that is just dying has no memory to be looked at, which is no fault. */
    int error = options->above_rss_bytes != 0 ? read_rss(life, &facts->rss_bytes) : 0;
    if (error != 0 && error != -ESRCH) {
        warn_once(pool, "statm", error);
    }
    error = options->above_pss_bytes != 0 ? read_pss(life, &facts->pss_bytes) : 0;
    if (error != 0 && error != -ESRCH) {
        warn_once(pool, "smaps_rollup", error);
    }
}

static void check(struct yoke__life *life) {
    struct yoke__recycle_facts facts;
    char why[YOKE__RECYCLE_WHY_MAX];
    find_facts(life, &facts);
    if (yoke__recycle_is_due(&life->pool->options.recycle, &life->recycle_bounds, &facts, why)) {
        yoke__renew(life, why);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, recycling.timer);
    (void)loop;
    (void)events;
    for (unsigned i = 0; i < pool->child_count; i++) {
        struct yoke__life *life = pool->children[i]->life;
        if (life != NULL && life->state == YOKE_CHILD_READY && life->renew_why[0] == '\0') {
            check(life);
        }
    }
}

void yoke__recycling_init(struct yoke_pool *pool) {
    ev_timer_init(&pool->recycling.timer, on_timer, 0., 0.);
}

void yoke__recycling_begin(struct yoke_pool *pool) {
    const struct yoke_recycle_options *options = &pool->options.recycle;
    struct ev_loop *loop = pool->master->io.loop;
    if (options->after_calls == 0 && options->after_ms == 0 && options->above_rss_bytes == 0 &&
        options->above_pss_bytes == 0) {
        return;
    }
    ev_now_update(loop);
    ev_timer_set(&pool->recycling.timer, options->check_ms / 1e3, options->check_ms / 1e3);
    ev_timer_start(loop, &pool->recycling.timer);
    /* Workers keep the loop running, not what looks at them. */
    ev_unref(loop);
}

void yoke__recycling_end(struct yoke_pool *pool) {
    struct ev_loop *loop = pool->master->io.loop;
    if (ev_is_active(&pool->recycling.timer)) {
        ev_ref(loop);
        ev_timer_stop(loop, &pool->recycling.timer);
    }
}

void yoke__recycle_welcome(struct yoke__life *life) {
    struct yoke_pool *pool = life->pool;
    const uint64_t chances[] = {yoke__master_random(pool->master), yoke__master_random(pool->master)};
    life->recycle_bounds = yoke__recycle_bounds_of(&pool->options.recycle, chances);
}
