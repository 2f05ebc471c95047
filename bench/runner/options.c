/* See options.h. */
#include "runner/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/result.h"
#include "runner/tables.h"

#define SECONDS 0.4
#define REPETITIONS 7

static void print_usage(FILE *out) {
    fprintf(out,
            "usage: yoke-bench [OPTIONS]\n"
            "\n"
            "  --json          one JSON object a line, instead of tables\n"
            "  --plot FILE     draw a chart of some cases, too: an SVG, made by gnuplot\n"
            "  --quick         2 repetitions of 0.1 s, without the rows marked *: shows that all of it works, says\n"
            "                  little about speed\n"
            "  --only CASE     one case, or one of its rows: unary, unary/64/128; may be repeated\n"
            "  --system NAME   one system; may be repeated\n"
            "  --reps N        repetitions, 1 to %d (default %d)\n"
            "  --seconds S     the measured time of each (default %g); warm-up is a fifth of it more\n"
            "\ncases:\n",
            REPETITIONS_MAX, REPETITIONS, SECONDS);
    for (const struct bench_case *bench_case = bench_cases; bench_case->name; bench_case++) {
        fprintf(out, "%s %-20s  %s\n", (bench_case->flags & BENCH_CASE_EXTRA) ? "*" : " ", bench_case->label,
                bench_case->what);
    }
    fprintf(out, "\nsystems:\n");
    for (const struct bench_system *system = bench_systems; system->name; system++) {
        fprintf(out, "  %s\n", system->name);
    }
}

static bool is_case(const char *name) {
    for (const struct bench_case *bench_case = bench_cases; bench_case->name; bench_case++) {
        if (bench_case_matches(bench_case, name)) {
            return true;
        }
    }
    return false;
}

static bool is_system(const char *name) {
    for (const struct bench_system *system = bench_systems; system->name; system++) {
        if (strcmp(system->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_name(struct names *names, const char *name, bool (*exists)(const char *name)) {
    if (!exists(name) || names->count == NAMES_MAX) {
        fprintf(stderr, "yoke-bench: there is no \"%s\"; --help lists what there is\n", name);
        exit(EXIT_FAILURE);
    }
    names->all[names->count++] = name;
}

void options_parse(struct options *options, int argc, char **argv) {
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'},
        {"quick", no_argument, NULL, 'q'},
        {"only", required_argument, NULL, 'o'},
        {"system", required_argument, NULL, 's'},
        {"reps", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 't'},
        {"plot", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *options = (struct options){.seconds = SECONDS, .repetitions = REPETITIONS};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) >= 0;) {
        switch (option) {
        case 'j':
            options->json = true;
            break;
        case 'q':
            options->quick = true;
            options->seconds = 0.1;
            options->repetitions = 2;
            break;
        case 'o':
            add_name(&options->cases, optarg, is_case);
            break;
        case 's':
            add_name(&options->systems, optarg, is_system);
            break;
        case 'r':
            options->repetitions = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            options->seconds = strtod(optarg, NULL);
            break;
        case 'p':
            options->plot = optarg;
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
