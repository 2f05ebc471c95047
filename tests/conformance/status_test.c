/*
 * status_test.c: rows of docs/statuses.md that no other test shows alone: what makes a call end, at which side, and the
 * code that its caller gets. Two machines joined by memory, so that each event comes exactly when it should.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/queue.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire; /* what a peer says by hand */

/* How the master's call ended. */
static struct ended {
    unsigned count;
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    bool safe_to_retry;
} ended;

/* ---- The worker's streams */

static struct yoke_call *stream; /* the one that is handled */
static bool holds;

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    (void)unit_streams_down_reply(call, request);
    stream = call;
}

static void on_open(struct yoke_call *call, void *user_data) {
    (void)user_data;
    stream = call;
    if (holds) {
        yoke_call_hold(call);
    }
}

static void on_request(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)call;
    (void)request;
    (void)user_data;
}

static void on_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    stream = call;
}

static const struct unit_streams_handlers streams = {.down = on_down,
                                                     .up = on_open,
                                                     .up_message = on_request,
                                                     .up_end = on_end,
                                                     .both = on_open,
                                                     .both_message = on_request,
                                                     .both_end = on_end};

/* ---- Calls of the master */

static void start(void) {
    ended = (struct ended){0};
    stream = NULL;
    holds = false;
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, NULL), 0);
    REQUIRE_INT(yoke__connection_greet(&master.connection), 0);
    REQUIRE_INT(yoke__connection_greet(&worker.connection), 0);
    machine_exchange(&master, &worker);
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

static void take_end(struct yoke_call *call, const struct yoke_status *status) {
    ended.count++;
    ended.code = status->code;
    (void)snprintf(ended.message, sizeof(ended.message), "%s", status->message);
    ended.safe_to_retry = yoke_call_is_safe_to_retry(call);
}

static void on_bytes(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                     void *user_data) {
    (void)user_data;
    CHECK((status->code == YOKE_OK) == (reply != NULL));
    take_end(call, status);
}

static void on_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                    void *user_data) {
    (void)user_data;
    CHECK((status->code == YOKE_OK) == (reply != NULL));
    take_end(call, status);
}

static void on_stream_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)user_data;
    take_end(call, status);
}

static Unit__Bytes bytes_of(size_t size) {
    static uint8_t zeros[1500000];
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    REQUIRE(size <= sizeof(zeros));
    bytes.data = (ProtobufCBinaryData){.len = size, .data = zeros};
    return bytes;
}

static struct yoke_call *call_as(size_t size, const struct yoke_call_options *options) {
    struct yoke_call_options all = options != NULL ? *options : (struct yoke_call_options){YOKE_CALL_OPTIONS_INIT};
    struct yoke_call *call = NULL;
    all.ret_call = &call;
    const Unit__Bytes request = bytes_of(size);
    REQUIRE_INT(unit_echo_as(machine_channel(&master), &request, &all, on_bytes, NULL), 0);
    return call;
}

static void call_later(void) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    REQUIRE_INT(unit_echo_later(machine_channel(&master), &request, NULL, on_bytes, NULL), 0);
}

static struct yoke_call *call_down(size_t size) {
    struct yoke_call *call;
    const Unit__Bytes request = bytes_of(size);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    REQUIRE_INT(unit_streams_down(machine_channel(&master), &request, &options, NULL, on_stream_end, NULL), 0);
    return call;
}

static struct yoke_call *call_both(void) {
    struct yoke_call *call;
    REQUIRE_INT(unit_streams_both(machine_channel(&master), NULL, NULL, on_stream_end, NULL, &call), 0);
    return call;
}

/* The call has ended, once, with this code, and its message has this part. */
static void expect(enum yoke_code code, const char *part) {
    machine_exchange(&master, &worker);
    CHECK_INT(ended.count, 1);
    CHECK_STR(yoke_code_name(ended.code), yoke_code_name(code));
    CHECK_CONTAINS(ended.message, part);
}

/* The handler of a stream that is over, and was told so, lets go of it. */
static void let_go(void) {
    CHECK(yoke_call_is_cancelled(stream));
    CHECK_INT(yoke_call_fail(stream, YOKE_ABORTED, NULL), -ECANCELED);
}

/* ---- The handler's word */

static void fail_with_no_code(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)request;
    const int *code = machine->act_data;
    CHECK_INT(yoke_call_fail(call, (enum yoke_code) * code, "not a code"), -EINVAL);
}

static void a_handler_that_fails_with_no_error_code(void) {
    static const int codes[] = {YOKE_OK, 17, -1, 1000000};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        start();
        worker.act = fail_with_no_code;
        worker.act_data = (void *)(uintptr_t)&codes[i];
        call_as(0, NULL);
        expect(YOKE_UNKNOWN, "not a code");
        finish();
    }
}

/* ---- Messages that are too large */

