/* See job.h. */
#include "common/job.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_kind(const char *text, enum bench_kind *ret_kind) {
    static const char *const names[] = {
        [BENCH_UNARY] = "unary",
        [BENCH_UNARY_UP] = "unary-up",
        [BENCH_UNARY_CHECKED] = "unary-checked",
        [BENCH_PUT] = "put",
        [BENCH_STREAM] = "stream",
        [BENCH_BIDI] = "bidi",
        [BENCH_WORKERS] = "workers",
        [BENCH_STREAMS] = "streams",
        [BENCH_SPAWN] = "spawn",
        [BENCH_SPAWN_LARGE] = "spawn-large",
        [BENCH_KILL] = "kill",
        [BENCH_IDLE] = "idle",
        [BENCH_LATENCY] = "latency",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret_kind = (enum bench_kind)i;
            return true;
        }
    }
    return false;
}

static bool parse_real(const char *text, double *ret_value) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value > 0 && value < 1e12)) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool parse_count(const char *text, unsigned long most, unsigned long *ret_value) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || !value || value > most) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool parse_unsigned(const char *text, unsigned *ret_value) {
    unsigned long value;
    if (!parse_count(text, UINT_MAX, &value)) {
        return false;
    }
    *ret_value = (unsigned)value;
    return true;
}

static bool parse_option(struct bench_job *job, const char *name, const char *value) {
    if (strcmp(name, "size") == 0) {
        return parse_count(value, SIZE_MAX / 2, &job->size);
    }
    if (strcmp(name, "seconds") == 0 || strcmp(name, "rate") == 0) {
        return parse_real(value, *name == 's' ? &job->seconds : &job->rate);
    }
    if (strcmp(name, "depth") == 0) {
        return parse_unsigned(value, &job->depth);
    }
    if (strcmp(name, "workers") == 0) {
        return parse_unsigned(value, &job->workers);
    }
    return strcmp(name, "streams") == 0 && parse_unsigned(value, &job->streams);
}

bool bench_job_parse(struct bench_job *job, char *const *arguments) {
    bool has_kind = false;
    *job = (struct bench_job){.size = 64, .depth = 1, .workers = 1, .streams = 1, .seconds = 0.5};
    for (; *arguments; arguments++) {
        char name[16] = "";
        size_t length = strcspn(*arguments, "=");
        const char *value = *arguments + length + 1;
        if ((*arguments)[length] && length < sizeof name) {
            memcpy(name, *arguments, length);
        }
        bool is_kind = strcmp(name, "case") == 0;
        if (!*name || !(is_kind ? parse_kind(value, &job->kind) : parse_option(job, name, value))) {
            fprintf(stderr, "%s: what is \"%s\"?\n", program_invocation_short_name, *arguments);
            return false;
        }
        has_kind = has_kind || is_kind;
    }
    if (!has_kind || (job->kind == BENCH_LATENCY) != (job->rate > 0)) {
        fprintf(stderr, "%s: there must be a case, and a rate for latency only\n", program_invocation_short_name);
        return false;
    }
    return true;
}
