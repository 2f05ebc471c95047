/* See report.h. */
#include "runner/report.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define NAME_WIDTH 18
#define RATIO_WIDTH 11

/* The first "model name" of /proc/cpuinfo. */
static void cpu_model(char *ret_model, size_t capacity) {
    snprintf(ret_model, capacity, "unknown CPU");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) {
        return;
    }
    char line[512];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(ret_model, capacity, "%s", colon + 2);
            break;
        }
    }
    fclose(file);
}

void report_machine(FILE *out) {
    char model[256];
    cpu_model(model, sizeof model);
    cpu_set_t cpus;
    int usable = sched_getaffinity(0, sizeof cpus, &cpus) ? 0 : CPU_COUNT(&cpus);
    struct utsname kernel;
    uname(&kernel);
    double load = 0;
    if (getloadavg(&load, 1) != 1) {
        load = -1;
    }
    fprintf(out, "machine: %s, %d CPUs usable, Linux %s; load %.2f at the start; no process is pinned\n", model, usable,
            kernel.release, load);
    fprintf(out, "compiler: %s\n", BENCH_COMPILER);
}

static const struct result *find_result(const char *name, const struct result *results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (results[i].outcome == PROGRAM_MEASURED && strcmp(results[i].system->name, name) == 0) {
            return &results[i];
        }
    }
    return NULL;
}

static void print_heading(FILE *out) {
    fprintf(out, "  %-*s %10s %10s %10s %12s", NAME_WIDTH, "system", "us/op", "min", "max", "ops/s");
    for (const struct bench_reference *reference = bench_references; reference->system; reference++) {
        fprintf(out, "%*s", RATIO_WIDTH, reference->heading);
    }
    fputc('\n', out);
}

static void print_row(FILE *out, const struct result *row, const struct result *results, size_t count) {
    double median = result_median(row);
    fprintf(out, "  %-*s %10.3f %10.3f %10.3f %12.0f", NAME_WIDTH, row->system->name, median, result_min(row),
            result_max(row), 1e6 / median);
    for (const struct bench_reference *reference = bench_references; reference->system; reference++) {
        const struct result *base = find_result(reference->system, results, count);
        if (base) {
            fprintf(out, "%*.3f", RATIO_WIDTH, result_ratio(row, base));
        } else {
            fprintf(out, "%*s", RATIO_WIDTH, "-");
        }
    }
    fputc('\n', out);
}

void report_table(FILE *out, const struct result *results, size_t count) {
    const struct bench_case *bench_case = results->bench_case;
    fprintf(out, "\n%s, %zu bytes, %u in flight: %s\n", bench_case->name, bench_case->size, bench_case->depth,
            bench_case->what);
    print_heading(out);
    for (size_t i = 0; i < count; i++) {
        if (results[i].outcome == PROGRAM_FAILED) {
            fprintf(out, "  %-*s %10s\n", NAME_WIDTH, results[i].system->name, "FAILED");
        } else if (results[i].count) {
            print_row(out, &results[i], results, count);
        }
    }
}

void report_json(FILE *out, const struct result *results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct result *row = &results[i];
        if (row->outcome != PROGRAM_MEASURED) {
            continue;
        }
        double median = result_median(row);
        fprintf(out,
                "{\"system\": \"%s\", \"case\": \"%s\", \"size\": %zu, \"depth\": %u, \"us_per_op\": %.4f, "
                "\"ops_per_s\": %.1f, \"min_us_per_op\": %.4f, \"max_us_per_op\": %.4f, \"reps\": %u}\n",
                row->system->name, row->bench_case->name, row->bench_case->size, row->bench_case->depth, median,
                1e6 / median, result_min(row), result_max(row), row->count);
    }
}
