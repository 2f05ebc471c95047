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

#endif