static void a_request_over_the_limit_of_the_server(void) {
    start();
    worker.engine.limits.max_message_bytes = 100;
    call_as(200, NULL);
    expect(YOKE_RESOURCE_EXHAUSTED, "the request is larger than max_message_bytes");
    CHECK_INT(worker.handled, 0);
    finish();
}

static void a_reply_over_the_limit_of_the_server(void) {
    start();
    /* The request is taken before the limit falls. */
    call_later();
    machine_exchange(&master, &worker);
    worker.engine.limits.max_message_bytes = 100;
    static uint8_t data[200];
    CHECK_INT(machine_answer_held(&worker, data, sizeof(data)), -EMSGSIZE);
    expect(YOKE_RESOURCE_EXHAUSTED, "max_message_bytes");
    finish();
}

static void a_reply_over_the_limit_of_the_client(void) {
    start();
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = 100};
    call_as(200, &options);
    expect(YOKE_RESOURCE_EXHAUSTED, "is larger than max_reply_bytes");
    CHECK_INT(worker.handled, 1);
    finish();

    /* So much larger than anything that may come that it is not even taken in. */
    start();
    master.engine.limits.max_metadata_bytes = 0;
    call_as(200000, NULL);
    master.engine.limits.max_message_bytes = 100;
    expect(YOKE_RESOURCE_EXHAUSTED, "200004 bytes, is larger than max_reply_bytes");
    finish();
}

static void a_streamed_request_over_the_limit_of_the_server(void) {
    start();
    worker.engine.limits.max_message_bytes = 100;
    struct yoke_call *call = call_both();
    const Unit__Bytes message = bytes_of(200);
    CHECK_INT(unit_streams_both_send(call, &message), 0);
    expect(YOKE_RESOURCE_EXHAUSTED, "a message is larger than its receiver allows");
    let_go();
    finish();
}

static void a_streamed_reply_over_the_limit_of_the_client(void) {
    start();
    master.engine.limits.max_message_bytes = 100;
    struct yoke_call *call = call_both();
    machine_exchange(&master, &worker);
    const Unit__Bytes message = bytes_of(200);
    CHECK_INT(unit_streams_both_reply(stream, &message), 0);
    expect(YOKE_RESOURCE_EXHAUSTED, "a message is larger than its receiver allows");
    (void)call;
    let_go();
    finish();
}

/* ---- Too much at once */

static void a_call_beyond_max_incoming_calls(void) {
    start();
    worker.engine.limits.max_incoming_calls = 1;
    struct outcome first = {0};
    CHECK_INT(machine_call_later(&master, NULL, 0, &first), 0);
    call_as(0, NULL);
    expect(YOKE_RESOURCE_EXHAUSTED, "max_incoming_calls are unanswered");
    CHECK_INT(machine_answer_held(&worker, NULL, 0), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(first.code, YOKE_OK);
    finish();
}

static void a_call_while_too_many_bytes_are_unanswered(void) {
    start();
    worker.engine.limits.max_buffered_bytes = 1000;
    struct outcome first = {0};
    static uint8_t data[20000];
    CHECK_INT(machine_call_later(&master, data, sizeof(data), &first), 0);
    call_as(0, NULL);
    expect(YOKE_RESOURCE_EXHAUSTED, "max_buffered_bytes of requests are unanswered");
    CHECK_INT(machine_answer_held(&worker, NULL, 0), 0);
    finish();
}

static void a_call_while_too_many_answers_are_unread(void) {
    start();
    worker.engine.limits.max_queued_bytes = 10000;
    struct outcome first = {0};
    static uint8_t data[10001];
    CHECK_INT(machine_call_now(&master, data, sizeof(data), &first), 0);
    call_as(0, NULL);
    /* The first answer is still queued when the second call comes. */
    expect(YOKE_RESOURCE_EXHAUSTED, "max_queued_bytes wait to be written");
    CHECK_INT(first.code, YOKE_OK);
    finish();
}

static void requests_that_the_handler_does_not_read(void) {
    start();
    worker.engine.limits.max_buffered_bytes = 1000;
    holds = true;
    struct yoke_call *call = call_both();
    const Unit__Bytes message = bytes_of(600);
    CHECK_INT(unit_streams_both_send(call, &message), 0);
    CHECK_INT(unit_streams_both_send(call, &message), 0);
    expect(YOKE_RESOURCE_EXHAUSTED, "max_buffered_bytes of unread messages");
    let_go();
    finish();
}

static void replies_that_the_caller_does_not_read(void) {
    start();
    master.engine.limits.max_buffered_bytes = 1000;
    CHECK_INT(yoke_call_hold(call_down(600)), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(ended.count, 0);
    const Unit__Bytes message = bytes_of(600);
    CHECK_INT(unit_streams_down_reply(stream, &message), 0);
    expect(YOKE_RESOURCE_EXHAUSTED, "max_buffered_bytes of unread messages");
    let_go();
    finish();
}

/* ---- Metadata that is too large */

static void add_long_value(struct yoke_metadata *list) {
    CHECK_INT(yoke_metadata_add(list, "key", "a value of more than the forty bytes that are allowed"), 0);
}

static void call_with_metadata(void) {
    struct yoke_metadata *metadata;
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    add_long_value(metadata);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    call_as(0, &options);
    yoke_metadata_destroy(metadata);
}

static void metadata_over_the_limit_of_the_server(void) {
    start();
    worker.engine.limits.max_metadata_bytes = 40;
    call_with_metadata();
    expect(YOKE_RESOURCE_EXHAUSTED, "the metadata is larger than max_metadata_bytes");
    CHECK_INT(worker.handled, 0);
    finish();
}

static void reply_with_headers(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    add_long_value(yoke_call_headers(call));
    /* When the headers leave, before the reply, the call has not ended. */
    CHECK_INT(yoke_call_send_headers(call), 0);
    CHECK_INT(unit_echo_as_reply(call, request), 0);
}

static void reply_with_trailers(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    add_long_value(yoke_call_trailers(call));
    CHECK_INT(unit_echo_as_reply(call, request), 0);
}

static void fail_with_detail(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    Unit__Reason reason = UNIT__REASON__INIT;
    reason.text = (char *)(uintptr_t) "a text of more than the forty bytes that are allowed";
    CHECK_INT(unit_reason_detail_add(call, &reason), 0);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "for a reason"), 0);
}

