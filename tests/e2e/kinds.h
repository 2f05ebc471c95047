/* kinds.h: pools whose workers become others while they run: in exec mode another file is put where the program is. */
#ifndef YOKE_TESTS_KINDS_H
#define YOKE_TESTS_KINDS_H

#include "trace.h"

enum kind {
    GOOD,  /* the worker of the tests */
    EXITS, /* with code 5, at once */
    SILENT /* it is never ready */
};

/* Workers that are spawned from now on are like this. */
void spawn_as(enum kind kind);

/* In exec mode nothing can be spawned from now on, as if somebody had removed the program. */
void kinds_remove_program(void);

/* A master, which is traced, and a pool of good workers, which are waited for. */
void kinds_open_pool(struct lab *lab, struct trace *trace, const struct lab_options *options);
void kinds_close_pool(struct lab *lab);

#endif
