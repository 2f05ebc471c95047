/* See plot_value.h. */
#include "runner/plot_value.h"

#include <stdio.h>

/* Three digits that count. */
static void format_number(char *out, size_t capacity, double value) {
    snprintf(out, capacity, "%.*f", value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value);
}

static void format_time(char *out, size_t capacity, double us) {
    char number[32];
    double scale = us >= 999.5 ? 1e-3 : us < 0.9995 ? 1e3 : 1;
    format_number(number, sizeof number, us * scale);
    snprintf(out, capacity, "%s %s", number, scale < 1 ? "ms" : scale > 1 ? "ns" : "µs");
}

static void format_rate(char *out, size_t capacity, double per_second) {
    char number[32];
    bool millions = per_second >= 999500;
    format_number(number, sizeof number, per_second / (millions ? 1e6 : 1e3));
    snprintf(out, capacity, "%s %s/s", number, millions ? "M" : "k");
}

void plot_value_format(char *out, size_t capacity, const struct result *row, enum plot_value value) {
    char time[64];
    char more[64];
    double figure = result_median(row, FIGURE_MAIN);
    format_time(time, sizeof time, figure);
    switch (value) {
    case PLOT_TIME:
        snprintf(out, capacity, "%s", time);
        break;
    case PLOT_TIME_AND_RATE:
        format_rate(more, sizeof more, 1e6 / figure);
        snprintf(out, capacity, "%s, %s", time, more);
        break;
    case PLOT_TIME_AND_BANDWIDTH:
        format_number(more, sizeof more, (double)row->bench_case->size / figure / 1000);
        snprintf(out, capacity, "%s, %s GB/s", time, more);
        break;
    case PLOT_LATENCY:
        format_time(more, sizeof more, result_median(row, FIGURE_P50_US));
        snprintf(out, capacity, "%s, p50 %s", time, more);
        break;
    case PLOT_MEMORY:
        format_number(more, sizeof more, figure / (figure < 1 << 20 ? 1 << 10 : 1 << 20));
        snprintf(out, capacity, "%s %s", more, figure < 1 << 20 ? "KiB" : "MiB");
        break;
    }
}