static void headers_trailers_or_details_over_the_limit_of_the_client(void) {
    void (*const acts[])(struct machine *, struct yoke_call *,
                         const Unit__Bytes *) = {reply_with_headers, reply_with_trailers, fail_with_detail};
    for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
        start();
        worker.act = acts[i];
        call_as(0, NULL);
        master.engine.limits.max_metadata_bytes = 40;
        expect(YOKE_RESOURCE_EXHAUSTED, "the metadata of the answer is larger than max_metadata_bytes");
        finish();
    }
}

/* ---- Messages that are none */

/* Calls a method with a request, or with replies, of another type than the server's. */
static void call_wrongly(const struct yoke_method *method, const void *request, yoke_function *done) {
    struct yoke_call *call;
    REQUIRE_INT(yoke_channel_open(machine_channel(&master), method, request, NULL, NULL, done, NULL, &call), 0);
}

static void a_request_that_is_malformed(void) {
    static struct yoke_method method;
    method = unit_echo_tree_method;
    method.request = unit_echo_now_method.request;
    const Unit__Bytes request = bytes_of(10);
    start();
    call_wrongly(&method, &request, (yoke_function *)on_tree);
    expect(YOKE_INTERNAL, "the request of unit.Echo/Tree is malformed or nested too deeply");
    CHECK_INT(worker.handled, 0);
    finish();
}

static void a_reply_that_is_malformed(void) {
    static struct yoke_method method;
    method = unit_echo_tree_method;
    method.reply = unit_echo_now_method.reply;
    method.complete = unit_echo_now_method.complete;
    Unit__Node request = UNIT__NODE__INIT;
    request.value = 5;
    start();
    call_wrongly(&method, &request, (yoke_function *)on_bytes);
    expect(YOKE_INTERNAL, "the reply to unit.Echo/Tree is malformed or nested too deeply");
    CHECK_INT(worker.handled, 1);
    finish();
}

static void a_streamed_request_that_is_malformed(void) {
    static struct yoke_method method;
    method = unit_streams_both_method;
    method.request = unit_echo_tree_method.request;
    Unit__Node request = UNIT__NODE__INIT;
    request.value = 5;
    start();
    struct yoke_call *call;
    REQUIRE_INT(yoke_channel_open(machine_channel(&master), &method, NULL, NULL, NULL, (yoke_function *)on_stream_end,
                                  NULL, &call),
                0);
    CHECK_INT(yoke_call_send(call, &method, &request), 0);
    expect(YOKE_INTERNAL, "a message is malformed or nested too deeply");
    let_go();
    finish();
}

static void a_streamed_reply_that_is_malformed(void) {
    static struct yoke_method method;
    method = unit_streams_down_method;
    method.reply = unit_echo_tree_method.reply;
    const Unit__Bytes request = bytes_of(10);
    start();
    call_wrongly(&method, &request, (yoke_function *)on_stream_end);
    expect(YOKE_INTERNAL, "a message is malformed or nested too deeply");
    let_go();
    finish();
}

static void a_request_that_is_nested_too_deeply(void) {
    Unit__Node nodes[4];
    start();
    worker.engine.limits.max_nesting = 3;
    for (size_t i = 0; i < 4; i++) {
        nodes[i] = (Unit__Node)UNIT__NODE__INIT;
        nodes[i].child = i > 0 ? &nodes[i - 1] : NULL;
    }
    REQUIRE_INT(unit_echo_tree(machine_channel(&master), &nodes[3], NULL, on_tree, NULL), 0);
    expect(YOKE_INTERNAL, "the request of unit.Echo/Tree is malformed or nested too deeply");
    CHECK_INT(worker.handled, 0);
    finish();
}

