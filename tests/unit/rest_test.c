/*
 * rest_test.c: what a process gives back when nothing has happened for a while. The timer that tells so is fired by hand:
 * no time passes here.
 */
#include "rpc/socket.h"

#include "harness.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/channel.h"
#include "rpc/lend.h"
#include "rpc/options.h"

#include "unit.yoke.h"
#include <string.h>
#include <sys/socket.h>

#define CALLS 300

/* One end of a connection, with a loop. */
struct end {
    struct ev_loop *loop;
    struct yoke__engine engine;
    struct yoke__io io;
    struct yoke_server server;
    struct yoke_events events;
    struct yoke__socket socket;
    struct yoke__single_channel channel;
};

static struct end one, other;
static unsigned answers;
static bool is_rest_due_within; /* while a callback runs the loop */

static void ignore_ready(struct yoke__socket *socket) {
    (void)socket;
}

static void ignore_end(struct yoke__socket *socket, enum yoke__socket_end how) {
    (void)socket;
    (void)how;
}

static void on_now(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    (void)unit_echo_now_reply(call, request);
}

static void open_end(struct end *end, int fd, bool is_parent) {
    static const struct yoke__socket_owner owner = {.ready = ignore_ready, .ended = ignore_end};
    static const struct unit_echo_handlers handlers = {.now = on_now};
    static const struct yoke_limits limits = {0};
    static const struct yoke_peer peer = {.pid = 1};
    memset(end, 0, sizeof(*end));
    end->loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(end->loop != NULL);
    REQUIRE_INT(yoke__engine_init(&end->engine, &limits, NULL, NULL), 0);
    end->engine.shared_min_bytes = YOKE__SHARED_MIN_BYTES;
    REQUIRE_INT(yoke__io_init(&end->io, end->loop, &end->engine), 0);
    yoke__events_init(&end->events, &end->engine);
    REQUIRE_INT(unit_echo_serve(&end->server, &handlers, NULL), 0);
    yoke__socket_open(&end->socket, &end->io, fd, &end->engine, &end->server, &end->events, &peer, is_parent, &owner);
    yoke__single_channel_init(&end->channel, &end->engine);
    end->channel.connection = &end->socket.connection;
}

static void close_end(struct end *end) {
    yoke__socket_close(&end->socket, "over");
    yoke__events_release(&end->events);
    yoke__server_release(&end->server);
    yoke__io_release(&end->io);
    CHECK(!ev_is_active(&end->io.rest));
    yoke__engine_release(&end->engine);
    /* As many references are left as were there. */
    CHECK_INT(ev_run(end->loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(end->loop);
}

static void turn_both(void) {
    for (unsigned i = 0; i < 50; i++) {
        ev_run(one.loop, EVRUN_NOWAIT);
        ev_run(other.loop, EVRUN_NOWAIT);
    }
}

static void start(void) {
    int fds[2];
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    open_end(&one, fds[0], true);
    open_end(&other, fds[1], false);
    REQUIRE_INT(yoke__connection_greet(&one.socket.connection), 0);
    REQUIRE_INT(yoke__connection_greet(&other.socket.connection), 0);
    answers = 0;
    is_rest_due_within = false;
}

static void finish(void) {
    close_end(&one);
    close_end(&other);
    CHECK_INT(memory_live_blocks(), 0);
}

static void fire(struct end *end) {
    ev_feed_event(end->loop, &end->io.rest, EV_TIMER);
    ev_run(end->loop, EVRUN_NOWAIT);
}

static void take_answer(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                        void *user_data) {
    (void)call;
    (void)reply;
    (void)user_data;
    CHECK_INT(status->code, YOKE_OK);
    answers++;
    if (is_rest_due_within) {
        fire(&one);
        fire(&one);
    }
}

static void call(size_t size) {
    static uint8_t data[100000];
    static const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 3600000000};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = size, .data = data};
    REQUIRE_INT(unit_echo_now(&one.channel.channel, &request, &options, take_answer, NULL), 0);
}

/* Small calls, many at once, and large ones. */
static void call_much(void) {
    answers = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        call(50);
    }
    call(40000);
    turn_both();
    CHECK_INT(answers, CALLS + 1);
}

static bool keeps_nothing(const struct end *end) {
    const struct yoke__engine *engine = &end->engine;
    return engine->idle_calls == NULL && engine->idle_arenas == NULL && engine->idle_arena_count == 0 &&
           engine->chunks.idle == NULL && engine->deadlines.heap == NULL &&
           end->socket.connection.calls.buckets == NULL;
}

