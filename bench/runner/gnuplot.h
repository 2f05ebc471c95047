/* gnuplot.h: gnuplot as a child process that reads its commands from a pipe. */
#ifndef BENCH_GNUPLOT_H
#define BENCH_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

/* False, with a word on stderr, when gnuplot is not here. */
bool gnuplot_is_there(void);

/* Starts it; commands go to what is returned. NULL, with a word on stderr, when it cannot be started. */
FILE *gnuplot_start(void);

/* Waits for its end. False, with a word on stderr, when it did not like what it got. */
bool gnuplot_finish(FILE *commands);

/* A string in gnuplot's single quotes, in which nothing but they themselves is special. */
void gnuplot_quote(FILE *commands, const char *text);

#endif
