/* options.c: see options.h. */
#include "rpc/options.h"

#include "rpc/metadata.h"
#include "rpc/shared.h"

#include <errno.h>
#include <string.h>

int yoke__options_read(void *to, size_t size, const void *from) {
    size_t from_size;
    memcpy(&from_size, from, sizeof from_size);
    if (from_size < sizeof from_size) {
        return -EINVAL;
    }
    const char *bytes = from;
    for (size_t i = size; i < from_size; i++) {
        if (bytes[i] != 0) {
            return -E2BIG;
        }
    }
    size_t known = from_size < size ? from_size : size;
    memset(to, 0, size);
    memcpy(to, from, known);
    memcpy(to, &size, sizeof size);
    return 0;
}

static uint32_t or_default(uint32_t value, uint32_t fallback) {
    return value != 0 ? value : fallback;
}

int yoke__limits_resolve(struct yoke_limits *limits) {
    const struct yoke_limits resolved = {
        .max_message_bytes = or_default(limits->max_message_bytes, 4u << 20),
        .max_queued_bytes = or_default(limits->max_queued_bytes, 64u << 20),
        .max_buffered_bytes = or_default(limits->max_buffered_bytes, 64u << 20),
        .max_incoming_calls = or_default(limits->max_incoming_calls, 4096),
        .decode_memory_factor = or_default(limits->decode_memory_factor, 32),
        .max_nesting = or_default(limits->max_nesting, YOKE__NESTING_MAX),
        .max_metadata_bytes = or_default(limits->max_metadata_bytes, 8u << 10),
        .max_shared_bytes = or_default(limits->max_shared_bytes, 64u << 20),
    };
    if (resolved.max_message_bytes > YOKE__MESSAGE_BYTES_MAX || resolved.max_queued_bytes > INT32_MAX ||
        resolved.max_metadata_bytes > YOKE__METADATA_BYTES_MAX || resolved.max_shared_bytes > YOKE__SHARED_BYTES_MAX ||
        resolved.max_nesting > YOKE__NESTING_MAX) {
        return -EINVAL;
    }
    *limits = resolved;
    return 0;
}

int yoke__tuning_resolve(struct yoke_tuning *tuning) {
    if (tuning->busy_poll_us > YOKE__BUSY_POLL_US_MAX) {
        return -EINVAL;
    }
    /* Asked only when it matters: it reads files. Who looks out on the only CPU keeps the peer from sending. */
    if (tuning->busy_poll_us != 0 && yoke_usable_cpus() == 1) {
        tuning->busy_poll_us = 0;
    }
    tuning->shared_min_bytes = or_default(tuning->shared_min_bytes, YOKE__SHARED_MIN_BYTES);
    if (tuning->shared_min_bytes != UINT32_MAX && !yoke__shared_is_safe("/proc/sys/vm/overcommit_memory")) {
        tuning->shared_min_bytes = UINT32_MAX;
    }
    return 0;
}
