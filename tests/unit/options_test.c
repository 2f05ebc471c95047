/* options_test.c: options structs of callers that know more or fewer options, and the resolution of limits. */
#include "rpc/metadata.h"
#include "rpc/options.h"
#include "rpc/shared.h"

#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What this library knows. */
struct known {
    size_t size;
    uint64_t first, second;
};

/* What a caller compiled against a newer header has. */
struct newer {
    struct known known;
    uint64_t third, fourth;
};

static void the_same_version_is_copied(void) {
    const struct known from = {.size = sizeof(from), .first = 1, .second = 2};
    struct known to;
    CHECK_INT(yoke__options_read(&to, sizeof(to), &from), 0);
    CHECK_INT(to.size, sizeof(to));
    CHECK_INT(to.first, 1);
    CHECK_INT(to.second, 2);
}

static void an_older_caller_gets_defaults(void) {
    const struct known from = {.size = offsetof(struct known, second), .first = 1, .second = 2};
    struct known to;
    memset(&to, 0xee, sizeof(to));
    CHECK_INT(yoke__options_read(&to, sizeof(to), &from), 0);
    CHECK_INT(to.size, sizeof(to));
    CHECK_INT(to.first, 1);
    CHECK_INT(to.second, 0);
}

static void a_caller_may_know_nothing_but_the_size(void) {
    const struct known from = {.size = sizeof(size_t), .first = 1, .second = 2};
    struct known to;
    CHECK_INT(yoke__options_read(&to, sizeof(to), &from), 0);
    CHECK_INT(to.first, 0);
    CHECK_INT(to.second, 0);
}

static void a_newer_caller_may_not_set_what_we_do_not_know(void) {
    struct newer from = {.known = {.size = sizeof(from), .first = 1, .second = 2}};
    struct known to;
    CHECK_INT(yoke__options_read(&to, sizeof(to), &from), 0);
    CHECK_INT(to.size, sizeof(to));
    CHECK_INT(to.second, 2);
    for (size_t at = sizeof(to); at < sizeof(from); at++) {
        ((char *)&from)[at] = 1;
        CHECK_INT(yoke__options_read(&to, sizeof(to), &from), -E2BIG);
        ((char *)&from)[at] = 0;
    }
}

static void a_forgotten_init_is_noticed(void) {
    struct known to;
    for (size_t size = 0; size < sizeof(size_t); size++) {
        const struct known from = {.size = size, .first = 1};
        CHECK_INT(yoke__options_read(&to, sizeof(to), &from), -EINVAL);
    }
}

static void zero_limits_are_the_documented_defaults(void) {
    struct yoke_limits limits = {0};
    CHECK_INT(yoke__limits_resolve(&limits), 0);
    CHECK_INT(limits.max_message_bytes, 4 * 1024 * 1024);
    CHECK_INT(limits.max_queued_bytes, 64 * 1024 * 1024);
    CHECK_INT(limits.max_buffered_bytes, 64 * 1024 * 1024);
    CHECK_INT(limits.max_incoming_calls, 4096);
    CHECK_INT(limits.decode_memory_factor, 32);
    CHECK_INT(limits.max_nesting, 64);
}

