/* account.c: see account.h. */
#include "master/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* For one entry; a group can have many members. */
#define ENTRY_MIN_BYTES 1024
#define ENTRY_MAX_BYTES (1024 * 1024)

/* The number that `text` is, all of it. -ENOENT: it is none; -EINVAL: not one for an id. */
static int parse_id(const char *text, uint32_t *ret_id) {
    if (text[0] < '0' || text[0] > '9') {
        return -ENOENT;
    }
    char *end;
    errno = 0;
    unsigned long long id = strtoull(text, &end, 10);
    if (*end != '\0') {
        return -ENOENT;
    }
    /* The greatest means "none" to the kernel. */
    if (errno != 0 || id >= UINT32_MAX) {
        return -EINVAL;
    }
    *ret_id = (uint32_t)id;
    return 0;
}

/* What is asked of a database: one of its four questions. */
struct query {
    const char *name; /* NULL: by id */
    uint32_t id;
    bool is_group;
    bool found;
    uid_t uid;
    gid_t gid;
};

/* Ask with so much memory for the answer. ERANGE when it was not enough, or another errno value. */
static int ask_with(struct query *query, char *memory, size_t size) {
    int error;
    if (query->is_group) {
        struct group entry;
        struct group *found = NULL;
        error = query->name != NULL ? getgrnam_r(query->name, &entry, memory, size, &found)
                                    : getgrgid_r((gid_t)query->id, &entry, memory, size, &found);
        query->found = found != NULL;
        query->gid = found != NULL ? entry.gr_gid : 0;
    } else {
        struct passwd entry;
        struct passwd *found = NULL;
        error = query->name != NULL ? getpwnam_r(query->name, &entry, memory, size, &found)
                                    : getpwuid_r((uid_t)query->id, &entry, memory, size, &found);
        query->found = found != NULL;
        query->uid = found != NULL ? entry.pw_uid : 0;
        query->gid = found != NULL ? entry.pw_gid : 0;
    }
    return error;
}

/* -ENOENT when there is no such entry. */
static int ask(struct query *query) {
    int error = ERANGE;
    for (size_t size = ENTRY_MIN_BYTES; error == ERANGE && size <= ENTRY_MAX_BYTES; size *= 2) {
        char *memory = malloc(size);
        if (memory == NULL) {
            return -ENOMEM;
        }
        error = ask_with(query, memory, size);
        free(memory);
    }
    if (error == 0 && query->found) {
        return 0;
    }
    /* What the databases give for "there is none" differs. */
    return error == 0 || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT : -error;
}

int yoke__account_find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid) {
    struct query query = {.name = name};
    int error = ask(&query);
    if (error == -ENOENT) {
        uint32_t number = 0;
        error = parse_id(name, &number);
        query = (struct query){.id = number, .uid = number};
        if (error == 0 && ret_gid != NULL) {
            error = ask(&query);
        }
    }
    if (error == 0) {
        *ret_uid = query.uid;
        if (ret_gid != NULL) {
            *ret_gid = query.gid;
        }
    }
    return error;
}

int yoke__account_find_group(const char *name, gid_t *ret_gid) {
    struct query query = {.name = name, .is_group = true};
    int error = ask(&query);
    uint32_t number = 0;
    if (error == -ENOENT) {
        error = parse_id(name, &number);
        query.gid = number;
    }
    if (error == 0) {
        *ret_gid = query.gid;
    }
    return error;
}
