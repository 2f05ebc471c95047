/*
 * mixed.c: see mixed.h: the master, which makes one half of the calls and kills workers while they make the other, and
 * who settles the accounts: every call that was accepted has been completed exactly once, but for those of killed
 * workers.
 */
#include "mixed.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define TICK_S 0.005
#define RESTART_PAUSE_MS 5
#define DEPTH 32   /* calls in flight, each way, for each worker */
#define SAMPLES 20 /* of memory, each in a truce */

/* Nothing ends for so long: something hangs. No measure of speed. */
#define HANG_NS (UINT64_C(60) * 1000000000)

/* Messages are up to 16 MiB, and calls that wait for others are no error here. */
static const struct yoke_limits limits = {
    .max_message_bytes = 17 * MIB, .max_queued_bytes = 256 * MIB, .max_buffered_bytes = 256 * MIB};

/*
 * What the master may use more in a truce than at first: resident, what the heap does not return of the room that large
 * messages took; allocated, buffers that wait to be used again, 4 MiB at most, and other free lists. The latter is
 * sharp: a leak of a byte in each of ten million calls would be beyond it.
 */
#define RESIDENT_ALLOWANCE (256 * MIB)
#define HEAP_ALLOWANCE (8 * MIB)

struct scene {
    struct soak_host host;
    struct mixed_book *book;
    struct yoke_pool *pool;
    struct mixed_caller caller;
    struct mixed_service service;
    ev_timer tick, killer;
    uint64_t random; /* of the killer */
    unsigned kill_ms;
    uint64_t kills, deaths, started_ns;
    uint64_t last_workers; /* that lived to the end */
    uint64_t last_progress, last_progress_ns;
    bool is_over;
    unsigned sample_count;
    size_t memory_before, heap_before;
};

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

static struct mixed_caller new_caller(struct mixed_book *book, struct yoke_channel *channel, unsigned depth,
                                      uint64_t worker_id) {
    return (struct mixed_caller){.book = book,
                                 .direction = worker_id != 0 ? &book->upwards : &book->downwards,
                                 .channel = channel,
                                 .worker_id = (uint32_t)worker_id,
                                 .depth = depth};
}

static int worker_entry(struct yoke_worker *worker, void *user_data) {
    const struct scene *scene = user_data;
    struct mixed_caller caller = new_caller(scene->book, yoke_worker_master(worker), DEPTH, yoke_worker_id(worker));
    struct mixed_service service = {.book = scene->book, .direction = &scene->book->downwards};
    (void)soak_mixed_serve(yoke_worker_server(worker), &mixed_handlers, &service);
    mixed_service_start(&service, yoke_worker_loop(worker));
    mixed_caller_start(&caller, yoke_worker_loop(worker));
    int exit_code = yoke_worker_run(worker);
    mixed_caller_stop(&caller, yoke_worker_loop(worker));
    mixed_service_stop(&service, yoke_worker_loop(worker));
    return exit_code;
}

/* ---- Killing ----------------------------------------------------------------------------------------------------- */

static void schedule_kill(struct scene *scene) {
    uint64_t pause_ms = scene->kill_ms + mixed_random(&scene->random) % (9 * (uint64_t)scene->kill_ms + 1);
    ev_timer_set(&scene->killer, (double)pause_ms / 1e3, 0.);
    ev_timer_start(scene->host.loop, &scene->killer);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct scene *scene = timer->data;
    unsigned index = (unsigned)(mixed_random(&scene->random) % yoke_pool_size(scene->pool));
    struct yoke_child *child = yoke_pool_child(scene->pool, index);
    bool is_alive = yoke_child_state(child) == YOKE_CHILD_READY || yoke_child_state(child) == YOKE_CHILD_STARTING;
    if (is_alive && !atomic_load(&scene->book->truce) &&
        atomic_exchange(&scene->book->killed[yoke_child_id(child)], 1) == 0) {
        soak_check(yoke_child_kill(child, SIGKILL) == 0, "a worker cannot be killed");
        scene->kills++;
    }
    schedule_kill(scene);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct scene *scene = user_data;
    scene->deaths++;
    bool is_killed = atomic_load(&scene->book->killed[event->worker_id]) != 0;
    soak_check(is_killed || (scene->is_over && event->exit_code == 0), "%s", event->detail);
}

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    (void)user_data;
    if (!soak_check(event->worker_id < MIXED_WORKER_IDS, "too many workers were killed")) {
        abort();
    }
}

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

