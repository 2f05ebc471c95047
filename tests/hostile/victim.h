/* victim.h: a worker that is set up by hand, without a master of Yoke's, and whose master is hostile. */
#ifndef YOKE_TESTS_HOSTILE_VICTIM_H
#define YOKE_TESTS_HOSTILE_VICTIM_H

#include "row.h"

struct victim_life {
    int exit_code; /* -1 unless it exited */
    int signal;
    int peer_status; /* of the hostile side's process, as waitpid() has it */
    struct honest_record record;
};

/* From the worker's start to the end of both. */
void victim_live(const struct row *row, struct victim_life *ret_life);

#endif