static void after_a_while_everything_is_given_back(void) {
    start();
    turn_both();
    fire(&one);
    fire(&other);
    fire(&one);
    fire(&other);
    size_t blocks = memory_live_blocks();
    call_much();
    CHECK(memory_live_blocks() > blocks + CALLS);
    for (unsigned i = 0; i < 2; i++) {
        fire(&one);
        fire(&other);
    }
    CHECK(keeps_nothing(&one));
    CHECK(keeps_nothing(&other));
    CHECK_INT(memory_live_blocks(), blocks);
    /* And taken again. */
    call_much();
    finish();
}

static void call_large(void) {
    for (unsigned i = 0; i < 4; i++) {
        call(100000);
        turn_both();
    }
    CHECK(yoke__lend_total(&one.socket.connection) > 0);
    CHECK(yoke__lend_total(&other.socket.connection) > 0);
}

static void shared_memory_is_given_back(void) {
    start();
    call_large();
    CHECK_INT(answers, 4);
    for (unsigned i = 0; i < 2; i++) {
        fire(&one);
        fire(&other);
    }
    turn_both();
    CHECK_INT(yoke__lend_total(&one.socket.connection), 0);
    CHECK_INT(yoke__lend_total(&other.socket.connection), 0);
    call_large();
    CHECK_INT(answers, 8);
    finish();
}

/* What is given back is told to the peer, whose timer starts for it; but that comes to an end. */
static void both_come_to_rest(void) {
    start();
    call_large();
    for (unsigned i = 0; i < 6; i++) {
        fire(&one);
        fire(&other);
        turn_both();
    }
    CHECK(!ev_is_active(&one.io.rest));
    CHECK(!ev_is_active(&other.io.rest));
    finish();
}

static void traffic_puts_it_off(void) {
    start();
    turn_both();
    for (unsigned i = 0; i < 5; i++) {
        call_much();
        fire(&one);
        CHECK(one.engine.idle_calls != NULL);
        CHECK(ev_is_active(&one.io.rest));
    }
    fire(&one);
    CHECK(keeps_nothing(&one));
    finish();
}

static void who_has_given_back_everything_sets_no_timer(void) {
    start();
    turn_both();
    CHECK(ev_is_active(&one.io.rest));
    fire(&one);
    fire(&one);
    CHECK(!ev_is_active(&one.io.rest));
    turn_both();
    CHECK(!ev_is_active(&one.io.rest));
    call(10);
    turn_both();
    CHECK(ev_is_active(&one.io.rest));
    finish();
}

/* The traffic that starts the timer does not count as having come later. */
static void a_second_is_enough(void) {
    start();
    turn_both();
    fire(&one);
    fire(&one);
    call(10);
    ev_run(one.loop, EVRUN_NOWAIT);
    CHECK(ev_is_active(&one.io.rest));
    fire(&one);
    CHECK(!ev_is_active(&one.io.rest));
    turn_both();
    CHECK_INT(answers, 1);
    finish();
}

static void what_is_in_use_stays(void) {
    start();
    turn_both();
    call(10);
    ev_run(one.loop, EVRUN_NOWAIT);
    fire(&one);
    fire(&one);
    CHECK(one.socket.connection.calls.buckets != NULL);
    turn_both();
    CHECK_INT(answers, 1);
    finish();
}

static void a_callback_that_runs_the_loop_is_left_alone(void) {
    start();
    turn_both();
    is_rest_due_within = true;
    call(10);
    turn_both();
    CHECK_INT(answers, 1);
    CHECK(!keeps_nothing(&one));
    CHECK(ev_is_active(&one.io.rest));
    finish();
}

static void it_keeps_no_loop_running(void) {
    start();
    turn_both();
    ev_io_stop(one.loop, &one.socket.reader);
    CHECK(ev_is_active(&one.io.rest));
    CHECK_INT(ev_run(one.loop, 0), 0);
    ev_io_start(one.loop, &one.socket.reader);
    finish();
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(after_a_while_everything_is_given_back),
    CASE(shared_memory_is_given_back),
    CASE(both_come_to_rest),
    CASE(traffic_puts_it_off),
    CASE(who_has_given_back_everything_sets_no_timer),
    CASE(a_second_is_enough),
    CASE(what_is_in_use_stays),
    CASE(a_callback_that_runs_the_loop_is_left_alone),
    CASE(it_keeps_no_loop_running),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "rest", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
