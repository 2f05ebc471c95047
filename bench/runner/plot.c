/* See plot.h. All places are in pixels from the upper left; gnuplot wants fractions from the lower left. */
#include "runner/plot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/gnuplot.h"
#include "runner/plot_value.h"

#define WIDTH 1080
#define COLUMNS 2
#define COLUMN_WIDTH (WIDTH / COLUMNS)
#define MARGIN 24
#define HEADER_HEIGHT 112
#define FOOTER_HEIGHT 44

/* Of a panel: two lines of title above the bars, the systems' names before them, their values behind them. */
#define TITLE_HEIGHT 54
#define BAR_HEIGHT 21
#define PANEL_GAP 20
#define NAMES_WIDTH 150
#define VALUES_WIDTH 150

/* Beyond this, the longest bar by the shortest, the scale is logarithmic. */
#define LINEAR_MAX 25

#define COLOR_YOKE 0xd9480f
#define COLOR_YOKE_VARIANT 0xf08c5a
#define COLOR_FLOOR 0xced4da
#define COLOR_PEER 0x7b8794
#define COLOR_TEXT "#212529"
#define COLOR_SUBTEXT "#6c757d"
#define COLOR_GRID "#e9ecef"

struct panel {
    const char *label; /* the row of bench_cases */
    enum plot_value value;
    const char *title;
    const char *subtitle;
};

static const struct panel panels[] = {
    {"unary/64/1", PLOT_TIME, "One call at a time", "64 bytes there and back; time of a call"},
    {"unary/64/128", PLOT_TIME_AND_RATE, "128 calls in flight", "64 bytes there and back; time by calls"},
    {"put/1M", PLOT_TIME_AND_BANDWIDTH, "1 MiB", "acknowledged; time of a call"},
    {"put/16M", PLOT_TIME_AND_BANDWIDTH, "16 MiB", "acknowledged; time of a call"},
    {"stream/64", PLOT_TIME_AND_RATE, "A stream from the worker", "messages of 64 bytes; time by messages"},
    {"bidi/64/1", PLOT_TIME, "To and fro on one stream", "64 bytes; time of a message each way"},
    {"workers/64", PLOT_TIME_AND_RATE, "64 workers", "128 calls of 64 bytes in flight for each; time by calls"},
    {"spawn", PLOT_TIME, "A new worker", "from asking for it until it is ready"},
    {"idle/64", PLOT_MEMORY, "An idle worker", "memory (PSS) of one of 64 that have each handled a call"},
    {"latency/64", PLOT_LATENCY, "Latency at half of the peak",
     "99th percentile of calls that start on a schedule; line: median"},
};
#define PANEL_COUNT (sizeof panels / sizeof *panels)

/* A panel that is drawn: one whose case was measured. */
struct drawn {
    const struct panel *panel;
    const struct result *rows[64];
    size_t row_count;
};

struct canvas {
    FILE *gnuplot;
    double height;
    unsigned next_label;
};

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void draw_text(struct canvas *canvas, double x, double y, unsigned size, const char *font, const char *color,
                      const char *text) {
    fprintf(canvas->gnuplot, "set label %u ", canvas->next_label++);
    gnuplot_quote(canvas->gnuplot, text);
    fprintf(canvas->gnuplot, " at screen %.5f,%.5f left noenhanced font 'sans-serif%s,%u' tc rgb '%s'\n", x / WIDTH,
            1 - y / canvas->height, font, size, color);
}

/* ---- A panel -------------------------------------------------------------------------------------------------- */

static bool is_yoke(const struct result *row) {
    return strncmp(row->system->name, "yoke", 4) == 0;
}

static unsigned color_of(const struct result *row) {
    if (is_yoke(row)) {
        return strcmp(row->system->name, "yoke") == 0 ? COLOR_YOKE : COLOR_YOKE_VARIANT;
    }
    return row->system->floor ? COLOR_PEER : COLOR_FLOOR;
}

