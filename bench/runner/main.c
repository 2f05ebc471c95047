/*
 * yoke-bench: measures all systems on all cases and compares them. The repetitions are interleaved: every case on every
 * system once, then all of that again, so that a machine that changes its pace changes it for everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bench.h"
#include "runner/machine.h"
#include "runner/options.h"
#include "runner/plot.h"
#include "runner/program.h"
#include "runner/report.h"
#include "runner/result.h"
#include "runner/tables.h"

/* ---- What there is to measure --------------------------------------------------------------------------------- */

static bool is_wanted_system(const struct options *options, const struct bench_system *system) {
    for (size_t i = 0; i < options->systems.count; i++) {
        if (strcmp(options->systems.all[i], system->name) == 0) {
            return true;
        }
    }
    return options->systems.count == 0;
}

static bool is_wanted_case(const struct options *options, const struct bench_case *bench_case) {
    for (size_t i = 0; i < options->cases.count; i++) {
        if (bench_case_matches(bench_case, options->cases.all[i])) {
            return true;
        }
    }
    return options->cases.count == 0 && !(options->quick && (bench_case->flags & BENCH_CASE_EXTRA));
}

/* The systems that are there, and their versions on `out`. */
static size_t find_systems(const struct options *options, FILE *out, const struct bench_system **systems) {
    size_t count = 0;
    for (const struct bench_system *system = bench_systems; system->name; system++) {
        char version[256];
        if (!is_wanted_system(options, system)) {
            continue;
        }
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
static void make_results(const struct options *options, FILE *out, struct results *results) {
    const struct bench_system **systems = calloc(bench_system_count(), sizeof *systems);
    if (!systems) {
        bench_die("calloc");
    }
    *results = (struct results){.system_count = find_systems(options, out, systems)};
    results->all = calloc(bench_case_count() * results->system_count + 1, sizeof *results->all);
    if (!results->all) {
        bench_die("calloc");
    }
    for (const struct bench_case *bench_case = bench_cases; bench_case->name; bench_case++) {
        for (size_t i = 0; is_wanted_case(options, bench_case) && i < results->system_count; i++) {
            results->all[results->count++] = (struct result){.system = systems[i], .bench_case = bench_case};
        }
    }
    free(systems);
}

/* ---- Measuring ------------------------------------------------------------------------------------------------ */

static const struct bench_case *peak_case(void) {
    const struct bench_case *bench_case = bench_cases;
    while (strcmp(bench_case->label, bench_peak_label) != 0) {
        bench_case++;
    }
    return bench_case;
}

/* Half of the system's peak in this repetition, which is measured now when it has not been. */
static enum program_outcome find_rate(const struct options *options, const struct results *results,
                                      const struct bench_system *system, unsigned repetition, double *ret_rate) {
    double figures[FIGURES_MAX];
    const struct result *peaks = results_of_case(results, bench_peak_label);
    const struct result *peak = peaks ? result_find(peaks, results->system_count, system->name) : NULL;
    enum program_outcome outcome = PROGRAM_MEASURED;
    if (peak && peak->count == repetition) {
        figures[FIGURE_US_PER_OP] = peak->figures[FIGURE_US_PER_OP][repetition - 1];
    } else {
        outcome = program_measure(system, peak_case(), options->seconds, 0, figures);
    }
    if (outcome == PROGRAM_MEASURED) {
        *ret_rate = 1e6 / figures[FIGURE_US_PER_OP] / 2;
    }
    return outcome;
}

static void measure_one(const struct options *options, const struct results *results, struct result *result,
                        unsigned repetition) {
    double rate = 0;
    double figures[FIGURES_MAX] = {0};
    enum program_outcome outcome = PROGRAM_MEASURED;
    if (result->bench_case->measure == BENCH_MEASURES_LATENCY) {
        outcome = find_rate(options, results, result->system, repetition, &rate);
    }
    if (outcome == PROGRAM_MEASURED) {
        outcome = program_measure(result->system, result->bench_case, options->seconds, rate, figures);
    }
    result_add(result, outcome, figures);
}

static void measure(const struct options *options, struct results *results) {
    bool show_progress = isatty(STDERR_FILENO);
    for (unsigned repetition = 1; repetition <= options->repetitions; repetition++) {
        for (size_t i = 0; i < results->count; i++) {
            struct result *result = &results->all[i];
            if (result->outcome != PROGRAM_MEASURED) {
                continue;
            }
            if (show_progress) {
                fprintf(stderr, "\r\033[Krepetition %u of %u: %s on %s", repetition, options->repetitions,
                        result->bench_case->label, result->system->name);
            }
            measure_one(options, results, result, repetition);
        }
    }
    if (show_progress) {
        fprintf(stderr, "\r\033[K");
    }
}

/* ---- The program ---------------------------------------------------------------------------------------------- */

/* False when a program failed. */
static bool report(const struct options *options, const struct results *results) {
    bool good = true;
    for (size_t i = 0; i < results->count; i += results->system_count) {
        (options->json ? report_json : report_table)(stdout, &results->all[i], results->system_count);
    }
    for (size_t i = 0; i < results->count; i++) {
        good = good && results->all[i].outcome != PROGRAM_FAILED;
    }
    return good;
}

int main(int argc, char **argv) {
    struct options options;
    options_parse(&options, argc, argv);
    if (options.plot && !plot_can(options.plot)) {
        return EXIT_FAILURE;
    }
    /* JSON has stdout to itself. */
    FILE *about = options.json ? stderr : stdout;
    struct machine machine;
    machine_read(&machine);
    machine_print(about, &machine);
    fprintf(about, "medians of %u interleaved repetitions of %g s, each in processes of its own\n", options.repetitions,
            options.seconds);
    struct results results;
    make_results(&options, about, &results);
    fflush(about);
    measure(&options, &results);
    bool good = report(&options, &results);
    good = (!options.plot || plot_draw(options.plot, &results, &machine, &options)) && good;
    free(results.all);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
