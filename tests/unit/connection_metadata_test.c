/* connection_metadata_test.c: what travels around the messages of a call: metadata, and the details of a status. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    machine_release(&master);
    machine_release(&worker);
}

/* The values of a key, one behind the other with a bar between. */
static const char *values(const struct yoke_metadata *metadata, const char *key) {
    static char text[256];
    struct yoke_metadata_entry entry = {0};
    text[0] = '\0';
    while (yoke_metadata_find(metadata, key, &entry)) {
        strncat(text, entry.value, sizeof(text) - strlen(text) - 1);
        strncat(text, "|", sizeof(text) - strlen(text) - 1);
    }
    return text;
}

/* What a callback saw of its call. */
struct seen {
    unsigned done;
    enum yoke_code code;
    char headers[64], trailers[64], reason[64];
    int second_reason; /* what looking for one gave */
    unsigned header_hooks;
};

static void on_headers(struct yoke_call *call, void *user_data) {
    struct seen *seen = user_data;
    seen->header_hooks++;
    CHECK_STR(values(yoke_call_headers(call), "h"), "1|2|");
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                    void *user_data) {
    (void)reply;
    struct seen *seen = user_data;
    seen->done++;
    seen->code = status->code;
    (void)snprintf(seen->headers, sizeof(seen->headers), "%s", values(yoke_call_headers(call), "h"));
    (void)snprintf(seen->trailers, sizeof(seen->trailers), "%s", values(yoke_call_trailers(call), "t-bin"));
    const Unit__Reason *reason = NULL;
    if (unit_reason_detail_get(call, 0, &reason) == 0) {
        (void)snprintf(seen->reason, sizeof(seen->reason), "%s", reason->text);
    }
    seen->second_reason = unit_reason_detail_get(call, 1, &reason);
}

static void decorate(struct yoke_call *call) {
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "h", "1"), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "other", "x"), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "h", "2"), 0);
    CHECK_INT(yoke_metadata_add_binary(yoke_call_trailers(call), "t-bin", "\x01\x02", 2), 0);
}

static void act(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    CHECK_STR(values(yoke_call_metadata(call), "key"), "a|b|");
    CHECK_INT(yoke_metadata_add(yoke_call_metadata(call), "key", "c"), -EPERM);
    decorate(call);
    if (request->data.len == 0) {
        CHECK_INT(unit_echo_as_reply(call, request), 0);
        return;
    }
    Unit__Reason reason = UNIT__REASON__INIT;
    reason.text = (char *)(uintptr_t) "because";
    CHECK_INT(unit_reason_detail_add(call, &reason), 0);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "no"), 0);
}

static void call_as(const char *data, struct seen *seen) {
    struct yoke_metadata *metadata;
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "a"), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "b"), 0);
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata, .ret_call = &call};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data.data = (uint8_t *)(uintptr_t)data;
    request.data.len = strlen(data);
    REQUIRE_INT(unit_echo_as(machine_channel(&master), &request, &options, on_done, seen), 0);
    yoke_metadata_destroy(metadata);
    CHECK_INT(yoke_call_on_headers(call, on_headers, seen), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(seen->done, 1);
    CHECK_INT(seen->header_hooks, 1);
    CHECK_STR(seen->headers, "1|2|");
    CHECK_STR(seen->trailers, "\x01\x02|");
}

static void metadata_travels_with_each_part_of_a_call(void) {
    start();
    worker.act = act;
    struct seen ok = {0};
    call_as("", &ok);
    CHECK_INT(ok.code, YOKE_OK);
    CHECK_INT(ok.second_reason, -ENOENT);
    struct seen failed = {0};
    call_as("fail", &failed);
    CHECK_INT(failed.code, YOKE_ABORTED);
    CHECK_STR(failed.reason, "because");
    CHECK_INT(failed.second_reason, -ENOENT);
    finish();
}

/* ---- The wrong side, the wrong time ------------------------------------------------------------------------------ */

static void on_nothing(struct yoke_call *call, void *user_data) {
    (void)call;
    (void)user_data;
}

