/* See gnuplot.h. */
#include "runner/gnuplot.h"

#include <stdlib.h>
#include <string.h>

bool gnuplot_is_there(void) {
    /* NOLINTNEXTLINE(cert-env33-c): a constant command, which the shell looks for in PATH. */
    FILE *version = popen("exec gnuplot --version >/dev/null 2>&1", "r");
    if (version && pclose(version) == 0) {
        return true;
    }
    fprintf(stderr, "yoke-bench: there is no gnuplot to draw with; apt-get install gnuplot-nox brings it\n");
    return false;
}

FILE *gnuplot_start(void) {
    /* NOLINTNEXTLINE(cert-env33-c) */
    FILE *commands = popen("exec gnuplot", "w");
    if (!commands) {
        perror("yoke-bench: gnuplot");
    }
    return commands;
}

bool gnuplot_finish(FILE *commands) {
    bool written = !ferror(commands);
    int status = pclose(commands);
    if (!written || status) {
        fprintf(stderr, "yoke-bench: gnuplot has failed\n");
        return false;
    }
    return true;
}

void gnuplot_quote(FILE *commands, const char *text) {
    fputc('\'', commands);
    for (; *text; text++) {
        if (*text == '\'') {
            fputc('\'', commands);
        }
        fputc(*text, commands);
    }
    fputc('\'', commands);
}
