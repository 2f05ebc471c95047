/*
 * identity.h: as whom a pool's workers run. Names are looked up once, in the master; what they stand for is assumed by each
 * worker in its first moments.
 */
#ifndef YOKE_MASTER_IDENTITY_H
#define YOKE_MASTER_IDENTITY_H

#include "master/pool_options.h"

#include <linux/filter.h>
#include <sys/types.h>

struct yoke__identity {
    const struct yoke_identity_options *options;
    const char *pool_name;
    bool is_set; /* anything at all is asked for */
    bool has_uid, has_gid, has_groups;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
    struct sock_fprog filter; /* of seccomp, if there is to be one */
};

/*
 * Copy what the options point to, check it, and look its names up. `options` and *kept outlive the identity.
 * -EINVAL, -ENOENT: no such user or group; -ENOMEM; what looking up can give, and yoke__seccomp_compile().
 */
int yoke__identity_resolve(struct yoke_identity_options *options, const char *pool_name, struct yoke__kept **kept,
                           struct yoke__identity *ret_identity);

/*
 * In a child that may run in the master's memory: everything but the environment, the title and seccomp. `index` is the worker's
 * place. 0, or the negative errno value of the step that failed.
 */
int yoke__identity_assume(const struct yoke__identity *identity, unsigned index);

/* In a forked child: its environment. -ENOMEM. */
int yoke__identity_set_environment(const struct yoke__identity *identity);

/*
 * For a child that execs: the master's environment as the options change it, and `variable`, the first of its name. Free the
 * result, not the strings. NULL when out of memory. `identity` may be NULL.
 */
char **yoke__identity_make_environment(const struct yoke__identity *identity, char *variable);

#endif
