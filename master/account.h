/* account.h: users and groups by name or number, as the system's databases have them. */
#ifndef YOKE_MASTER_ACCOUNT_H
#define YOKE_MASTER_ACCOUNT_H

#include <sys/types.h>

/*
 * A name, or if there is none of that name, a number. `ret_gid`, the user's own group, may be NULL; without it a number needs no
 * entry in the database. -ENOENT: no such user or group; -EINVAL: a number out of range; -ENOMEM, -EMFILE, -EIO, …
 */
int yoke__account_find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid);
int yoke__account_find_group(const char *name, gid_t *ret_gid);

#endif
