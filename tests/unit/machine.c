/* machine.c: see machine.h. */
#include "machine.h"

#include "harness.h"
#include "rpc/cancel.h"
#include "rpc/stream.h"

#include <errno.h>
#include <string.h>

uint64_t machine_now_ns = 3600 * UINT64_C(1000000000);

static uint64_t now_ns(void) {
    return machine_now_ns;
}

static struct machine *machine_of(struct yoke__connection *connection) {
    return YOKE__CONTAINER(connection, struct machine, connection);
}

static void on_attention(struct yoke__connection *connection) {
    machine_of(connection)->attentions++;
}

static void on_ready(struct yoke__connection *connection) {
    machine_of(connection)->readies++;
}

static void on_leaving(struct yoke__connection *connection) {
    machine_of(connection)->leavings++;
}

static void on_draining(struct yoke__connection *connection) {
    machine_of(connection)->drainings++;
}

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    struct machine *machine = user_data;
    (void)level;
    machine->log_count++;
    (void)snprintf(machine->log, sizeof(machine->log), "%s", message);
}

/* ---- The service ----------------------------------------------------------------------------------------------- */

static void on_now(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    struct machine *machine = user_data;
    machine->handled++;
    (void)unit_echo_now_reply(call, request);
}

static void on_later(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    struct machine *machine = user_data;
    (void)request;
    machine->handled++;
    REQUIRE(machine->held_count < MACHINE_HELD_MAX);
    machine->held[machine->held_count++] = call;
}

static void on_as(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    struct machine *machine = user_data;
    machine->handled++;
    if (machine->act != NULL) {
        machine->act(machine, call, request);
    } else {
        (void)unit_echo_as_reply(call, request);
    }
}

static void on_tree(struct yoke_call *call, const Unit__Node *request, void *user_data) {
    struct machine *machine = user_data;
    machine->handled++;
    (void)unit_echo_tree_reply(call, request);
}

static const struct unit_echo_handlers handlers = {.now = on_now, .later = on_later, .as = on_as, .tree = on_tree};

/* ---- Life ------------------------------------------------------------------------------------------------------ */

void machine_init(struct machine *machine, bool is_master, const struct yoke_limits *limits) {
    static const struct yoke__connection_hooks hooks = {
        .attention = on_attention, .ready = on_ready, .leaving = on_leaving, .draining = on_draining};
    static const struct yoke_limits defaults = {0};
    const struct yoke_peer worker = {.worker_id = MACHINE_WORKER_ID, .pid = MACHINE_WORKER_PID};
    const struct yoke_peer master = {.worker_id = 0, .pid = MACHINE_MASTER_PID};
    memset(machine, 0, sizeof(*machine));
    REQUIRE_INT(yoke__engine_init(&machine->engine, limits != NULL ? limits : &defaults, on_log, machine), 0);
    machine->engine.clock_ns = machine->engine.rough_clock_ns = now_ns;
    yoke__events_init(&machine->events, &machine->engine);
    REQUIRE_INT(unit_echo_serve(&machine->server, &handlers, machine), 0);
    yoke__connection_init(&machine->connection, &machine->engine, &machine->server, &machine->events,
                          is_master ? &worker : &master, is_master, &hooks);
    yoke__single_channel_init(&machine->channel, &machine->engine);
    machine->channel.connection = &machine->connection;
}

void machine_init_beside(struct machine *machine, struct machine *first) {
    machine_init(machine, true, NULL);
    struct yoke_peer peer = machine->connection.peer;
    peer.worker_id = first->connection.peer.worker_id + 1;
    yoke__connection_init(&machine->connection, &first->engine, &machine->server, &machine->events, &peer, true,
                          machine->connection.hooks);
}

void machine_init_pair(struct machine *master, struct machine *worker, const struct yoke_limits *limits) {
    machine_init(master, true, limits);
    machine_init(worker, false, limits);
    REQUIRE_INT(yoke__connection_greet(&master->connection), 0);
    REQUIRE_INT(yoke__connection_greet(&worker->connection), 0);
    machine_exchange(master, worker);
    REQUIRE_INT(master->readies + worker->readies, 2);
}

void machine_close(struct machine *machine, const char *message) {
    yoke__connection_close(&machine->connection, message);
}

void machine_release(struct machine *machine) {
    if (!machine->connection.closed) {
        machine_close(machine, "the test is over");
    }
    yoke__connection_release(&machine->connection);
    yoke__events_release(&machine->events);
    yoke__server_release(&machine->server);
    yoke__engine_release(&machine->engine);
}

/* ---- Bytes ----------------------------------------------------------------------------------------------------- */

size_t machine_feed(struct machine *machine, const void *bytes, size_t length, size_t piece) {
    size_t taken = 0;
    while (taken < length && machine->connection.failure[0] == '\0') {
        size_t room;
        uint8_t *space = yoke__connection_input(&machine->connection, &room);
        if (space == NULL) {
            break;
        }
        REQUIRE(room > 0);
        size_t size = length - taken;
        size = size < room ? size : room;
        size = piece == 0 || size < piece ? size : piece;
        memcpy(space, (const uint8_t *)bytes + taken, size);
        taken += size;
        yoke__connection_received(&machine->connection, size);
    }
    return taken;
}

