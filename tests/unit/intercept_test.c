/* intercept_test.c: interceptors at either side: their order, what they may change, and that each that started
 * finishes. */
#include "rpc/intercept.h"

#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;

/* One interceptor: what it does, and what all have done, in order. */
struct hooks {
    char name;
    enum yoke_code refuses;  /* in start */
    enum yoke_code replaces; /* in finish: any end by this; 0: nothing */
    const char *message;
    bool clears;         /* in finish: makes everything OK */
    uint64_t timeout_us; /* set in start; 0: none */
    int timeout_error;   /* what that gave */
    const char *key;     /* metadata that it adds, to the request or to the trailers */
    enum yoke_code seen;
};

static char story[256];

static void tell(char what, char name) {
    size_t used = strlen(story);
    REQUIRE(used + 3 < sizeof(story));
    story[used] = what;
    story[used + 1] = name;
    story[used + 2] = '\0';
}

static void on_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    struct hooks *hooks = user_data;
    CHECK_STR(yoke_code_name(status->code), "OK");
    CHECK(*call_data == NULL);
    *call_data = hooks;
    tell('+', hooks->name);
    if (hooks->timeout_us != 0) {
        hooks->timeout_error = yoke_call_set_timeout(call, hooks->timeout_us);
    }
    if (hooks->key != NULL) {
        CHECK_INT(yoke_metadata_add(yoke_call_metadata(call), hooks->key, "v"), 0);
    }
    if (hooks->refuses != YOKE_OK) {
        *status = (struct yoke_status){hooks->refuses, hooks->message};
    }
}

static void on_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    struct hooks *hooks = user_data;
    (void)call;
    CHECK(*call_data == hooks);
    hooks->seen = status->code;
    tell('-', hooks->name);
    if (hooks->replaces != YOKE_OK) {
        *status = (struct yoke_status){hooks->replaces, hooks->message};
    } else if (hooks->clears) {
        *status = (struct yoke_status){YOKE_OK, NULL};
    }
}

static const struct yoke_interceptor both = {.start = on_start, .finish = on_finish};

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    story[0] = '\0';
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

static void at_caller(struct hooks *hooks, char name) {
    hooks->name = name;
    REQUIRE_INT(yoke_channel_intercept(machine_channel(&master), &both, hooks), 0);
}

static void at_server(struct hooks *hooks, char name) {
    hooks->name = name;
    REQUIRE_INT(yoke_server_intercept(&worker.server, &both, hooks), 0);
}

static void check_ended(const struct outcome *outcome, enum yoke_code code, const char *message) {
    CHECK_INT(outcome->count, 1);
    CHECK_INT(outcome->code, code);
    CHECK_STR(outcome->message, message);
    CHECK_INT(outcome->has_reply, code == YOKE_OK);
}

static struct outcome call_now(void) {
    static struct outcome outcome; /* the call keeps a pointer to it */
    outcome = (struct outcome){0};
    CHECK_INT(machine_call_now(&master, "abc", 3, &outcome), 0);
    machine_exchange(&master, &worker);
    return outcome;
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

static void the_first_is_outermost(void) {
    struct hooks hooks[4] = {0};
    start();
    at_caller(&hooks[0], 'a');
    at_caller(&hooks[1], 'b');
    at_server(&hooks[2], 'c');
    at_server(&hooks[3], 'd');
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_OK, "");
    CHECK_STR(story, "+a+b+c+d-d-c-b-a");
    finish();
}

static void either_hook_may_be_missing(void) {
    struct hooks hooks[2] = {{.name = 'a'}, {.name = 'b'}};
    start();
    const struct yoke_interceptor none = {0};
    CHECK_INT(yoke_channel_intercept(machine_channel(&master), &none, NULL), -EINVAL);
    CHECK_INT(yoke_server_intercept(&worker.server, &none, NULL), -EINVAL);
    CHECK_INT(yoke_channel_intercept(machine_channel(&master), &(struct yoke_interceptor){.start = on_start}, hooks),
              0);
    CHECK_INT(yoke_server_intercept(&worker.server, &(struct yoke_interceptor){.start = on_start}, hooks + 1), 0);
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_OK, "");
    CHECK_STR(story, "+a+b");
    finish();
}

static void there_are_eight_at_most(void) {
    struct hooks hooks[YOKE_INTERCEPTORS_MAX] = {0};
    start();
    for (size_t i = 0; i < YOKE_INTERCEPTORS_MAX; i++) {
        at_caller(&hooks[i], (char)('a' + i));
    }
    CHECK_INT(yoke_channel_intercept(machine_channel(&master), &both, hooks), -ENOSPC);
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_OK, "");
    CHECK_STR(story, "+a+b+c+d+e+f+g+h-h-g-f-e-d-c-b-a");
    master.engine.fork_count++;
    CHECK_INT(yoke_channel_intercept(machine_channel(&master), &both, hooks), -ECHILD);
    master.engine.fork_count--;
    finish();
}