/* A node of very many empty children. */
static void call_expensive_tree(void) {
    enum { COUNT = 10000 };
    static Unit__Node *children[COUNT];
    static Unit__Node empty = UNIT__NODE__INIT;
    for (size_t i = 0; i < COUNT; i++) {
        children[i] = &empty;
    }
    Unit__Node root = UNIT__NODE__INIT;
    root.children = children;
    root.n_children = COUNT;
    REQUIRE_INT(unit_echo_tree(machine_channel(&master), &root, NULL, on_tree, NULL), 0);
}

static void a_request_that_takes_too_much_memory(void) {
    start();
    worker.engine.limits.decode_memory_factor = 1;
    call_expensive_tree();
    expect(YOKE_RESOURCE_EXHAUSTED, "the request of unit.Echo/Tree needs too much memory to decode");
    CHECK_INT(worker.handled, 0);
    finish();
}

static void a_reply_that_takes_too_much_memory(void) {
    start();
    worker.engine.limits.decode_memory_factor = 1000;
    master.engine.limits.decode_memory_factor = 1;
    call_expensive_tree();
    expect(YOKE_RESOURCE_EXHAUSTED, "the reply to unit.Echo/Tree needs too much memory to decode");
    CHECK_INT(worker.handled, 1);
    finish();
}

/* ---- What interceptors say */

/* What an interceptor says, and what it saw. */
struct word {
    struct yoke_status start, finish; /* code OK: nothing */
    bool has_finish;
    uint64_t timeout_us;
    unsigned started, finished;
    enum yoke_code saw;
};

static void on_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call_data;
    struct word *word = user_data;
    word->started++;
    if (word->start.code != YOKE_OK) {
        *status = word->start;
    }
    if (word->timeout_us != 0) {
        CHECK_INT(yoke_call_set_timeout(call, word->timeout_us), 0);
    }
}

static void on_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)call_data;
    struct word *word = user_data;
    word->finished++;
    word->saw = status->code;
    if (word->has_finish) {
        *status = word->finish;
    }
}

static void intercept(bool at_client, struct word *word) {
    static const struct yoke_interceptor interceptor = {.start = on_start, .finish = on_finish};
    REQUIRE_INT(at_client ? yoke_channel_intercept(machine_channel(&master), &interceptor, word)
                          : yoke_server_intercept(&worker.server, &interceptor, word),
                0);
}

/* ---- Want of memory */

/* Something that needs memory, and what the caller hears at least once when each allocation of it fails in turn. */
struct shortage {
    void (*prepare)(void);
    void (*act)(void); /* where they fail */
    const char *message;
};

static void to_worker(void) {
    machine_carry(&master, &worker, 0);
}

static void to_master(void) {
    machine_carry(&worker, &master, 0);
}

/* So large that it goes in fragments. */
#define LARGE 1500000

static void prepare_intercepted(void) {
    static struct word word;
    word = (struct word){0};
    intercept(false, &word);
    call_as(0, NULL);
}

static void prepare_stream(void) {
    (void)call_both();
}

static void send_one(size_t size) {
    struct yoke_call *call = call_both();
    machine_exchange(&master, &worker);
    const Unit__Bytes message = bytes_of(size);
    CHECK_INT(unit_streams_both_send(call, &message), 0);
}

static void prepare_message_on_hold(void) {
    holds = true;
    send_one(200000);
}

static void prepare_large_message(void) {
    send_one(LARGE);
}

static void prepare_handled_call(void) {
    call_later();
    machine_exchange(&master, &worker);
}

static void answer_large(void) {
    (void)machine_answer_held(&worker, bytes_of(LARGE).data.data, LARGE);
}

static void prepare_large_reply(void) {
    prepare_handled_call();
    answer_large();
}

static void prepare_answered_call(void) {
    call_as(10, NULL);
    to_worker();
}

static void prepare_headers(void) {
    worker.act = reply_with_headers;
    call_as(0, NULL);
    to_worker();
}

static void prepare_trailers(void) {
    worker.act = reply_with_trailers;
    call_as(0, NULL);
    to_worker();
}

static void prepare_reply_of_stream(void) {
    (void)call_down(10);
    to_worker();
}

static void prepare_replies_on_hold(void) {
    CHECK_INT(yoke_call_hold(call_down(600)), 0);
    to_worker();
}

static struct yoke_call *waiting;

/* A stream that waits for a worker, which is there now. */
static void prepare_waiting_stream(void) {
    master.channel.connection = NULL;
    machine_channel(&master)->expects_peer = true;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    REQUIRE_INT(unit_streams_both(machine_channel(&master), &options, NULL, on_stream_end, NULL, &waiting), 0);
    machine_settle(&master);
    master.channel.connection = &master.connection;
}

static void prepare_waiting_stream_that_is_closed(void) {
    prepare_waiting_stream();
    CHECK_INT(yoke_call_half_close(waiting), 0);
}