/* The ends of the scale. */
static void set_scale(FILE *gnuplot, const struct drawn *drawn, double *ret_start) {
    double least = result_median(drawn->rows[0], FIGURE_MAIN);
    double most = least;
    for (size_t i = 1; i < drawn->row_count; i++) {
        double value = result_median(drawn->rows[i], FIGURE_MAIN);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    if (drawn->panel->value == PLOT_LATENCY) {
        for (size_t i = 0; i < drawn->row_count; i++) {
            double median = result_median(drawn->rows[i], FIGURE_P50_US);
            least = median < least ? median : least;
        }
    }
    bool is_linear = most <= least * LINEAR_MAX;
    *ret_start = is_linear ? 0 : least / 2;
    fprintf(gnuplot, "%s logscale x\nset xrange [%.9g:%.9g]\n", is_linear ? "unset" : "set", *ret_start, most);
}

static void draw_bars(FILE *gnuplot, const struct drawn *drawn) {
    double start;
    set_scale(gnuplot, drawn, &start);
    fprintf(gnuplot, "$bars << END\n");
    for (size_t i = 0; i < drawn->row_count; i++) {
        char value[160];
        const struct result *row = drawn->rows[i];
        bool is_latency = drawn->panel->value == PLOT_LATENCY;
        plot_value_format(value, sizeof value, row, drawn->panel->value);
        /* place, start, end, color, mark, name, value */
        fprintf(gnuplot, "%zu %.9g %.9g %u %.9g \"%s\" \"%s\"\n", i, start, result_median(row, FIGURE_MAIN),
                color_of(row), is_latency ? result_median(row, FIGURE_P50_US) : 0, row->system->name, value);
    }
    fprintf(gnuplot, "END\n");
    fprintf(gnuplot,
            "plot $bars using 3:1:2:3:($1-0.36):($1+0.36):4 with boxxyerror fs solid noborder lc rgb variable, "
            "$bars using 2:1:6 with labels right offset -0.8,0 noenhanced tc rgb '" COLOR_TEXT "', "
            "$bars using 3:1:7 with labels left offset 0.5,0 noenhanced tc rgb '" COLOR_TEXT "'");
    if (drawn->panel->value == PLOT_LATENCY) {
        fprintf(gnuplot, ", $bars using 5:($1-0.36):(0):(0.72) with vectors nohead lw 2 lc rgb 'white'");
    }
    fprintf(gnuplot, "\n");
}

static void draw_panel(struct canvas *canvas, const struct drawn *drawn, double x, double y) {
    FILE *gnuplot = canvas->gnuplot;
    double top = y + TITLE_HEIGHT;
    double bottom = top + (double)drawn->row_count * BAR_HEIGHT;
    draw_text(canvas, x + MARGIN, y + 14, 15, ":Bold", COLOR_TEXT, drawn->panel->title);
    draw_text(canvas, x + MARGIN, y + 34, 11, "", COLOR_SUBTEXT, drawn->panel->subtitle);
    fprintf(gnuplot, "set lmargin at screen %.5f\nset rmargin at screen %.5f\n", (x + NAMES_WIDTH) / WIDTH,
            (x + COLUMN_WIDTH - VALUES_WIDTH) / WIDTH);
    fprintf(gnuplot, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", 1 - top / canvas->height,
            1 - bottom / canvas->height);
    fprintf(gnuplot, "set yrange [%.1f:-0.5]\n", (double)drawn->row_count - 0.5);
    draw_bars(gnuplot, drawn);
}

/* ---- The chart ------------------------------------------------------------------------------------------------ */

static size_t find_drawn(const struct results *results, struct drawn *drawn) {
    size_t count = 0;
    for (size_t i = 0; i < PANEL_COUNT; i++) {
        struct drawn *next = &drawn[count];
        const struct result *rows = results_of_case(results, panels[i].label);
        *next = (struct drawn){.panel = &panels[i]};
        for (size_t j = 0; rows && j < results->system_count; j++) {
            if (rows[j].outcome == PROGRAM_MEASURED && rows[j].count) {
                next->rows[next->row_count++] = &rows[j];
            }
        }
        count += next->row_count > 0;
    }
    return count;
}

/* The height of the row of panels that begins at `first`. */
static double row_height(const struct drawn *drawn, size_t count, size_t first) {
    size_t bars = 0;
    for (size_t i = first; i < count && i < first + COLUMNS; i++) {
        bars = drawn[i].row_count > bars ? drawn[i].row_count : bars;
    }
    return TITLE_HEIGHT + (double)bars * BAR_HEIGHT + PANEL_GAP;
}

/* A square in the color of some bars, and what they are. Gives the place for the next. */
static double draw_key(struct canvas *canvas, double x, double y, unsigned color, const char *text) {
    char hex[16];
    snprintf(hex, sizeof hex, "#%06x", color);
    draw_text(canvas, x, y, 15, "", hex, "\u25a0");
    draw_text(canvas, x + 17, y, 12, "", COLOR_TEXT, text);
    return x + 48 + 6.6 * (double)strlen(text);
}

static void draw_frame(struct canvas *canvas, const struct machine *machine, const struct options *options) {
    char text[640];
    draw_text(canvas, MARGIN, 30, 21, ":Bold", COLOR_TEXT, "Yoke beside others, on one machine");
    snprintf(text, sizeof text, "Medians of %u interleaved repetitions of %g s. In every panel, shorter is better.",
             options->repetitions, options->seconds);
    draw_text(canvas, MARGIN, 58, 13, "", COLOR_SUBTEXT, text);
    double x = draw_key(canvas, MARGIN, 84, COLOR_YOKE, "Yoke");
    x = draw_key(canvas, x, 84, COLOR_YOKE_VARIANT, "Yoke with an option");
    x = draw_key(canvas, x, 84, COLOR_PEER, "other systems");
    draw_key(canvas, x, 84, COLOR_FLOOR, "floor: a bare socket, no RPC");
    snprintf(text, sizeof text, "%s, %d CPUs usable, Linux %s, %s. How it is measured: bench/README.md", machine->cpu,
             machine->usable_cpus, machine->kernel, machine->date);
    draw_text(canvas, MARGIN, canvas->height - 20, 11, "", COLOR_SUBTEXT, text);
}

static void draw_chart(struct canvas *canvas, const char *path, const struct drawn *drawn, size_t count,
                       const struct machine *machine, const struct options *options) {
    FILE *gnuplot = canvas->gnuplot;
    fprintf(gnuplot, "set encoding utf8\nset output ");
    gnuplot_quote(gnuplot, path);
    fprintf(gnuplot,
            "\nset terminal svg size %d,%.0f font 'sans-serif,12' background '#ffffff'\n"
            "set multiplot\nunset key\nunset border\nunset tics\n",
            WIDTH, canvas->height);
    draw_frame(canvas, machine, options);
    double y = HEADER_HEIGHT;
    for (size_t i = 0; i < count; i++) {
        draw_panel(canvas, &drawn[i], (double)(i % COLUMNS) * COLUMN_WIDTH, y);
        fprintf(gnuplot, "unset label\n");
        if (i % COLUMNS == COLUMNS - 1) {
            y += row_height(drawn, count, i - (COLUMNS - 1));
        }
    }
    fprintf(gnuplot, "unset multiplot\nunset output\n");
}

bool plot_can(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        perror(path);
        return false;
    }
    close(fd);
    return gnuplot_is_there();
}

bool plot_draw(const char *path, const struct results *results, const struct machine *machine,
               const struct options *options) {
    struct drawn drawn[PANEL_COUNT];
    size_t count = find_drawn(results, drawn);
    if (!count) {
        fprintf(stderr, "yoke-bench: none of the cases of the chart was measured, so there is nothing to draw\n");
        return false;
    }
    struct canvas canvas = {.gnuplot = gnuplot_start(), .height = HEADER_HEIGHT + FOOTER_HEIGHT, .next_label = 1};
    if (!canvas.gnuplot) {
        return false;
    }
    for (size_t i = 0; i < count; i += COLUMNS) {
        canvas.height += row_height(drawn, count, i);
    }
    draw_chart(&canvas, path, drawn, count, machine, options);
    return gnuplot_finish(canvas.gnuplot);
}
