/*
 * unread_stream.c: peers that do not read, beside a neighbour who measures: one that holds streams of replies for ever,
 * one whose own streams of requests nobody reads, one that stops reading its socket. Once all that may be sent has
 * been, the master's memory must not grow any more, however often it tries.
 */
#include "load.h"
#include "neighbour.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define STREAMS 16
#define MAX_QUEUED_BYTES (4 * MIB)

/* What one stream takes before anybody has read: its credit, of which headers take a little, and a message that
 * waits. */
#define STREAM_BYTES (2 * MIB)
#define STREAM_BYTES_MAX (STREAM_BYTES + POUR_MESSAGE_BYTES)

/* The neighbour's calls after which streams that are not full yet never will be. */
#define PATIENCE 20000

/* While nothing more is accepted. */
#define ALLOWANCE (8 * MIB)

enum manner {
    HOLDS,      /* opens streams of replies and holds them */
    POURS,      /* opens streams of requests, which the master's handler holds */
    IS_BLOCKED, /* opens streams of replies and never reads its socket again */
    MANNER_COUNT
};

static const char *const manner_names[] = {"a worker holds its streams", "a worker's streams are held",
                                           "a worker stops reading its socket"};

/* What the peer tells the master. Shared. */
struct peer_state {
    struct load_counts counts;
    atomic_ullong accepted_bytes; /* POURS: by all its streams */
};

struct scene {
    struct soak_host host;
    enum manner manner;
    uint64_t calls;       /* of the neighbour while the peer misbehaves */
    uint64_t quiet_calls; /* of the neighbour, before anything happens */
    struct neighbour *neighbour;
    struct peer_state *state;
    struct load_service service;
    struct yoke_pool *peer;
    ev_timer start;
    uint64_t full_at; /* the neighbour's calls when all was full; 0: not yet */
    uint64_t small_accepted, small_refused, small_ended;
    bool is_over;
    size_t memory_before, memory_full, memory_end;
};

/* ---- The peer ---------------------------------------------------------------------------------------------------- */

static void stay(void) {
    for (;;) {
        (void)pause();
    }
}

static void on_poured(struct yoke_call *call, const Soak__Packet *message, void *user_data) {
    (void)message;
    const struct scene *scene = user_data;
    if (scene->manner == IS_BLOCKED) {
        stay();
    }
    (void)yoke_call_hold(call);
}

static void on_pour_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    (void)user_data;
    soak_check(false, "a stream ended: %s", status->message);
}

static void on_ignore_end(struct yoke_call *call, const struct yoke_status *status, const Soak__Packet *reply,
                          void *user_data) {
    (void)call;
    (void)reply;
    (void)user_data;
    soak_check(false, "a stream ended: %s", status->message);
}

static void send_requests(struct scene *scene, struct yoke_call *call) {
    static uint8_t data[POUR_MESSAGE_BYTES];
    Soak__Packet packet = SOAK__PACKET__INIT;
    packet.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    int error;
    while ((error = soak_load_ignore_send(call, &packet)) == 0) {
        atomic_fetch_add(&scene->state->accepted_bytes, sizeof data);
    }
    soak_check(error == -EAGAIN, "sending on a stream gave %d", error);
}

static void on_writable(struct yoke_call *call, void *user_data) {
    send_requests(user_data, call);
}

static void open_streams(struct scene *scene, struct yoke_channel *channel) {
    const Soak__Packet request = SOAK__PACKET__INIT;
    for (unsigned i = 0; i < STREAMS; i++) {
        struct yoke_call *call;
        int error;
        if (scene->manner == POURS) {
            error = soak_load_ignore(channel, NULL, on_ignore_end, scene, &call);
        } else {
            error = soak_load_pour(channel, &request, NULL, on_poured, on_pour_end, scene);
        }
        soak_check(error == 0, "a stream cannot be opened: %d", error);
        if (error == 0 && scene->manner == POURS) {
            yoke_call_on_writable(call, on_writable, scene);
            send_requests(scene, call);
        }
    }
}

static int peer_entry(struct yoke_worker *worker, void *user_data) {
    struct scene *scene = user_data;
    struct load_service service = {.counts = &scene->state->counts};
    (void)soak_load_serve(yoke_worker_server(worker), &load_handlers, &service);
    open_streams(scene, yoke_worker_master(worker));
    return yoke_worker_run(worker);
}

/* ---- The master -------------------------------------------------------------------------------------------------- */

static void on_small_done(struct yoke_call *call, const struct yoke_status *status, const Soak__Packet *reply,
                          void *user_data) {
    (void)call;
    (void)reply;
    struct scene *scene = user_data;
    scene->small_ended++;
    soak_check(status->code == YOKE_UNAVAILABLE, "a call to a worker that reads nothing: %s", status->message);
}

/* Small calls to the peer, until there is no room for another. */
static void make_small_calls(struct scene *scene) {
    uint8_t data[64] = {0};
    Soak__Packet request = SOAK__PACKET__INIT;
    request.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    int error;
    while ((error = soak_load_echo(yoke_pool_channel(scene->peer), &request, NULL, on_small_done, scene)) == 0) {
        scene->small_accepted++;
    }
    soak_check(error == -ENOBUFS, "a call to a worker that reads nothing gave %d", error);
    scene->small_refused++;
}

