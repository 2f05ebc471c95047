/*
 * socket_test.c: the transport between two ends in one process: each on its own loop, joined by a real socketpair, with
 * a kernel that cuts, delays and fails as it may.
 */
#include "ends.h"
#include "harness.h"
#include "syscalls.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct end one, other;
static int raw; /* the other end of `one`, where there is no `other` */

/* Both ends, each with a loop. */
static void start(void) {
    ends_start(&one, &other, NULL);
    syscalls_reset();
}

static void finish(void) {
    syscalls_reset();
    end_close(&one);
    end_close(&other);
}

/* One end; the test holds the other end's descriptor. */
static void start_alone(void) {
    int fds[2];
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    end_open(&one, fds[0], false, NULL);
    raw = fds[1];
    syscalls_reset();
}

static void finish_alone(void) {
    syscalls_reset();
    end_close(&one);
    if (raw >= 0) {
        close(raw);
    }
}

static void turn_both(void) {
    ends_turn(&one, &other);
}

/* ---- A kernel at its best ---------------------------------------------------------------------------------------- */

static void calls_travel(void) {
    start();
    struct outcome outcomes[4] = {0};
    CHECK_INT(call_now(&one, 10, &outcomes[0]), 0);
    CHECK_INT(call_now(&other, 20, &outcomes[1]), 0);
    CHECK_INT(call_now(&one, 400000, &outcomes[2]), 0);
    CHECK_INT(call_now(&other, 300000, &outcomes[3]), 0);
    turn_both();
    check_answered(&outcomes[0], 10);
    check_answered(&outcomes[1], 20);
    check_answered(&outcomes[2], 400000);
    check_answered(&outcomes[3], 300000);
    CHECK_INT(one.readies, 1);
    CHECK_INT(other.readies, 1);
    CHECK_INT(one.ends + other.ends, 0);
    CHECK(one.idles > 0 && other.idles > 0);
    finish();
}

/* What is queued in one turn of the loop leaves in one piece, before the loop sleeps. */
static void a_turn_is_one_send(void) {
    start();
    turn_both();
    syscalls_reset();
    static struct outcome outcomes[50];
    for (unsigned i = 0; i < 50; i++) {
        CHECK_INT(call_now(&one, 50, &outcomes[i]), 0);
    }
    CHECK_INT(syscalls_count(), 0);
    end_turn(&one);
    CHECK_INT(syscalls_count(), 1);
    end_turn(&other);
    end_turn(&other);
    end_turn(&one);
    /* Each received once and `other` sent once: short reads need no second one. */
    CHECK_INT(syscalls_count(), 4);
    for (unsigned i = 0; i < 50; i++) {
        check_answered(&outcomes[i], 50);
    }
    finish();
}

/* So many small frames that the peer had better begin. */
static void many_are_sent_in_parts(void) {
    start();
    turn_both();
    static struct outcome outcomes[100];
    for (unsigned alone = 0; alone <= 1; alone++) {
        one.io.is_alone = alone != 0;
        syscalls_reset();
        for (unsigned i = 0; i < 100; i++) {
            outcomes[i] = (struct outcome){0};
            CHECK_INT(call_now(&one, 50, &outcomes[i]), 0);
        }
        /* With one CPU the peer could not begin. */
        CHECK_INT(syscalls_count(), alone ? 0 : 1);
        turn_both();
        for (unsigned i = 0; i < 100; i++) {
            check_answered(&outcomes[i], 50);
        }
    }
    finish();
}

static void much_is_sent_early(void) {
    start();
    turn_both();
    syscalls_reset();
    struct outcome outcomes[3] = {0};
    CHECK_INT(call_now(&one, 40000, &outcomes[0]), 0);
    CHECK_INT(syscalls_count(), 0);
    one.io.is_alone = false;
    CHECK_INT(call_now(&one, 40000, &outcomes[1]), 0);
    CHECK_INT(syscalls_count(), 1);
    CHECK_INT(one.socket.connection.output.queued, 0);
    CHECK_INT(call_now(&one, 10, &outcomes[2]), 0);
    turn_both();
    check_answered(&outcomes[1], 40000);
    check_answered(&outcomes[2], 10);
    finish();
}

static void a_socket_alone_keeps_no_loop_running(void) {
    start_alone();
    ev_io_stop(one.loop, &one.socket.reader);
    CHECK_INT(ev_run(one.loop, 0), 0);
    ev_io_start(one.loop, &one.socket.reader);
    finish_alone();
}

/* ---- A kernel at its worst --------------------------------------------------------------------------------------- */

