/* ends.c: see ends.h. */
#include "ends.h"

#include "harness.h"
#include "rpc/options.h"

#include <string.h>
#include <sys/socket.h>

static struct end *end_of(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct end, socket);
}

static void on_ready(struct yoke__socket *socket) {
    end_of(socket)->readies++;
}

static void on_ended(struct yoke__socket *socket, enum yoke__socket_end how) {
    struct end *end = end_of(socket);
    end->ends++;
    end->last_end = how;
    if (end->closes_when_ended) {
        yoke__socket_close(socket, how == YOKE__SOCKET_EOF ? "end of file" : "failed");
    }
}

static void on_idle(struct yoke__socket *socket) {
    end_of(socket)->idles++;
}

/* ---- Messages and outcomes --------------------------------------------------------------------------------------- */

void fill(uint8_t *bytes, size_t length, unsigned seed) {
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 251 + seed);
    }
}

bool is_filled(const uint8_t *bytes, size_t length, unsigned seed) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != (uint8_t)(i * 31 + i / 251 + seed)) {
            return false;
        }
    }
    return true;
}

bool is_intact(const ProtobufCBinaryData *bytes) {
    return is_filled(bytes->data, bytes->len, (unsigned)bytes->len);
}

Unit__Bytes message_of(size_t size) {
    static uint8_t data[ENDS_MESSAGE_MAX];
    REQUIRE(size <= sizeof(data));
    fill(data, size, (unsigned)size);
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = size, .data = data};
    return message;
}

void take_outcome(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply, void *user_data) {
    struct outcome *outcome = user_data;
    (void)call;
    outcome->count++;
    outcome->code = status->code;
    outcome->length = reply != NULL ? reply->data.len : 0;
    outcome->is_intact = reply != NULL && is_intact(&reply->data);
}

int call_now(struct end *end, size_t size, struct outcome *outcome) {
    const Unit__Bytes request = message_of(size);
    *outcome = (struct outcome){0};
    return unit_echo_now(&end->channel.channel, &request, NULL, take_outcome, outcome);
}

void check_answered(const struct outcome *outcome, size_t size) {
    CHECK_INT(outcome->count, 1);
    CHECK_INT(outcome->code, YOKE_OK);
    CHECK_INT(outcome->length, size);
    CHECK(outcome->is_intact);
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static void on_now(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    struct end *end = user_data;
    if (end->on_request != NULL) {
        end->on_request(end, request);
    }
    (void)unit_echo_now_reply(call, request);
}

static void on_later(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    struct end *end = user_data;
    REQUIRE(end->held_count < ENDS_HELD_MAX);
    end->requests[end->held_count] = request;
    end->held[end->held_count++] = call;
}

static void on_tree(struct yoke_call *call, const Unit__Node *request, void *user_data) {
    struct end *end = user_data;
    if (end->on_tree != NULL) {
        end->on_tree(end, request);
    }
    (void)unit_echo_tree_reply(call, request);
}

static void on_both(struct yoke_call *call, void *user_data) {
    struct end *end = user_data;
    end->stream = call;
    if (end->on_stream != NULL) {
        end->on_stream(end);
    }
}

static void on_both_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    struct end *end = user_data;
    end->stream_messages++;
    if (end->on_stream_message != NULL) {
        end->on_stream_message(end, message);
    }
    (void)unit_streams_both_reply(call, message);
}

static void on_both_end(struct yoke_call *call, void *user_data) {
    struct end *end = user_data;
    end->stream = NULL;
    (void)yoke_call_finish(call);
}

static void on_blob(const struct yoke_peer *peer, const Unit__Blob *blob, void *user_data) {
    struct end *end = user_data;
    (void)peer;
    if (end->on_blob != NULL) {
        end->on_blob(end, blob);
    }
}

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    struct end *end = user_data;
    (void)peer;
    (void)note;
    end->notes++;
    if (end->on_note != NULL) {
        end->on_note(end);
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void end_open(struct end *end, int fd, bool is_parent, const struct end_config *config) {
    static const struct yoke__socket_owner owner = {.ready = on_ready, .ended = on_ended, .idle = on_idle};
    static const struct unit_echo_handlers handlers = {.now = on_now, .later = on_later, .tree = on_tree};
    static const struct unit_streams_handlers streams = {
        .both = on_both, .both_message = on_both_message, .both_end = on_both_end};
    static const struct end_config usual;
    const struct yoke_peer peer = {.pid = 1};
    config = config != NULL ? config : &usual;
    memset(end, 0, sizeof(*end));
    end->loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(end->loop != NULL);
    REQUIRE_INT(yoke__engine_init(&end->engine, &config->limits, NULL, NULL), 0);
    end->engine.shared_min_bytes = config->shared_min_bytes != 0 ? config->shared_min_bytes : YOKE__SHARED_MIN_BYTES;
    yoke__io_init(&end->io, end->loop, &end->engine);
    yoke__events_init(&end->events, &end->engine);
    REQUIRE_INT(unit_echo_serve(&end->server, &handlers, end), 0);
    REQUIRE_INT(unit_streams_serve(&end->server, &streams, end), 0);
    REQUIRE_INT(unit_blob_on(&end->events, on_blob, end), 0);
    REQUIRE_INT(unit_note_on(&end->events, on_note, end), 0);
    yoke__socket_open(&end->socket, &end->io, fd, &end->engine, &end->server, &end->events, &peer, is_parent, &owner);
    yoke__single_channel_init(&end->channel, &end->engine);
    end->channel.connection = &end->socket.connection;
}

void end_close(struct end *end) {
    yoke__socket_close(&end->socket, "over");
    CHECK_INT(end->socket.fd, -1);
    yoke__socket_close(&end->socket, "over again");
    yoke__events_release(&end->events);
    yoke__server_release(&end->server);
    yoke__io_release(&end->io);
    yoke__engine_release(&end->engine);
    ev_loop_destroy(end->loop);
}

void ends_start(struct end *master, struct end *worker, const struct end_config *configs) {
    int fds[2];
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    end_open(master, fds[0], true, configs != NULL ? &configs[0] : NULL);
    end_open(worker, fds[1], false, configs != NULL ? &configs[1] : NULL);
    REQUIRE_INT(yoke__connection_greet(&master->socket.connection), 0);
    REQUIRE_INT(yoke__connection_greet(&worker->socket.connection), 0);
}

void end_turn(struct end *end) {
    ev_run(end->loop, EVRUN_NOWAIT);
}

void ends_turn(struct end *master, struct end *worker) {
    for (unsigned i = 0; i < 300; i++) {
        end_turn(master);
        end_turn(worker);
    }
}
