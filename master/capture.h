/*
 * capture.h: what one worker prints, read line by line from two pipes. The pipes are always emptied, so that the worker need not
 * wait; lines that come too fast are counted instead of told. Knows nothing of workers but their descriptors.
 */
#ifndef YOKE_MASTER_CAPTURE_H
#define YOKE_MASTER_CAPTURE_H

#include "master/lines.h"

#include <ev.h>
#include <stdint.h>
#include <yoke/pool.h>

struct yoke__capture;

/* A line, or, in the end, only how many were lost. */
struct yoke__printed {
    bool is_stderr, is_cut;
    const char *line; /* not terminated */
    size_t size;
    uint64_t lost; /* before it, since the last one */
};

typedef void yoke__printed_taker(const struct yoke__printed *printed, void *user_data);

struct yoke__captured_stream {
    struct yoke__capture *capture;
    struct yoke__lines lines;
    ev_io reader; /* its descriptor is -1 before the beginning and after the end */
};

struct yoke__capture {
    struct ev_loop *loop;
    const struct yoke_output_options *options;
    uint64_t (*clock_ns)(void);
    yoke__printed_taker *take;
    void *user_data;
    struct yoke__captured_stream streams[2]; /* stdout, stderr */

    uint64_t second; /* the one that lines are counted in */
    uint32_t lines_in_second;
    uint64_t lost;

    char **last_lines;   /* of stderr, the latest last; room for options->last_lines */
    uint32_t last_count; /* of them */

    bool is_taking;  /* who takes lines may run the loop */
    ev_io *deferred; /* to be started again when that is over */
};

/*
 * Make the pipes, and put the ends for the worker's stdout and stderr into `ret_ends`, which the caller closes after the spawn.
 * The options stay the caller's. -ENOMEM, -EMFILE, -ENFILE.
 */
int yoke__capture_open(struct ev_loop *loop, const struct yoke_output_options *options, uint64_t (*clock_ns)(void),
                       yoke__printed_taker *take, void *user_data, struct yoke__capture **ret_capture, int ret_ends[2]);

/* While lines are handed over, stop the watcher until that is over; false: they are not. */
bool yoke__capture_defer(struct yoke__capture *capture, ev_io *watcher);

/* The worker is dead: hand over what is left in the pipes, whoever else may have them open, and what was lost. */
void yoke__capture_finish(struct yoke__capture *capture);

/* The last lines of stderr, the oldest first, as long as the capture lives. Gives their count. */
size_t yoke__capture_last_lines(const struct yoke__capture *capture, char ***ret_lines);

/* NULL is fine. */
void yoke__capture_destroy(struct yoke__capture *capture);

#endif