static void limits_within_range_stay(void) {
    const struct yoke_limits extremes[] = {
        {1, 1, 1, 1, 1, 1, 1, 1},
        {YOKE__MESSAGE_BYTES_MAX, INT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, YOKE__NESTING_MAX,
         YOKE__METADATA_BYTES_MAX, YOKE__SHARED_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof(extremes) / sizeof(*extremes); i++) {
        struct yoke_limits limits = extremes[i];
        CHECK_INT(yoke__limits_resolve(&limits), 0);
        CHECK(memcmp(&limits, &extremes[i], sizeof(limits)) == 0);
    }
}

static void limits_out_of_range_are_refused(void) {
    const struct yoke_limits beyond[] = {
        {.max_message_bytes = YOKE__MESSAGE_BYTES_MAX + 1},
        {.max_queued_bytes = (uint32_t)INT32_MAX + 1},
        {.max_nesting = YOKE__NESTING_MAX + 1},
        {.max_shared_bytes = YOKE__SHARED_BYTES_MAX + 1},
        {.max_message_bytes = UINT32_MAX, .max_queued_bytes = UINT32_MAX, .max_nesting = UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(beyond) / sizeof(*beyond); i++) {
        struct yoke_limits limits = beyond[i];
        CHECK_INT(yoke__limits_resolve(&limits), -EINVAL);
        CHECK(memcmp(&limits, &beyond[i], sizeof(limits)) == 0);
    }
}

static void tuning_beyond_its_range_is_refused(void) {
    struct yoke_tuning tuning = {.busy_poll_us = YOKE__BUSY_POLL_US_MAX + 1};
    CHECK_INT(yoke__tuning_resolve(&tuning), -EINVAL);
    CHECK_INT(tuning.busy_poll_us, YOKE__BUSY_POLL_US_MAX + 1);
    tuning.busy_poll_us = UINT32_MAX;
    CHECK_INT(yoke__tuning_resolve(&tuning), -EINVAL);
}

/* Whoever looks out on the only CPU keeps the peer from sending. */
static void busy_polling_is_off_on_one_cpu(void) {
    const unsigned cpus = yoke_usable_cpus();
    struct yoke_tuning tuning = {.busy_poll_us = YOKE__BUSY_POLL_US_MAX};
    CHECK_INT(yoke__tuning_resolve(&tuning), 0);
    CHECK_INT(tuning.busy_poll_us, cpus > 1 ? YOKE__BUSY_POLL_US_MAX : 0);
    cpu_set_t set;
    REQUIRE_INT(sched_getaffinity(0, sizeof(set), &set), 0);
    for (size_t cpu = 0; CPU_COUNT(&set) > 1; cpu++) {
        CPU_CLR(cpu, &set);
    }
    REQUIRE_INT(sched_setaffinity(0, sizeof(set), &set), 0);
    tuning.busy_poll_us = 1;
    CHECK_INT(yoke__tuning_resolve(&tuning), 0);
    CHECK_INT(tuning.busy_poll_us, 0);
}

static void zero_tuning_is_the_documented_default(void) {
    struct yoke_tuning tuning = {0};
    CHECK_INT(yoke__tuning_resolve(&tuning), 0);
    CHECK_INT(tuning.busy_poll_us, 0);
    CHECK_INT(tuning.shared_min_bytes, yoke__shared_is_safe("/proc/sys/vm/overcommit_memory") ? 64 * 1024 : UINT32_MAX);
    tuning.shared_min_bytes = UINT32_MAX;
    CHECK_INT(yoke__tuning_resolve(&tuning), 0);
    CHECK_INT(tuning.shared_min_bytes, UINT32_MAX);
}

/* The setting's file as the kernel writes it. */
static void no_memory_is_shared_where_pages_can_be_refused(void) {
    static const struct {
        const char *content;
        bool is_safe;
    } rows[] = {{"0\n", true}, {"1\n", true}, {"2\n", false}, {"", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char path[] = "/tmp/yoke-overcommit-XXXXXX";
        int fd = mkstemp(path);
        REQUIRE(fd >= 0);
        CHECK_INT(write(fd, rows[i].content, strlen(rows[i].content)), (ssize_t)strlen(rows[i].content));
        CHECK(yoke__shared_is_safe(path) == rows[i].is_safe);
        CHECK_INT(close(fd), 0);
        CHECK_INT(unlink(path), 0);
        CHECK(!yoke__shared_is_safe(path));
    }
}

static const struct test_case cases[] = {
    {.name = "options of the same version are copied", .run = the_same_version_is_copied},
    {.name = "an older caller gets defaults", .run = an_older_caller_gets_defaults},
    {.name = "a caller may know nothing but the size", .run = a_caller_may_know_nothing_but_the_size},
    {.name = "a newer caller may not set what we do not know", .run = a_newer_caller_may_not_set_what_we_do_not_know},
    {.name = "a forgotten _INIT is noticed", .run = a_forgotten_init_is_noticed},
    {.name = "zero limits are the documented defaults", .run = zero_limits_are_the_documented_defaults},
    {.name = "limits within range stay", .run = limits_within_range_stay},
    {.name = "limits out of range are refused, untouched", .run = limits_out_of_range_are_refused},
    {.name = "zero tuning is the documented default", .run = zero_tuning_is_the_documented_default},
    {.name = "no memory is shared where pages can be refused", .run = no_memory_is_shared_where_pages_can_be_refused},
    {.name = "tuning beyond its range is refused, untouched", .run = tuning_beyond_its_range_is_refused},
    {.name = "busy-polling is off on one CPU", .run = busy_polling_is_off_on_one_cpu},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "options", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