static uint64_t made(const struct mixed_direction *direction) {
    uint64_t next = atomic_load(&direction->next);
    return next < direction->total ? next : direction->total;
}

/* Nothing is in flight. */
static void sample(struct scene *scene, uint64_t progress) {
    size_t memory = soak_memory();
    size_t heap = soak_heap();
    printf("  %10" PRIu64 " calls %8.1f s %6" PRIu64 " kills   resident %7zu KiB   allocated %6zu KiB\n", progress,
           (double)(soak_now_ns() - scene->started_ns) / 1e9, scene->kills, memory / KIB, heap / KIB);
    (void)fflush(stdout);
    soak_check_growth("the heap", scene->heap_before, heap, HEAP_ALLOWANCE);
    soak_check_growth("mixed calls", scene->memory_before, memory, RESIDENT_ALLOWANCE);
    scene->sample_count++;
}

/* Have all calls ended that were made, but for those that were lost with their caller? */
static bool is_quiet(const struct scene *scene) {
    if (atomic_load(&scene->book->in_flight[0]) > 0 || scene->service.opened != scene->service.answered) {
        return false;
    }
    for (unsigned i = 0; i < yoke_pool_size(scene->pool); i++) {
        uint64_t id = yoke_child_id(yoke_pool_child(scene->pool, i));
        if (atomic_load(&scene->book->in_flight[id]) != 0 && atomic_load(&scene->book->killed[id]) == 0) {
            return false;
        }
    }
    return true;
}

static void stop(struct scene *scene) {
    scene->is_over = true;
    for (unsigned i = 0; i < yoke_pool_size(scene->pool); i++) {
        struct yoke_child *child = yoke_pool_child(scene->pool, i);
        scene->last_workers +=
            yoke_child_state(child) != YOKE_CHILD_DEAD && atomic_load(&scene->book->killed[yoke_child_id(child)]) == 0;
    }
    ev_timer_stop(scene->host.loop, &scene->tick);
    ev_timer_stop(scene->host.loop, &scene->killer);
    mixed_caller_stop(&scene->caller, scene->host.loop);
    mixed_service_stop(&scene->service, scene->host.loop);
    yoke_master_stop(scene->host.master);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct scene *scene = timer->data;
    const struct mixed_book *book = scene->book;
    uint64_t total = book->downwards.total + book->upwards.total;
    uint64_t progress = atomic_load(&book->downwards.completed) + made(&book->upwards);
    uint64_t now_ns = soak_now_ns();
    if (progress != scene->last_progress) {
        scene->last_progress = progress;
        scene->last_progress_ns = now_ns;
    }
    uint64_t due = total * (scene->sample_count + 1) / SAMPLES;
    if (progress >= due && scene->sample_count < SAMPLES) {
        atomic_store(&scene->book->truce, true);
    }
    if (atomic_load(&book->truce) && is_quiet(scene)) {
        sample(scene, progress);
        atomic_store(&scene->book->truce, scene->sample_count == SAMPLES);
    }
    if (scene->sample_count == SAMPLES) {
        stop(scene);
    } else if (now_ns - scene->last_progress_ns > HANG_NS) {
        soak_check(false, "nothing ends any more: %u calls of the master are in flight, %u are kept",
                   scene->caller.in_flight, scene->service.kept_count);
        stop(scene);
    }
}

/* ---- Accounts ---------------------------------------------------------------------------------------------------- */

static void settle(const struct mixed_book *book, const struct mixed_direction *direction, const char *name) {
    uint64_t accepted = 0;
    uint64_t completed = 0;
    uint64_t lost = 0;
    for (uint64_t i = 0; i < direction->total; i++) {
        struct mixed_slot *slot = &direction->slots[i];
        unsigned times = atomic_load(&slot->completed);
        bool is_lost = atomic_load(&book->killed[slot->worker_id]) != 0;
        accepted += atomic_load(&slot->accepted);
        completed += times;
        lost += times == 0 && is_lost;
        soak_check(times == atomic_load(&slot->accepted) || (times == 0 && is_lost),
                   "call %" PRIu64 " %s was completed %u times", i, name, times);
    }
    printf("  %s: %" PRIu64 " accepted, %" PRIu64 " completed once, %" PRIu64
           " lost with their callers, %llu times refused\n",
           name, accepted, completed, lost, atomic_load(&direction->refused));
}

