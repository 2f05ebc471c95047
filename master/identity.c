/* identity.c: see identity.h. Names are looked up in account.c. */
#include "master/identity.h"

#include "master/account.h"
#include "master/prepare.h"
#include "worker/seccomp.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CPUs that one mask of the kernel's can name here. */
#define CPUS_MAX 8192

/* ---- In the master ------------------------------------------------------------------------------------------------ */

static bool is_valid(const struct yoke_identity_options *options) {
    if (options->rlimit_count > 0 && options->rlimits == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->rlimit_count; i++) {
        const struct yoke_rlimit *rlimit = &options->rlimits[i];
        if (rlimit->resource < 0 || rlimit->resource >= RLIM_NLIMITS ||
            rlimit->limit.rlim_cur > rlimit->limit.rlim_max) {
            return false;
        }
    }
    for (size_t i = 0; options->environment != NULL && options->environment[i] != NULL; i++) {
        if (options->environment[i][0] == '\0' || options->environment[i][0] == '=') {
            return false;
        }
    }
    return options->seccomp >= YOKE_SECCOMP_NONE && options->seccomp <= YOKE_SECCOMP_NO_FILES &&
           (options->umask & ~(mode_t)0777) == 0 && (options->title == NULL || options->title[0] != '\0');
}

static int keep_all(struct yoke_identity_options *options, struct yoke__kept **kept) {
    if (options->rlimit_count > 0) {
        options->rlimits = yoke__keep(kept, options->rlimits, options->rlimit_count * sizeof *options->rlimits);
    }
    int error = options->rlimit_count > 0 && options->rlimits == NULL ? -ENOMEM : 0;
    const char **const strings[] = {&options->root, &options->directory, &options->user, &options->group,
                                    &options->title};
    for (size_t i = 0; error == 0 && i < sizeof strings / sizeof strings[0]; i++) {
        error = yoke__keep_string(kept, strings[i]);
    }
    error = error != 0 ? error : yoke__keep_strings(kept, &options->groups);
    return error != 0 ? error : yoke__keep_strings(kept, &options->environment);
}

static int resolve_user(struct yoke__identity *identity) {
    const struct yoke_identity_options *options = identity->options;
    int error = 0;
    if (options->user != NULL) {
        bool wants_gid = options->group == NULL;
        error = yoke__account_find_user(options->user, &identity->uid, wants_gid ? &identity->gid : NULL);
        identity->has_uid = true;
        identity->has_gid = wants_gid;
    }
    if (error == 0 && options->group != NULL) {
        error = yoke__account_find_group(options->group, &identity->gid);
        identity->has_gid = true;
    }
    return error;
}

static int resolve_groups(struct yoke__identity *identity, struct yoke__kept **kept) {
    const char *const *names = identity->options->groups;
    /* A worker of another user must not have the master's groups. */
    identity->has_groups = identity->has_uid || names != NULL;
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    if (count == 0) {
        return 0;
    }
    if (count > NGROUPS_MAX) {
        return -EINVAL;
    }
    gid_t *groups = calloc(count, sizeof *groups);
    if (groups == NULL) {
        return -ENOMEM;
    }
    int error = 0;
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = yoke__account_find_group(names[i], &groups[i]);
    }
    identity->group_count = count;
    identity->groups = yoke__keep(kept, groups, count * sizeof *groups);
    free(groups);
    return error != 0 || identity->groups != NULL ? error : -ENOMEM;
}

static int make_filter(struct yoke__identity *identity, struct yoke__kept **kept) {
    if (identity->options->seccomp == YOKE_SECCOMP_NONE) {
        return 0;
    }
    struct sock_fprog filter;
    int error = yoke__seccomp_compile(identity->options->seccomp, &filter);
    if (error != 0) {
        return error;
    }
    identity->filter = filter;
    identity->filter.filter = yoke__keep(kept, filter.filter, filter.len * sizeof *filter.filter);
    free(filter.filter);
    return identity->filter.filter != NULL ? 0 : -ENOMEM;
}

static bool is_anything_asked(const struct yoke_identity_options *options) {
    return options->rlimit_count > 0 || options->nice != 0 || options->spread || options->root != NULL ||
           options->directory != NULL || options->set_umask || options->user != NULL || options->group != NULL ||
           options->groups != NULL || options->no_new_privs || options->seccomp != YOKE_SECCOMP_NONE ||
           options->own_process_group || options->environment != NULL || options->title != NULL;
}

int yoke__identity_resolve(struct yoke_identity_options *options, const char *pool_name, struct yoke__kept **kept,
                           struct yoke__identity *ret_identity) {
    if (!is_valid(options)) {
        return -EINVAL;
    }
    struct yoke__identity identity = {.options = options, .pool_name = pool_name, .is_set = is_anything_asked(options)};
    int error = keep_all(options, kept);
    error = error != 0 ? error : resolve_user(&identity);
    error = error != 0 ? error : resolve_groups(&identity, kept);
    error = error != 0 ? error : make_filter(&identity, kept);
    if (error == 0) {
        *ret_identity = identity;
    }
    return error;
}

/* ---- In the child ------------------------------------------------------------------------------------------------- *
 * This may run in the master's memory while the master waits: system calls only. Those that change ids are the kernel's own:
 * the C library's would have all threads of the process, which are the master's here, change theirs.
 */