static void check_conversation(void) {
    struct outcome outcomes[4] = {0};
    CHECK_INT(call_now(&one, 10, &outcomes[0]), 0);
    CHECK_INT(call_now(&other, 2000, &outcomes[1]), 0);
    CHECK_INT(call_now(&one, 500, &outcomes[2]), 0);
    CHECK_INT(call_now(&other, 0, &outcomes[3]), 0);
    for (unsigned i = 0; i < 30; i++) {
        turn_both();
    }
    check_answered(&outcomes[0], 10);
    check_answered(&outcomes[1], 2000);
    check_answered(&outcomes[2], 500);
    check_answered(&outcomes[3], 0);
    CHECK_INT(one.ends + other.ends, 0);
}

static void transfers_of_any_size(void) {
    static const size_t cuts[] = {1, 2, 3, 15, 16, 17, 100, 1000};
    for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
        start();
        syscalls_cut(cuts[i]);
        check_conversation();
        finish();
    }
}

static void every_second_call_fails_for_now(void) {
    static const int errors[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM};
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        start();
        syscalls_fail_alternately(errors[i]);
        check_conversation();
        CHECK(syscalls_have_failed());
        finish();
    }
}

static void a_full_socket_is_waited_for(void) {
    start();
    turn_both();
    static struct outcome outcomes[20];
    for (unsigned i = 0; i < 20; i++) {
        CHECK_INT(call_now(&one, 100000, &outcomes[i]), 0);
    }
    end_turn(&one);
    CHECK(one.socket.connection.output.queued > 0);
    CHECK(ev_is_active(&one.socket.writer));
    turn_both();
    CHECK_INT(one.socket.connection.output.queued, 0);
    CHECK(!ev_is_active(&one.socket.writer));
    for (unsigned i = 0; i < 20; i++) {
        check_answered(&outcomes[i], 100000);
    }
    finish();
}

/*
 * Each system call of a conversation fails once, in each way. Whatever happens, each call completes once; and where the
 * failure was one that passes, with its answer.
 */
static bool fail_one(size_t nth, int error, bool passes) {
    start();
    one.closes_when_ended = other.closes_when_ended = true;
    syscalls_fail_once(nth, error);
    struct outcome outcomes[4] = {0};
    int errors[4];
    for (unsigned i = 0; i < 4; i++) {
        errors[i] = call_now(i % 2 == 0 ? &one : &other, 3000 * i, &outcomes[i]);
        if (i == 1) {
            end_turn(&one);
            end_turn(&other);
        }
    }
    turn_both();
    bool has_failed = syscalls_have_failed();
    if (passes || !has_failed) {
        CHECK_INT(one.ends + other.ends, 0);
    }
    yoke__socket_close(&one.socket, "over");
    yoke__socket_close(&other.socket, "over");
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE(errors[i] == 0 || errors[i] == -ENOTCONN);
        REQUIRE_INT(outcomes[i].count, errors[i] == 0);
        if (passes || !has_failed) {
            REQUIRE_INT(outcomes[i].code, YOKE_OK);
        } else {
            REQUIRE(outcomes[i].code == YOKE_OK || outcomes[i].code == YOKE_UNAVAILABLE);
        }
    }
    CHECK(one.ends <= 1 && other.ends <= 1);
    finish();
    return has_failed;
}

static void each_call_fails_once(void) {
    static const struct {
        int error;
        bool passes;
    } table[] = {{EINTR, true},  {EAGAIN, true},      {ENOBUFS, true}, {ENOMEM, true},
                 {EPIPE, false}, {ECONNRESET, false}, {EIO, false},    {EBADF, false}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        size_t nth = 0;
        while (fail_one(nth, table[i].error, table[i].passes)) {
            nth++;
        }
        CHECK(nth > 6);
    }
}

/* ---- Ends -------------------------------------------------------------------------------------------------------- */

static void send_raw(const struct wire *wire) {
    REQUIRE_INT(send(raw, wire->bytes, wire->length, 0), wire->length);
}

static struct wire wire;

static void the_end_of_file_is_told_once_after_all_bytes(void) {
    start_alone();
    wire.length = 0;
    wire_hello(&wire);
    wire_note(&wire, "last words");
    send_raw(&wire);
    close(raw);
    raw = -1;
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(one.notes, 1);
    CHECK_INT(one.ends, 1);
    CHECK_INT(one.last_end, YOKE__SOCKET_EOF);
    CHECK(!ev_is_active(&one.socket.reader));
    finish_alone();
}