/* ---- Refusals and other statuses --------------------------------------------------------------------------------- */

static void a_caller_s_interceptor_can_refuse(void) {
    struct hooks hooks[3] = {{0}, {.refuses = YOKE_PERMISSION_DENIED, .message = "no"}, {0}};
    start();
    at_caller(&hooks[0], 'a');
    at_caller(&hooks[1], 'b');
    at_caller(&hooks[2], 'c');
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_PERMISSION_DENIED, "no");
    CHECK_STR(story, "+a+b-b-a");
    CHECK_INT(hooks[0].seen, YOKE_PERMISSION_DENIED);
    CHECK_INT(worker.handled, 0);
    finish();
}

static void a_server_s_interceptor_can_refuse(void) {
    struct hooks hooks[2] = {{.refuses = YOKE_UNAUTHENTICATED, .message = NULL}, {0}};
    start();
    at_server(&hooks[0], 'a');
    at_server(&hooks[1], 'b');
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_UNAUTHENTICATED, "");
    CHECK_STR(story, "+a-a");
    CHECK_INT(worker.handled, 0);
    CHECK_INT(worker.connection.incoming_count, 0);
    finish();
}

static void what_is_no_code_is_UNKNOWN(void) {
    struct hooks hooks = {.refuses = (enum yoke_code)99, .message = "what"};
    start();
    at_caller(&hooks, 'a');
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_UNKNOWN, "what");
    finish();
}

static void an_end_can_be_changed(void) {
    struct hooks caller = {0};
    struct hooks server = {.replaces = YOKE_DATA_LOSS, .message = "lost"};
    start();
    at_caller(&caller, 'a');
    at_server(&server, 'b');
    struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_DATA_LOSS, "lost");
    CHECK_INT(server.seen, YOKE_OK);
    CHECK_INT(caller.seen, YOKE_DATA_LOSS);
    caller.replaces = YOKE_ABORTED;
    caller.message = "mine";
    outcome = call_now();
    check_ended(&outcome, YOKE_ABORTED, "mine");
    finish();
}

static void an_error_cannot_become_OK(void) {
    struct hooks caller = {.clears = true};
    struct hooks server = {.refuses = YOKE_ABORTED, .message = "no"};
    start();
    at_caller(&caller, 'a');
    at_server(&server, 'b');
    const struct outcome outcome = call_now();
    check_ended(&outcome, YOKE_UNKNOWN, "an interceptor made an error OK");
    CHECK_INT(caller.seen, YOKE_ABORTED);
    finish();
}

static void act_fail(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    CHECK_INT(yoke_call_fail(call, YOKE_NOT_FOUND, "gone"), 0);
}

static uint8_t large[5 << 20];

static void act_large(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)request;
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.len = *(size_t *)machine->act_data, .data = large};
    int error = unit_echo_as_reply(call, &reply);
    CHECK_INT(error, reply.data.len > 4u << 20 ? -EMSGSIZE : 0);
}

static void every_way_to_end_is_seen(void) {
    struct hooks hooks = {0};
    struct outcome outcome = {0};
    size_t size = sizeof(large);
    start();
    at_server(&hooks, 'a');
    worker.act = act_fail;
    CHECK_INT(machine_call_as(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_NOT_FOUND, "gone");
    CHECK_INT(hooks.seen, YOKE_NOT_FOUND);

    worker.act = act_large;
    worker.act_data = &size;
    outcome = (struct outcome){0};
    CHECK_INT(machine_call_as(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(hooks.seen, YOKE_RESOURCE_EXHAUSTED);

    size = 3 << 20;
    outcome = (struct outcome){0};
    CHECK_INT(machine_call_as(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK_INT(outcome.length, size);
    CHECK_STR(story, "+a-a+a-a+a-a");
    finish();
}

/* ---- Calls that end before they are answered --------------------------------------------------------------------- */

static void a_cancelled_call_finishes_once(void) {
    struct hooks caller = {0};
    struct hooks server = {0};
    struct outcome outcome = {0};
    struct yoke_call *call;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    start();
    at_caller(&caller, 'a');
    at_server(&server, 'b');
    REQUIRE_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_CANCELLED, "the call was cancelled");
    CHECK_INT(caller.seen, YOKE_CANCELLED);
    CHECK_INT(server.seen, YOKE_CANCELLED);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    CHECK_STR(story, "+a+b-a-b");
    finish();
}

/* The connection has failed, and nobody has closed it yet. */
static void a_reply_that_nobody_can_get_finishes_it(void) {
    struct hooks server = {0};
    struct outcome outcome = {0};
    start();
    at_server(&server, 's');
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    yoke__connection_fail(&worker.connection, "it has failed");
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ENOTCONN);
    CHECK_STR(story, "+s-s");
    CHECK_STR(yoke_code_name(server.seen), "CANCELLED");
    machine_release(&master);
    machine_release(&worker);
}

static void answer_in_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    on_start(call, status, call_data, user_data);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "which it must not"), 0);
}

