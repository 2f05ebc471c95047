/* try_calls.h: system calls that a worker tries, by name. */
#ifndef YOKE_TESTS_TRY_CALLS_H
#define YOKE_TESTS_TRY_CALLS_H

/* What the call gave, or a negative errno value; -ENOSYS for a name that is not known here. */
long try_call(const char *name);

#endif
