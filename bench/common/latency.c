/* See latency.h. */
#include "common/latency.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common/bench.h"

/* The base-2 logarithm of BENCH_LATENCY_SUB_BUCKETS. */
#define SUB_BITS 7

/* ---- The schedule --------------------------------------------------------------------------------------------- */

static struct timespec to_timespec(uint64_t ns) {
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

static uint64_t due_ns(const struct bench_latency *latency, uint64_t index) {
    return latency->start_ns + (uint64_t)((double)index * latency->interval_ns);
}

void bench_latency_start(struct bench_latency *latency, const struct bench_job *job) {
    memset(latency, 0, sizeof *latency);
    latency->interval_ns = 1e9 / job->rate;
    latency->measured = (uint64_t)(job->rate * job->seconds) + 1;
    latency->total = latency->measured + (uint64_t)(job->rate * job->seconds / 5);
    latency->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    latency->start_ns = bench_now_ns();
    /* The kernel keeps whole nanoseconds; what the schedule says goes by the fraction. */
    struct itimerspec timer = {
        .it_value = to_timespec(latency->start_ns),
        .it_interval = to_timespec((uint64_t)latency->interval_ns + 1),
    };
    if (latency->fd < 0 || timerfd_settime(latency->fd, TFD_TIMER_ABSTIME, &timer, NULL)) {
        bench_die("timerfd");
    }
}

uint64_t bench_latency_due(struct bench_latency *latency) {
    uint64_t expirations;
    if (read(latency->fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) {
        bench_die("timerfd");
    }
    uint64_t passed = (uint64_t)((double)(bench_now_ns() - latency->start_ns) / latency->interval_ns) + 1;
    return (passed < latency->total ? passed : latency->total) - latency->started;
}

void bench_latency_wait(struct bench_latency *latency) {
    struct pollfd wait = {.fd = latency->fd, .events = POLLIN};
    if (poll(&wait, 1, -1) < 0 && errno != EINTR) {
        bench_die("poll");
    }
}

bool bench_latency_all_started(const struct bench_latency *latency) {
    return latency->started == latency->total;
}

uint64_t bench_latency_take(struct bench_latency *latency) {
    uint64_t due = due_ns(latency, latency->started++);
    if (bench_latency_all_started(latency)) {
        static const struct itimerspec never = {0};
        timerfd_settime(latency->fd, 0, &never, NULL);
    }
    return due;
}

/* ---- The histogram -------------------------------------------------------------------------------------------- */

static size_t bucket_of(uint64_t ns) {
    if (ns < BENCH_LATENCY_SUB_BUCKETS) {
        return (size_t)ns;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - SUB_BITS;
    return (size_t)shift * BENCH_LATENCY_SUB_BUCKETS + (size_t)(ns >> shift);
}

/* The middle of a bucket. */
static uint64_t value_of(size_t bucket) {
    if (bucket < BENCH_LATENCY_SUB_BUCKETS) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / BENCH_LATENCY_SUB_BUCKETS) - 1;
    uint64_t least = (uint64_t)(bucket - shift * BENCH_LATENCY_SUB_BUCKETS) << shift;
    return least + (((uint64_t)1 << shift) - 1) / 2;
}

bool bench_latency_finish(struct bench_latency *latency, uint64_t due) {
    uint64_t now = bench_now_ns();
    if (due >= due_ns(latency, latency->total - latency->measured)) {
        latency->counts[bucket_of(now - due)]++;
        latency->recorded++;
    }
    return ++latency->finished == latency->total;
}

/* The latency that so many of a thousand operations do not exceed. */
static uint64_t quantile(const struct bench_latency *latency, uint64_t per_mille) {
    uint64_t wanted = (latency->recorded * per_mille + 999) / 1000;
    uint64_t seen = 0;
    size_t bucket = 0;
    while (bucket < BENCH_LATENCY_BUCKETS - 1 && (seen += latency->counts[bucket]) < wanted) {
        bucket++;
    }
    return value_of(bucket);
}

void bench_latency_print(struct bench_latency *latency) {
    printf("{\"ops\": %" PRIu64 ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"p999_ns\": %" PRIu64 "}\n",
           latency->recorded, quantile(latency, 500), quantile(latency, 990), quantile(latency, 999));
    fflush(stdout);
    close(latency->fd);
}
