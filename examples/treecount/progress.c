/*
 * The progress bar. How much there is to do is not known beforehand, so a second walk, the scout, adds it up whenever
 * the loop has nothing else to do. Until it is through, the line has figures and no bar.
 */
#include "progress.h"

#include "text.h"
#include "walk.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TICK_SECONDS 0.1
#define SCOUT_STEP 64
#define BAR_WIDTH 30

struct progress {
    struct ev_loop *loop;
    const struct figures *figures;
    ev_timer tick;

    ev_idle idle;
    struct walk *scout; /* NULL when it is through */
    uint64_t files_to_do;
    uint64_t bytes_to_do;
};

static void end_scout(struct progress *progress) {
    ev_idle_stop(progress->loop, &progress->idle);
    walk_destroy(progress->scout);
    progress->scout = NULL;
}

static void on_idle(struct ev_loop *loop, ev_idle *idle, int events) {
    (void)loop;
    (void)events;
    struct progress *progress = idle->data;
    struct walk_file file;

    for (int i = 0; i < SCOUT_STEP; i++) {
        if (walk_next(progress->scout, &file) <= 0) {
            end_scout(progress);
            return;
        }
        progress->files_to_do++;
        progress->bytes_to_do += file.size;
    }
}

/* 0 to 1: by bytes, because they take the time; by files when there are no bytes. The tree may have changed since. */
static double part_done(const struct progress *progress) {
    const struct figures *figures = progress->figures;
    double done = (double)figures->bytes;
    double to_do = (double)progress->bytes_to_do;
    if (progress->bytes_to_do == 0) {
        done = (double)figures->files;
        to_do = (double)progress->files_to_do;
    }
    return done < to_do ? done / to_do : 1;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    const struct progress *progress = timer->data;
    char line[128] = "";
    size_t used = 0;

    if (progress->scout == NULL) {
        double done = part_done(progress);
        char bar[BAR_WIDTH + 1];
        memset(bar, '.', BAR_WIDTH);
        memset(bar, '#', (size_t)(done * BAR_WIDTH));
        bar[BAR_WIDTH] = '\0';
        used = (size_t)snprintf(line, sizeof(line), "[%s] %3d%%  ", bar, (int)(done * 100));
    }
    snprintf(line + used, sizeof(line) - used, "%s files, %s MB", text_number(progress->figures->files).text,
             text_number(progress->figures->bytes / 1000000).text);

    struct winsize window;
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
    fprintf(stderr, "\r%.*s\033[K", width - 1, line);
}

struct progress *progress_create(struct ev_loop *loop, const char *root, const struct figures *figures) {
    if (!isatty(STDERR_FILENO)) {
        return NULL;
    }
    struct progress *progress = calloc(1, sizeof(*progress));
    struct walk *scout = walk_create(root, NULL, NULL);
    if (progress == NULL || scout == NULL) {
        free(progress);
        walk_destroy(scout);
        return NULL;
    }
    progress->loop = loop;
    progress->figures = figures;
    progress->scout = scout;

    ev_timer_init(&progress->tick, on_tick, 0, TICK_SECONDS);
    progress->tick.data = progress;
    ev_timer_start(loop, &progress->tick);

    ev_idle_init(&progress->idle, on_idle);
    progress->idle.data = progress;
    ev_idle_start(loop, &progress->idle);
    return progress;
}

void progress_hide(struct progress *progress) {
    if (progress != NULL) {
        fputs("\r\033[K", stderr);
    }
}

void progress_destroy(struct progress *progress) {
    if (progress == NULL) {
        return;
    }
    progress_hide(progress);
    ev_timer_stop(progress->loop, &progress->tick);
    end_scout(progress);
    free(progress);
}