static void send_waiting(void) {
    yoke__channel_attend(machine_channel(&master));
}

/* Our servers end streams without a message, but one may be there. */
static void prepare_end_with_message(void) {
    (void)call_down(10);
    wire.length = 0;
    wire_end(&wire, 1, &unit_streams_down_method, 10);
}

static void feed_wire(void) {
    (void)machine_feed(&master, wire.bytes, wire.length, 0);
}

static void let_all_go(void) {
    if (stream != NULL) {
        (void)yoke_call_fail(stream, YOKE_ABORTED, NULL);
    }
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, NULL, 0);
    }
}

/* True when the failure of this allocation made the caller hear the message. */
static bool try_shortage(const struct shortage *shortage, size_t nth, bool *ret_has_failed) {
    start();
    shortage->prepare();
    memory_fail_once(nth);
    shortage->act();
    *ret_has_failed = memory_fail_never();
    machine_exchange(&master, &worker);
    bool is_broken = master.connection.failure[0] != '\0' || worker.connection.failure[0] != '\0';
    if (ended.count > 0 && ended.code != YOKE_OK) {
        CHECK_STR(yoke_code_name(ended.code), "RESOURCE_EXHAUSTED");
        CHECK(strstr(ended.message, "memory") != NULL || strstr(ended.message, "room") != NULL);
    }
    bool is_told = ended.count > 0 && strstr(ended.message, shortage->message) != NULL;
    bool goes_on = ended.count == 0;
    let_all_go();
    machine_close(&master, "closed");
    /* Where it could not even be said, the end of the connection says it. */
    CHECK_INT(ended.count, 1);
    CHECK(!goes_on || ended.code == YOKE_UNAVAILABLE || !is_broken);
    machine_release(&master);
    machine_release(&worker);
    return is_told;
}

static void fail_each_allocation(const struct shortage *shortages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        unsigned told = 0;
        bool has_failed = true;
        for (size_t nth = 0; has_failed; nth++) {
            told += try_shortage(&shortages[i], nth, &has_failed);
        }
        if (told == 0) {
            printf("nobody was told \"%s\"\n", shortages[i].message);
        }
        CHECK(told > 0);
    }
}

static void a_server_without_memory(void) {
    static const struct shortage shortages[] = {
        {call_with_metadata, to_worker, "unit.Echo/As: out of memory"},
        {call_with_metadata, to_worker, "unit.Echo/As: out of memory for metadata"},
        {call_with_metadata, to_worker, "needs too much memory to decode"},
        {prepare_intercepted, to_worker, "unit.Echo/As: out of memory"},
        {prepare_stream, to_worker, "unit.Streams/Both: out of memory"},
        {prepare_message_on_hold, to_worker, "out of memory for a message"},
        {prepare_large_message, to_worker, "out of memory for a message"},
        {prepare_handled_call, answer_large, "out of memory for the reply"},
    };
    fail_each_allocation(shortages, sizeof(shortages) / sizeof(*shortages));
}

static void a_client_without_memory(void) {
    static const struct shortage shortages[] = {
        {prepare_headers, to_master, "out of memory for metadata"},
        {prepare_trailers, to_master, "out of memory for metadata"},
        {prepare_answered_call, to_master, "needs too much memory to decode"},
        {prepare_reply_of_stream, to_master, "out of memory for a stream"},
        {prepare_replies_on_hold, to_master, "out of memory for a message"},
        {prepare_large_reply, to_master, "out of memory for a message"},
        {prepare_end_with_message, feed_wire, "out of memory for a message"},
        {prepare_waiting_stream, send_waiting, "there was no room to send the call"},
        {prepare_waiting_stream, send_waiting, "out of memory for a stream"},
        {prepare_waiting_stream_that_is_closed, send_waiting, "out of memory for the end of the stream"},
    };
    fail_each_allocation(shortages, sizeof(shortages) / sizeof(*shortages));
}

/* ---- Interceptors */

static void an_interceptor_refuses(void) {
    for (unsigned at_client = 0; at_client < 2; at_client++) {
        struct word word = {.start = {YOKE_PERMISSION_DENIED, "not you"}};
        start();
        intercept(at_client, &word);
        call_as(0, NULL);
        expect(YOKE_PERMISSION_DENIED, "not you");
        CHECK_INT(ended.safe_to_retry, at_client);
        CHECK_INT(worker.handled, 0);
        CHECK_INT(word.finished, 1);
        finish();
    }
}

static void an_interceptor_makes_ok_an_error(void) {
    for (unsigned at_client = 0; at_client < 2; at_client++) {
        struct word word = {.has_finish = true, .finish = {YOKE_DATA_LOSS, "the reply is wrong"}};
        start();
        intercept(at_client, &word);
        call_as(10, NULL);
        expect(YOKE_DATA_LOSS, "the reply is wrong");
        CHECK_INT(worker.handled, 1);
        CHECK_INT(word.saw, YOKE_OK);
        finish();
    }
}

