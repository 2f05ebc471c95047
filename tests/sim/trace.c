/* trace.c: see sim.h: what happens, as a digest and as lines; and what is wrong. */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool sim_tracing;

static const char *const kind_names[] = {"Unary", "Timed", "Down", "Up", "Both", "Missing", "Absent", "Ping"};

static void mix(uint64_t value) {
    world.digest = (world.digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    world.digest ^= world.digest >> 29;
}

void sim_record(unsigned side, const char *what, const struct sim_call *call, int64_t value) {
    mix((uint64_t)(unsigned char)what[0] << 40 | (uint64_t)(unsigned char)what[1] << 32 | side << 16 |
        (call != NULL ? call->number + 1 : 0));
    mix((uint64_t)value);
    if (!sim_tracing) {
        return;
    }
    printf("%5u %9.3f ms  %s  %*s%s", world.step, (double)(world.now_ns % (3600 * 1000 * MS_NS)) / 1e6,
           side == 0 ? "master" : "worker", (int)(2 * world.callback_depth), "", what);
    if (call != NULL) {
        printf(" call %u (%s)", call->number, kind_names[call->kind]);
    }
    printf(": %" PRId64 "\n", value);
}

void sim_fail(const char *file, unsigned line, const char *format, ...) {
    va_list arguments;
    (void)fflush(stdout);
    fprintf(stderr, "sim: seed %" PRIu64 " fails at step %u (%s)\nsim: %s:%u: ", world.seed, world.step,
            world.step_name, file, line);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nsim: to see it again: ./dev sim --seed %" PRIu64 " --trace\n", world.seed);
    exit(1);
}

void sim_fail_call(const char *file, unsigned line, const struct sim_call *call, const char *what) {
    sim_fail(file, line, "call %u (%s of the %s, stream %u): %s", call->number, kind_names[call->kind],
             call->side == 0 ? "master" : "worker", call->stream, what);
}
