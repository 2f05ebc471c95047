/* channel_test.c: what a channel refuses, and how an event reaches many peers. */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yoke/v1/lifecycle.yoke.h>

static struct machine master, worker;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static void only_unary_methods_are_called(void) {
    start();
    static const enum yoke_method_kind kinds[] = {YOKE_SERVER_STREAMING, YOKE_CLIENT_STREAMING, YOKE_BIDI_STREAMING};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    for (size_t i = 0; i < 3; i++) {
        struct yoke_method method = unit_echo_now_method;
        method.kind = kinds[i];
        CHECK_INT(yoke_channel_call(machine_channel(&master), &method, &request, NULL, NULL, NULL), -EINVAL);
    }
    CHECK_INT(master.connection.output.queued, 0);
    finish();
}

static void options_are_checked(void) {
    start();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct yoke_channel *channel = machine_channel(&master);
    struct outcome outcome = {0};
    struct yoke_call_options forgotten = {.max_reply_bytes = 5};
    CHECK_INT(unit_echo_now(channel, &request, &forgotten, outcome_take, &outcome), -EINVAL);
    struct {
        struct yoke_call_options known;
        uint64_t unknown;
    } newer = {.known = {.size = sizeof(newer)}, .unknown = 1};
    CHECK_INT(unit_echo_now(channel, &request, &newer.known, outcome_take, &outcome), -E2BIG);
    newer.unknown = 0;
    CHECK_INT(unit_echo_now(channel, &request, &newer.known, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    finish();
}

static void without_a_peer_there_is_no_call(void) {
    start();
    master.channel.connection = NULL;
    struct outcome outcome = {0};
    const Unit__Note note = UNIT__NOTE__INIT;
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), -ENOTCONN);
    CHECK_INT(unit_note_emit(machine_channel(&master), &note), -ENOTCONN);
    finish();
}

static void a_forked_copy_may_not_call(void) {
    start();
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct outcome outcome = {0};
        const Unit__Note note = UNIT__NOTE__INIT;
        CHECK_INT(machine_call_now(&master, "x", 1, &outcome), -ECHILD);
        CHECK_INT(yoke_channel_call(machine_channel(&master), &unit_streams_down_method, &note, NULL, NULL, NULL),
                  -ECHILD);
        CHECK_INT(unit_note_emit(machine_channel(&master), &note), -ECHILD);
        CHECK_INT(master.connection.output.queued, 0);
        _exit(0);
    }
    int status;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    finish();
}

static void want_of_memory_makes_no_call(void) {
    struct outcome outcome = {0};
    unsigned refused = 0;
    for (size_t nth = 0;; nth++) {
        start();
        memory_fail_once(nth);
        int error = machine_call_now(&master, "x", 1, &outcome);
        bool has_failed = memory_fail_never();
        CHECK_INT(error, has_failed ? -ENOMEM : 0);
        machine_exchange(&master, &worker);
        refused += has_failed;
        finish();
        if (!has_failed) {
            break;
        }
    }
    CHECK(refused > 1);
    CHECK_INT(outcome.count, 1);
}

static void yokes_own_events_are_not_emitted(void) {
    start();
    const Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    CHECK_INT(yoke_v1_worker_died_emit(machine_channel(&worker), &event), -EPERM);
    CHECK_INT(worker.connection.output.queued, 0);
    finish();
}

/* ---- Events to many ---------------------------------------------------------------------------------------------- */

#define PEERS 5

/* A channel like a pool's: to five masters' ends, some of which may be dead. All share one engine. */
struct many {
    struct yoke_channel channel;
    struct yoke__connection *peers[PEERS];
};

static struct yoke__connection *peer_at(const struct yoke_channel *channel, size_t index) {
    return ((const struct many *)channel)->peers[index];
}

static struct yoke__connection *pick(struct yoke_channel *channel, const struct yoke_method *method, uint64_t key) {
    (void)method;
    (void)key;
    return peer_at(channel, 0);
}

static size_t peer_count(const struct yoke_channel *channel) {
    (void)channel;
    return PEERS;
}

static unsigned packed;

static void counting_pack(const void *descriptor, const void *message, uint8_t *out) {
    packed++;
    yoke_codec_protobuf_c.pack(descriptor, message, out);
}

/* unit.Note, with a codec that counts. */
static struct yoke_codec counting_codec;
static struct yoke_type counting_type;
static struct yoke_event_type counting_event;

static struct machine peers[PEERS];
static struct many many;

