/* See plot.h. All places are in pixels from the upper left; gnuplot wants fractions from the lower left. */
#include "runner/plot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/gnuplot.h"
#include "runner/plot_value.h"

#define COLUMNS 2
#define COLUMN_WIDTH 540
#define WIDTH (COLUMNS * COLUMN_WIDTH)
#define MARGIN 24
#define HEADER_HEIGHT 112
#define FOOTER_HEIGHT 44

/* Of a panel: two lines of title above the bars, the systems' names before them, their values behind them. */
#define TITLE_HEIGHT 54
#define BAR_HEIGHT 21
#define PANEL_GAP 20
#define NAMES_WIDTH 150
#define VALUES_WIDTH 176

/* Beyond this, the longest bar by the shortest, the scale is logarithmic. */
#define LINEAR_MAX 25

#define COLOR_YOKE 0xd9480f
#define COLOR_YOKE_VARIANT 0xf08c5a
#define COLOR_FLOOR 0xced4da
#define COLOR_PEER 0x7b8794
#define COLOR_TEXT "#212529"
#define COLOR_SUBTEXT "#6c757d"
#define COLOR_GRID "#c5cbd3"

struct panel {
    const char *label; /* the row of bench_cases */
    enum plot_value value;
    const char *title;
    const char *subtitle;
};