static void fail_as_aborted(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "try again"), 0);
}

static void an_interceptor_makes_an_error_ok(void) {
    for (unsigned at_client = 0; at_client < 2; at_client++) {
        struct word word = {.has_finish = true, .finish = {YOKE_OK, ""}};
        start();
        worker.act = fail_as_aborted;
        intercept(at_client, &word);
        call_as(0, NULL);
        expect(YOKE_UNKNOWN, "an interceptor made an error OK");
        CHECK_INT(word.saw, YOKE_ABORTED);
        finish();
    }
}

static void an_interceptor_says_no_code(void) {
    for (unsigned at_client = 0; at_client < 2; at_client++) {
        struct word word = {.start = {(enum yoke_code)17, NULL}};
        start();
        intercept(at_client, &word);
        call_as(0, NULL);
        expect(YOKE_UNKNOWN, "");
        finish();
    }
}

static void an_interceptor_sets_the_deadline(void) {
    for (unsigned at_client = 0; at_client < 2; at_client++) {
        struct word word = {.timeout_us = 1000};
        start();
        intercept(at_client, &word);
        call_later();
        machine_exchange(&master, &worker);
        CHECK_INT(ended.count, 0);
        machine_now_ns += MS_NS;
        expect(YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
        CHECK_INT(word.saw, YOKE_DEADLINE_EXCEEDED);
        (void)machine_answer_held(&worker, NULL, 0);
        finish();
    }
}

/* The stub says that the call was not made; the interceptor, which had let it pass, gets a code for it. */
static void an_interceptor_learns_that_the_call_was_not_made(void) {
    struct word word = {0};
    start();
    intercept(true, &word);
    const Unit__Bytes request = bytes_of(200);
    master.engine.limits.max_message_bytes = 100;
    CHECK_INT(unit_echo_as(machine_channel(&master), &request, NULL, on_bytes, NULL), -EMSGSIZE);
    CHECK_INT(word.saw, YOKE_RESOURCE_EXHAUSTED);
    master.channel.connection = NULL;
    CHECK_INT(unit_echo_as(machine_channel(&master), &request, NULL, on_bytes, NULL), -ENOTCONN);
    CHECK_INT(word.saw, YOKE_UNAVAILABLE);
    CHECK_INT(word.finished, 2);
    CHECK_INT(ended.count, 0);
    finish();
}

static void an_interceptor_of_the_server_sees_the_cancellation(void) {
    struct word word = {0};
    start();
    intercept(false, &word);
    struct yoke_call *call = call_both();
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_cancel(call), 0);
    expect(YOKE_CANCELLED, "the call was cancelled");
    let_go();
    CHECK_INT(word.finished, 1);
    CHECK_INT(word.saw, YOKE_CANCELLED);
    finish();
}

/* ---- Going away */

static void a_call_that_crosses_goaway(void) {
    start();
    struct outcome taken = {0};
    CHECK_INT(machine_call_later(&master, NULL, 0, &taken), 0);
    machine_exchange(&master, &worker);
    yoke__connection_go_away(&worker.connection);
    call_as(0, NULL);
    expect(YOKE_UNAVAILABLE, "the peer is going away and has not taken the call");
    CHECK(ended.safe_to_retry);
    CHECK_INT(worker.handled, 1);
    CHECK_INT(machine_answer_held(&worker, NULL, 0), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(taken.code, YOKE_OK);
    finish();
}

static void calls_that_a_draining_worker_gives_up(void) {
    start();
    struct outcome own = {0};
    call_later();
    CHECK_INT(machine_call_later(&worker, NULL, 0, &own), 0);
    machine_exchange(&master, &worker);
    yoke__connection_give_up(&worker.connection, "the worker has stopped before it could answer");
    expect(YOKE_UNAVAILABLE, "the worker has stopped before it could answer");
    CHECK(!ended.safe_to_retry);
    CHECK_STR(yoke_code_name(own.code), "CANCELLED");
    (void)machine_answer_held(&worker, NULL, 0);
    (void)machine_answer_held(&master, NULL, 0);
    finish();
}

static void a_connection_that_ends(void) {
    start();
    call_later();
    machine_exchange(&master, &worker);
    machine_close(&master, "worker 7 was killed by signal 9");
    CHECK_INT(ended.count, 1);
    CHECK_STR(yoke_code_name(ended.code), "UNAVAILABLE");
    CHECK_STR(ended.message, "worker 7 was killed by signal 9; the request may have been handled");
    CHECK(!ended.safe_to_retry);
    (void)machine_answer_held(&worker, NULL, 0);
    finish();
}

/* The caller is gone: nobody gets a status, but the handler must know. */
static void a_caller_that_is_gone(void) {
    struct word word = {0};
    start();
    intercept(false, &word);
    (void)call_both();
    machine_exchange(&master, &worker);
    machine_close(&worker, "the master is gone");
    CHECK(yoke_call_is_cancelled(stream));
    CHECK_INT(yoke_call_fail(stream, YOKE_ABORTED, NULL), -ENOTCONN);
    CHECK_INT(word.saw, YOKE_CANCELLED);
    finish();

    /* A handler that replies all the same. */
    start();
    word = (struct word){0};
    intercept(false, &word);
    call_later();
    machine_exchange(&master, &worker);
    machine_close(&worker, "the master is gone");
    CHECK_INT(machine_answer_held(&worker, NULL, 0), -ENOTCONN);
    CHECK_INT(word.finished, 1);
    CHECK_INT(word.saw, YOKE_CANCELLED);
    finish();
}

/* ---- Waiting for a worker */

static struct yoke_call *call_waiting(uint64_t timeout_us) {
    start();
    master.channel.connection = NULL;
    machine_channel(&master)->expects_peer = true;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true, .timeout_us = timeout_us};
    struct yoke_call *call = call_as(100, &options);
    machine_settle(&master);
    CHECK_INT(ended.count, 0);
    return call;
}

