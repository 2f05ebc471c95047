/* connection_end_test.c: the end of a connection: each call completes exactly once, and nothing is left behind. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    wire.length = 0;
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
}

static void check_unavailable(const struct outcome *outcome, const char *message) {
    CHECK_INT(outcome->count, 1);
    CHECK_INT(outcome->code, YOKE_UNAVAILABLE);
    CHECK_STR(outcome->message, message);
    CHECK(!outcome->has_reply);
}

/* ---- Close ------------------------------------------------------------------------------------------------------- */

static void every_call_completes_once_with_the_cause(void) {
    static struct outcome outcomes[100];
    start();
    for (unsigned i = 0; i < 100; i++) {
        REQUIRE_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
    }
    /* Some have left, some are answered, one answer is on its way. */
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 10; i++) {
        REQUIRE_INT(machine_answer_held(&worker, "y", 1), 0);
    }
    machine_exchange(&master, &worker);
    REQUIRE_INT(machine_answer_held(&worker, "y", 1), 0);
    struct outcome unsent = {0};
    REQUIRE_INT(machine_call_later(&master, "x", 1, &unsent), 0);
    machine_close(&master, "worker 7 was killed by signal 9");
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT(outcomes[i].count, 1);
        if (i < 10) {
            CHECK_INT(outcomes[i].code, YOKE_OK);
        } else {
            check_unavailable(&outcomes[i], "worker 7 was killed by signal 9; the request may have been handled");
            CHECK_INT(outcomes[i].peer.pid, MACHINE_WORKER_PID);
            CHECK_STR(outcomes[i].method, "unit.Echo/Later");
        }
    }
    check_unavailable(&unsent, "worker 7 was killed by signal 9; the request was not handled");
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK_INT(master.connection.calls.count, 0);
    CHECK_STR(master.connection.failure, "");
    finish();
    CHECK_INT(outcomes[99].count, 1);
}

/* They complete in the order in which they were made. */
static unsigned completions;

static void note_order(struct outcome *outcome) {
    *(unsigned *)outcome->then_data = completions++;
}

static void calls_complete_in_order(void) {
    start();
    struct outcome outcomes[5] = {0};
    unsigned order[5];
    for (unsigned i = 0; i < 5; i++) {
        outcomes[i].then = note_order;
        outcomes[i].then_data = &order[i];
        REQUIRE_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
    }
    machine_close(&master, "closed");
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT(order[i], i);
    }
    finish();
}

static void a_closed_connection_takes_no_calls(void) {
    start();
    machine_close(&master, "closed");
    struct outcome outcome = {0};
    const Unit__Note note = UNIT__NOTE__INIT;
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), -ENOTCONN);
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), -ENOTCONN);
    CHECK_INT(outcome.count, 0);
    machine_close(&master, "closed again");
    CHECK_INT(outcome.count, 0);
    finish();
}

static struct outcome retried;

static void try_again(struct outcome *outcome) {
    (void)outcome;
    CHECK_INT(machine_call_now(&master, "again", 5, &retried), -ENOTCONN);
    const Unit__Note note = UNIT__NOTE__INIT;
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), -ENOTCONN);
}

static void a_callback_that_tries_again_is_refused(void) {
    for (int is_close = 0; is_close <= 1; is_close++) {
        start();
        struct outcome outcomes[3] = {{.then = try_again}, {.then = try_again}, {.then = try_again}};
        for (unsigned i = 0; i < 3; i++) {
            REQUIRE_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
        }
        if (is_close) {
            machine_close(&master, "gone");
        } else {
            yoke__connection_end_input(&master.connection, "gone");
        }
        for (unsigned i = 0; i < 3; i++) {
            check_unavailable(&outcomes[i], is_close ? "gone; the request was not handled"
                                                     : "gone; the request may have been handled");
        }
        CHECK_INT(retried.count, 0);
        finish();
    }
}

/* A callback that answers calls of the same peer meanwhile: those and the rest of ours are not confused. */
static int expected_answer;

static void answer_all(struct outcome *outcome) {
    (void)outcome;
    while (master.held_count > 0) {
        CHECK_INT(machine_answer_held(&master, "y", 1), expected_answer);
    }
}

static void hold_calls_both_ways(struct outcome ours[4], struct outcome peers[4]) {
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE_INT(machine_call_later(&worker, "x", 1, &peers[i]), 0);
        REQUIRE_INT(machine_call_later(&master, "x", 1, &ours[i]), 0);
        machine_exchange(&master, &worker);
    }
    REQUIRE_INT(master.held_count, 4);
    REQUIRE_INT(worker.held_count, 4);
}

static void a_callback_may_answer_the_dead_peers_calls(void) {
    start();
    struct outcome ours[4] = {{.then = answer_all}};
    struct outcome peers[4] = {0};
    hold_calls_both_ways(ours, peers);
    unsigned attentions = master.attentions;
    expected_answer = -ENOTCONN;
    machine_close(&master, "gone");
    for (unsigned i = 0; i < 4; i++) {
        check_unavailable(&ours[i], "gone; the request may have been handled");
    }
    CHECK_INT(master.held_count, 0);
    CHECK_INT(master.connection.output.queued, 0);
    /* A transport that is closed must not be told that there is something to send. */
    CHECK_INT(master.attentions, attentions);
    machine_close(&worker, "gone");
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, "y", 1);
    }
    finish();
}

