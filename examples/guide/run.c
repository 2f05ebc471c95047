/* run.c: see run.h. */
#include "run.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>

int guide_run(const struct yoke_master_options *options, int (*start)(struct yoke_master *master)) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* whole lines, though workers write them, too */

    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL) {
        fputs("there is no event loop\n", stderr);
        return 1;
    }
    struct yoke_master *master = NULL;
    int error = yoke_master_create(loop, options, &master);
    if (error == 0) {
        error = start(master);
    }
    if (error == 0) {
        ev_run(loop, 0); /* until every pool has stopped */
    } else {
        fprintf(stderr, "%s\n", strerror(-error));
    }
    yoke_master_destroy(master);
    ev_loop_destroy(loop);
    return error == 0 ? 0 : 1;
}
