/* See meter.h. */
#include "common/meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* How often the clock is looked at. */
#define LOOK_NS 1000000

uint64_t bench_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void print(uint64_t ops, uint64_t ns) {
    printf("{\"ops\": %" PRIu64 ", \"ns\": %" PRIu64 "}\n", ops, ns);
    fflush(stdout);
}

/* ---- Without a gap -------------------------------------------------------------------------------------------- */

void bench_meter_start(struct bench_meter *meter, const struct bench_job *job) {
    *meter = (struct bench_meter){
        .next_look = 1,
        .warm_up_ns = (uint64_t)(job->seconds * 1e9 / 5),
        .measure_ns = (uint64_t)(job->seconds * 1e9),
    };
}

/* Begins to count from here. */
static void restart(struct bench_meter *meter, uint64_t now) {
    meter->ops = 0;
    meter->start_ns = now;
    meter->last_look_ops = 0;
    meter->last_look_ns = now;
}

/* The operations that, at the present pace, LOOK_NS will bring; at least one. */
static uint64_t find_stride(const struct bench_meter *meter, uint64_t now) {
    uint64_t ops = meter->ops - meter->last_look_ops;
    uint64_t ns = now - meter->last_look_ns;
    uint64_t stride = ns ? ops * LOOK_NS / ns : 2 * ops;
    return stride ? stride : 1;
}

bool bench_meter_look(struct bench_meter *meter) {
    if (meter->elapsed_ns) {
        meter->ops--;
        return true;
    }
    uint64_t now = bench_now_ns();
    uint64_t stride = 1;
    if (!meter->start_ns) {
        restart(meter, now);
    } else if (meter->warm && now - meter->start_ns >= meter->measure_ns) {
        meter->elapsed_ns = now - meter->start_ns;
        return true;
    } else {
        stride = find_stride(meter, now);
        meter->last_look_ops = meter->ops;
        meter->last_look_ns = now;
        if (!meter->warm && now - meter->start_ns >= meter->warm_up_ns) {
            meter->warm = true;
            restart(meter, now);
        }
    }
    meter->next_look = meter->ops + stride;
    return false;
}

void bench_meter_print(const struct bench_meter *meter) {
    print(meter->ops, meter->elapsed_ns);
}

/* ---- With gaps ------------------------------------------------------------------------------------------------ */

void bench_spans_start(struct bench_spans *spans, const struct bench_job *job) {
    *spans = (struct bench_spans){
        .warm_up_ns = (uint64_t)(job->seconds * 1e9 / 5),
        .measure_ns = (uint64_t)(job->seconds * 1e9),
    };
}

void bench_span_begin(struct bench_spans *spans) {
    spans->begin_ns = bench_now_ns();
}

bool bench_span_end(struct bench_spans *spans) {
    uint64_t now = bench_now_ns();
    if (!spans->count_from_ns) {
        spans->count_from_ns = now + spans->warm_up_ns;
        return false;
    }
    if (spans->begin_ns < spans->count_from_ns) {
        return false;
    }
    spans->ops++;
    spans->ns += now - spans->begin_ns;
    return now >= spans->count_from_ns + spans->measure_ns;
}

void bench_spans_print(const struct bench_spans *spans) {
    print(spans->ops, spans->ns);
}