/* The front of what is queued, which fragments join when there is room for them. False when there is nothing. */
static bool front_of(struct machine *machine, struct iovec *ret_vector) {
    struct yoke__output *output = &machine->connection.output;
    return yoke__output_vector(output, ret_vector, 1) == 1 ||
           (yoke__streams_pump(&machine->connection) && yoke__output_vector(output, ret_vector, 1) == 1);
}

size_t machine_take(struct machine *machine, void *out, size_t capacity) {
    struct yoke__output *output = &machine->connection.output;
    size_t taken = 0;
    struct iovec vector;
    while (taken < capacity && front_of(machine, &vector)) {
        size_t size = capacity - taken < vector.iov_len ? capacity - taken : vector.iov_len;
        memcpy((uint8_t *)out + taken, vector.iov_base, size);
        yoke__output_consume(output, size);
        taken += size;
    }
    return taken;
}

bool machine_take_frame(struct machine *machine, struct yoke__frame *ret_frame, void *payload, size_t capacity) {
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    size_t size = machine_take(machine, header, sizeof(header));
    if (size == 0) {
        return false;
    }
    REQUIRE_INT(size, sizeof(header));
    yoke__frame_decode(header, ret_frame);
    REQUIRE(ret_frame->length <= capacity);
    REQUIRE_INT(machine_take(machine, payload, ret_frame->length), ret_frame->length);
    return true;
}

size_t machine_carry(struct machine *from, struct machine *to, size_t piece) {
    size_t carried = 0;
    struct iovec vector;
    while (front_of(from, &vector)) {
        size_t taken = machine_feed(to, vector.iov_base, vector.iov_len, piece);
        if (taken == 0) {
            break;
        }
        yoke__output_consume(&from->connection.output, taken);
        carried += taken;
    }
    return carried;
}

void machine_settle(struct machine *machine) {
    yoke__calls_settle(&machine->engine);
}

void machine_exchange(struct machine *one, struct machine *other) {
    size_t carried;
    do {
        machine_settle(one);
        machine_settle(other);
        carried = machine_carry(one, other, 0) + machine_carry(other, one, 0);
    } while (carried > 0);
}

/* As sockets do: a failed connection is closed, and its peer reads the end. */
static void close_failed(struct machine *one, struct machine *other) {
    bool has_failed = one->connection.failure[0] != '\0' || other->connection.failure[0] != '\0';
    if (has_failed && !one->connection.closed) {
        machine_close(one, "the connection has failed");
        machine_close(other, "the connection has failed");
    }
}

#define IDLE_TURNS_MAX 10

static int wait_in_turns(struct yoke__engine *engine, const struct yoke_call *call,
                         bool (*is_over)(const struct yoke_call *call)) {
    struct machine *machine = engine->wait_data;
    for (unsigned idle = 0; idle < IDLE_TURNS_MAX && !is_over(call); idle++) {
        machine->turns++;
        if (machine->each_turn != NULL) {
            machine->each_turn(machine);
        }
        machine_exchange(machine, machine->other);
        close_failed(machine, machine->other);
    }
    return is_over(call) ? 0 : -ENOTCONN;
}

void machine_let_block(struct machine *machine, struct machine *other) {
    machine->other = other;
    machine->engine.wait = wait_in_turns;
    machine->engine.wait_data = machine;
}

/* ---- Calls ----------------------------------------------------------------------------------------------------- */

int machine_answer_held(struct machine *machine, const void *data, size_t length) {
    REQUIRE(machine->held_count > 0);
    struct yoke_call *call = machine->held[0];
    machine->held_count--;
    memmove(machine->held, machine->held + 1, machine->held_count * sizeof(*machine->held));
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
    return unit_echo_later_reply(call, &reply);
}

struct yoke_channel *machine_channel(struct machine *machine) {
    return &machine->channel.channel;
}

void outcome_take(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply, void *user_data) {
    struct outcome *outcome = user_data;
    outcome->count++;
    outcome->code = status->code;
    (void)snprintf(outcome->message, sizeof(outcome->message), "%s", status->message);
    outcome->has_reply = reply != NULL;
    outcome->length = reply != NULL ? reply->data.len : 0;
    size_t shown = outcome->length < sizeof(outcome->data) ? outcome->length : sizeof(outcome->data);
    if (shown > 0) {
        memcpy(outcome->data, reply->data.data, shown);
    }
    outcome->peer = *yoke_call_peer(call);
    outcome->method = yoke_call_method(call);
    if (outcome->then != NULL) {
        outcome->then(outcome);
    }
}

static Unit__Bytes bytes_of(const void *data, size_t length) {
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)data};
    return bytes;
}

int machine_call_now(struct machine *machine, const void *data, size_t length, struct outcome *outcome) {
    const Unit__Bytes request = bytes_of(data, length);
    return unit_echo_now(machine_channel(machine), &request, NULL, outcome_take, outcome);
}

int machine_call_later(struct machine *machine, const void *data, size_t length, struct outcome *outcome) {
    const Unit__Bytes request = bytes_of(data, length);
    return unit_echo_later(machine_channel(machine), &request, NULL, outcome_take, outcome);
}

int machine_call_as(struct machine *machine, const void *data, size_t length, struct outcome *outcome) {
    const Unit__Bytes request = bytes_of(data, length);
    return unit_echo_as(machine_channel(machine), &request, NULL, outcome_take, outcome);
}