/* An interceptor that answers the call itself is not asked again, nor are those behind it. */
static void a_call_that_has_ended_is_not_started(void) {
    static const struct yoke_interceptor rash = {.start = answer_in_start, .finish = on_finish};
    struct hooks first = {.name = 'a'};
    struct hooks second = {0};
    start();
    REQUIRE_INT(yoke_server_intercept(&worker.server, &rash, &first), 0);
    at_server(&second, 'b');
    const struct outcome outcome = call_now();
    CHECK_STR(story, "+a-a");
    CHECK_INT(worker.handled, 0);
    check_ended(&outcome, YOKE_ABORTED, "which it must not");
    finish();
}

static void answer_in_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    const Unit__Bytes reply = UNIT__BYTES__INIT;
    on_finish(call, status, call_data, user_data);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "which it must not"), -EINVAL);
    CHECK_INT(unit_echo_now_reply(call, &reply), -EINVAL);
}

static void an_interceptor_cannot_answer_what_is_ending(void) {
    static const struct yoke_interceptor rash = {.start = on_start, .finish = answer_in_finish};
    struct hooks hooks = {.name = 'a'};
    start();
    REQUIRE_INT(yoke_server_intercept(&worker.server, &rash, &hooks), 0);
    const struct outcome outcome = call_now();
    CHECK_STR(story, "+a-a");
    check_ended(&outcome, YOKE_OK, "");
    finish();
}

/* What it says is cut between characters, as every message is. */
static void a_long_message_is_cut_between_characters(void) {
    char message[600];
    for (size_t i = 0; i + 2 < sizeof(message); i += 2) {
        memcpy(message + i, "\xc3\xa4", 2);
    }
    message[sizeof(message) - 2] = '\0';
    struct hooks server = {.refuses = YOKE_PERMISSION_DENIED, .message = message};
    start();
    at_server(&server, 's');
    const struct outcome outcome = call_now();
    CHECK_INT(outcome.code, YOKE_PERMISSION_DENIED);
    CHECK_INT(strlen(outcome.message), YOKE_STATUS_MESSAGE_MAX - 1);
    finish();
}

static void a_dead_peer_finishes_it(void) {
    struct hooks caller = {0};
    struct outcome outcome = {0};
    start();
    at_caller(&caller, 'a');
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    machine_close(&master, "dead");
    check_ended(&outcome, YOKE_UNAVAILABLE, "dead; the request may have been handled");
    CHECK_STR(story, "+a-a");
    finish();
}

/* When the stub fails behind them, they finish, and nothing else is told. */
static void a_call_that_is_not_made_finishes(void) {
    struct hooks hooks = {0};
    struct outcome outcome = {0};
    start();
    at_caller(&hooks, 'a');
    master.channel.connection = NULL;
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), -ENOTCONN);
    CHECK_INT(hooks.seen, YOKE_UNAVAILABLE);
    master.channel.connection = &master.connection;
    CHECK_INT(machine_call_now(&master, large, sizeof(large), &outcome), -EMSGSIZE);
    CHECK_INT(hooks.seen, YOKE_RESOURCE_EXHAUSTED);
    CHECK_STR(story, "+a-a+a-a");
    CHECK_INT(outcome.count, 0);
    finish();
}

/* ---- Time and metadata ------------------------------------------------------------------------------------------- */

static void the_time_can_be_set(void) {
    for (unsigned is_server = 0; is_server < 2; is_server++) {
        struct hooks hooks = {.timeout_us = 5000};
        struct outcome outcome = {0};
        start();
        if (is_server) {
            at_server(&hooks, 'a');
        } else {
            at_caller(&hooks, 'a');
        }
        CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(hooks.timeout_error, 0);
        CHECK_INT(yoke_call_remaining_us(worker.held[0]), 5000);
        CHECK_INT(yoke_call_set_timeout(worker.held[0], 1), -EINVAL);
        machine_now_ns += 5 * MS_NS;
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_DEADLINE_EXCEEDED);
        CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
        finish();
    }
}

