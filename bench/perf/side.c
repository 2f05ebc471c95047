/* side.c: see side.h. What a user would write is called user_…, and not counted. */
#include "side.h"

#include "rpc/cancel.h"
#include "rpc/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* An hour, and a turn of a loop. */
static uint64_t clock_ns = 3600 * UINT64_C(1000000000);
#define TURN_NS 10000u

/*
 * Where a call is in the call map, and so how long it takes to find it, hangs on a random number. Linked in its place,
 * with its name from the linker.
 */
ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned flags);

ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned flags) {
    (void)flags;
    memset(buffer, 0x9d, length);
    return (ssize_t)length;
}

/* glibc's looks at where in a cache line its strings lie, which is the linker's to say. This one is in its place. */
int __wrap_strncmp(const char *one, const char *other, size_t length);

int __wrap_strncmp(const char *one, const char *other, size_t length) {
    while (length > 0 && *one == *other && *one != '\0') {
        one++;
        other++;
        length--;
    }
    return length > 0 ? (unsigned char)*one - (unsigned char)*other : 0;
}

void must(int error, const char *what) {
    if (error != 0) {
        (void)fprintf(stderr, "yoke-perf: %s: %d\n", what, error);
        exit(1);
    }
}

void side_tick(void) {
    clock_ns += TURN_NS;
}

static uint64_t user_clock_ns(void) {
    return clock_ns;
}

static void user_attention(struct yoke__connection *connection) {
    (void)connection;
}

static void user_log(enum yoke_log_level level, const char *message, void *user_data) {
    (void)level;
    (void)user_data;
    must(1, message);
}

void side_init(struct side *side, bool is_master) {
    static const struct yoke__connection_hooks hooks = {
        .attention = user_attention, .ready = user_attention, .leaving = user_attention};
    static const struct yoke_limits defaults = {0};
    const struct yoke_peer worker = {.worker_id = 1, .pid = 1001};
    const struct yoke_peer master = {.worker_id = 0, .pid = 1000};
    memset(side, 0, sizeof *side);
    must(yoke__engine_init(&side->engine, &defaults, user_log, NULL), "yoke__engine_init");
    side->engine.clock_ns = side->engine.rough_clock_ns = user_clock_ns;
    yoke__events_init(&side->events, &side->engine);
    yoke__connection_init(&side->connection, &side->engine, &side->server, &side->events, is_master ? &worker : &master,
                          is_master, &hooks);
    yoke__single_channel_init(&side->channel, &side->engine);
    side->channel.connection = &side->connection;
}

void side_release(struct side *side) {
    yoke__connection_close(&side->connection, "it is over");
    yoke__connection_release(&side->connection);
    yoke__events_release(&side->events);
    yoke__server_release(&side->server);
    yoke__engine_release(&side->engine);
}

struct yoke_channel *side_channel(struct side *side) {
    return &side->channel.channel;
}

void side_take(struct side *side) {
    (void)yoke__calls_settle(&side->engine);
    (void)yoke__streams_pump(&side->connection);
    side->vector_count = yoke__output_vector(&side->connection.output, side->vector, SIDE_VECTORS);
}

void side_sent(struct side *side) {
    yoke__output_consume(&side->connection.output, side->connection.output.queued);
}

void side_prepare(struct side *side) {
    side->room = yoke__connection_input(&side->connection, &side->room_size);
}

void side_receive(struct side *side) {
    yoke__connection_received(&side->connection, side->moved);
}
