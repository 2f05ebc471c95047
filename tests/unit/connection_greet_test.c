/* connection_greet_test.c: the first frame of each direction. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire;

static void start(void) {
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    wire.length = 0;
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
}

/* What is queued begins with a HELLO that lists unit.Echo. */
static void check_hello(struct machine *machine) {
    struct yoke__frame frame;
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    REQUIRE(machine_take_frame(machine, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_HELLO);
    CHECK_INT(frame.method, YOKE__HELLO_MAGIC);
    CHECK_INT(frame.aux, YOKE__PROTOCOL_VERSION);
    CHECK_INT(frame.stream, 0);
    CHECK_INT(frame.flags, 0);
    struct yoke__hello hello;
    REQUIRE_INT(yoke__hello_decode(payload, frame.length, &hello), 0);
    CHECK_INT(hello.service_count, 1);
    CHECK_INT(hello.services[0], unit_echo_service.id);
}

static bool has_output(struct machine *machine) {
    return machine->connection.output.queued > 0;
}

static void nothing_is_said_unasked(void) {
    start();
    CHECK(!has_output(&master));
    CHECK(!has_output(&worker));
    CHECK_INT(master.attentions, 0);
    finish();
}

static void a_greeting_is_sent_once(void) {
    start();
    CHECK_INT(yoke__connection_greet(&master.connection), 0);
    CHECK_INT(master.attentions, 1);
    CHECK_INT(yoke__connection_greet(&master.connection), 0);
    CHECK_INT(master.attentions, 1);
    check_hello(&master);
    CHECK(!has_output(&master));
    finish();
}

static void a_call_greets_first(void) {
    start();
    struct outcome outcome = {0};
    struct yoke__frame frame;
    uint8_t payload[100];
    CHECK_INT(machine_call_now(&worker, "x", 1, &outcome), 0);
    check_hello(&worker);
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_OPEN);
    finish();
}

static void an_event_greets_first(void) {
    start();
    const Unit__Note note = UNIT__NOTE__INIT;
    struct yoke__frame frame;
    uint8_t payload[100];
    CHECK_INT(unit_note_emit(machine_channel(&worker), &note), 0);
    check_hello(&worker);
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_EVENT);
    finish();
}

static void an_answer_greets_first(void) {
    start();
    wire_hello(&wire);
    wire_open(&wire, 1, &unit_echo_now_method, 1);
    machine_feed(&worker, wire.bytes, wire.length, 0);
    struct yoke__frame frame;
    uint8_t payload[100];
    check_hello(&worker);
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_END);
    finish();
}

static void a_refusal_greets_first(void) {
    start();
    wire_hello(&wire);
    wire_open(&wire, 1, &unit_other_call_method, 1);
    machine_feed(&worker, wire.bytes, wire.length, 0);
    struct yoke__frame frame;
    uint8_t payload[100];
    check_hello(&worker);
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.aux, YOKE_UNIMPLEMENTED);
    finish();
}

static void both_learn_what_the_other_serves(void) {
    start();
    const struct yoke__connection *connection = &master.connection;
    CHECK(!yoke__connection_peer_serves(connection, unit_echo_service.id));
    CHECK_INT(yoke__connection_greet(&worker.connection), 0);
    CHECK_INT(master.readies, 0);
    machine_exchange(&master, &worker);
    CHECK_INT(master.readies, 1);
    CHECK_INT(worker.readies, 0);
    CHECK(yoke__connection_peer_serves(connection, unit_echo_service.id));
    CHECK(!yoke__connection_peer_serves(connection, unit_other_service.id));
    CHECK(!yoke__connection_peer_serves(connection, 0));
    finish();
}

static void a_greeting_fixes_the_services(void) {
    static const struct unit_other_handlers handlers = {0};
    start();
    CHECK_INT(yoke__connection_greet(&master.connection), 0);
    CHECK_INT(unit_other_serve(&master.server, &handlers, NULL), -EBUSY);
    CHECK_INT(unit_other_serve(&worker.server, &handlers, NULL), 0);
    finish();
}

