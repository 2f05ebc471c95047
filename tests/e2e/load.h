/* load.h: calls over a pool's channel, one behind the other, of which none is to fail: no retries, no waiting for a worker. */
#ifndef YOKE_TESTS_LOAD_H
#define YOKE_TESTS_LOAD_H

#include "lab.h"

#define LOAD_WIDTH_MAX 64

/* One of the calls that are in flight at a time, over and over. */
struct load_lane {
    struct load *load;
    uint64_t number;
};

struct load {
    struct lab *lab;
    struct load_lane lanes[LOAD_WIDTH_MAX];
    bool is_over;
    unsigned live, made, ok, bad;
    char fault[300]; /* of the last bad one */
};

/* So many calls at a time from now on. Every fourth takes its handler a millisecond. */
void load_begin(struct load *load, struct lab *lab, unsigned width);

/* Make no new ones, wait for those under way, and check that all went well. */
void load_end(struct load *load);

#endif
