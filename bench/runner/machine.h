/* machine.h: what the figures depend on besides the code. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdio.h>

struct machine {
    char cpu[256];
    char kernel[128];
    char date[16];
    int usable_cpus;
    double load; /* of the last minute, when this was read; below 0: unknown */
};

void machine_read(struct machine *machine);

/* Lines for people; the compiler included. */
void machine_print(FILE *out, const struct machine *machine);

#endif
