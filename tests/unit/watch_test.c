/* watch_test.c: calls whose handlers are given a time: who is told, which one is overdue, and what ends it. */
#include "harness.h"
#include "machine.h"
#include "rpc/call.h"
#include "rpc/watch.h"

static struct machine master, worker;
static unsigned told;

static struct yoke__connection_hooks hooks;

static void on_watching(struct yoke__connection *connection) {
    (void)connection;
    told++;
}

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    hooks = *master.connection.hooks;
    hooks.watching = on_watching;
    master.connection.hooks = &hooks;
    told = 0;
}

static void finish(void) {
    machine_release(&master);
    CHECK(yoke__link_is_alone(&master.connection.watched));
    CHECK_INT(master.connection.ping_count, 0);
    machine_release(&worker);
}

/* A call of Later whose handler is given so many milliseconds, and that ends after `timeout_ms`. */
static struct yoke_call *call_later(uint64_t handler_ms, uint64_t timeout_ms, struct outcome *outcome) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .handler_timeout_us = handler_ms * 1000,
                                              .timeout_us = timeout_ms * 1000, .ret_call = &call};
    *outcome = (struct outcome){0};
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, outcome), 0);
    machine_exchange(&master, &worker);
    return call;
}

static bool is_overdue(struct yoke__overdue *overdue) {
    return yoke__connection_overdue(&master.connection, machine_now_ns, overdue);
}

static void a_call_without_a_time_is_never_overdue(void) {
    start();
    struct outcome outcome;
    struct yoke__overdue overdue;
    call_later(0, 0, &outcome);
    CHECK(yoke__connection_overdue_ns(&master.connection) == UINT64_MAX);
    machine_now_ns += 3600 * 1000 * MS_NS;
    CHECK(!is_overdue(&overdue));
    CHECK_INT(told, 0);
    finish();
}

static void the_one_that_was_due_first_is_named(void) {
    start();
    struct outcome outcomes[3];
    struct yoke__overdue overdue;
    const uint64_t begin_ns = machine_now_ns;
    call_later(30, 0, &outcomes[0]);
    machine_now_ns += MS_NS;
    call_later(10, 0, &outcomes[1]);
    machine_now_ns += MS_NS;
    call_later(20, 0, &outcomes[2]);
    CHECK_INT(told, 2); /* the third is due later than what has been told */
    CHECK(yoke__connection_overdue_ns(&master.connection) == begin_ns + 11 * MS_NS);
    machine_now_ns = begin_ns + 11 * MS_NS - 1;
    CHECK(!is_overdue(&overdue));
    machine_now_ns = begin_ns + 25 * MS_NS;
    REQUIRE(is_overdue(&overdue));
    CHECK(overdue.sent_ns == begin_ns + MS_NS);
    CHECK_STR(overdue.method->name, "unit.Echo/Later");
    finish();
}

static void an_answer_ends_it(void) {
    start();
    struct outcome outcome;
    struct yoke__overdue overdue;
    call_later(10, 0, &outcome);
    machine_now_ns += 20 * MS_NS;
    REQUIRE(is_overdue(&overdue));
    CHECK_INT(machine_answer_held(&worker, NULL, 0), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK(!is_overdue(&overdue));
    CHECK(yoke__connection_overdue_ns(&master.connection) == UINT64_MAX);
    finish();
}

/* What its caller gives up may still block the worker. */
static void a_handler_whose_call_was_given_up_is_watched_on(void) {
    start();
    struct outcome outcomes[2];
    struct yoke__overdue overdue;
    const uint64_t begin_ns = machine_now_ns;
    CHECK_INT(yoke_call_cancel(call_later(30, 0, &outcomes[0])), 0);
    call_later(20, 5, &outcomes[1]);
    machine_now_ns += 10 * MS_NS;
    machine_exchange(&master, &worker);
    CHECK_INT(outcomes[0].code, YOKE_CANCELLED);
    CHECK_INT(outcomes[1].code, YOKE_DEADLINE_EXCEEDED);
    CHECK(!is_overdue(&overdue));
    CHECK(yoke__connection_overdue_ns(&master.connection) == begin_ns + 20 * MS_NS);
    machine_now_ns = begin_ns + 20 * MS_NS;
    REQUIRE(is_overdue(&overdue));
    CHECK(overdue.sent_ns == begin_ns);
    yoke__connection_excuse(&master.connection, machine_now_ns);
    CHECK(!is_overdue(&overdue));
    CHECK(yoke__connection_overdue_ns(&master.connection) == UINT64_MAX);
    finish();
}

static void who_is_excused_gets_its_time_anew(void) {
    start();
    struct outcome outcomes[2];
    struct yoke__overdue overdue;
    const uint64_t begin_ns = machine_now_ns;
    call_later(10, 0, &outcomes[0]);
    call_later(100, 0, &outcomes[1]);
    machine_now_ns += 15 * MS_NS;
    REQUIRE(is_overdue(&overdue));
    yoke__connection_excuse(&master.connection, machine_now_ns);
    CHECK(!is_overdue(&overdue));
    CHECK(yoke__connection_overdue_ns(&master.connection) == begin_ns + 25 * MS_NS);
    machine_now_ns = begin_ns + 100 * MS_NS;
    REQUIRE(is_overdue(&overdue));
    yoke__connection_excuse(&master.connection, machine_now_ns);
    CHECK(yoke__connection_overdue_ns(&master.connection) == begin_ns + 110 * MS_NS);
    finish();
}

/* The owner looks when it has been told to, so it need not hear of a later one before. */
static void the_owner_is_told_of_what_comes_earlier(void) {
    start();
    struct outcome outcomes[3];
    call_later(10, 0, &outcomes[0]);
    CHECK_INT(machine_answer_held(&worker, NULL, 0), 0);
    machine_exchange(&master, &worker);
    call_later(20, 0, &outcomes[1]);
    CHECK_INT(told, 1);
    machine_now_ns += 10 * MS_NS;
    CHECK(yoke__connection_overdue_ns(&master.connection) == machine_now_ns + 10 * MS_NS);
    call_later(5, 0, &outcomes[2]);
    CHECK_INT(told, 2);
    finish();
}

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    (void)answer_us;
    *(enum yoke_code *)user_data = status->code;
}

static void pings_are_counted_apart(void) {
    start();
    enum yoke_code code = YOKE_UNKNOWN;
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &code), 0);
    CHECK_INT(master.connection.ping_count, 1);
    CHECK_INT(master.connection.outgoing_count, 1);
    machine_exchange(&master, &worker);
    CHECK_INT(code, YOKE_OK);
    CHECK_INT(master.connection.ping_count, 0);
    finish();
}

static const struct test_case cases[] = {
    {.name = "a call without a time is never overdue", .run = a_call_without_a_time_is_never_overdue},
    {.name = "the one that was due first is named", .run = the_one_that_was_due_first_is_named},
    {.name = "an answer ends it", .run = an_answer_ends_it},
    {.name = "a handler whose call was given up is watched on", .run = a_handler_whose_call_was_given_up_is_watched_on},
    {.name = "who is excused gets its time anew", .run = who_is_excused_gets_its_time_anew},
    {.name = "the owner is told of what comes earlier", .run = the_owner_is_told_of_what_comes_earlier},
    {.name = "pings are counted apart", .run = pings_are_counted_apart},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"watch", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
