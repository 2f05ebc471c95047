/* connection_limit_test.c: what a connection takes, keeps and sends is bounded, and the bounds do no other harm. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire;

static void start(const struct yoke_limits *limits) {
    machine_init_pair(&master, &worker, limits);
    wire.length = 0;
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

/* The connection works as if nothing had happened. */
static void check_usable(void) {
    struct outcome outcome = {0};
    CHECK_INT(machine_call_now(&master, "still there?", 12, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK_INT(outcome.length, 12);
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
}

/* The next frame that `machine` has queued is an END of this call with an error. */
static void check_refusal(struct machine *machine, uint32_t stream, const struct yoke_method *method,
                          enum yoke_code code, const char *message) {
    struct yoke__frame frame;
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    char text[YOKE_STATUS_MESSAGE_MAX + 1];
    REQUIRE(machine_take_frame(machine, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.stream, stream);
    CHECK_INT(frame.method, method->id);
    CHECK_INT(frame.aux, code);
    CHECK_INT(frame.flags, 0);
    REQUIRE_INT(yoke__status_decode(payload, frame.length, text), 0);
    CHECK_STR(text, message);
}

/* ---- Messages --------------------------------------------------------------------------------------------------- */

/* Tag, length and data of a unit.Bytes of so many bytes in all. */
static size_t data_for(size_t message_size) {
    return message_size - (message_size < 130 ? 2 : 3);
}

static void a_message_of_just_the_limit_travels(void) {
    static const uint32_t limits[] = {100, 1000, 1024, 1025, 5000};
    static uint8_t data[5001];
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        start(&(struct yoke_limits){.max_message_bytes = limits[i]});
        struct outcome outcome = {0};
        struct outcome refused = {0};
        CHECK_INT(machine_call_now(&master, data, data_for(limits[i]), &outcome), 0);
        CHECK_INT(machine_call_now(&master, data, data_for(limits[i]) + 1, &refused), -EMSGSIZE);
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_OK);
        CHECK_INT(outcome.length, data_for(limits[i]));
        CHECK_INT(refused.count, 0);
        check_usable();
        finish();
    }
}

static void an_event_over_the_limit_is_not_sent(void) {
    start(&(struct yoke_limits){.max_message_bytes = 100});
    char text[100];
    memset(text, 'x', sizeof(text));
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = text;
    text[98] = '\0';
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), 0);
    text[98] = 'x';
    text[99] = '\0';
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), -EMSGSIZE);
    machine_exchange(&master, &worker);
    check_usable();
    finish();
}

/* Each size around the limits, from a master that has no such limits. */
static void an_oversized_request_is_refused_and_skipped(void) {
    static uint8_t data[6000];
    static const size_t sizes[] = {101, 500, 1023, 1024, 1025, 1026, 5900};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        start(NULL);
        worker.engine.limits.max_message_bytes = 100;
        struct outcome outcome = {0};
        CHECK_INT(machine_call_now(&master, data, data_for(sizes[i]), &outcome), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_STR(outcome.message, "unit.Echo/Now: the request is larger than max_message_bytes");
        CHECK_INT(worker.handled, 0);
        check_usable();
        finish();
    }
}

static void an_oversized_reply_ends_its_call(void) {
    static uint8_t data[6000];
    static const size_t sizes[] = {101, 500, 1023, 1024, 1025, 1026, 5900};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        start(NULL);
        master.engine.limits.max_message_bytes = 100;
        struct outcome outcome = {0};
        REQUIRE_INT(machine_call_later(&master, "x", 1, &outcome), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(machine_answer_held(&worker, data, data_for(sizes[i])), 0);
        machine_exchange(&master, &worker);
        char message[200];
        (void)snprintf(message, sizeof(message),
                       "the reply to unit.Echo/Later, %zu bytes, is larger than max_reply_bytes", sizes[i]);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_STR(outcome.message, message);
        check_usable();
        finish();
    }
}