/* The system calls with 32-bit ids, where others came first. */
#ifndef SYS_setgroups32
#define SYS_setgroups32 SYS_setgroups
#define SYS_setresgid32 SYS_setresgid
#define SYS_setresuid32 SYS_setresuid
#endif

YOKE__IN_CHILD static int set_limits(const struct yoke_identity_options *options) {
    for (size_t i = 0; i < options->rlimit_count; i++) {
        if (setrlimit((__rlimit_resource_t)options->rlimits[i].resource, &options->rlimits[i].limit) != 0) {
            return -errno;
        }
    }
    errno = 0;
    return options->nice != 0 && nice(options->nice) == -1 && errno != 0 ? -errno : 0;
}

/* Onto one of the CPUs that are usable now, the one whose turn it is with this place. */
YOKE__IN_CHILD static int choose_cpu(unsigned index) {
    unsigned long mask[CPUS_MAX / (CHAR_BIT * sizeof(unsigned long))];
    const size_t bits = CHAR_BIT * sizeof mask[0];
    long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (size < 0) {
        return -errno;
    }
    const size_t words = (size_t)size / sizeof mask[0];
    unsigned count = 0;
    for (size_t i = 0; i < words; i++) {
        count += (unsigned)__builtin_popcountl(mask[i]);
    }
    unsigned skip = count > 0 ? index % count : 0;
    for (size_t cpu = 0; cpu < words * bits; cpu++) {
        unsigned long bit = 1UL << (cpu % bits);
        bool is_chosen = (mask[cpu / bits] & bit) != 0 && skip-- == 0;
        mask[cpu / bits] = is_chosen ? mask[cpu / bits] : mask[cpu / bits] & ~bit;
    }
    return syscall(SYS_sched_setaffinity, 0, (size_t)size, mask) == 0 ? 0 : -errno;
}

YOKE__IN_CHILD static int set_place(const struct yoke_identity_options *options) {
    if (options->root != NULL && (chroot(options->root) != 0 || chdir("/") != 0)) {
        return -errno;
    }
    if (options->directory != NULL && chdir(options->directory) != 0) {
        return -errno;
    }
    if (options->set_umask) {
        (void)umask(options->umask);
    }
    return 0;
}

YOKE__IN_CHILD static int set_ids(const struct yoke__identity *identity) {
    if (identity->has_groups && syscall(SYS_setgroups32, identity->group_count, identity->groups) != 0) {
        return -errno;
    }
    if (identity->has_gid && syscall(SYS_setresgid32, identity->gid, identity->gid, identity->gid) != 0) {
        return -errno;
    }
    if (identity->has_uid && syscall(SYS_setresuid32, identity->uid, identity->uid, identity->uid) != 0) {
        return -errno;
    }
    return 0;
}

YOKE__IN_CHILD int yoke__identity_assume(const struct yoke__identity *identity, unsigned index) {
    const struct yoke_identity_options *options = identity->options;
    int error = set_limits(options);
    if (error == 0 && options->spread) {
        error = choose_cpu(index);
    }
    error = error != 0 ? error : set_place(options);
    error = error != 0 ? error : set_ids(identity);
    if (error != 0) {
        return error;
    }
    bool gives_up_privileges = options->no_new_privs || options->seccomp != YOKE_SECCOMP_NONE;
    if (gives_up_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -errno;
    }
    return options->own_process_group && setpgid(0, 0) != 0 ? -errno : 0;
}

/* ---- The environment ---------------------------------------------------------------------------------------------- */

int yoke__identity_set_environment(const struct yoke__identity *identity) {
    const char *const *changes = identity->options->environment;
    for (size_t i = 0; changes != NULL && changes[i] != NULL; i++) {
        /* Both take and leave the string as it is; the pool's memory is the worker's now. */
        bool adds = strchr(changes[i], '=') != NULL;
        if ((adds ? putenv((char *)changes[i]) : unsetenv(changes[i])) != 0) {
            return -errno;
        }
    }
    return 0;
}

/* Are these two about the same variable, be it with a value or without? */
static bool is_same_variable(const char *a, const char *b) {
    size_t length = strcspn(a, "=");
    return length == strcspn(b, "=") && memcmp(a, b, length) == 0;
}

/* Let a variable take the place of those of its name. Without a value it only removes them. */
static size_t change(char **environment, size_t count, char *variable) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_same_variable(environment[i], variable)) {
            environment[kept++] = environment[i];
        }
    }
    if (strchr(variable, '=') != NULL) {
        environment[kept++] = variable;
    }
    return kept;
}

static size_t count_strings(const char *const *strings) {
    size_t count = 0;
    while (strings != NULL && strings[count] != NULL) {
        count++;
    }
    return count;
}

char **yoke__identity_make_environment(const struct yoke__identity *identity, char *variable) {
    const char *const *changes = identity != NULL ? identity->options->environment : NULL;
    const size_t change_count = count_strings(changes);
    size_t count = count_strings((const char *const *)environ);
    char **environment = calloc(count + change_count + 2, sizeof *environment);
    if (environment == NULL) {
        return NULL;
    }
    if (count > 0) {
        memcpy(environment, environ, count * sizeof *environment);
    }
    for (size_t i = 0; i < change_count; i++) {
        count = change(environment, count, (char *)changes[i]);
    }
    count = change(environment, count, variable);
    environment[count] = NULL;
    return environment;
}
