/* The tables; see report.h. */
#include "runner/report.h"

#include <string.h>

#define NAME_WIDTH 18
#define RATIO_WIDTH 11

/* ---- What differs by what is measured ------------------------------------------------------------------------- */

static void print_time_heading(FILE *out, const struct bench_case *bench_case) {
    fprintf(out, " %10s %10s %10s %12s", "us/op", "min", "max",
            (bench_case->flags & BENCH_CASE_BULK) ? "GB/s" : "ops/s");
}

static void print_time(FILE *out, const struct result *row) {
    double median = result_median(row, FIGURE_US_PER_OP);
    fprintf(out, " %10.3f %10.3f %10.3f", median, result_min(row, FIGURE_US_PER_OP), result_max(row, FIGURE_US_PER_OP));
    if (row->bench_case->flags & BENCH_CASE_BULK) {
        fprintf(out, " %12.2f", (double)row->bench_case->size / median / 1000);
    } else {
        fprintf(out, " %12.0f", 1e6 / median);
    }
}

static void print_latency_heading(FILE *out, const struct bench_case *bench_case) {
    (void)bench_case;
    fprintf(out, " %10s %10s %10s %12s", "p50 us", "p99 us", "p99.9 us", "at ops/s");
}

static void print_latency(FILE *out, const struct result *row) {
    fprintf(out, " %10.1f %10.1f %10.1f %12.0f", result_median(row, FIGURE_P50_US), result_median(row, FIGURE_P99_US),
            result_median(row, FIGURE_P999_US), result_median(row, FIGURE_RATE));
}

static void print_memory_heading(FILE *out, const struct bench_case *bench_case) {
    (void)bench_case;
    fprintf(out, " %10s %10s %10s %12s", "KiB", "min", "max", "");
}

static void print_memory(FILE *out, const struct result *row) {
    fprintf(out, " %10.0f %10.0f %10.0f %12s", result_median(row, FIGURE_BYTES) / 1024,
            result_min(row, FIGURE_BYTES) / 1024, result_max(row, FIGURE_BYTES) / 1024, "");
}

static const struct {
    void (*print_heading)(FILE *out, const struct bench_case *bench_case);
    void (*print_figures)(FILE *out, const struct result *row);
    const char *compared; /* what the quotients are of, when it is not obvious */
} measures[] = {
    [BENCH_MEASURES_TIME] = {print_time_heading, print_time, ""},
    [BENCH_MEASURES_LATENCY] = {print_latency_heading, print_latency, "; quotients are of p99"},
    [BENCH_MEASURES_MEMORY] = {print_memory_heading, print_memory, ""},
};

/* ---- The table ------------------------------------------------------------------------------------------------ */

static void print_title(FILE *out, const struct bench_case *bench_case) {
    fprintf(out, "\n%s: %s", bench_case->label, bench_case->what);
    if (bench_case->streams > 1) {
        fprintf(out, "; %u streams", bench_case->streams);
    }
    if (bench_case->workers > 1) {
        fprintf(out, "; %u workers", bench_case->workers);
    }
    if (bench_case->depth > 1) {
        fprintf(out, "; %u in flight%s", bench_case->depth, bench_case->workers > 1 ? " for each" : "");
    }
    fprintf(out, "%s\n", measures[bench_case->measure].compared);
}

static void print_heading(FILE *out, const struct bench_case *bench_case) {
    fprintf(out, "  %-*s", NAME_WIDTH, "system");
    measures[bench_case->measure].print_heading(out, bench_case);
    fprintf(out, "%*s", RATIO_WIDTH, "/ floor");
    for (const struct bench_reference *reference = bench_references; reference->system; reference++) {
        fprintf(out, "%*s", RATIO_WIDTH, reference->heading);
    }
    fputc('\n', out);
}

static void print_ratio(FILE *out, const struct result *row, const struct result *base) {
    if (base) {
        fprintf(out, "%*.3f", RATIO_WIDTH, result_ratio(row, base));
    } else {
        fprintf(out, "%*s", RATIO_WIDTH, "-");
    }
}

static void print_row(FILE *out, const struct result *row, const struct result *results, size_t count) {
    fprintf(out, "  %-*s", NAME_WIDTH, row->system->name);
    measures[row->bench_case->measure].print_figures(out, row);
    const char *floor = row->system->floor;
    print_ratio(out, row, floor ? result_find(results, count, floor) : NULL);
    for (const struct bench_reference *reference = bench_references; reference->system; reference++) {
        print_ratio(out, row, result_find(results, count, reference->system));
    }
    fputc('\n', out);
}

void report_table(FILE *out, const struct result *results, size_t count) {
    print_title(out, results->bench_case);
    print_heading(out, results->bench_case);
    for (size_t i = 0; i < count; i++) {
        if (results[i].outcome == PROGRAM_FAILED) {
            fprintf(out, "  %-*s %10s\n", NAME_WIDTH, results[i].system->name, "FAILED");
        } else if (results[i].count) {
            print_row(out, &results[i], results, count);
        }
    }
}
