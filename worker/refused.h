/* refused.h: the system calls that each profile refuses. */
#ifndef YOKE_WORKER_REFUSED_H
#define YOKE_WORKER_REFUSED_H

#include <stddef.h>
#include <yoke/pool.h>

struct yoke__refused {
    const char *name;
    int number;                /* where libseccomp may not know the name; 0: it does */
    enum yoke_seccomp profile; /* the mildest that refuses it */
    bool is_conditional;       /* only some of it; see seccomp.c */
};

extern const struct yoke__refused yoke__refused_calls[];
extern const size_t yoke__refused_call_count;

#endif
