/* gnuplot.h: gnuplot as a child process that reads its commands from a pipe. */
#ifndef BENCH_GNUPLOT_H
#define BENCH_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct gnuplot {
    FILE *commands;
    pid_t pid;
};

/* False, with a word on stderr, when gnuplot is not here. */
bool gnuplot_is_there(void);

/* Starts it; commands are to be written to `commands`. False, with a word on stderr, when it cannot be started. */
bool gnuplot_start(struct gnuplot *gnuplot);

/* Waits for its end. False, with a word on stderr, when it did not like what it got. */
bool gnuplot_finish(struct gnuplot *gnuplot);

/* A string in gnuplot's single quotes, in which nothing but they themselves is special. */
void gnuplot_quote(FILE *commands, const char *text);

#endif
