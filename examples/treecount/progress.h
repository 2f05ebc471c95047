/* A progress bar on stderr, when that is a terminal. Every function takes NULL for "no bar" and then does nothing. */
#ifndef TREECOUNT_PROGRESS_H
#define TREECOUNT_PROGRESS_H

#include "figures.h"

struct ev_loop;
struct progress;

/*
 * Show how far `figures`, which must live as long, have come with the tree at `root`. NULL when stderr is no terminal,
 * or when there is no memory.
 */
struct progress *progress_create(struct ev_loop *loop, const char *root, const struct figures *figures);

/* Wipe the bar; it comes back with the next tick. For before something else is written to the terminal. */
void progress_hide(struct progress *progress);

/* Wipe the bar for good. */
void progress_destroy(struct progress *progress);

#endif