static void each_side_has_its_own_functions(void) {
    struct outcome outcome = {0};
    struct yoke_call *call;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const Unit__Reason reason = UNIT__REASON__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    start();
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    struct yoke_call *held = worker.held[0];
    CHECK_INT(yoke_call_send_headers(call), -EINVAL);
    CHECK_INT(unit_reason_detail_add(call, &reason), -EINVAL);
    CHECK_INT(yoke_call_on_headers(held, on_nothing, NULL), -EINVAL);
    CHECK_INT(yoke_call_set_timeout(call, 1), -EINVAL);
    CHECK_INT(yoke_call_set_timeout(held, 1), -EINVAL);
    CHECK(yoke_call_metadata(held) == NULL);
    CHECK(yoke_call_headers(call) == NULL);
    CHECK(yoke_call_trailers(call) == NULL);
    CHECK(yoke_call_details(call) == NULL);
    CHECK(yoke_call_details(held) == NULL);
    CHECK_INT(unit_reason_detail_add(held, &reason), 0);
    struct yoke_metadata_entry entry = {0};
    CHECK(yoke_metadata_next(yoke_call_details(held), &entry));
    CHECK_STR(entry.key, "unit.Reason");
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

static void headers_are_not_sent_to_nobody(void) {
    struct outcome outcome = {0};
    start();
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    machine_close(&worker, "gone");
    CHECK_INT(yoke_call_send_headers(worker.held[0]), -ENOTCONN);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ENOTCONN);
    machine_release(&master);
    machine_release(&worker);
}

/* Headers without an entry tell that the call has been taken. */
static void headers_may_be_empty(void) {
    struct seen seen = {0};
    struct yoke_call *call;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    start();
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, on_done, &seen), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_on_headers(call, on_nothing, NULL), 0);
    CHECK_INT(yoke_call_send_headers(worker.held[0]), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_send_headers(worker.held[0]), -EALREADY);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(worker.held[0]), "late", "x"), -EPERM);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(seen.code, YOKE_OK);
    finish();
}

/* What only the peer can fill is nobody else's, from the beginning. */
static void what_the_peer_fills_is_sealed(void) {
    struct seen seen = {0};
    struct yoke_call *call;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    start();
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, on_done, &seen), 0);
    CHECK_INT(yoke_call_on_headers(call, on_nothing, NULL), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "h", "x"), -EPERM);
    CHECK_INT(yoke_metadata_add_binary(yoke_call_trailers(call), "t-bin", "x", 1), -EPERM);
    machine_exchange(&master, &worker);
    CHECK(yoke_call_trailers(worker.held[0]) != NULL);
    CHECK_INT(yoke_metadata_add(yoke_call_metadata(worker.held[0]), "k", "x"), -EPERM);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_STR(seen.headers, "");
    CHECK_STR(seen.trailers, "");
    finish();
}

static struct yoke_call *streaming;

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)request;
    (void)user_data;
    streaming = call;
}

static void on_reply(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    struct seen *seen = user_data;
    (void)message;
    CHECK_INT(seen->header_hooks, yoke_call_headers(call) != NULL);
}

static void on_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    on_done(call, status, NULL, user_data);
}

