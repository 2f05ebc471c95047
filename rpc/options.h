/*
 * options.h: how options structs are read, so that a caller compiled against an older or newer header is understood:
 * missing fields are defaults, unknown ones must be zero.
 */
#ifndef YOKE_RPC_OPTIONS_H
#define YOKE_RPC_OPTIONS_H

#include <yoke/rpc.h>

/* The fixed parts of yoke_limits; the rest are defaults in options.c. */
#define YOKE__NESTING_MAX 64u
#define YOKE__MESSAGE_BYTES_MAX (1u << 30)
#define YOKE__SHARED_BYTES_MAX (1u << 30)

/* From here on a message goes through shared memory rather than the socket (docs/performance.md, "Large messages"). */
#define YOKE__SHARED_MIN_BYTES (64u * 1024u)

/* The fixed part of yoke_tuning. */
#define YOKE__BUSY_POLL_US_MAX 1000000u

/*
 * Copy the options struct `from`, whose first member is its size_t size, into `to`, `size` bytes large.
 * -EINVAL: its size was not set with its _INIT macro; -E2BIG: it sets options that this library does not know.
 */
int yoke__options_read(void *to, size_t size, const void *from);

/* Replace zeroes by defaults. -EINVAL: a limit is out of range; `limits` is untouched then. */
int yoke__limits_resolve(struct yoke_limits *limits);

/* Replace zeroes by defaults, and switch off what this system cannot do well. -EINVAL: out of range; `tuning` is untouched then. */
int yoke__tuning_resolve(struct yoke_tuning *tuning);

#endif