/* Neither waits for the other: calls may follow a HELLO at once. */
static void calls_may_cross_the_greetings(void) {
    start();
    struct outcome of_master = {0};
    struct outcome of_worker = {0};
    CHECK_INT(machine_call_now(&master, "m", 1, &of_master), 0);
    CHECK_INT(machine_call_now(&worker, "w", 1, &of_worker), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(of_master.count, 1);
    CHECK_INT(of_master.code, YOKE_OK);
    CHECK_INT(of_master.data[0], 'm');
    CHECK_INT(of_worker.count, 1);
    CHECK_INT(of_worker.code, YOKE_OK);
    CHECK_INT(of_worker.data[0], 'w');
    finish();
}

static void want_of_memory_is_made_up_for(void) {
    start();
    struct outcome outcome = {0};
    memory_fail_once(0);
    CHECK_INT(yoke__connection_greet(&master.connection), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK(!has_output(&master));
    memory_fail_once(0);
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK_STR(worker.connection.failure, "");
    finish();
}

/* ---- Workers that are not ready when they greet ------------------------------------------------------------------- */

static void start_starting(void) {
    start();
    worker.connection.is_starting = true;
    REQUIRE_INT(yoke__connection_greet(&worker.connection), 0);
    machine_exchange(&worker, &master);
    CHECK(master.connection.hello_received);
    CHECK(!yoke__connection_peer_is_ready(&master.connection));
    CHECK_INT(master.readies, 0);
}

static void a_worker_that_is_starting_is_ready_when_it_says_so(void) {
    start_starting();
    struct outcome outcome = {0};
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), 0);
    machine_exchange(&worker, &master);
    CHECK_INT(outcome.count, 1); /* it may be called before */
    CHECK_INT(master.readies, 0);
    CHECK_INT(yoke__connection_say_ready(&worker.connection), 0);
    machine_exchange(&worker, &master);
    CHECK(yoke__connection_peer_is_ready(&master.connection));
    CHECK_INT(master.readies, 1);
    CHECK_STR(master.connection.failure, "");
    finish();
}

static void a_worker_that_has_started_before_it_greets_is_ready_then(void) {
    start();
    worker.connection.is_starting = true;
    memory_fail_once(0);
    CHECK_INT(yoke__connection_say_ready(&worker.connection), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK(worker.connection.is_starting);
    CHECK_INT(yoke__connection_say_ready(&worker.connection), 0);
    machine_exchange(&worker, &master);
    CHECK(yoke__connection_peer_is_ready(&master.connection));
    CHECK_INT(master.readies, 1);
    finish();
}

static void want_of_memory_for_ready_is_an_error_that_passes(void) {
    start_starting();
    yoke__engine_trim(&worker.engine);
    memory_fail_once(0);
    CHECK_INT(yoke__connection_say_ready(&worker.connection), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK_INT(yoke__connection_say_ready(&worker.connection), 0);
    machine_exchange(&worker, &master);
    CHECK_INT(master.readies, 1);
    finish();
}

/* To others than the master of a worker that is starting it is a violation in any form: see connection_violation_test.c. */
static void ready_is_checked(void) {
    static const struct yoke__frame wrong[] = {
        {.type = YOKE__FRAME_READY, .stream = 1}, {.type = YOKE__FRAME_READY, .method = 1},
        {.type = YOKE__FRAME_READY, .flags = 1},  {.type = YOKE__FRAME_READY, .aux = 1},
        {.type = YOKE__FRAME_READY, .length = 1},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        start_starting();
        wire_frame(&wire, &wrong[i], "x");
        (void)machine_feed(&master, wire.bytes, wire.length, 0);
        CHECK_CONTAINS(master.connection.failure, "READY has a stream, a method, flags or a payload");
        CHECK_INT(master.readies, 0);
        finish();
    }
    start_starting();
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_READY}, NULL);
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_READY}, NULL);
    (void)machine_feed(&master, wire.bytes, wire.length, 0);
    CHECK_CONTAINS(master.connection.failure, "READY is from no worker that is starting");
    CHECK_INT(master.readies, 1);
    finish();
}

/* A master cannot be starting, whatever it says. */
static void a_master_is_ready_when_it_greets(void) {
    start();
    master.connection.is_starting = true;
    REQUIRE_INT(yoke__connection_greet(&master.connection), 0);
    machine_exchange(&worker, &master);
    CHECK_INT(worker.readies, 1);
    CHECK_INT(yoke__connection_say_ready(&master.connection), 0);
    machine_exchange(&worker, &master);
    CHECK_CONTAINS(worker.connection.failure, "READY is from no worker that is starting");
    finish();
}

static const struct test_case cases[] = {
    {.name = "nothing is said unasked", .run = nothing_is_said_unasked},
    {.name = "a greeting is sent once", .run = a_greeting_is_sent_once},
    {.name = "a call greets first", .run = a_call_greets_first},
    {.name = "an event greets first", .run = an_event_greets_first},
    {.name = "an answer greets first", .run = an_answer_greets_first},
    {.name = "a refusal greets first", .run = a_refusal_greets_first},
    {.name = "both learn what the other serves", .run = both_learn_what_the_other_serves},
    {.name = "a greeting fixes the services", .run = a_greeting_fixes_the_services},
    {.name = "calls may cross the greetings", .run = calls_may_cross_the_greetings},
    {.name = "want of memory is made up for", .run = want_of_memory_is_made_up_for},
    {.name = "a worker that is starting is ready when it says so",
     .run = a_worker_that_is_starting_is_ready_when_it_says_so},
    {.name = "a worker that has started before it greets is ready then",
     .run = a_worker_that_has_started_before_it_greets_is_ready_then},
    {.name = "want of memory for READY is an error that passes",
     .run = want_of_memory_for_ready_is_an_error_that_passes},
    {.name = "READY is checked", .run = ready_is_checked},
    {.name = "a master is ready when it greets", .run = a_master_is_ready_when_it_greets},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: greeting", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