static void print_ends(const struct mixed_direction *direction, const char *name) {
    static const char *const kinds[] = {"unary", "server streaming", "client streaming", "bidirectional"};
    for (unsigned kind = 0; kind < MIXED_KIND_COUNT; kind++) {
        printf("  %s, %s:", name, kinds[kind]);
        for (unsigned code = 0; code <= YOKE_UNAUTHENTICATED; code++) {
            unsigned long long count = atomic_load(&direction->ends[kind][code]);
            if (count > 0) {
                printf(" %s %llu", yoke_code_name((enum yoke_code)code), count);
            }
        }
        printf("\n");
    }
}

static void report(struct scene *scene, double seconds) {
    const struct mixed_book *book = scene->book;
    uint64_t completed = atomic_load(&book->downwards.completed) + atomic_load(&book->upwards.completed);
    print_ends(&book->downwards, "downwards");
    print_ends(&book->upwards, "upwards");
    settle(book, &book->downwards, "downwards");
    settle(book, &book->upwards, "upwards");
    printf("  %" PRIu64 " calls completed in %.1f s, %.0f a second; %llu messages of %.2f GiB compared\n", completed,
           seconds, (double)completed / seconds, atomic_load(&book->messages),
           (double)atomic_load(&book->bytes) / (double)(1024 * MIB));
    printf("  %" PRIu64 " workers killed, %" PRIu64 " stopped, %" PRIu64 " deaths told\n", scene->kills,
           scene->last_workers, scene->deaths);
    soak_check(scene->deaths == scene->kills + scene->last_workers, "the deaths are too many, or too few");
}

/* ---- The run ----------------------------------------------------------------------------------------------------- */

static void open_direction(struct mixed_direction *direction, uint64_t total) {
    direction->total = total;
    direction->slots = soak_share((total + 1) * sizeof *direction->slots);
}

static void open_master(struct scene *scene, const struct soak_options *options) {
    soak_open(&scene->host, &limits);
    struct yoke_master *master = scene->host.master;
    (void)soak_mixed_serve(yoke_master_server(master), &mixed_handlers, &scene->service);
    (void)yoke_v1_worker_started_on(yoke_master_events(master), on_started, scene);
    (void)yoke_v1_worker_died_on(yoke_master_events(master), on_died, scene);
    const struct yoke_pool_options pool_options = {
        YOKE_POOL_OPTIONS_INIT,
        .workers = options->workers,
        .entry = worker_entry,
        .user_data = scene,
        .restart = {.when = YOKE_RESTART_ALWAYS,
                    .pause_ms = RESTART_PAUSE_MS,
                    .max_pause_ms = RESTART_PAUSE_MS,
                    .max_restarts = UINT32_MAX},
        .stop = {.drain_ms = 60000},
    };
    int error = yoke_pool_create(master, &pool_options, &scene->pool);
    if (error != 0) {
        fprintf(stderr, "soak: cannot create a pool: %d\n", error);
        abort();
    }
}

void soak_mixed(const struct soak_options *options) {
    static struct scene scene;
    mixed_plan_init();
    struct mixed_book *book = soak_share(sizeof *book);
    book->seed = options->seed;
    open_direction(&book->downwards, options->calls / 2);
    open_direction(&book->upwards, options->calls - options->calls / 2);
    scene = (struct scene){.book = book, .random = options->seed, .kill_ms = options->kill_ms};
    scene.service = (struct mixed_service){.book = book, .direction = &book->upwards};
    open_master(&scene, options);
    struct ev_loop *loop = scene.host.loop;
    scene.caller = new_caller(book, yoke_pool_channel(scene.pool), DEPTH * yoke_pool_size(scene.pool), 0);
    mixed_service_start(&scene.service, loop);
    mixed_caller_start(&scene.caller, loop);
    ev_timer_init(&scene.tick, on_tick, TICK_S, TICK_S);
    scene.tick.data = &scene;
    ev_timer_start(loop, &scene.tick);
    ev_timer_init(&scene.killer, on_kill, 0., 0.);
    scene.killer.data = &scene;
    schedule_kill(&scene);
    scene.memory_before = soak_memory();
    scene.heap_before = soak_heap();
    scene.started_ns = scene.last_progress_ns = soak_now_ns();
    ev_run(loop, 0);
    double seconds = (double)(soak_now_ns() - scene.started_ns) / 1e9;
    report(&scene, seconds);
    soak_close(&scene.host);
    soak_unshare(book->downwards.slots, (book->downwards.total + 1) * sizeof *book->downwards.slots);
    soak_unshare(book->upwards.slots, (book->upwards.total + 1) * sizeof *book->upwards.slots);
    soak_unshare(book, sizeof *book);
    mixed_plan_release();
}