/* Headers precede the first reply or do not come at all, whether the handler has any then or not. */
static void headers_do_not_follow_replies(void) {
    static const struct unit_streams_handlers streams = {.down = on_down};
    for (unsigned is_early = 0; is_early < 2; is_early++) {
        struct seen seen = {0};
        struct yoke_call *call;
        const Unit__Bytes message = UNIT__BYTES__INIT;
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
        start();
        worker.server.announced = false;
        REQUIRE_INT(unit_streams_serve(&worker.server, &streams, NULL), 0);
        CHECK_INT(unit_streams_down(machine_channel(&master), &message, &options, on_reply, on_end, &seen), 0);
        if (is_early) {
            CHECK_INT(yoke_call_on_headers(call, on_headers, &seen), 0);
        }
        machine_exchange(&master, &worker);
        if (is_early) {
            decorate(streaming);
        }
        CHECK_INT(unit_streams_down_reply(streaming, &message), 0);
        CHECK_INT(yoke_metadata_add(yoke_call_headers(streaming), "h", "late"), -EPERM);
        CHECK_INT(yoke_call_send_headers(streaming), -EALREADY);
        CHECK_INT(unit_streams_down_reply(streaming, &message), 0);
        CHECK_INT(yoke_call_finish(streaming), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(seen.done, 1);
        CHECK_STR(seen.headers, is_early ? "1|2|" : "");
        CHECK_INT(seen.header_hooks, is_early);
        finish();
    }
}

/* ---- Bounds ------------------------------------------------------------------------------------------------------ */

static void add_many(struct yoke_metadata *metadata, size_t size) {
    static const char large[60000];
    CHECK_INT(yoke_metadata_add_binary(metadata, "k-bin", large, size), 0);
}

static void act_largely(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    const char *what = machine->act_data;
    add_many(*what == 'h' ? yoke_call_headers(call) : yoke_call_trailers(call), 1000);
    (void)unit_echo_as_reply(call, request);
}

/* The worker may send a kibibyte of each, and the master takes less. */
static void what_is_too_large_ends_the_call(void) {
    static const char *const parts[] = {"headers", "trailers", "request"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct outcome outcome = {0};
        struct yoke_metadata *metadata;
        const Unit__Bytes request = UNIT__BYTES__INIT;
        const struct yoke_limits small = {.max_metadata_bytes = 500};
        bool is_request = parts[i][0] == 'r';
        machine_init(&master, true, is_request ? NULL : &small);
        machine_init(&worker, false, is_request ? &small : NULL);
        worker.act = is_request ? NULL : act_largely;
        worker.act_data = (void *)(uintptr_t)parts[i];
        REQUIRE_INT(yoke_metadata_create(&metadata), 0);
        add_many(metadata, 1000);
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = is_request ? metadata : NULL};
        CHECK_INT(unit_echo_as(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
        yoke_metadata_destroy(metadata);
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_CONTAINS(outcome.message, "larger than max_metadata_bytes");
        finish();
    }
}

static void act_with_large_trailers(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    add_many(yoke_call_trailers(call), 40000);
    if (request->data.len == 0) {
        (void)unit_echo_as_reply(call, request);
    } else {
        (void)yoke_call_fail(call, YOKE_ABORTED, "no");
    }
}

/* Also where no message would be nearly as large. */
static void metadata_is_judged_by_its_own_limit(void) {
    for (size_t length = 0; length < 2; length++) {
        struct outcome outcome = {0};
        machine_init(&master, true, &(struct yoke_limits){.max_message_bytes = 100});
        machine_init(&worker, false, &(struct yoke_limits){.max_metadata_bytes = 65536});
        worker.act = act_with_large_trailers;
        CHECK_INT(machine_call_as(&master, "x", length, &outcome), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_CONTAINS(outcome.message, "larger than max_metadata_bytes");
        finish();
    }
    /* And where both are allowed. */
    struct outcome outcome = {0};
    machine_init(&master, true, &(struct yoke_limits){.max_message_bytes = 100, .max_metadata_bytes = 65536});
    machine_init(&worker, false, &(struct yoke_limits){.max_metadata_bytes = 65536});
    worker.act = act_with_large_trailers;
    CHECK_INT(machine_call_as(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_ABORTED);
    finish();
}

/* END without a message, and more trailers than are taken: its status is lost, and nothing else. */
static void large_trailers_of_a_stream_are_no_violation(void) {
    static const struct unit_streams_handlers streams = {.down = on_down};
    struct seen seen = {0};
    const Unit__Bytes message = UNIT__BYTES__INIT;
    machine_init(&master, true, &(struct yoke_limits){.max_message_bytes = 100});
    machine_init(&worker, false, &(struct yoke_limits){.max_metadata_bytes = 65536});
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, NULL), 0);
    CHECK_INT(unit_streams_down(machine_channel(&master), &message, NULL, NULL, on_end, &seen), 0);
    machine_exchange(&master, &worker);
    add_many(yoke_call_trailers(streaming), 40000);
    CHECK_INT(yoke_call_finish(streaming), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(seen.done, 1);
    CHECK_INT(seen.code, YOKE_RESOURCE_EXHAUSTED);
    finish();
}

static void too_much_is_not_sent(void) {
    struct outcome outcome = {0};
    struct yoke_metadata *metadata;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    start();
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    CHECK_INT(unit_echo_now(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
    add_many(metadata, 8192);
    CHECK_INT(unit_echo_now(machine_channel(&master), &request, &options, outcome_take, &outcome), -EMSGSIZE);
    yoke_metadata_destroy(metadata);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    finish();
}

/* More calls with metadata at once than are kept to be used again. */
static void many_calls_can_have_metadata(void) {
    static struct outcome outcomes[300];
    struct yoke_metadata *metadata;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    start();
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "value"), 0);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    for (size_t i = 0; i < 300; i++) {
        CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcomes[i]), 0);
    }
    yoke_metadata_destroy(metadata);
    machine_exchange(&master, &worker);
    CHECK(worker.connection.buffered_bytes > 300 * 10);
    for (size_t i = 0; i < 300; i++) {
        CHECK_STR(values(yoke_call_metadata(worker.held[0]), "key"), "value|");
        CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    }
    machine_exchange(&master, &worker);
    for (size_t i = 0; i < 300; i++) {
        CHECK_INT(outcomes[i].count, 1);
    }
    CHECK_INT(worker.connection.buffered_bytes, 0);
    CHECK_INT(worker.engine.idle_envelope_count, YOKE__IDLE_ENVELOPES_MAX);
    finish();
}

/* ---- Want of memory ---------------------------------------------------------------------------------------------- */

static void act_failing(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    Unit__Reason reason = UNIT__REASON__INIT;
    reason.text = (char *)(uintptr_t) "because";
    (void)yoke_metadata_add(yoke_call_headers(call), "h", "1");
    (void)yoke_metadata_add_binary(yoke_call_trailers(call), "t-bin", "x", 1);
    (void)unit_reason_detail_add(call, &reason);
    (void)yoke_call_fail(call, YOKE_ABORTED, "no");
}

static void on_any_headers(struct yoke_call *call, void *user_data) {
    (void)call;
    ((struct seen *)user_data)->header_hooks++;
}

/* One conversation, in which one allocation fails. */
static bool fail_one(size_t nth) {
    struct seen seen = {0};
    struct yoke_metadata *metadata;
    struct yoke_call *call = NULL;
    size_t live = memory_live_blocks();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    start();
    worker.act = act_failing;
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "a"), 0);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata, .ret_call = &call};
    memory_fail_once(nth);
    int error = unit_echo_as(machine_channel(&master), &request, &options, on_done, &seen);
    CHECK(error == 0 || error == -ENOMEM);
    if (error == 0) {
        int hook_error = yoke_call_on_headers(call, on_any_headers, &seen);
        CHECK(hook_error == 0 || hook_error == -ENOMEM);
    }
    machine_exchange(&master, &worker);
    bool has_failed = memory_fail_never();
    yoke_metadata_destroy(metadata);
    machine_close(&worker, "over");
    machine_close(&master, "over");
    machine_settle(&master);
    CHECK_INT(seen.done, error == 0);
    CHECK(has_failed || (seen.code == YOKE_ABORTED && strcmp(seen.reason, "because") == 0 && seen.header_hooks == 1));
    machine_release(&master);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), live);
    return has_failed;
}

static void want_of_memory_is_told(void) {
    size_t nth = 0;
    while (fail_one(nth)) {
        nth++;
    }
    CHECK(nth > 8);
}

static const struct test_case cases[] = {
    {.name = "metadata travels with each part of a call", .run = metadata_travels_with_each_part_of_a_call},
    {.name = "each side has its own functions", .run = each_side_has_its_own_functions},
    {.name = "headers are not sent to nobody", .run = headers_are_not_sent_to_nobody},
    {.name = "headers may be empty", .run = headers_may_be_empty},
    {.name = "what the peer fills is sealed", .run = what_the_peer_fills_is_sealed},
    {.name = "headers do not follow replies", .run = headers_do_not_follow_replies},
    {.name = "what is too large ends the call", .run = what_is_too_large_ends_the_call},
    {.name = "metadata is judged by its own limit", .run = metadata_is_judged_by_its_own_limit},
    {.name = "large trailers of a stream are no violation", .run = large_trailers_of_a_stream_are_no_violation},
    {.name = "too much is not sent", .run = too_much_is_not_sent},
    {.name = "many calls can have metadata", .run = many_calls_can_have_metadata},
    {.name = "want of memory is told", .run = want_of_memory_is_told},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"connection: metadata", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
