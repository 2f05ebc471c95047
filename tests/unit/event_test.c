/* event_test.c: subscriptions and delivery: order, changes made by handlers themselves, decoding. */
#include "rpc/event.h"

#include "harness.h"
#include "memory.h"

#include "unit.yoke.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yoke/v1/lifecycle.yoke.h>

static struct yoke__engine engine;
static struct yoke_events events;
static unsigned log_count;
static char log_line[512];

/* What the handlers did, a letter for each. */
static char trace[64];

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    (void)user_data;
    CHECK_INT(level, YOKE_LOG_WARNING);
    log_count++;
    (void)snprintf(log_line, sizeof(log_line), "%s", message);
}

static void start(void) {
    static const struct yoke_limits defaults = {0};
    REQUIRE_INT(yoke__engine_init(&engine, &defaults, on_log, NULL), 0);
    yoke__events_init(&events, &engine);
    trace[0] = '\0';
}

static void finish(void) {
    yoke__events_release(&events);
    yoke__engine_release(&engine);
}

static const struct yoke_peer peer = {.worker_id = 3, .pid = 33};

static void deliver(const char *text) {
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = (char *)(uintptr_t)text;
    yoke__events_deliver(&events, &unit_note_event, &peer, &note);
}

static void receive_bytes(uint32_t id, const void *bytes, size_t length) {
    yoke__events_receive(&events, id, &peer, &(const struct yoke__parcel){.bytes = bytes, .length = length});
}

/* The same event as a peer sends it. */
static void receive(const char *text) {
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = (char *)(uintptr_t)text;
    uint8_t *bytes = malloc(unit__note__get_packed_size(&note) + 1);
    REQUIRE(bytes != NULL);
    receive_bytes(unit_note_event.id, bytes, unit__note__pack(&note, bytes));
    free(bytes);
}

/* A subscriber that writes its letter and then changes the subscriptions. */
struct subscriber {
    char letter;
    void (*act)(struct subscriber *subscriber);
    struct subscriber *other;
};

static void on_note(const struct yoke_peer *from, const Unit__Note *note, void *user_data) {
    struct subscriber *subscriber = user_data;
    CHECK_INT(from->worker_id, peer.worker_id);
    CHECK_INT(from->pid, peer.pid);
    CHECK(note->text != NULL);
    CHECK(engine.callback_depth > 0);
    size_t length = strlen(trace);
    REQUIRE(length + 1 < sizeof(trace));
    trace[length] = subscriber->letter;
    trace[length + 1] = '\0';
    if (subscriber->act != NULL) {
        subscriber->act(subscriber);
    }
}

static void also_on_note(const struct yoke_peer *from, const Unit__Note *note, void *user_data) {
    on_note(from, note, user_data);
}

static void subscribe(struct subscriber *subscriber) {
    CHECK_INT(unit_note_on(&events, on_note, subscriber), 0);
}

static void unsubscribe(struct subscriber *subscriber) {
    CHECK_INT(unit_note_off(&events, on_note, subscriber), 0);
}

/* ---- Order and registration -------------------------------------------------------------------------------------- */

static void handlers_run_in_the_order_of_subscription(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    struct subscriber b = {.letter = 'b'};
    struct subscriber c = {.letter = 'c'};
    deliver("nobody");
    subscribe(&b);
    subscribe(&a);
    subscribe(&c);
    deliver("one");
    CHECK_STR(trace, "bac");
    unsubscribe(&a);
    subscribe(&a);
    deliver("two");
    CHECK_STR(trace, "bacbca");
    CHECK_INT(engine.callback_depth, 0);
    finish();
}

static void the_same_twice_is_refused(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    struct subscriber b = {.letter = 'b'};
    subscribe(&a);
    CHECK_INT(unit_note_on(&events, on_note, &a), -EEXIST);
    CHECK_INT(unit_note_on(&events, also_on_note, &a), 0);
    CHECK_INT(unit_note_on(&events, on_note, &b), 0);
    deliver("one");
    CHECK_STR(trace, "aab");
    finish();
}

static void what_is_not_there_cannot_be_ended(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    struct subscriber b = {.letter = 'b'};
    CHECK_INT(unit_note_off(&events, on_note, &a), -ENOENT);
    subscribe(&a);
    CHECK_INT(unit_note_off(&events, on_note, &b), -ENOENT);
    CHECK_INT(unit_note_off(&events, also_on_note, &a), -ENOENT);
    CHECK_INT(unit_note_off(&events, NULL, &a), -ENOENT);
    CHECK_INT(unit_note_on(&events, NULL, &a), -EINVAL);
    unsubscribe(&a);
    CHECK_INT(unit_note_off(&events, on_note, &a), -ENOENT);
    deliver("one");
    CHECK_STR(trace, "");
    finish();
}

