/*
 * yoke-bench: measures all systems on all cases and compares them. The repetitions are interleaved: every case on every
 * system once, then all of that again, so that a machine that changes its pace changes it for everybody.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"
#include "runner/program.h"
#include "runner/report.h"
#include "runner/result.h"
#include "runner/tables.h"

#define SYSTEMS_MAX 32

struct options {
    bool json;
    double seconds;
    unsigned repetitions;
    const char *only_case;
    const char *only_system;
};

static void print_usage(FILE *out) {
    fprintf(out,
            "usage: yoke-bench [OPTIONS]\n"
            "\n"
            "  --json          one JSON object a line, instead of tables\n"
            "  --quick         3 repetitions of 0.1 s: shows that all of it works, says little about speed\n"
            "  --only CASE     one case, or one of its rows: unary, unary/64/128\n"
            "  --system NAME   one system\n"
            "  --reps N        repetitions, 1 to %d (default 9)\n"
            "  --seconds S     the measured time of each (default 0.5); warm-up is a fifth of it more\n"
            "\ncases:\n",
            REPETITIONS_MAX);
    for (const struct bench_case *bench_case = bench_cases; bench_case->name; bench_case++) {
        fprintf(out, "  %s/%zu/%u: %s\n", bench_case->name, bench_case->size, bench_case->depth, bench_case->what);
    }
    fprintf(out, "\nsystems:\n");
    for (const struct bench_system *system = bench_systems; system->name; system++) {
        fprintf(out, "  %s\n", system->name);
    }
}

static void parse_options(int argc, char **argv, struct options *options) {
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'},       {"quick", no_argument, NULL, 'q'},
        {"only", required_argument, NULL, 'o'}, {"system", required_argument, NULL, 's'},
        {"reps", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},       {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
        switch (option) {
        case 'j':
            options->json = true;
            break;
        case 'q':
            options->seconds = 0.1;
            options->repetitions = 3;
            break;
        case 'o':
            options->only_case = optarg;
            break;
        case 's':
            options->only_system = optarg;
            break;
        case 'r':
            options->repetitions = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            options->seconds = strtod(optarg, NULL);
            break;
        default:
            print_usage(option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    if (optind < argc || !options->repetitions || options->repetitions > REPETITIONS_MAX || !(options->seconds > 0)) {
        print_usage(stderr);
        exit(EXIT_FAILURE);
    }
}

/* The systems that are there, and their versions on `out`. */
static size_t find_systems(const struct options *options, FILE *out, const struct bench_system **systems) {
    size_t count = 0;
    for (const struct bench_system *system = bench_systems; system->name && count < SYSTEMS_MAX; system++) {
        if (options->only_system && strcmp(options->only_system, system->name) != 0) {
            continue;
        }
        char version[256];
        if (program_version(system, version, sizeof version)) {
            fprintf(out, "  %-18s %s\n", system->name, version);
            systems[count++] = system;
        } else if (system->needs) {
            fprintf(out, "  %-18s skipped: %s\n", system->name, system->needs);
        } else {
            fprintf(stderr, "%s: cannot run %s\n", system->name, system->program);
            exit(EXIT_FAILURE);
        }
    }
    return count;
}

/* One result for every pair of a wanted case and a system, case by case. */
static struct result *make_results(const struct options *options, const struct bench_system *const *systems,
                                   size_t system_count, size_t *ret_count) {
    size_t case_count = 0;
    while (bench_cases[case_count].name) {
        case_count++;
    }
    struct result *results = calloc(case_count * system_count + 1, sizeof *results);
    if (!results) {
        bench_die("calloc");
    }
    size_t count = 0;
    for (const struct bench_case *bench_case = bench_cases; bench_case->name; bench_case++) {
        if (options->only_case && !bench_case_matches(bench_case, options->only_case)) {
            continue;
        }
        for (size_t i = 0; i < system_count; i++) {
            results[count++] = (struct result){.system = systems[i], .bench_case = bench_case};
        }
    }
    *ret_count = count;
    return results;
}

static void measure(const struct options *options, struct result *results, size_t count) {
    bool show_progress = isatty(STDERR_FILENO);
    for (unsigned repetition = 1; repetition <= options->repetitions; repetition++) {
        for (size_t i = 0; i < count; i++) {
            if (results[i].outcome != PROGRAM_MEASURED) {
                continue;
            }
            if (show_progress) {
                fprintf(stderr, "\r\033[Krepetition %u of %u: %s on %s", repetition, options->repetitions,
                        results[i].bench_case->name, results[i].system->name);
            }
            double us_per_op = 0;
            enum program_outcome outcome =
                program_measure(results[i].system, results[i].bench_case, options->seconds, &us_per_op);
            result_add(&results[i], outcome, us_per_op);
        }
    }
    if (show_progress) {
        fprintf(stderr, "\r\033[K");
    }
}

/* False when a program failed. */
static bool report(const struct options *options, const struct result *results, size_t count, size_t system_count) {
    bool good = true;
    for (size_t i = 0; i < count; i += system_count) {
        (options->json ? report_json : report_table)(stdout, &results[i], system_count);
    }
    for (size_t i = 0; i < count; i++) {
        good = good && results[i].outcome != PROGRAM_FAILED;
    }
    return good;
}

int main(int argc, char **argv) {
    struct options options = {.seconds = 0.5, .repetitions = 9};
    parse_options(argc, argv, &options);
    /* JSON has stdout to itself. */
    FILE *about = options.json ? stderr : stdout;
    report_machine(about);
    fprintf(about, "medians of %u interleaved repetitions of %g s, each in processes of its own\n", options.repetitions,
            options.seconds);
    const struct bench_system *systems[SYSTEMS_MAX];
    size_t system_count = find_systems(&options, about, systems);
    fflush(about);
    size_t count;
    struct result *results = make_results(&options, systems, system_count, &count);
    if (!count) {
        fprintf(stderr, "there is no such case, or no such system; --help lists them\n");
        free(results);
        return EXIT_FAILURE;
    }
    measure(&options, results, count);
    bool good = report(&options, results, count, system_count);
    free(results);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