/* Replies of 50 bytes of data, 52 in all. */
static enum yoke_code call_with_reply_limit(uint32_t max_reply_bytes) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = max_reply_bytes};
    struct outcome outcome = {0};
    uint8_t data[50] = {0};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    CHECK_INT(unit_echo_now(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    return outcome.code;
}

static void a_call_may_have_a_reply_limit_of_its_own(void) {
    start(NULL);
    CHECK_INT(call_with_reply_limit(0), YOKE_OK);
    CHECK_INT(call_with_reply_limit(52), YOKE_OK);
    CHECK_INT(call_with_reply_limit(51), YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(call_with_reply_limit(1), YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(call_with_reply_limit(UINT32_MAX), YOKE_OK);
    check_usable();
    finish();
}

/* It cannot raise the limit of the whole process, however small the reply is in comparison with a control frame. */
static void a_reply_limit_of_its_own_is_a_lower_one(void) {
    start(NULL);
    master.engine.limits.max_message_bytes = 20;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = UINT32_MAX};
    struct outcome outcome = {0};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    uint8_t data[50] = {0};
    REQUIRE_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(machine_answer_held(&worker, data, sizeof(data)), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
    finish();
}

static void count_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)note;
    (*(unsigned *)user_data)++;
}

static void an_oversized_event_is_dropped_and_logged(void) {
    static const size_t sizes[] = {101, 500, 1024, 1025, 5900};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        start(NULL);
        unsigned notes = 0;
        worker.engine.limits.max_message_bytes = 100;
        CHECK_INT(unit_note_on(&worker.events, count_note, &notes), 0);
        char *text = malloc(sizes[i]);
        REQUIRE(text != NULL);
        memset(text, 'x', sizes[i]);
        text[data_for(sizes[i])] = '\0';
        Unit__Note note = UNIT__NOTE__INIT;
        note.text = text;
        CHECK_INT(unit_note_emit(machine_channel(&master), &note), 0);
        text[5] = '\0';
        CHECK_INT(unit_note_emit(machine_channel(&master), &note), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(notes, 1);
        CHECK_INT(worker.log_count, 1);
        CHECK_CONTAINS(worker.log, "max_message_bytes");
        free(text);
        check_usable();
        finish();
    }
}

/* A frame of 4 GiB is announced and begun; no memory is set aside for it, and the next call waits behind it. */
static void a_frame_without_end_takes_no_memory(void) {
    start(NULL);
    const struct yoke__frame huge = {.type = YOKE__FRAME_OPEN,
                                     .stream = 1,
                                     .method = unit_echo_now_method.id,
                                     .flags = YOKE__FLAG_END_STREAM,
                                     .length = UINT32_MAX};
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    yoke__frame_encode(&huge, header);
    size_t before = memory_live_bytes();
    memory_reset_peak();
    CHECK_INT(machine_feed(&worker, header, sizeof(header), 0), sizeof(header));
    check_refusal(&worker, 1, &unit_echo_now_method, YOKE_RESOURCE_EXHAUSTED,
                  "unit.Echo/Now: the request is larger than max_message_bytes");
    static const uint8_t zeroes[65536];
    for (unsigned i = 0; i < 100; i++) {
        REQUIRE_INT(machine_feed(&worker, zeroes, sizeof(zeroes), 0), sizeof(zeroes));
    }
    CHECK_INT(worker.connection.input_skip, UINT32_MAX - 100 * sizeof(zeroes));
    /* All 4 GiB would take long. */
    worker.connection.input_skip = 1;
    CHECK(memory_peak_bytes() - before < 4 * YOKE__CHUNK_SIZE);
    CHECK_INT(machine_feed(&worker, zeroes, 1, 0), 1);
    CHECK_INT(worker.connection.input_skip, 0);
    check_usable();
    finish();
}

/* The largest frame that is taken is taken into memory only as its bytes arrive in a buffer of its own size. */
static void a_large_frame_takes_its_size(void) {
    start(NULL);
    const struct yoke__frame large = {.type = YOKE__FRAME_OPEN,
                                      .stream = 1,
                                      .method = unit_echo_now_method.id,
                                      .flags = YOKE__FLAG_END_STREAM,
                                      .length = 4u << 20};
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    yoke__frame_encode(&large, header);
    size_t before = memory_live_bytes();
    memory_reset_peak();
    CHECK_INT(machine_feed(&worker, header, sizeof(header), 0), sizeof(header));
    CHECK_INT(machine_feed(&worker, header, 1, 0), 1);
    CHECK(memory_peak_bytes() - before < (4u << 20) + 4 * YOKE__CHUNK_SIZE);
    machine_close(&worker, "closed");
    machine_release(&worker);
    machine_release(&master);
}

/* ---- Calls of the peer ------------------------------------------------------------------------------------------- */

static void a_peer_has_max_incoming_calls(void) {
    static struct outcome outcomes[12];
    start(&(struct yoke_limits){.max_incoming_calls = 10});
    for (unsigned i = 0; i < 12; i++) {
        CHECK_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
    }
    machine_exchange(&master, &worker);
    CHECK_INT(worker.held_count, 10);
    for (unsigned i = 10; i < 12; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_STR(outcomes[i].message, "unit.Echo/Later: max_incoming_calls are unanswered");
    }
    /* Each answer makes room for one. */
    CHECK_INT(machine_answer_held(&worker, "y", 1), 0);
    struct outcome more[2] = {0};
    CHECK_INT(machine_call_now(&master, "x", 1, &more[0]), 0);
    CHECK_INT(machine_call_later(&master, "x", 1, &more[1]), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(more[0].code, YOKE_OK);
    CHECK_INT(more[0].count, 1);
    CHECK_INT(more[1].count, 0);
    CHECK_INT(worker.held_count, 10);
    while (worker.held_count > 0) {
        CHECK_INT(machine_answer_held(&worker, "y", 1), 0);
    }
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_OK);
    }
    check_usable();
    finish();
}

