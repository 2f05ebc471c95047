/*
 * memory_failure_test.c: a conversation of two machines that has everything in it, held once for each allocation that
 * it makes, which then fails. Whatever fails: no crash, no leak, and each call is refused at once or completes once.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#include <errno.h>
#include <string.h>

#define CALLS_MAX 24

struct attempt {
    int error; /* what the stub returned */
    struct outcome outcome;
};

static struct machine master, worker;
static struct attempt attempts[CALLS_MAX];
static unsigned attempt_count, notes;

static struct attempt *next_attempt(void) {
    REQUIRE(attempt_count < CALLS_MAX);
    struct attempt *attempt = &attempts[attempt_count++];
    *attempt = (struct attempt){0};
    return attempt;
}

static void call_now(struct machine *machine, size_t size) {
    static uint8_t data[200000];
    struct attempt *attempt = next_attempt();
    attempt->error = machine_call_now(machine, data, size, &attempt->outcome);
}

static void call_later(struct machine *machine, uint64_t timeout_us, struct yoke_call **ret_call) {
    struct attempt *attempt = next_attempt();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us, .ret_call = ret_call};
    attempt->error = unit_echo_later(machine_channel(machine), &request, &options, outcome_take, &attempt->outcome);
}

static void call_what_is_not_there(struct machine *machine) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct attempt *attempt = next_attempt();
    attempt->error = unit_echo_missing(machine_channel(machine), &request, NULL, outcome_take, &attempt->outcome);
    attempt = next_attempt();
    attempt->error = unit_other_call(machine_channel(machine), &request, NULL, outcome_take, &attempt->outcome);
}

static void take_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                      void *user_data) {
    (void)reply;
    outcome_take(call, status, NULL, user_data);
}

/* A tree that takes more than one block of an arena. */
static void call_tree(struct machine *machine) {
    static Unit__Node children[40];
    static Unit__Node *list[40];
    static char word[] = "a word that takes some memory when it is decoded";
    static char *words[] = {word, word, word, word};
    Unit__Node root = UNIT__NODE__INIT;
    for (size_t i = 0; i < 40; i++) {
        children[i] = (Unit__Node)UNIT__NODE__INIT;
        children[i].words = words;
        children[i].n_words = 4;
        list[i] = &children[i];
    }
    root.children = list;
    root.n_children = 40;
    struct attempt *attempt = next_attempt();
    attempt->error = unit_echo_tree(machine_channel(machine), &root, NULL, take_tree, &attempt->outcome);
}

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)note;
    (void)user_data;
    notes++;
}

static void emit_note(struct machine *machine) {
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = (char *)(uintptr_t) "something happened";
    int error = unit_note_emit(machine_channel(machine), &note);
    CHECK(error == 0 || error == -ENOMEM || error == -ENOTCONN);
}

/* As sockets do: a failed connection is closed and its peer reads the end; a full machine is tried again later. */
static void run_loops(void) {
    for (unsigned turn = 0; turn < 10; turn++) {
        machine_exchange(&master, &worker);
        bool has_failed = master.connection.failure[0] != '\0' || worker.connection.failure[0] != '\0';
        if (has_failed && !master.connection.closed) {
            machine_close(&master, "the connection has failed");
            machine_close(&worker, "the connection has failed");
        }
    }
}

static void answer_all(struct machine *machine) {
    while (machine->held_count > 0) {
        int error = machine_answer_held(machine, "an answer", 9);
        CHECK(error == 0 || error == -ENOMEM || error == -ENOTCONN || error == -ECANCELED);
    }
}

static void converse(void) {
    struct yoke_call *to_cancel = NULL;
    (void)yoke__connection_greet(&master.connection);
    (void)yoke__connection_greet(&worker.connection);
    int error = unit_note_on(&worker.events, on_note, NULL);
    CHECK(error == 0 || error == -ENOMEM);
    call_now(&master, 64);
    call_now(&worker, 64);
    emit_note(&master);
    call_later(&master, 0, NULL);
    call_later(&worker, 0, NULL);
    run_loops();
    call_tree(&master);
    call_now(&master, 150000);
    call_later(&master, 1000, NULL);
    call_later(&master, 0, &to_cancel);
    call_what_is_not_there(&master);
    run_loops();
    emit_note(&master);
    machine_now_ns += MS_NS;
    run_loops();
    if (to_cancel != NULL && attempts[7].outcome.count == 0) {
        CHECK_INT(yoke_call_cancel(to_cancel), 0);
    }
    call_now(&worker, 150000);
    run_loops();
    answer_all(&worker);
    answer_all(&master);
    for (unsigned i = 0; i < 5; i++) {
        call_now(&master, 64);
        call_later(&master, 0, NULL);
    }
    run_loops();
}

static void check_attempts(bool nothing_failed) {
    static const enum yoke_code expected[] = {
        YOKE_OK,
        YOKE_OK,
        YOKE_OK,
        YOKE_OK,
        YOKE_OK,
        YOKE_OK,
        YOKE_DEADLINE_EXCEEDED,
        YOKE_CANCELLED,
        YOKE_UNIMPLEMENTED,
        YOKE_UNIMPLEMENTED,
        YOKE_OK,
    };
    for (unsigned i = 0; i < attempt_count; i++) {
        const struct attempt *attempt = &attempts[i];
        REQUIRE_INT(attempt->outcome.count, attempt->error == 0);
        REQUIRE(attempt->error == 0 || attempt->error == -ENOMEM || attempt->error == -ENOTCONN);
        if (nothing_failed) {
            CHECK_INT(attempt->error, 0);
            bool is_answered = i < 11 || i % 2 == 1;
            CHECK_INT(attempt->outcome.code, i < 11 ? expected[i] : is_answered ? YOKE_OK : YOKE_UNAVAILABLE);
        } else {
            enum yoke_code code = attempt->outcome.code;
            CHECK(code == YOKE_OK || code == YOKE_RESOURCE_EXHAUSTED || code == YOKE_UNAVAILABLE ||
                  code == YOKE_UNIMPLEMENTED || code == YOKE_CANCELLED || code == YOKE_DEADLINE_EXCEEDED);
        }
    }
}

/* One conversation. Returns whether an allocation failed. */
static bool run(size_t nth, void (*fail)(size_t nth)) {
    size_t live = memory_live_blocks();
    attempt_count = notes = 0;
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    fail(nth);
    converse();
    machine_close(&worker, "over");
    machine_close(&master, "over");
    machine_settle(&worker);
    machine_settle(&master);
    answer_all(&master);
    answer_all(&worker);
    bool has_failed = memory_fail_never();
    check_attempts(!has_failed);
    CHECK(has_failed || notes == 2);
    machine_release(&master);
    machine_release(&worker);
    REQUIRE_INT(memory_live_blocks(), live);
    return has_failed;
}

static void each_one_fails(void) {
    CHECK(memory_fail_each(run, memory_fail_once) > 30);
}

static void all_fail_from_one_on(void) {
    CHECK(memory_fail_each(run, memory_fail_from) > 30);
}

static const struct test_case cases[] = {
    {.name = "each allocation fails once", .run = each_one_fails},
    {.name = "all allocations fail from one on", .run = all_fail_from_one_on},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "memory failure", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