static void zero_is_no_id(void) {
    start();
    struct yoke_event_type none = unit_note_event;
    none.id = 0;
    CHECK_INT(yoke_events_on(&events, &none, (yoke_function *)on_note, NULL), -EINVAL);
    finish();
}

static void an_id_belongs_to_one_name(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    static const struct yoke_type other_type = {.name = "unit.Other"};
    const struct yoke_event_type other = {.id = unit_note_event.id, .type = &other_type};
    subscribe(&a);
    CHECK_INT(yoke_events_on(&events, &other, (yoke_function *)on_note, NULL), -EEXIST);
    finish();
}

/* ---- Changes from inside a handler ------------------------------------------------------------------------------- */

static void end_self(struct subscriber *subscriber) {
    unsubscribe(subscriber);
    /* It is ended, though its handler still runs. */
    CHECK_INT(unit_note_off(&events, on_note, subscriber), -ENOENT);
}

static void end_other(struct subscriber *subscriber) {
    unsubscribe(subscriber->other);
}

static void begin_other(struct subscriber *subscriber) {
    subscriber->act = NULL;
    subscribe(subscriber->other);
}

static void end_self_and_begin_again(struct subscriber *subscriber) {
    subscriber->act = NULL;
    unsubscribe(subscriber);
    subscribe(subscriber);
}

static void deliver_within(struct subscriber *subscriber) {
    subscriber->act = NULL;
    deliver("within");
}

static void end_both_within(struct subscriber *subscriber) {
    subscriber->act = NULL;
    subscriber->other->act = end_self;
    deliver("within");
    unsubscribe(subscriber);
}

/* Three subscribers, the second of which does something; what one event and then another leave in the trace. */
static void check_act(void (*act)(struct subscriber *), const char *first, const char *second, size_t of_other) {
    start();
    struct subscriber all[4] = {{.letter = 'a'}, {.letter = 'b', .act = act}, {.letter = 'c'}, {.letter = 'd'}};
    all[1].other = &all[of_other];
    for (size_t i = 0; i < 3; i++) {
        subscribe(&all[i]);
    }
    receive("one");
    CHECK_STR(trace, first);
    CHECK_INT(engine.callback_depth, 0);
    trace[0] = '\0';
    all[1].act = NULL;
    deliver("two");
    CHECK_STR(trace, second);
    finish();
}

static void a_handler_may_end_itself(void) {
    check_act(end_self, "abc", "ac", 0);
}

static void a_handler_may_end_one_before_and_one_after(void) {
    check_act(end_other, "abc", "bc", 0);
    check_act(end_other, "ab", "ab", 2);
}

static void who_subscribes_in_a_handler_gets_the_next_event(void) {
    check_act(begin_other, "abc", "abcd", 3);
    check_act(end_self_and_begin_again, "abc", "acb", 0);
}

static void an_event_within_an_event(void) {
    check_act(deliver_within, "ababcc", "abc", 0);
    /* While the inner delivery ends c, the outer one is still to come to it. */
    check_act(end_both_within, "ababc", "a", 2);
}

static void all_may_end_in_a_handler(void) {
    start();
    struct subscriber only = {.letter = 'a', .act = end_self};
    size_t live = memory_live_blocks();
    subscribe(&only);
    receive("one");
    CHECK_STR(trace, "a");
    receive("two");
    CHECK_STR(trace, "a");
    yoke__engine_release(&engine);
    CHECK_INT(memory_live_blocks(), live);
    yoke__events_release(&events);
}

/* ---- Decoding ---------------------------------------------------------------------------------------------------- */

static const Unit__Note *seen[2];

static void on_note_seen(const struct yoke_peer *from, const Unit__Note *note, void *user_data) {
    (void)from;
    CHECK_STR(note->text, "hello");
    *(const Unit__Note **)user_data = note;
}

static void an_event_is_decoded_once(void) {
    start();
    CHECK_INT(unit_note_on(&events, on_note_seen, &seen[0]), 0);
    CHECK_INT(unit_note_on(&events, on_note_seen, &seen[1]), 0);
    receive("hello");
    CHECK(seen[0] != NULL && seen[0] == seen[1]);
    CHECK_INT(unit_note_off(&events, on_note_seen, &seen[0]), 0);
    CHECK_INT(unit_note_off(&events, on_note_seen, &seen[1]), 0);
    finish();
}

static void without_subscribers_nothing_is_decoded(void) {
    start();
    size_t before = memory_allocation_count();
    receive_bytes(unit_note_event.id, "\xff\xff", 2);
    receive_bytes(12345, "\xff\xff", 2);
    CHECK_INT(memory_allocation_count(), before);
    CHECK_INT(log_count, 0);
    finish();
}

