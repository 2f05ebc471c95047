/* proclist.h: which processes descend from this one. Orphans count where PR_SET_CHILD_SUBREAPER brings them here. */
#ifndef YOKE_TESTS_PROCLIST_H
#define YOKE_TESTS_PROCLIST_H

#include "harness.h"

/* A line for people about one process: "pid 12 (name), state S". */
void test_process_describe(pid_t pid, char *ret_text, size_t capacity);

/* Kills and reaps all children of this process but `except`, and the orphans that come of it, until none is left. */
void test_kill_children(const pid_t *except, size_t except_count);

#endif
