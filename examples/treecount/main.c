/*
 * treecount: count the lines, words and bytes of a tree of files, and its most common words, with a pool of worker
 * processes. The totals are those of
 *
 *     find DIR -type f -print0 | LC_ALL=C wc --files0-from=-
 *
 * The exit status is 0, or 1 when something could not be read, as with wc; 2 when the job could not be done, and 64 for
 * wrong usage.
 */
#include "job.h"
#include "report.h"

#include <argp.h>
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_WORKERS 1024
#define MAX_TOP 1000

static unsigned parse_number(const char *text, unsigned long min, unsigned long max, struct argp_state *state) {
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || number < min || number > max) {
        argp_error(state, "'%s' is not a number from %lu to %lu", text, min, max);
    }
    return (unsigned)number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct options *options = state->input;

    switch (key) {
    case 'w':
        options->workers = parse_number(argument, 0, MAX_WORKERS, state);
        return 0;
    case 't':
        options->top = parse_number(argument, 0, MAX_TOP, state);
        return 0;
    case 'k':
        options->kill_one = true;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->root != NULL) {
            argp_error(state, "one DIR, not more");
        }
        options->root = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which DIR?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_list[] = {
    {.name = "workers", .key = 'w', .arg = "N", .doc = "How many worker processes; 0, the default: one per usable CPU"},
    {.name = "kill-one", .key = 'k', .doc = "Kill a worker at work; the others redo what it had not finished"},
    {.name = "top", .key = 't', .arg = "N", .doc = "How many common words to list; 0: do not look (default 10)"},
    {.name = "json", .key = 'j', .doc = "Print one JSON object"},
    {0},
};

static const struct argp parser = {
    .options = option_list,
    .parser = parse_option,
    .args_doc = "DIR",
    .doc = "Count the lines, words and bytes of the regular files in DIR, and its most common words.",
};

/* The walk holds a descriptor for each level of the tree. The workers do not get them. */
static void allow_many_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run(const struct options *options, struct figures *figures) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL) {
        return -ENOMEM;
    }

    double start = now();
    int error = job_run(loop, options, figures);
    figures->seconds = now() - start;
    ev_loop_destroy(loop);
    if (error < 0) {
        return error;
    }
    error = options->json ? report_json(figures, options->top) : report_figures(figures, options->top);
    if (error < 0) {
        fprintf(stderr, "treecount: cannot write the report: %s\n", strerror(-error));
    }
    return error;
}

int main(int argc, char **argv) {
    struct options options = {.top = 10};
    struct figures figures = {0};

    argp_parse(&parser, argc, argv, 0, NULL, &options);
    allow_many_descriptors();
    int error = run(&options, &figures);
    int exit_code = error < 0 ? 2 : figures.errors > 0 ? 1 : 0;
    figures_release(&figures);
    return exit_code;
}
