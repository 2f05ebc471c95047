/*
 * soak.h: what the soak tests share: options, checks that count in every process, a master that must leave nothing
 * behind, and how much memory it uses.
 */
#ifndef YOKE_TESTS_SOAK_H
#define YOKE_TESTS_SOAK_H

#include "fdlist.h"

#include <ev.h>
#include <yoke/yoke.h>

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

struct soak_options {
    uint64_t calls;
    uint64_t seed;
    unsigned workers;
    unsigned kill_ms; /* a worker is killed after each pause of so long up to ten times as long */
};

/* The cases. What they find wrong they tell by soak_check(). */
void soak_cancel_flood(const struct soak_options *options);
void soak_unread_stream(const struct soak_options *options);
void soak_mixed(const struct soak_options *options);

/* Zeroed memory that is shared with all processes forked afterwards. It does not count in soak_memory(). */
void *soak_share(size_t size);
void soak_unshare(void *memory, size_t size);

/* Says what is wrong, and counts it, in whichever process. Returns `holds`. */
bool soak_check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How often that was so, in all processes. */
unsigned soak_failure_count(void);

/* To be called before anything is checked. */
void soak_init(void);

/* Memory of this process that is its own and resident, in bytes: the heap, mostly. */
size_t soak_memory(void);

/* Bytes that are allocated now; 0 with AddressSanitizer, which has an allocator of its own. */
size_t soak_heap(void);

/*
 * Checks that memory has not grown by more than `allowance` between two soak_memory(). The heap is never returned to
 * the last page, so there is some; a leak in each of very many calls is beyond it. With AddressSanitizer, which keeps
 * what is freed for a while, nothing is checked.
 */
void soak_check_growth(const char *what, size_t before, size_t after, size_t allowance);

uint64_t soak_now_ns(void);

/* ---- A master ---------------------------------------------------------------------------------------------------- */

struct soak_host {
    struct ev_loop *loop;
    struct yoke_master *master;
    struct test_fdlist fds; /* before there was a master */
};

/* `limits` may be NULL. */
void soak_open(struct soak_host *host, const struct yoke_limits *limits);

/* Destroys the master; checks that no descriptor and no process is left. */
void soak_close(struct soak_host *host);

/* A pool of `workers` workers that run `entry`, which is not restarted. */
struct yoke_pool *soak_pool(struct soak_host *host, const char *name, unsigned workers, yoke_worker_entry *entry,
                            void *user_data);

#endif
