/* pool_options.h: what a user asks of a pool: checked, completed with the defaults, and copied with all that it points to. */
#ifndef YOKE_MASTER_POOL_OPTIONS_H
#define YOKE_MASTER_POOL_OPTIONS_H

#include <yoke/pool.h>

/* What the copied options point to, to be freed at once. */
struct yoke__kept;

/*
 * Read options into `ret_options`; errors as yoke_pool_create(). What was copied is kept in *kept, which is the caller's to release
 * on failure, too.
 */
int yoke__pool_options_read(const struct yoke_pool_options *options, struct yoke_pool_options *ret_options,
                            struct yoke__kept **kept);
void yoke__kept_release(struct yoke__kept *kept);

/* A copy; NULL when out of memory. */
void *yoke__keep(struct yoke__kept **kept, const void *bytes, size_t size);

/* Make *pointer, a string or a NULL-terminated array of them, point to a copy; NULL stays NULL. -ENOMEM. */
int yoke__keep_string(struct yoke__kept **kept, const char **pointer);
int yoke__keep_strings(struct yoke__kept **kept, const char *const **pointer);

#endif