static void start_many(const struct yoke_limits *limits) {
    static const struct yoke__channel_class class = {.pick = pick, .peer_count = peer_count, .peer_at = peer_at};
    for (size_t i = 0; i < PEERS; i++) {
        machine_init(&peers[i], true, limits);
        many.peers[i] = &peers[i].connection;
    }
    yoke__channel_init(&many.channel, &class, &peers[0].engine);
    counting_codec = yoke_codec_protobuf_c;
    counting_codec.pack = counting_pack;
    counting_type = *unit_note_event.type;
    counting_type.codec = &counting_codec;
    counting_event = unit_note_event;
    counting_event.type = &counting_type;
    packed = 0;
}

static void finish_many(void) {
    for (size_t i = 0; i < PEERS; i++) {
        machine_release(&peers[i]);
    }
}

static int emit(const char *text) {
    Unit__Note note = UNIT__NOTE__INIT;
    note.text = (char *)(uintptr_t)text;
    return yoke_channel_emit(&many.channel, &counting_event, &note);
}

/* What peer `i` is sent, after its HELLO. NULL: nothing. */
static const char *sent_to(size_t i) {
    static char text[100];
    struct yoke__frame frame;
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    while (machine_take_frame(&peers[i], &frame, payload, sizeof(payload))) {
        if (frame.type == YOKE__FRAME_EVENT) {
            CHECK_INT(frame.method, unit_note_event.id);
            CHECK(peers[i].attentions > 0);
            REQUIRE(frame.length >= 2 && frame.length < sizeof(text));
            memcpy(text, payload + 2, frame.length - 2);
            text[frame.length - 2] = '\0';
            return text;
        }
    }
    return NULL;
}

static void everybody_gets_it_encoded_once(void) {
    start_many(NULL);
    CHECK_INT(emit("to all"), 0);
    CHECK_INT(packed, 1);
    for (size_t i = 0; i < PEERS; i++) {
        CHECK_STR(sent_to(i), "to all");
        CHECK(sent_to(i) == NULL);
    }
    finish_many();
}

static void the_dead_are_passed_over(void) {
    start_many(NULL);
    many.peers[0] = many.peers[3] = NULL;
    CHECK_INT(emit("to some"), 0);
    CHECK_INT(packed, 1);
    for (size_t i = 0; i < PEERS; i++) {
        CHECK_STR(sent_to(i), i == 0 || i == 3 ? NULL : "to some");
    }
    memset(many.peers, 0, sizeof(many.peers));
    CHECK_INT(emit("to nobody"), -ENOTCONN);
    CHECK_INT(packed, 1);
    finish_many();
}

static void an_error_of_one_keeps_it_from_no_other(void) {
    start_many(&(struct yoke_limits){.max_queued_bytes = 100});
    struct outcome outcome = {0};
    static uint8_t data[200];
    REQUIRE_INT(machine_call_now(&peers[1], data, sizeof(data), &outcome), 0);
    machine_close(&peers[3], "closed");
    CHECK_INT(emit("to most"), -ENOBUFS);
    for (size_t i = 0; i < PEERS; i++) {
        CHECK_STR(sent_to(i), i == 1 || i == 3 ? NULL : "to most");
    }
    many.peers[1] = NULL;
    CHECK_INT(emit("to most again"), -ENOTCONN);
    CHECK_STR(sent_to(0), "to most again");
    finish_many();
}

static void want_of_memory_of_one_keeps_it_from_no_other(void) {
    for (size_t nth = 0; nth < PEERS; nth++) {
        start_many(NULL);
        memory_fail_once(nth);
        CHECK_INT(emit("to most"), -ENOMEM);
        CHECK(memory_fail_never());
        for (size_t i = 0; i < PEERS; i++) {
            CHECK_STR(sent_to(i), i == nth ? NULL : "to most");
        }
        finish_many();
    }
}

static const struct test_case cases[] = {
    {.name = "only unary methods are called", .run = only_unary_methods_are_called},
    {.name = "options are checked", .run = options_are_checked},
    {.name = "without a peer there is no call", .run = without_a_peer_there_is_no_call},
    {.name = "a forked copy may not call", .run = a_forked_copy_may_not_call},
    {.name = "want of memory makes no call", .run = want_of_memory_makes_no_call},
    {.name = "Yoke's own events are not emitted", .run = yokes_own_events_are_not_emitted},
    {.name = "everybody gets an event, encoded once", .run = everybody_gets_it_encoded_once},
    {.name = "the dead are passed over", .run = the_dead_are_passed_over},
    {.name = "an error of one keeps it from no other", .run = an_error_of_one_keeps_it_from_no_other},
    {.name = "want of memory of one keeps it from no other", .run = want_of_memory_of_one_keeps_it_from_no_other},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "channel", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
