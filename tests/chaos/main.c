/*
 * main.c: yoke-chaos: pools of all kinds at work, while everything is done to them that can be. See README.md.
 * Usage: yoke-chaos [--seconds N] [--storms N] [--seed S] [--only ACTS] [--without ACTS] [--trace].
 */
#include "run.h"

#include "harness.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* More than a worker uses, and less than a test machine has; with AddressSanitizer all takes more. */
#define LEAK_BYTES (96 * MIB)
#define LEAK_BYTES_ASAN (256 * MIB)

static _Noreturn void usage(void) {
    fprintf(stderr,
            "usage: yoke-chaos [--seconds N] [--storms N] [--seed S] [--only ACTS] [--without ACTS] [--trace]\n");
    exit(2);
}

static uint64_t number_of(const char *text, uint64_t max) {
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number > max) {
        usage();
    }
    return number;
}

static struct run_options read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"seconds", required_argument, NULL, 's'},
        {"storms", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 'r'},
        {"only", required_argument, NULL, 'o'},
        {"without", required_argument, NULL, 'w'},
        {"trace", no_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    struct run_options options = {.seconds = 30, .seed = chaos_now_ns() % 1000000};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 's':
            options.seconds = (unsigned)number_of(optarg, 1000000);
            break;
        case 'n':
            options.storms = (unsigned)number_of(optarg, 1000000);
            options.seconds = 1000000;
            break;
        case 'r':
            options.seed = number_of(optarg, UINT64_MAX);
            break;
        case 'o':
            options.only = optarg;
            break;
        case 'w':
            options.without = optarg;
            break;
        case 't':
            options.is_traced = true;
            break;
        default:
            usage();
        }
    }
    if (optind < argc) {
        usage();
    }
    return options;
}

/* The loop does not turn any more. */
static void on_alarm(int signal) {
    static const char text[] = "chaos: the master's loop hangs\n";
    (void)signal;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}

/* Workers are killed by signals that dump core; orphans, if there are any, come to us; a loop that hangs is told. */
static void prepare_process(void) {
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)signal(SIGALRM, on_alarm);
}

int main(int argc, char **argv) {
    static struct run run;
    static char program[PATH_MAX];
    static char own[PATH_MAX];
    static char book[64];
    run.options = read_options(argc, argv);
    printf("chaos: seed %" PRIu64 "\n", run.options.seed);
    (void)fflush(stdout);
    prepare_process();
    test_skip_leak_checks();
    int fd = chaos_create_book();
    chaos->leak_bytes = test_has_asan() ? LEAK_BYTES_ASAN : LEAK_BYTES;
    (void)snprintf(book, sizeof book, "/proc/%d/fd/%d", (int)getpid(), fd);
    (void)!readlink("/proc/self/exe", own, sizeof own - 1);
    (void)snprintf(program, sizeof program, "%.4000s/chaos_worker", dirname(own));
    run.program = program;
    run.book = book;
    run_chaos(&run);
    return atomic_load(&chaos->complaint_count) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
