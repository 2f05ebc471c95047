/* site.c: see site.h. */
#include "site.h"

#include "memory.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A worker that closes its end and lives on gets so long. */
#define STOP_TIMEOUT_MS 50

bool site_is_exec(void) {
    const struct site_mode *mode = test_config();
    return mode->exec;
}

const char *site_program(void) {
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/hostile_program", test_program_dir());
    return path;
}

/*
 * Linux 6.16 and later can refuse descriptors for us, and Yoke asks them to. Older ones cannot, so the tests hide it.
 * The linker's --wrap leads here.
 */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t size);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
    return level == SOL_SOCKET && option == SO_PASSRIGHTS ? -1 : __real_setsockopt(fd, level, option, value, size);
}

/* ---- The neighbour */

static void ask(struct site *site);

static void on_answered(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                        void *user_data) {
    struct site *site = user_data;
    (void)call;
    (void)reply;
    site->answered++;
    CHECK_STR(yoke_code_name(status->code), "OK");
    if (!site->quiet) {
        ask(site);
    }
}

static void ask(struct site *site) {
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(site->neighbours, 0));
    site->asked++;
    REQUIRE_INT(probe_common_echo(channel, &request, NULL, on_answered, site), 0);
}

void site_quiet(struct site *site) {
    site->quiet = true;
    SITE_WAIT(site, site->answered == site->asked);
}

void site_resume(struct site *site) {
    site->quiet = false;
    ask(site);
}

/* ---- The master */

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    struct site *site = user_data;
    (void)peer;
    site->death.count++;
    site->death.pid = event->pid;
    site->death.reason = (int)event->reason;
    site->death.exit_code = event->exit_code;
    site->death.calls_in_flight = (unsigned)event->calls_in_flight;
    site->death.ends = 0;
    for (unsigned i = 0; i < HONEST_CALLS; i++) {
        site->death.ends += site->honest.record.ends[i].count;
    }
    snprintf(site->death.detail, sizeof(site->death.detail), "%s", event->detail);
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    struct site *site = user_data;
    (void)peer;
    (void)event;
    site->stopped++;
}

static size_t smaller(size_t first, size_t second) {
    return first < second ? first : second;
}

static int leave_at_once(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    return 0;
}

void site_open(struct site *site) {
    *site = (struct site){.loop = ev_loop_new(EVFLAG_AUTO)};
    REQUIRE(site->loop != NULL);
    const struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .limits = honest_limits, .log = honest_log,
                                                .log_user_data = &site->honest};
    REQUIRE_INT(yoke_master_create(site->loop, &options, &site->master), 0);
    struct yoke_events *events = yoke_master_events(site->master);
    REQUIRE_INT(honest_serve(&site->honest, yoke_master_server(site->master), events), 0);
    REQUIRE_INT(yoke_v1_worker_died_on(events, on_died, site), 0);
    REQUIRE_INT(yoke_v1_pool_stopped_on(events, on_stopped, site), 0);
    const struct yoke_pool_options pool = {YOKE_POOL_OPTIONS_INIT, .name = "neighbours", .workers = 1,
                                           .entry = honest_neighbour};
    REQUIRE_INT(yoke_pool_create(site->master, &pool, &site->neighbours), 0);
    site->honest.friend_pid = yoke_child_pid(yoke_pool_child(site->neighbours, 0));
    site_resume(site);
    /* What stays of a pool is learnt from some whose workers only come and go; the first ones fill free lists, too. */
    site->pool_blocks = site->pool_bytes = SIZE_MAX;
    for (unsigned i = 0; i < 4; i++) {
        struct site_life life;
        site_live(site, leave_at_once, NULL, "leave", &life);
        site->pool_blocks = smaller(site->pool_blocks, life.left_blocks);
        site->pool_bytes = smaller(site->pool_bytes, life.left_bytes);
    }
    /* The pool, its name, the list of its children, the child; the path, the list of arguments, two arguments. */
    CHECK_INT(site->pool_blocks, site_is_exec() ? 8 : 4);
}

void site_close(struct site *site) {
    site_quiet(site);
    CHECK_INT(yoke_child_state(yoke_pool_child(site->neighbours, 0)), YOKE_CHILD_READY);
    CHECK_INT(yoke_master_destroy(site->master), 0);
    ev_loop_destroy(site->loop);
    honest_release(&site->honest);
}

/* ---- A hostile worker */

static void differ(const char *text) {
    printf("%s\n", text);
    test_check(false, "the master's descriptors are as they were", __FILE__, __LINE__, false);
}

/* The pool's one worker lives and dies. */
static void live_and_die(struct site *site, const struct yoke_pool_options *options) {
    struct yoke_pool *pool = NULL;
    const unsigned deaths = site->death.count;
    REQUIRE_INT(yoke_pool_create(site->master, options, &pool), 0);
    REQUIRE_INT(honest_start(&site->honest, yoke_pool_channel(pool)), 0);
    SITE_WAIT(site, site->death.count > deaths);
    CHECK_INT(site->death.count, deaths + 1);
}

void site_live(struct site *site, yoke_worker_entry *entry, const void *user_data, const char *argument,
               struct site_life *ret_life) {
    char name[] = "hostile_program";
    char *argv[] = {name, (char *)(uintptr_t)argument, NULL};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "hostile", .workers = 1,
                                        .stop = {.drain_ms = STOP_TIMEOUT_MS}};
    if (site_is_exec()) {
        options.path = site_program();
        options.argv = argv;
    } else {
        options.entry = entry;
        options.user_data = (void *)(uintptr_t)user_data;
    }
    struct test_fdlist before;
    struct test_fdlist after;
    site_quiet(site);
    test_fdlist_take(&before);
    memory_reset_peak();
    const size_t blocks_before = memory_live_blocks();
    const size_t bytes_before = memory_live_bytes();
    const unsigned answered = site->answered;
    site->honest.record = (struct honest_record){0};
    site_resume(site);
    live_and_die(site, &options);
    site_quiet(site);
    honest_release(&site->honest);
    *ret_life = (struct site_life){
        .record = site->honest.record,
        .death = site->death,
        .left_blocks = memory_live_blocks() - blocks_before,
        .left_bytes = memory_live_bytes() - bytes_before,
        .peak_bytes = memory_peak_bytes() - bytes_before,
        .neighbour_calls = site->answered - answered,
    };
    test_fdlist_take(&after);
    test_fdlist_compare(&before, &after, differ);
    test_fdlist_release(&after);
    test_fdlist_release(&before);
    site_resume(site);
}
