/*
 * main.c: yoke-soak: calls in very large numbers, under bad treatment. Prints figures; what must hold however fast the
 * machine is is checked. Usage: yoke-soak [CASE] [--calls N] [--seed N] [--workers N] [--kill-ms N].
 */
#include "soak.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct soak_case {
    const char *name;
    void (*run)(const struct soak_options *options);
    uint64_t calls; /* unless told otherwise */
};

static const struct soak_case cases[] = {
    {"cancel-flood", soak_cancel_flood, 1000000},
    {"unread-stream", soak_unread_stream, 5000},
    {"mixed", soak_mixed, 1000000},
};
#define CASE_COUNT (sizeof cases / sizeof *cases)

static _Noreturn void usage(void) {
    fprintf(stderr, "usage: yoke-soak [CASE] [--calls N] [--seed N] [--workers N] [--kill-ms N]\ncases:");
    for (size_t i = 0; i < CASE_COUNT; i++) {
        fprintf(stderr, " %s", cases[i].name);
    }
    fputc('\n', stderr);
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

static void read_options(int argc, char **argv, struct soak_options *options) {
    static const struct option known[] = {
        {"calls", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},
        {"workers", required_argument, NULL, 'w'},
        {"kill-ms", required_argument, NULL, 'k'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->calls = number_of(optarg, 1000000000);
            break;
        case 's':
            options->seed = number_of(optarg, UINT64_MAX);
            break;
        case 'w':
            options->workers = (unsigned)number_of(optarg, 64);
            break;
        case 'k':
            options->kill_ms = (unsigned)number_of(optarg, 100000);
            break;
        default:
            usage();
        }
    }
}

static void run(const struct soak_case *chosen, struct soak_options options) {
    if (options.calls == 0) {
        options.calls = chosen->calls;
    }
    printf("%s: %" PRIu64 " calls, seed %" PRIu64 "\n", chosen->name, options.calls, options.seed);
    (void)fflush(stdout);
    chosen->run(&options);
}

int main(int argc, char **argv) {
    struct soak_options options = {.seed = 1, .workers = 4, .kill_ms = 50};
    read_options(argc, argv, &options);
    const char *name = optind < argc ? argv[optind++] : NULL;
    if (optind < argc) {
        usage();
    }
    soak_init();
    bool is_known = false;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (name == NULL || strcmp(cases[i].name, name) == 0) {
            is_known = true;
            run(&cases[i], options);
        }
    }
    if (!is_known) {
        usage();
    }
    unsigned failures = soak_failure_count();
    printf("%u things wrong\n", failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