/* Memory that unanswered requests hold is bounded, too. The first block of each arena is some 4,000 bytes. */
static void a_peer_has_max_buffered_bytes(void) {
    static struct outcome outcomes[40];
    static uint8_t data[10000];
    start(&(struct yoke_limits){.max_buffered_bytes = 100000});
    size_t before = memory_live_bytes();
    for (unsigned i = 0; i < 40; i++) {
        CHECK_INT(machine_call_later(&master, data, sizeof(data), &outcomes[i]), 0);
        machine_exchange(&master, &worker);
    }
    size_t held = worker.held_count;
    CHECK(held >= 2 && held < 11);
    CHECK(memory_live_bytes() - before < 100000 + 6 * YOKE__CHUNK_SIZE);
    for (unsigned i = 0; i < 40; i++) {
        CHECK_INT(outcomes[i].count, i >= held);
        if (i >= held) {
            CHECK_INT(outcomes[i].code, YOKE_RESOURCE_EXHAUSTED);
            CHECK_STR(outcomes[i].message, "unit.Echo/Later: max_buffered_bytes of requests are unanswered");
        }
    }
    while (worker.held_count > 0) {
        CHECK_INT(machine_answer_held(&worker, "y", 1), 0);
    }
    CHECK_INT(worker.connection.buffered_bytes, 0);
    machine_exchange(&master, &worker);
    check_usable();
    finish();
}

/* Calls that are opened and cancelled at once count until their handlers let go of them. */
static void cancelled_calls_count(void) {
    start(&(struct yoke_limits){.max_incoming_calls = 10});
    for (uint32_t i = 0; i < 1000; i++) {
        wire.length = 0;
        wire_open(&wire, 1 + 2 * i, &unit_echo_later_method, 1);
        wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_CANCEL, .stream = 1 + 2 * i}, NULL);
        CHECK_INT(machine_feed(&worker, wire.bytes, wire.length, 0), wire.length);
        REQUIRE_INT(worker.held_count, i < 10 ? i + 1 : 10);
        if (i >= 10) {
            check_refusal(&worker, 1 + 2 * i, &unit_echo_later_method, YOKE_RESOURCE_EXHAUSTED,
                          "unit.Echo/Later: max_incoming_calls are unanswered");
        }
    }
    while (worker.held_count > 0) {
        CHECK_INT(machine_answer_held(&worker, "y", 1), -ECANCELED);
    }
    CHECK_INT(worker.connection.incoming_count, 0);
    CHECK_INT(worker.connection.output.queued, 0);
    CHECK_INT(worker.connection.calls.count, 0);
    finish();
}

/* ---- Queued bytes ------------------------------------------------------------------------------------------------ */

#define QUEUE_MAX 10000

static void a_full_queue_refuses_new_calls(void) {
    start(&(struct yoke_limits){.max_queued_bytes = QUEUE_MAX});
    static struct outcome outcomes[100];
    static uint8_t data[900];
    unsigned made = 0;
    int error = 0;
    while (error == 0) {
        REQUIRE(made < 100);
        size_t before = master.connection.output.queued;
        error = machine_call_now(&master, data, sizeof(data), &outcomes[made]);
        CHECK_INT(error, before > QUEUE_MAX ? -ENOBUFS : 0);
        made += error == 0;
    }
    const Unit__Note note = UNIT__NOTE__INIT;
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), -ENOBUFS);
    CHECK(master.connection.output.queued <= QUEUE_MAX + 1000);
    CHECK_STR(master.connection.failure, "");
    /* What was accepted is delivered, and then there is room again. */
    worker.engine.limits.max_queued_bytes = 1u << 20;
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT(outcomes[i].count, i < made);
        CHECK_INT(outcomes[i].code, YOKE_OK);
    }
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), 0);
    machine_exchange(&master, &worker);
    check_usable();
    finish();
}