static void close_drops_what_is_queued(void) {
    start();
    static struct outcome outcomes[50];
    for (unsigned i = 0; i < 50; i++) {
        REQUIRE_INT(machine_call_now(&master, wire.bytes, 5000, &outcomes[i]), 0);
    }
    CHECK(master.connection.output.queued > 250000);
    machine_close(&master, "closed");
    CHECK_INT(master.connection.output.queued, 0);
    CHECK(master.connection.output.head == NULL);
    finish();
}

static void half_a_frame_is_dropped(void) {
    size_t live = memory_live_blocks();
    start();
    wire_open(&wire, 1, &unit_echo_now_method, 2000);
    for (size_t cut = 1; cut < 40; cut++) {
        machine_release(&worker);
        machine_release(&master);
        start();
        wire_open(&wire, 1, &unit_echo_now_method, 2000);
        CHECK_INT(machine_feed(&worker, wire.bytes, cut, 0), cut);
        CHECK_INT(worker.handled, 0);
    }
    finish();
    CHECK_INT(memory_live_blocks(), live);
}

/* ---- The end of input -------------------------------------------------------------------------------------------- */

static void after_the_end_of_input_answers_still_leave(void) {
    start();
    struct outcome ours[4] = {0};
    struct outcome peers[4] = {0};
    hold_calls_both_ways(ours, peers);
    yoke__connection_end_input(&master.connection, "the peer sends no more");
    for (unsigned i = 0; i < 4; i++) {
        check_unavailable(&ours[i], "the peer sends no more; the request may have been handled");
    }
    CHECK_INT(master.connection.outgoing_count, 0);
    CHECK_INT(master.connection.incoming_count, 4);
    CHECK(!yoke__connection_is_idle(&master.connection));
    while (master.held_count > 0) {
        CHECK_INT(machine_answer_held(&master, "y", 1), 0);
    }
    CHECK(!yoke__connection_is_idle(&master.connection));
    (void)machine_carry(&master, &worker, 0);
    CHECK(yoke__connection_is_idle(&master.connection));
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(peers[i].count, 1);
        CHECK_INT(peers[i].code, YOKE_OK);
    }
    yoke__connection_end_input(&master.connection, "again");
    CHECK_INT(ours[0].count, 1);
    machine_close(&worker, "over");
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, "y", 1);
    }
    finish();
}

static void a_callback_may_answer_the_peers_calls(void) {
    start();
    struct outcome ours[4] = {{.then = answer_all}};
    struct outcome peers[4] = {0};
    hold_calls_both_ways(ours, peers);
    expected_answer = 0;
    yoke__connection_end_input(&master.connection, "the peer sends no more");
    for (unsigned i = 0; i < 4; i++) {
        check_unavailable(&ours[i], "the peer sends no more; the request may have been handled");
    }
    (void)machine_carry(&master, &worker, 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(peers[i].count, 1);
        CHECK_INT(peers[i].code, YOKE_OK);
    }
    machine_close(&worker, "over");
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, "y", 1);
    }
    finish();
}

/* ---- Going away -------------------------------------------------------------------------------------------------- */

static void a_process_that_goes_away_finishes_what_it_has(void) {
    start();
    struct outcome before = {0};
    struct outcome after = {0};
    REQUIRE_INT(machine_call_later(&master, "x", 1, &before), 0);
    machine_exchange(&master, &worker);
    const unsigned handled = worker.handled;
    yoke__connection_go_away(&worker.connection);
    yoke__connection_go_away(&worker.connection);
    /* It crosses the news. */
    REQUIRE_INT(machine_call_now(&master, "x", 1, &after), 0);
    machine_exchange(&master, &worker);
    check_unavailable(&after, "the peer is going away and has not taken the call");
    CHECK_INT(worker.handled, handled);
    CHECK_INT(master.leavings, 1);
    CHECK_INT(machine_call_now(&master, "x", 1, &after), -ENOTCONN);
    /* What it has is answered, and it may call itself. */
    struct outcome own = {0};
    CHECK_INT(machine_call_now(&worker, "x", 1, &own), 0);
    CHECK_INT(machine_answer_held(&worker, "y", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(before.count, 1);
    CHECK_INT(before.code, YOKE_OK);
    CHECK_INT(own.count, 1);
    CHECK_INT(own.code, YOKE_OK);
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

static const struct test_case cases[] = {
    {.name = "every call completes once, with the cause", .run = every_call_completes_once_with_the_cause},
    {.name = "calls complete in the order they were made", .run = calls_complete_in_order},
    {.name = "a closed connection takes no calls", .run = a_closed_connection_takes_no_calls},
    {.name = "a callback that tries again is refused", .run = a_callback_that_tries_again_is_refused},
    {.name = "a callback may answer the dead peer's calls", .run = a_callback_may_answer_the_dead_peers_calls},
    {.name = "closing drops what is queued", .run = close_drops_what_is_queued},
    {.name = "half a frame is dropped", .run = half_a_frame_is_dropped},
    {.name = "after the end of input answers still leave", .run = after_the_end_of_input_answers_still_leave},
    {.name = "a callback may answer the peer's calls then", .run = a_callback_may_answer_the_peers_calls},
    {.name = "a process that goes away finishes what it has", .run = a_process_that_goes_away_finishes_what_it_has},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: its end", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
