/*
 * main.c: runs one case: some turns to fill the free lists, then those that count. The counting is callgrind's, by the
 * names of functions: what runs inside count_turns(), and there inside at_master() or at_worker(). See perf.sh.
 */
#include "cases.h"

#include <gnu/libc-version.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define TURNS_WARM 20u
#define TURNS_COUNTED 100u

typedef void side_step(struct side *side);

static struct side master, worker;
static const struct perf_case *chosen;

/* What callgrind must see: not static, and not inlined. */
#define SEEN __attribute__((noinline))

void at_master(side_step *step);
void at_worker(side_step *step);
void count_turns(void);

SEEN void at_master(side_step *step) {
    step(&master);
}

SEEN void at_worker(side_step *step) {
    step(&worker);
}

static void at(const struct side *side, side_step *step) {
    (side == &master ? at_master : at_worker)(step);
}

static void operate_master(struct side *side) {
    chosen->master(side, chosen->batch);
}

static void operate_worker(struct side *side) {
    chosen->worker(side, chosen->batch);
}

/* The copying is the kernel's part, and not counted. */
static void deliver(struct side *to, const struct iovec *piece) {
    for (size_t begin = 0; begin < piece->iov_len; begin += to->moved) {
        at(to, side_prepare);
        size_t left = piece->iov_len - begin;
        to->moved = left < to->room_size ? left : to->room_size;
        memcpy(to->room, (const uint8_t *)piece->iov_base + begin, to->moved);
        at(to, side_receive);
    }
}

static void carry(struct side *from, struct side *to) {
    at(from, side_take);
    for (size_t i = 0; i < from->vector_count; i++) {
        deliver(to, &from->vector[i]);
    }
    if (from->vector_count > 0) {
        at(from, side_sent);
    }
}

/* The master's loop turns, then the worker's, and then the master gets the answers. */
static void turn(void) {
    side_tick();
    if (chosen->master != NULL) {
        at(&master, operate_master);
    }
    carry(&master, &worker);
    if (chosen->worker != NULL) {
        at(&worker, operate_worker);
    }
    carry(&worker, &master);
}

static void run_turns(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        turn();
    }
    must(cases_finished() != count * chosen->batch, "operations that have not arrived");
}

SEEN void count_turns(void) {
    run_turns(TURNS_COUNTED);
}

static void run_case(const struct perf_case *perf_case) {
    chosen = perf_case;
    side_init(&master, true);
    side_init(&worker, false);
    cases_serve(&worker);
    must(yoke__connection_greet(&master.connection), "yoke__connection_greet");
    must(yoke__connection_greet(&worker.connection), "yoke__connection_greet");
    if (chosen->prepare != NULL) {
        chosen->prepare(&master, &worker);
    }
    carry(&master, &worker);
    carry(&worker, &master);
    run_turns(TURNS_WARM);
    count_turns();
    printf("%s %u\n", chosen->name, TURNS_COUNTED * chosen->batch);
    cases_end();
    side_release(&worker);
    side_release(&master);
}

/* What the counts depend on besides this repository's code. */
static void print_environment(void) {
    struct utsname kernel;
    must(uname(&kernel), "uname");
#ifdef __clang__
    puts("compiler " __VERSION__);
#else
    puts("compiler gcc " __VERSION__);
#endif
    printf("protobuf-c %s\nglibc %s\nmachine %s\n", protobuf_c_version(), gnu_get_libc_version(), kernel.machine);
}

/* All cases, when `wanted` is --all or --list. False when there is no such case. */
static bool run_cases(const char *wanted) {
    bool is_found = false;
    for (const struct perf_case *at_case = perf_cases; at_case->name != NULL; at_case++) {
        if (strcmp(wanted, "--list") == 0) {
            puts(at_case->name);
            is_found = true;
        } else if (strcmp(wanted, "--all") == 0 || strcmp(wanted, at_case->name) == 0) {
            run_case(at_case);
            is_found = true;
        }
    }
    return is_found;
}

int main(int argc, char **argv) {
    const char *wanted = argc == 2 ? argv[1] : "";
    if (strcmp(wanted, "--environment") == 0) {
        print_environment();
    } else if (!run_cases(wanted)) {
        (void)fprintf(stderr, "usage: yoke-perf CASE | --all | --list | --environment\n");
        return 2;
    }
    return 0;
}