static void a_half_closed_peer_can_be_answered(void) {
    start_alone();
    wire.length = 0;
    wire_hello(&wire);
    wire_open(&wire, 1, &unit_echo_now_method, 5);
    send_raw(&wire);
    REQUIRE_INT(shutdown(raw, SHUT_WR), 0);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(one.ends, 1);
    uint8_t bytes[1000];
    ssize_t size = read(raw, bytes, sizeof(bytes));
    REQUIRE(size > 2 * YOKE__FRAME_HEADER_SIZE);
    struct yoke__frame frame;
    yoke__frame_decode(bytes, &frame);
    CHECK_INT(frame.type, YOKE__FRAME_HELLO);
    yoke__frame_decode(bytes + YOKE__FRAME_HEADER_SIZE + frame.length, &frame);
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.aux, YOKE_OK);
    finish_alone();
}

/* The peer is gone but what it sent before is still to be had. */
static void a_failed_send_does_not_stop_reading(void) {
    start_alone();
    struct outcome outcome = {0};
    CHECK_INT(call_now(&one, 10, &outcome), 0);
    end_turn(&one);
    wire.length = 0;
    wire_hello(&wire);
    wire_end(&wire, 2, &unit_echo_now_method, 7);
    wire_note(&wire, "last words");
    send_raw(&wire);
    close(raw);
    raw = -1;
    struct outcome lost = {0};
    CHECK_INT(call_now(&one, 10, &lost), 0);
    yoke__socket_attend(&one.socket);
    CHECK_INT(one.socket.connection.output.queued, 0);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK_INT(outcome.length, 7);
    CHECK_INT(one.notes, 1);
    CHECK_INT(one.ends, 1);
    CHECK_INT(one.last_end, YOKE__SOCKET_EOF);
    CHECK_INT(lost.count, 0);
    yoke__socket_close(&one.socket, "gone");
    CHECK_INT(lost.count, 1);
    CHECK_INT(lost.code, YOKE_UNAVAILABLE);
    finish_alone();
}

static void a_violation_is_told_once(void) {
    start_alone();
    wire.length = 0;
    wire_add(&wire, "GET / HTTP/1.1\r\n\r\n", 18);
    send_raw(&wire);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(one.ends, 1);
    CHECK_INT(one.last_end, YOKE__SOCKET_FAILED);
    CHECK_CONTAINS(one.socket.connection.failure, "the first frame is not HELLO");
    send_raw(&wire);
    close(raw);
    raw = -1;
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(one.ends, 1);
    finish_alone();
}

static void draining_takes_what_is_there_and_no_more(void) {
    start_alone();
    wire.length = 0;
    wire_hello(&wire);
    for (unsigned i = 0; i < 50; i++) {
        wire_note(&wire, "words");
    }
    /* Half a frame, which is dropped. */
    wire_add(&wire, "\x05\x00\x00\x00", 4);
    send_raw(&wire);
    yoke__socket_drain(&one.socket);
    CHECK_INT(one.notes, 50);
    CHECK_INT(one.ends, 0);
    wire.length = 0;
    wire_note(&wire, "from the grave");
    send_raw(&wire);
    yoke__socket_drain(&one.socket);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(one.notes, 50);
    CHECK_INT(one.ends, 0);
    finish_alone();
}

/* A process that the dead one left behind holds the socket and goes on. */
static unsigned left_to_write;

static void write_on(void) {
    if (left_to_write > 0) {
        left_to_write--;
        send_raw(&wire);
    }
}

static void draining_ends_though_somebody_writes_on(void) {
    start_alone();
    wire.length = 0;
    wire_hello(&wire);
    send_raw(&wire);
    wire.length = 0;
    wire_note(&wire, "from the grave");
    left_to_write = 20;
    syscalls_before_receiving(write_on);
    yoke__socket_drain(&one.socket);
    CHECK_INT(left_to_write, 19);
    CHECK(one.notes <= 1);
    finish_alone();
}

static void draining_survives_a_kernel_at_its_worst(void) {
    static const int errors[] = {EINTR, ECONNRESET, EIO};
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        start_alone();
        wire.length = 0;
        wire_hello(&wire);
        wire_note(&wire, "words");
        send_raw(&wire);
        syscalls_fail_once(0, errors[i]);
        syscalls_cut(5);
        yoke__socket_drain(&one.socket);
        CHECK_INT(one.notes, errors[i] == EINTR);
        finish_alone();
    }
}

static void a_blocking_flush_sends_all(void) {
    start_alone();
    struct outcome outcome = {0};
    CHECK_INT(call_now(&one, 1000, &outcome), 0);
    syscalls_cut(100);
    syscalls_fail_alternately(EAGAIN);
    yoke__socket_flush_blocking(&one.socket);
    CHECK_INT(one.socket.connection.output.queued, 0);
    struct pollfd readable = {.fd = raw, .events = POLLIN};
    CHECK_INT(poll(&readable, 1, 0), 1);
    finish_alone();
}