static const struct panel panels[] = {
    {"unary/64/1", PLOT_TIME, "One call at a time", "64 bytes there and back; time of a call"},
    {"unary/64/128", PLOT_TIME_AND_RATE, "128 calls in flight", "64 bytes there and back; time by calls"},
    {"put/1M", PLOT_TIME_AND_BANDWIDTH, "1 MiB to a worker", "and an acknowledgement back; time of a call"},
    {"put/16M", PLOT_TIME_AND_BANDWIDTH, "16 MiB to a worker", "and an acknowledgement back; time of a call"},
    {"stream/64", PLOT_TIME_AND_RATE, "A stream from a worker", "64 bytes each; time by messages"},
    {"bidi/64/1", PLOT_TIME, "To and fro on one stream", "64 bytes each way; time of a round trip"},
    {"workers/64", PLOT_TIME_AND_RATE, "64 workers", "128 calls of 64 bytes in flight for each; time by calls"},
    {"spawn", PLOT_TIME, "A new worker", "from asking for it until it is ready"},
    {"idle/64", PLOT_MEMORY, "Memory of an idle worker", "PSS of one of 64, each of which has handled a call"},
    {"latency/64", PLOT_LATENCY, "Latency at half of the peak", "99th percentile of calls on a schedule; mark: p50"},
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

/* Enhanced text is gnuplot's markup, so it is not for what comes from outside. */
static void draw_label(struct canvas *canvas, double x, double y, unsigned size, const char *color, const char *mode,
                       const char *text) {
    fprintf(canvas->gnuplot, "set label %u ", canvas->next_label++);
    gnuplot_quote(canvas->gnuplot, text);
    fprintf(canvas->gnuplot, " at screen %.5f,%.5f left %s font ',%u' tc rgb '%s'\n", x / WIDTH, 1 - y / canvas->height,
            mode, size, color);
}

static void draw_text(struct canvas *canvas, double x, double y, unsigned size, const char *color, const char *text) {
    draw_label(canvas, x, y, size, color, "noenhanced", text);
}

static void draw_heading(struct canvas *canvas, double x, double y, unsigned size, const char *text) {
    char bold[128];
    snprintf(bold, sizeof bold, "{/:Bold %s}", text);
    draw_label(canvas, x, y, size, COLOR_TEXT, "enhanced", bold);
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

/* Floors first, in their order; then all others, the best first. */
static int compare_rows(const void *left, const void *right) {
    const struct result *a = *(const struct result *const *)left;
    const struct result *b = *(const struct result *const *)right;
    bool a_is_floor = a->system->floor == NULL;
    bool b_is_floor = b->system->floor == NULL;
    if (a_is_floor != b_is_floor) {
        return a_is_floor ? -1 : 1;
    }
    if (a_is_floor) {
        return (a->system > b->system) - (a->system < b->system);
    }
    double difference = result_median(a, FIGURE_MAIN) - result_median(b, FIGURE_MAIN);
    return (difference > 0) - (difference < 0);
}

/* The scale: from what value, to what, and whether it is logarithmic. */
struct scale {
    double start;
    double end;
    bool is_logarithmic;
};

static struct scale find_scale(const struct drawn *drawn) {
    /* A mark, if there is one, is left of its bar's end. */
    enum program_figure least_figure = drawn->panel->value == PLOT_LATENCY ? FIGURE_P50_US : FIGURE_MAIN;
    double least = result_median(drawn->rows[0], least_figure);
    double most = 0;
    for (size_t i = 0; i < drawn->row_count; i++) {
        double from = result_median(drawn->rows[i], least_figure);
        double to = result_median(drawn->rows[i], FIGURE_MAIN);
        least = from < least ? from : least;
        most = to > most ? to : most;
    }
    bool is_logarithmic = most > least * LINEAR_MAX;
    return (struct scale){is_logarithmic ? least / 2 : 0, most, is_logarithmic};
}

/* The range first: gnuplot minds one that holds zero where a logarithmic scale is, or was. */
static void set_scale(FILE *gnuplot, const struct scale *scale) {
    fprintf(gnuplot, "unset logscale x\nset xrange [%.9g:%.9g]\n", scale->start, scale->end);
    if (scale->is_logarithmic) {
        fprintf(gnuplot, "set logscale x\nset xtics 10 format '' scale 0\nset grid xtics back lt 1 lc rgb '%s'\n",
                COLOR_GRID);
    } else {
        fprintf(gnuplot, "unset xtics\nunset grid\n");
    }
}

/* A line of data for each bar: place, start, end, color, mark, name, value. */
static void write_bars(FILE *gnuplot, const struct drawn *drawn, double start) {
    fprintf(gnuplot, "$bars << END\n");
    for (size_t i = 0; i < drawn->row_count; i++) {
        char value[160];
        const struct result *row = drawn->rows[i];
        const char *name = row->system->name;
        const char *font = is_yoke(row) ? "/:Bold" : "/:Normal";
        double mark = drawn->panel->value == PLOT_LATENCY ? result_median(row, FIGURE_P50_US) : 0;
        plot_value_format(value, sizeof value, row, drawn->panel->value);
        fprintf(gnuplot, "%zu %.9g %.9g %u %.9g \"{%s %s}\" \"{%s %s}\"\n", i, start, result_median(row, FIGURE_MAIN),
                color_of(row), mark, font, name, font, value);
    }
    fprintf(gnuplot, "END\n");
}

static void draw_bars(FILE *gnuplot, const struct drawn *drawn, const struct scale *scale) {
    set_scale(gnuplot, scale);
    write_bars(gnuplot, drawn, scale->start);
    fprintf(gnuplot,
            "plot $bars using 3:1:2:3:($1-0.36):($1+0.36):4 with boxxyerror fs solid noborder lc rgb variable, "
            "$bars using 2:1:6 with labels right offset -0.8,0 tc rgb '" COLOR_TEXT "', "
            "$bars using 3:1:7 with labels left offset 0.5,0 tc rgb '" COLOR_TEXT "'");
    if (drawn->panel->value == PLOT_LATENCY) {
        fprintf(gnuplot, ", $bars using 5:($1-0.36):(0):(0.72) with vectors nohead lw 2 lc rgb 'white'");
    }
    fprintf(gnuplot, "\n");
}

static void draw_panel(struct canvas *canvas, const struct drawn *drawn, double x, double y) {
    FILE *gnuplot = canvas->gnuplot;
    struct scale scale = find_scale(drawn);
    double top = y + TITLE_HEIGHT;
    double bottom = top + (double)drawn->row_count * BAR_HEIGHT;
    char subtitle[160];
    snprintf(subtitle, sizeof subtitle, "%s%s", drawn->panel->subtitle,
             scale.is_logarithmic ? "; each line: \u00d7 10" : "");
    draw_heading(canvas, x + MARGIN, y + 14, 15, drawn->panel->title);
    draw_text(canvas, x + MARGIN, y + 34, 11, COLOR_SUBTEXT, subtitle);
    fprintf(gnuplot, "set lmargin at screen %.5f\nset rmargin at screen %.5f\n", (x + NAMES_WIDTH) / WIDTH,
            (x + COLUMN_WIDTH - VALUES_WIDTH) / WIDTH);
    fprintf(gnuplot, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", 1 - top / canvas->height,
            1 - bottom / canvas->height);
    fprintf(gnuplot, "set yrange [%.1f:-0.5]\n", (double)drawn->row_count - 0.5);
    draw_bars(gnuplot, drawn, &scale);
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
        qsort(next->rows, next->row_count, sizeof(const struct result *), compare_rows);
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
    draw_text(canvas, x, y, 15, hex, "\u25a0");
    draw_text(canvas, x + 17, y, 12, COLOR_TEXT, text);
    return x + 48 + 6.6 * (double)strlen(text);
}

static void draw_frame(struct canvas *canvas, const struct machine *machine, const struct options *options) {
    char text[640];
    draw_heading(canvas, MARGIN, 30, 21, "Yoke beside others, on one machine");
    snprintf(text, sizeof text, "Medians of %u interleaved repetitions of %g s. In every panel, shorter is better.",
             options->repetitions, options->seconds);
    draw_text(canvas, MARGIN, 58, 13, COLOR_SUBTEXT, text);
    double x = draw_key(canvas, MARGIN, 84, COLOR_YOKE, "Yoke");
    x = draw_key(canvas, x, 84, COLOR_YOKE_VARIANT, "Yoke with an option");
    x = draw_key(canvas, x, 84, COLOR_PEER, "other systems");
    draw_key(canvas, x, 84, COLOR_FLOOR, "floor: a bare socket, no RPC");
    snprintf(text, sizeof text, "%s, %d CPUs usable, Linux %s, %s. How it is measured: bench/README.md", machine->cpu,
             machine->usable_cpus, machine->kernel, machine->date);
    draw_text(canvas, MARGIN, canvas->height - 20, 11, COLOR_SUBTEXT, text);
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
    if (!gnuplot_is_there()) {
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        perror(path);
        return false;
    }
    close(fd);
    return true;
}

bool plot_draw(const char *path, const struct results *results, const struct machine *machine,
               const struct options *options) {
    struct drawn drawn[PANEL_COUNT];
    size_t count = find_drawn(results, drawn);
    if (!count) {
        fprintf(stderr, "yoke-bench: none of the cases of the chart was measured, so there is nothing to draw\n");
        return false;
    }
    struct gnuplot gnuplot;
    if (!gnuplot_start(&gnuplot)) {
        return false;
    }
    struct canvas canvas = {.gnuplot = gnuplot.commands, .height = HEADER_HEIGHT + FOOTER_HEIGHT, .next_label = 1};
    for (size_t i = 0; i < count; i += COLUMNS) {
        canvas.height += row_height(drawn, count, i);
    }
    draw_chart(&canvas, path, drawn, count, machine, options);
    return gnuplot_finish(&gnuplot);
}