static uint64_t accepted_bytes(const struct scene *scene) {
    uint64_t sum = atomic_load(&scene->state->accepted_bytes);
    for (unsigned i = 0; i < scene->service.pour_count; i++) {
        sum += scene->service.pours[i].accepted_bytes;
    }
    return sum;
}

static bool is_full(const struct scene *scene) {
    return scene->manner == IS_BLOCKED ? load_is_full(&scene->service) && scene->small_refused > 0
                                       : accepted_bytes(scene) >= STREAMS * STREAM_BYTES;
}

static void end(struct scene *scene) {
    scene->is_over = true;
    scene->memory_end = soak_memory();
    (void)yoke_child_kill(yoke_pool_child(scene->peer, 0), SIGKILL);
}

/* The neighbour's calls are the clock: with each of them the master tries again to send. */
static void press(struct scene *scene, uint64_t count) {
    load_pour_all(&scene->service);
    if (scene->manner == IS_BLOCKED && scene->service.pour_count == STREAMS) {
        make_small_calls(scene);
    }
    if (scene->full_at == 0 && is_full(scene)) {
        scene->full_at = count;
        scene->memory_full = soak_memory();
    }
    bool is_hopeless = scene->full_at == 0 && !soak_check(count < PATIENCE, "the streams do not fill up");
    if (is_hopeless || (scene->full_at != 0 && count >= scene->full_at + scene->calls)) {
        end(scene);
    }
}

static void on_echo(uint64_t count, void *user_data) {
    struct scene *scene = user_data;
    if (count == NEIGHBOUR_WARM_CALLS) {
        atomic_store(&scene->neighbour->phase, PHASE_QUIET);
    } else if (count == NEIGHBOUR_WARM_CALLS + scene->quiet_calls) {
        ev_timer_start(scene->host.loop, &scene->start);
    } else if (scene->peer != NULL && !scene->is_over) {
        press(scene, count);
    }
}

static void on_start(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct scene *scene = timer->data;
    scene->memory_before = soak_memory();
    atomic_store(&scene->neighbour->phase, PHASE_BUSY);
    scene->peer = soak_pool(&scene->host, "peer", 1, peer_entry, scene);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct scene *scene = user_data;
    soak_check(scene->is_over, "%s", event->detail);
    if (event->signal == SIGKILL) {
        atomic_store(&scene->neighbour->phase, PHASE_OVER);
        yoke_master_stop(scene->host.master);
    }
}

static void report(struct scene *scene) {
    uint64_t opened = atomic_load(&scene->state->counts.opened);
    uint64_t freed = atomic_load(&scene->state->counts.freed);
    printf("  %" PRIu64 " streams took %" PRIu64 " KiB; %" PRIu64 " small calls were accepted besides\n", opened,
           accepted_bytes(scene) / KIB, scene->small_accepted);
    printf("  master: %zu KiB before, %zu KiB when all was full, %zu KiB at the end\n", scene->memory_before / KIB,
           scene->memory_full / KIB, scene->memory_end / KIB);
    soak_check(opened == STREAMS, "%" PRIu64 " streams arrived", opened);
    soak_check(freed == opened, "%" PRIu64 " streams arrived, %" PRIu64 " were let go", opened, freed);
    soak_check(accepted_bytes(scene) <= STREAMS * STREAM_BYTES_MAX, "the streams took %" PRIu64 " bytes",
               accepted_bytes(scene));
    soak_check(scene->small_ended == scene->small_accepted, "%" PRIu64 " of %" PRIu64 " small calls ended",
               scene->small_ended, scene->small_accepted);
    soak_check_growth("unread streams", scene->memory_full, scene->memory_end, ALLOWANCE);
    neighbour_report(scene->neighbour);
}

static void run(const struct soak_options *options, enum manner manner) {
    printf(" %s\n", manner_names[manner]);
    (void)fflush(stdout);
    static struct scene scene;
    scene = (struct scene){.manner = manner, .calls = options->calls, .quiet_calls = neighbour_calls(options->calls)};
    scene.neighbour = soak_share(sizeof *scene.neighbour);
    scene.state = soak_share(sizeof *scene.state);
    scene.service = (struct load_service){.counts = &scene.state->counts, .on_echo = on_echo, .on_echo_data = &scene};
    ev_timer_init(&scene.start, on_start, 0., 0.);
    scene.start.data = &scene;
    soak_open(&scene.host, &(struct yoke_limits){.max_queued_bytes = MAX_QUEUED_BYTES});
    (void)soak_load_serve(yoke_master_server(scene.host.master), &load_handlers, &scene.service);
    (void)yoke_v1_worker_died_on(yoke_master_events(scene.host.master), on_died, &scene);
    (void)soak_pool(&scene.host, "neighbour", 1, neighbour_entry, scene.neighbour);
    ev_run(scene.host.loop, 0);
    report(&scene);
    soak_close(&scene.host);
    soak_unshare(scene.state, sizeof *scene.state);
    soak_unshare(scene.neighbour, sizeof *scene.neighbour);
}

void soak_unread_stream(const struct soak_options *options) {
    for (int manner = 0; manner < MANNER_COUNT; manner++) {
        run(options, (enum manner)manner);
    }
}