static void a_call_that_waits_in_vain(void) {
    (void)call_waiting(0);
    machine_channel(&master)->expects_peer = false;
    yoke__channel_attend(machine_channel(&master));
    expect(YOKE_UNAVAILABLE, "there is no worker, and none is expected");
    CHECK(ended.safe_to_retry);
    finish();
}

static void a_call_that_waits_too_long(void) {
    (void)call_waiting(1000);
    machine_now_ns += MS_NS;
    expect(YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    CHECK(ended.safe_to_retry);
    finish();
}

static void a_call_that_is_cancelled_while_it_waits(void) {
    CHECK_INT(yoke_call_cancel(call_waiting(0)), 0);
    expect(YOKE_CANCELLED, "the call was cancelled");
    CHECK(ended.safe_to_retry);
    finish();
}

static void a_call_that_has_waited_and_finds_no_room(void) {
    (void)call_waiting(0);
    struct outcome first = {0};
    static uint8_t data[20000];
    master.channel.connection = &master.connection;
    CHECK_INT(machine_call_now(&master, data, sizeof(data), &first), 0);
    master.engine.limits.max_queued_bytes = 10000;
    yoke__channel_attend(machine_channel(&master));
    expect(YOKE_RESOURCE_EXHAUSTED, "there was no room to send the call");
    CHECK(ended.safe_to_retry);
    CHECK_INT(first.code, YOKE_OK);
    finish();
}

/* ---- Deadlines and parents */

static void a_call_whose_deadline_is_over_before_it_is_made(void) {
    struct outcome inner = {0};
    start();
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 1000};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    REQUIRE_INT(unit_echo_later(machine_channel(&master), &request, &options, on_bytes, NULL), 0);
    machine_carry(&master, &worker, 0);
    machine_now_ns += MS_NS;
    /* The handler has not been told yet, and makes a call that inherits the deadline. */
    const struct yoke_call_options nested = {YOKE_CALL_OPTIONS_INIT, .parent = worker.held[0]};
    REQUIRE_INT(unit_echo_now(machine_channel(&worker), &request, &nested, outcome_take, &inner), 0);
    expect(YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    CHECK_STR(yoke_code_name(inner.code), "DEADLINE_EXCEEDED");
    CHECK_STR(inner.message, "the deadline had passed already");
    CHECK_INT(master.handled, 0);
    (void)machine_answer_held(&worker, NULL, 0);
    finish();
}

/* The call has the deadline from the one that it is part of, whose own end comes first. */
static void a_call_whose_inherited_deadline_passes(void) {
    struct outcome inner = {0};
    start();
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 1000};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    REQUIRE_INT(unit_echo_later(machine_channel(&master), &request, &options, on_bytes, NULL), 0);
    machine_carry(&master, &worker, 0);
    const struct yoke_call_options nested = {YOKE_CALL_OPTIONS_INIT, .parent = worker.held[0]};
    REQUIRE_INT(unit_echo_later(machine_channel(&worker), &request, &nested, outcome_take, &inner), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(inner.count, 0);
    machine_now_ns += MS_NS;
    machine_settle(&worker);
    CHECK_STR(yoke_code_name(inner.code), "DEADLINE_EXCEEDED");
    expect(YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    (void)machine_answer_held(&worker, NULL, 0);
    (void)machine_answer_held(&master, NULL, 0);
    finish();
}

static void pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    (void)answer_us;
    (void)user_data;
    ended.count++;
    ended.code = status->code;
}

static void a_ping(void) {
    start();
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 1000, pong, NULL), 0);
    expect(YOKE_OK, "");
    finish();

    start();
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 1000, pong, NULL), 0);
    machine_now_ns += MS_NS;
    machine_settle(&master);
    expect(YOKE_DEADLINE_EXCEEDED, "");
    finish();

    start();
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, pong, NULL), 0);
    machine_close(&master, "gone");
    CHECK_INT(ended.count, 1);
    CHECK_STR(yoke_code_name(ended.code), "UNAVAILABLE");
    finish();
}