static void a_full_queue_refuses_the_peers_calls(void) {
    start(&(struct yoke_limits){.max_queued_bytes = QUEUE_MAX});
    uint32_t stream = 1;
    while (worker.connection.output.queued <= QUEUE_MAX) {
        wire.length = 0;
        wire_open(&wire, stream, &unit_echo_now_method, 900);
        CHECK_INT(machine_feed(&worker, wire.bytes, wire.length, 0), wire.length);
        stream += 2;
    }
    unsigned handled = worker.handled;
    wire.length = 0;
    wire_open(&wire, stream, &unit_echo_now_method, 900);
    CHECK_INT(machine_feed(&worker, wire.bytes, wire.length, 0), wire.length);
    CHECK_INT(worker.handled, handled);
    struct yoke__frame frame;
    static uint8_t payload[2000];
    for (unsigned i = 0; i < handled; i++) {
        REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
        CHECK_INT(frame.aux, YOKE_OK);
    }
    check_refusal(&worker, stream, &unit_echo_now_method, YOKE_RESOURCE_EXHAUSTED,
                  "unit.Echo/Now: max_queued_bytes wait to be written");
    check_usable();
    finish();
}

/* Even refusals take room. A peer that has us write twice the limit without reading is given up. */
static void a_peer_that_never_reads_is_given_up(void) {
    start(&(struct yoke_limits){.max_queued_bytes = QUEUE_MAX});
    size_t before = memory_live_bytes();
    memory_reset_peak();
    uint32_t stream = 1;
    while (worker.connection.failure[0] == '\0') {
        REQUIRE(stream < 2000);
        REQUIRE(worker.connection.output.queued <= 2 * QUEUE_MAX + 1000);
        wire.length = 0;
        wire_open(&wire, stream, &unit_echo_now_method, 900);
        CHECK(machine_feed(&worker, wire.bytes, wire.length, 0) == wire.length);
        stream += 2;
    }
    CHECK_CONTAINS(worker.connection.failure, " bytes of answers are queued; the peer does not read them");
    CHECK(worker.connection.output.queued > 2 * QUEUE_MAX);
    CHECK(memory_peak_bytes() - before < 2 * QUEUE_MAX + 4 * YOKE__CHUNK_SIZE);
    struct outcome outcome = {0};
    CHECK_INT(machine_call_now(&worker, "x", 1, &outcome), -ENOTCONN);
    machine_release(&worker);
    machine_release(&master);
}

/* Held calls may all be answered at once; that is where a handler meets the hard limit. */
static void answers_stop_at_the_hard_limit(void) {
    start(&(struct yoke_limits){.max_queued_bytes = QUEUE_MAX});
    static struct outcome outcomes[40];
    static uint8_t data[900];
    for (unsigned i = 0; i < 40; i++) {
        REQUIRE_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
    }
    (void)machine_carry(&master, &worker, 0);
    REQUIRE_INT(worker.held_count, 40);
    unsigned answered = 0;
    while (worker.connection.failure[0] == '\0') {
        CHECK_INT(machine_answer_held(&worker, data, sizeof(data)), 0);
        answered++;
        REQUIRE(answered < 40);
    }
    CHECK_CONTAINS(worker.connection.failure, "the peer does not read them");
    machine_close(&worker, "closed");
    while (worker.held_count > 0) {
        CHECK_INT(machine_answer_held(&worker, data, sizeof(data)), -ENOTCONN);
    }
    machine_close(&master, "the worker is gone");
    for (unsigned i = 0; i < 40; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_UNAVAILABLE);
    }
    machine_release(&worker);
    machine_release(&master);
}

static const struct test_case cases[] = {
    {.name = "a message of just the limit travels", .run = a_message_of_just_the_limit_travels},
    {.name = "an event over the limit is not sent", .run = an_event_over_the_limit_is_not_sent},
    {.name = "an oversized request is refused and skipped", .run = an_oversized_request_is_refused_and_skipped},
    {.name = "an oversized reply ends its call", .run = an_oversized_reply_ends_its_call},
    {.name = "a call may have a reply limit of its own", .run = a_call_may_have_a_reply_limit_of_its_own},
    {.name = "it is a lower one", .run = a_reply_limit_of_its_own_is_a_lower_one},
    {.name = "an oversized event is dropped and logged", .run = an_oversized_event_is_dropped_and_logged},
    {.name = "a frame without end takes no memory", .run = a_frame_without_end_takes_no_memory},
    {.name = "a large frame takes its size", .run = a_large_frame_takes_its_size},
    {.name = "a peer has max_incoming_calls", .run = a_peer_has_max_incoming_calls},
    {.name = "a peer has max_buffered_bytes", .run = a_peer_has_max_buffered_bytes},
    {.name = "cancelled calls count until they are answered", .run = cancelled_calls_count},
    {.name = "a full queue refuses new calls", .run = a_full_queue_refuses_new_calls},
    {.name = "a full queue refuses the peer's calls", .run = a_full_queue_refuses_the_peers_calls},
    {.name = "a peer that never reads is given up", .run = a_peer_that_never_reads_is_given_up},
    {.name = "answers stop at the hard limit", .run = answers_stop_at_the_hard_limit},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: limits", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
