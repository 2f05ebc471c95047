/* The frame of a bench program; see bench.h. */
#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often the clock is looked at, and how long a program may hang beyond its time before SIGALRM ends it. */
#define LOOK_NS 1000000
#define HANG_SECONDS 20

void bench_die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

unsigned char *bench_payload(size_t size) {
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes) {
        bench_die("malloc");
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)('a' + i % 26);
    }
    return bytes;
}

/* ---- The clock ------------------------------------------------------------------------------------------------ */

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

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
    uint64_t now = now_ns();
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
    printf("{\"ops\": %" PRIu64 ", \"ns\": %" PRIu64 "}\n", meter->ops, meter->elapsed_ns);
    fflush(stdout);
}

/* ---- The processes -------------------------------------------------------------------------------------------- */

/* In a parent that answers: the caller, its only child, has ended, and so does this process. */
static void on_caller_ended(int signal_number) {
    (void)signal_number;
    int status;
    if (waitpid(-1, &status, WNOHANG) > 0) {
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
    }
}

static _Noreturn void run_child(const struct bench_job *job, bench_side *side, void *user_data) {
    /* Whatever happens to the parent, this process does not survive it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
        bench_die("cannot set up the child");
    }
    int code = side(job, user_data);
    fflush(stdout);
    _exit(code);
}

int bench_run_pair(const struct bench_job *job, bench_side *caller, bench_side *answerer, void *user_data) {
    bool up = job->kind == BENCH_UNARY_UP;
    if (up && signal(SIGCHLD, on_caller_ended) == SIG_ERR) {
        bench_die("signal");
    }
    pid_t child = fork();
    if (child < 0) {
        bench_die("fork");
    }
    if (!child) {
        run_child(job, up ? caller : answerer, user_data);
    }
    if (up) {
        return answerer(job, user_data);
    }
    int code = caller(job, user_data);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return code;
}

/* ---- The program ---------------------------------------------------------------------------------------------- */

static bool parse_kind(const char *name, enum bench_kind *ret_kind) {
    static const char *const names[] = {
        [BENCH_UNARY] = "unary",
        [BENCH_UNARY_UP] = "unary-up",
        [BENCH_PUT] = "put",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_kind = (enum bench_kind)i;
            return true;
        }
    }
    return false;
}

int bench_main(int argc, char **argv, const char *version, int (*run)(const struct bench_job *job)) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(version);
        return EXIT_SUCCESS;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: %s CASE SIZE DEPTH SECONDS | --version\n", program_invocation_short_name);
        return EXIT_FAILURE;
    }
    struct bench_job job = {
        .size = strtoul(argv[2], NULL, 10),
        .depth = (unsigned)strtoul(argv[3], NULL, 10),
        .seconds = strtod(argv[4], NULL),
    };
    if (!parse_kind(argv[1], &job.kind)) {
        return BENCH_UNSUPPORTED;
    }
    if (!job.size || !job.depth || job.seconds <= 0) {
        fprintf(stderr, "%s: SIZE, DEPTH and SECONDS must be above zero\n", program_invocation_short_name);
        return EXIT_FAILURE;
    }
    alarm((unsigned)(job.seconds * 2) + HANG_SECONDS);
    return run(&job);
}