/* ---- Peers that break the rules */

static void a_status_that_is_malformed(void) {
    start();
    call_later();
    machine_carry(&master, &worker, 0);
    wire.length = 0;
    const struct yoke__frame end = {
        .stream = 1, .method = unit_echo_later_method.id, .type = YOKE__FRAME_END, .aux = YOKE_ABORTED, .length = 4};
    wire_frame(&wire, &end, "\xff\xff\xff\xff");
    (void)machine_feed(&master, wire.bytes, wire.length, 0);
    CHECK_STR(master.connection.failure, "the status of END is malformed");
    CHECK_INT(ended.count, 0);
    machine_close(&master, "the peer violated the protocol");
    CHECK_INT(ended.count, 1);
    CHECK_STR(yoke_code_name(ended.code), "UNAVAILABLE");
    (void)machine_answer_held(&worker, NULL, 0);
    machine_release(&master);
    machine_release(&worker);
}

static const struct test_case cases[] = {
    {.name = "a handler that fails with no error code", .run = a_handler_that_fails_with_no_error_code},
    {.name = "a request over the limit of the server", .run = a_request_over_the_limit_of_the_server},
    {.name = "a reply over the limit of the server", .run = a_reply_over_the_limit_of_the_server},
    {.name = "a reply over the limit of the client", .run = a_reply_over_the_limit_of_the_client},
    {.name = "a streamed request over the limit of the server", .run = a_streamed_request_over_the_limit_of_the_server},
    {.name = "a streamed reply over the limit of the client", .run = a_streamed_reply_over_the_limit_of_the_client},
    {.name = "a call beyond max_incoming_calls", .run = a_call_beyond_max_incoming_calls},
    {.name = "a call while too many bytes are unanswered", .run = a_call_while_too_many_bytes_are_unanswered},
    {.name = "a call while too many answers are unread", .run = a_call_while_too_many_answers_are_unread},
    {.name = "requests that the handler does not read", .run = requests_that_the_handler_does_not_read},
    {.name = "replies that the caller does not read", .run = replies_that_the_caller_does_not_read},
    {.name = "metadata over the limit of the server", .run = metadata_over_the_limit_of_the_server},
    {.name = "headers, trailers or details over the limit of the client",
     .run = headers_trailers_or_details_over_the_limit_of_the_client},
    {.name = "a request that is malformed", .run = a_request_that_is_malformed},
    {.name = "a reply that is malformed", .run = a_reply_that_is_malformed},
    {.name = "a streamed request that is malformed", .run = a_streamed_request_that_is_malformed},
    {.name = "a streamed reply that is malformed", .run = a_streamed_reply_that_is_malformed},
    {.name = "a request that is nested too deeply", .run = a_request_that_is_nested_too_deeply},
    {.name = "a request that takes too much memory", .run = a_request_that_takes_too_much_memory},
    {.name = "a reply that takes too much memory", .run = a_reply_that_takes_too_much_memory},
    {.name = "a server without memory", .run = a_server_without_memory},
    {.name = "a client without memory", .run = a_client_without_memory},
    {.name = "an interceptor refuses", .run = an_interceptor_refuses},
    {.name = "an interceptor makes OK an error", .run = an_interceptor_makes_ok_an_error},
    {.name = "an interceptor makes an error OK", .run = an_interceptor_makes_an_error_ok},
    {.name = "an interceptor says no code", .run = an_interceptor_says_no_code},
    {.name = "an interceptor sets the deadline", .run = an_interceptor_sets_the_deadline},
    {.name = "an interceptor learns that the call was not made",
     .run = an_interceptor_learns_that_the_call_was_not_made},
    {.name = "an interceptor of the server sees the cancellation",
     .run = an_interceptor_of_the_server_sees_the_cancellation},
    {.name = "a call that crosses GOAWAY", .run = a_call_that_crosses_goaway},
    {.name = "calls that a draining worker gives up", .run = calls_that_a_draining_worker_gives_up},
    {.name = "a connection that ends", .run = a_connection_that_ends},
    {.name = "a caller that is gone", .run = a_caller_that_is_gone},
    {.name = "a call that waits in vain", .run = a_call_that_waits_in_vain},
    {.name = "a call that waits too long", .run = a_call_that_waits_too_long},
    {.name = "a call that is cancelled while it waits", .run = a_call_that_is_cancelled_while_it_waits},
    {.name = "a call that has waited and finds no room", .run = a_call_that_has_waited_and_finds_no_room},
    {.name = "a call whose deadline is over before it is made", .run = a_call_whose_deadline_is_over_before_it_is_made},
    {.name = "a call whose inherited deadline passes", .run = a_call_whose_inherited_deadline_passes},
    {.name = "a ping", .run = a_ping},
    {.name = "a status that is malformed", .run = a_status_that_is_malformed},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"statuses", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