/* Later than the caller's own, at the server's side: the last word counts there. */
static void a_deadline_can_be_moved(void) {
    struct hooks caller = {.timeout_us = 9000};
    struct hooks server = {.timeout_us = 4000};
    struct outcome outcome = {0};
    start();
    at_caller(&caller, 'a');
    at_server(&server, 'b');
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(worker.engine.deadlines.count, 1);
    CHECK_INT(yoke_call_remaining_us(worker.held[0]), 4000);
    machine_now_ns += 4 * MS_NS;
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_DEADLINE_EXCEEDED);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    finish();
}

static void check_metadata(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    struct yoke_metadata_entry entry = {0};
    (void)machine;
    CHECK(yoke_metadata_find(yoke_call_metadata(call), "key", &entry));
    CHECK_INT(unit_echo_as_reply(call, request), 0);
}

static void metadata_can_be_added(void) {
    struct hooks hooks = {.key = "key"};
    struct outcome outcome = {0};
    start();
    at_caller(&hooks, 'a');
    worker.act = check_metadata;
    CHECK_INT(machine_call_as(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_OK, "");
    finish();
}

/* ---- Want of memory ---------------------------------------------------------------------------------------------- */

static bool fail_one(size_t nth, bool refuses) {
    struct hooks caller = {.timeout_us = 1000000};
    struct hooks server = {.timeout_us = 2000000};
    struct outcome outcome = {0};
    size_t live = memory_live_blocks();
    start();
    if (refuses) {
        caller = (struct hooks){.refuses = YOKE_ABORTED, .message = "no"};
    }
    at_caller(&caller, 'a');
    at_server(&server, 'b');
    memory_fail_once(nth);
    int error = machine_call_now(&master, "x", 1, &outcome);
    machine_exchange(&master, &worker);
    bool has_failed = memory_fail_never();
    machine_close(&master, "over");
    machine_settle(&master);
    CHECK(error == 0 || error == -ENOMEM);
    CHECK_INT(outcome.count, error == 0);
    CHECK(has_failed || outcome.code == (refuses ? YOKE_ABORTED : YOKE_OK));
    /* As many ends as beginnings. */
    unsigned starts = 0;
    unsigned ends = 0;
    for (const char *at = story; *at != '\0'; at += 2) {
        starts += *at == '+';
        ends += *at == '-';
    }
    CHECK_INT(starts, ends);
    machine_release(&master);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), live);
    return has_failed;
}

static void want_of_memory_is_told(void) {
    for (unsigned refuses = 0; refuses < 2; refuses++) {
        size_t nth = 0;
        while (fail_one(nth, refuses)) {
            nth++;
        }
        CHECK(nth > 1);
    }
}

static const struct test_case cases[] = {
    {.name = "the first is outermost", .run = the_first_is_outermost},
    {.name = "either hook may be missing", .run = either_hook_may_be_missing},
    {.name = "there are eight at most", .run = there_are_eight_at_most},
    {.name = "a caller's interceptor can refuse", .run = a_caller_s_interceptor_can_refuse},
    {.name = "a server's interceptor can refuse", .run = a_server_s_interceptor_can_refuse},
    {.name = "what is no code is UNKNOWN", .run = what_is_no_code_is_UNKNOWN},
    {.name = "an end can be changed", .run = an_end_can_be_changed},
    {.name = "an error cannot become OK", .run = an_error_cannot_become_OK},
    {.name = "every way to end is seen", .run = every_way_to_end_is_seen},
    {.name = "a cancelled call finishes once", .run = a_cancelled_call_finishes_once},
    {.name = "a reply that nobody can get finishes it", .run = a_reply_that_nobody_can_get_finishes_it},
    {.name = "a call that has ended is not started", .run = a_call_that_has_ended_is_not_started},
    {.name = "an interceptor cannot answer what is ending", .run = an_interceptor_cannot_answer_what_is_ending},
    {.name = "a long message is cut between characters", .run = a_long_message_is_cut_between_characters},
    {.name = "a dead peer finishes it", .run = a_dead_peer_finishes_it},
    {.name = "a call that is not made finishes", .run = a_call_that_is_not_made_finishes},
    {.name = "the time can be set", .run = the_time_can_be_set},
    {.name = "a deadline can be moved", .run = a_deadline_can_be_moved},
    {.name = "metadata can be added", .run = metadata_can_be_added},
    {.name = "want of memory is told", .run = want_of_memory_is_told},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"interceptors", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