static void what_cannot_be_decoded_is_dropped_and_logged(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    subscribe(&a);
    receive_bytes(unit_note_event.id, "\x0a\x05x", 3);
    CHECK_STR(trace, "");
    CHECK_INT(log_count, 1);
    CHECK_CONTAINS(log_line, "unit.Note");
    CHECK_CONTAINS(log_line, "pid 33");
    CHECK_CONTAINS(log_line, "INTERNAL");
    uint8_t many[20000];
    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = i % 2 == 0 ? 0x78 : 0;
    }
    receive_bytes(unit_note_event.id, many, sizeof(many));
    CHECK_STR(trace, "");
    CHECK_INT(log_count, 2);
    CHECK_CONTAINS(log_line, "RESOURCE_EXHAUSTED");
    receive("right again");
    CHECK_STR(trace, "a");
    finish();
}

static void on_grown(const struct yoke_peer *from, const Unit__Grown *grown, void *user_data) {
    (void)from;
    (void)grown;
    (*(unsigned *)user_data)++;
}

static void on_death(const struct yoke_peer *from, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)from;
    (void)event;
    (*(unsigned *)user_data)++;
}

/* Only Yoke tells of deaths: a peer could lie. */
static void a_peer_cannot_send_what_is_yokes_own(void) {
    start();
    unsigned count = 0;
    CHECK_INT(yoke_v1_worker_died_on(&events, on_death, &count), 0);
    receive_bytes(yoke_v1_worker_died_event.id, "\x08\x07", 2);
    CHECK_INT(count, 0);
    CHECK_INT(log_count, 1);
    CHECK_CONTAINS(log_line, "yoke.v1.WorkerDied");
    const Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    yoke__events_deliver(&events, &yoke_v1_worker_died_event, &peer, &event);
    CHECK_INT(count, 1);
    finish();
}

static void a_recursive_event_is_checked(void) {
    start();
    unsigned count = 0;
    CHECK_INT(unit_grown_on(&events, on_grown, &count), 0);
    /* Grown is the first level; each \x12 is one more. Built from the inside, so from the end of the buffer. */
    for (size_t levels = 64; levels <= 65; levels++) {
        uint8_t bytes[400];
        size_t length = 0;
        for (size_t level = 1; level < levels; level++) {
            size_t header = length < 0x80 ? 2 : 3;
            memmove(bytes + header, bytes, length);
            bytes[0] = level == levels - 1 ? 0x0a : 0x12;
            bytes[1] = (uint8_t)(length < 0x80 ? length : 0x80 | (length & 0x7f));
            bytes[2] = length < 0x80 ? bytes[2] : (uint8_t)(length >> 7);
            length += header;
        }
        receive_bytes(unit_grown_event.id, bytes, length);
        CHECK_INT(count, 1);
    }
    CHECK_INT(log_count, 1);
    finish();
}

static void want_of_memory(void) {
    start();
    struct subscriber a = {.letter = 'a'};
    size_t live = memory_live_blocks();
    for (size_t nth = 0; nth < 2; nth++) {
        memory_fail_once(nth);
        CHECK_INT(unit_note_on(&events, on_note, &a), -ENOMEM);
        CHECK(memory_fail_never());
        CHECK_INT(memory_live_blocks(), live);
    }
    subscribe(&a);
    memory_fail_from(0);
    receive_bytes(unit_note_event.id, "\x0a\x01x", 3);
    CHECK(memory_fail_never());
    CHECK_STR(trace, "");
    CHECK_INT(log_count, 1);
    finish();
}

static const struct test_case cases[] = {
    {.name = "handlers run in the order of subscription", .run = handlers_run_in_the_order_of_subscription},
    {.name = "the same subscription twice is refused", .run = the_same_twice_is_refused},
    {.name = "what is not there cannot be ended", .run = what_is_not_there_cannot_be_ended},
    {.name = "zero is no id", .run = zero_is_no_id},
    {.name = "an id belongs to one name", .run = an_id_belongs_to_one_name},
    {.name = "a handler may end itself", .run = a_handler_may_end_itself},
    {.name = "a handler may end one before and one after it", .run = a_handler_may_end_one_before_and_one_after},
    {.name = "who subscribes in a handler gets the next event", .run = who_subscribes_in_a_handler_gets_the_next_event},
    {.name = "an event within an event", .run = an_event_within_an_event},
    {.name = "all subscriptions may end in a handler", .run = all_may_end_in_a_handler},
    {.name = "an event is decoded once for all", .run = an_event_is_decoded_once},
    {.name = "without subscribers nothing is decoded", .run = without_subscribers_nothing_is_decoded},
    {.name = "what cannot be decoded is dropped and logged", .run = what_cannot_be_decoded_is_dropped_and_logged},
    {.name = "a peer cannot send what is Yoke's own", .run = a_peer_cannot_send_what_is_yokes_own},
    {.name = "a recursive event is checked", .run = a_recursive_event_is_checked},
    {.name = "want of memory", .run = want_of_memory},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "event", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
