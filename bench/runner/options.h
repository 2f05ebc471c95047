/* options.h: the command line of yoke-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define NAMES_MAX 64

/* What an option that can be given more than once named. None: everything. */
struct names {
    const char *all[NAMES_MAX];
    size_t count;
};

struct options {
    bool json;
    bool quick; /* no extra rows */
    double seconds;
    unsigned repetitions;
    const char *plot; /* the file for a chart; NULL: none is wanted */
    struct names cases;
    struct names systems;
};

/* Ends the program when the command line asks for help or for what there is not. */
void options_parse(struct options *options, int argc, char **argv);

#endif
