/* The JSON lines; see report.h. */
#include <inttypes.h>

#include "runner/report.h"

/* ---- What differs by what is measured ------------------------------------------------------------------------- */

static void print_time(FILE *out, const struct result *row) {
    double median = result_median(row, FIGURE_US_PER_OP);
    fprintf(out, "\"us_per_op\": %.4f, \"min_us_per_op\": %.4f, \"max_us_per_op\": %.4f, \"ops_per_s\": %.1f", median,
            result_min(row, FIGURE_US_PER_OP), result_max(row, FIGURE_US_PER_OP), 1e6 / median);
    if (row->bench_case->flags & BENCH_CASE_BULK) {
        fprintf(out, ", \"gb_per_s\": %.3f", (double)row->bench_case->size / median / 1000);
    }
}

static void print_latency(FILE *out, const struct result *row) {
    static const struct {
        const char *name;
        enum program_figure figure;
    } quantiles[] = {{"p50_us", FIGURE_P50_US}, {"p99_us", FIGURE_P99_US}, {"p999_us", FIGURE_P999_US}};
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        const char *name = quantiles[i].name;
        enum program_figure figure = quantiles[i].figure;
        fprintf(out, "\"%s\": %.3f, \"min_%s\": %.3f, \"max_%s\": %.3f, ", name, result_median(row, figure), name,
                result_min(row, figure), name, result_max(row, figure));
    }
    fprintf(out, "\"rate_per_s\": %.1f", result_median(row, FIGURE_RATE));
}

static void print_memory(FILE *out, const struct result *row) {
    fprintf(out, "\"bytes\": %.0f, \"min_bytes\": %.0f, \"max_bytes\": %.0f", result_median(row, FIGURE_BYTES),
            result_min(row, FIGURE_BYTES), result_max(row, FIGURE_BYTES));
}

static const struct {
    const char *name;
    void (*print)(FILE *out, const struct result *row);
} measures[] = {
    [BENCH_MEASURES_TIME] = {"time", print_time},
    [BENCH_MEASURES_LATENCY] = {"latency", print_latency},
    [BENCH_MEASURES_MEMORY] = {"memory", print_memory},
};

/* ---- The line ------------------------------------------------------------------------------------------------- */

/* The quotients by all other systems that were measured. */
static void print_ratios(FILE *out, const struct result *row, const struct result *results, size_t count) {
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        if (&results[i] != row && results[i].outcome == PROGRAM_MEASURED && results[i].count) {
            fprintf(out, "%s\"%s\": %.4f", separator, results[i].system->name, result_ratio(row, &results[i]));
            separator = ", ";
        }
    }
}

void report_json(FILE *out, const struct result *results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct result *row = &results[i];
        const struct bench_case *bench_case = row->bench_case;
        if (row->outcome != PROGRAM_MEASURED || !row->count) {
            continue;
        }
        fprintf(out,
                "{\"system\": \"%s\", \"row\": \"%s\", \"case\": \"%s\", \"measures\": \"%s\", \"size\": %zu, "
                "\"depth\": %u, \"workers\": %u, \"streams\": %u, \"reps\": %u, ",
                row->system->name, bench_case->label, bench_case->name, measures[bench_case->measure].name,
                bench_case->size, bench_case->depth, bench_case->workers, bench_case->streams, row->count);
        measures[bench_case->measure].print(out, row);
        fprintf(out, ", \"by\": {");
        print_ratios(out, row, results, count);
        fprintf(out, "}}\n");
    }
}