static void a_blocking_flush_ends_when_the_peer_is_gone(void) {
    start_alone();
    struct outcome outcome = {0};
    CHECK_INT(call_now(&one, 1000, &outcome), 0);
    close(raw);
    raw = -1;
    yoke__socket_flush_blocking(&one.socket);
    CHECK_INT(one.socket.connection.output.queued, 0);
    yoke__socket_close(&one.socket, "closed");
    CHECK_INT(outcome.count, 1);
    yoke__socket_flush_blocking(&one.socket);
    finish_alone();
}

/* Its memory may be used for another socket at once. */
static void a_closed_socket_is_in_no_list(void) {
    start_alone();
    struct outcome outcome = {0};
    CHECK_INT(call_now(&one, 1000, &outcome), 0);
    CHECK(!yoke__link_is_alone(&one.io.dirty));
    yoke__socket_close(&one.socket, "closed");
    CHECK(yoke__link_is_alone(&one.io.dirty));
    CHECK(yoke__link_is_alone(&one.socket.dirty));
    CHECK_INT(outcome.count, 1);
    finish_alone();
}

static void the_output_can_be_ended_alone(void) {
    start();
    turn_both();
    yoke__socket_end_output(&one.socket);
    turn_both();
    CHECK_INT(other.ends, 1);
    CHECK_INT(other.last_end, YOKE__SOCKET_EOF);
    CHECK_INT(one.ends, 0);
    Unit__Note note = UNIT__NOTE__INIT;
    CHECK_INT(unit_note_emit(&other.channel.channel, &note), 0);
    turn_both();
    CHECK_INT(one.notes, 1);
    finish();
}

/* ---- A callback that runs the loop ------------------------------------------------------------------------------- */

static unsigned nested_notes;

/* More has come in the meantime, the peer has gone, and a call is made: all that waits until the callback has
 * returned. */
static void run_loop(struct end *end) {
    static struct outcome outcome;
    if (end->notes > 1) {
        return;
    }
    wire.length = 0;
    wire_note(&wire, "more");
    send_raw(&wire);
    REQUIRE_INT(shutdown(raw, SHUT_RDWR), 0);
    CHECK_INT(call_now(end, 10, &outcome), 0);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(end);
    }
    nested_notes = end->notes;
    CHECK_INT(end->ends, 0);
    CHECK(!ev_is_active(&end->socket.reader));
}

static void a_callback_may_run_the_loop(void) {
    start_alone();
    one.on_note = run_loop;
    wire.length = 0;
    wire_hello(&wire);
    wire_note(&wire, "first");
    send_raw(&wire);
    for (unsigned i = 0; i < 5; i++) {
        end_turn(&one);
    }
    CHECK_INT(nested_notes, 1);
    CHECK_INT(one.notes, 2);
    CHECK_INT(one.ends, 1);
    CHECK_INT(one.last_end, YOKE__SOCKET_EOF);
    finish_alone();
}

static const struct test_case cases[] = {
    {.name = "calls travel", .run = calls_travel},
    {.name = "a turn of the loop is one send", .run = a_turn_is_one_send},
    {.name = "many are sent in parts", .run = many_are_sent_in_parts},
    {.name = "much is sent early", .run = much_is_sent_early},
    {.name = "the rest keeps no loop running", .run = a_socket_alone_keeps_no_loop_running},
    {.name = "transfers of any size", .run = transfers_of_any_size},
    {.name = "every second system call fails for now", .run = every_second_call_fails_for_now},
    {.name = "a full socket is waited for", .run = a_full_socket_is_waited_for},
    {.name = "each system call fails once", .run = each_call_fails_once},
    {.name = "the end of file is told once, after all bytes", .run = the_end_of_file_is_told_once_after_all_bytes},
    {.name = "a half-closed peer can be answered", .run = a_half_closed_peer_can_be_answered},
    {.name = "a failed send does not stop reading", .run = a_failed_send_does_not_stop_reading},
    {.name = "a violation is told once", .run = a_violation_is_told_once},
    {.name = "draining takes what is there and no more", .run = draining_takes_what_is_there_and_no_more},
    {.name = "draining ends though somebody writes on", .run = draining_ends_though_somebody_writes_on},
    {.name = "draining survives a kernel at its worst", .run = draining_survives_a_kernel_at_its_worst},
    {.name = "a blocking flush sends all", .run = a_blocking_flush_sends_all},
    {.name = "a blocking flush ends when the peer is gone", .run = a_blocking_flush_ends_when_the_peer_is_gone},
    {.name = "a closed socket is in no list", .run = a_closed_socket_is_in_no_list},
    {.name = "the output can be ended alone", .run = the_output_can_be_ended_alone},
    {.name = "a callback may run the loop", .run = a_callback_may_run_the_loop},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "socket", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
