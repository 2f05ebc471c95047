/*
 * memory_failure_stream_test.c: as memory_failure_test.c, for calls that stream and for messages that go in fragments:
 * the conversation is held once for each allocation that it makes, which then fails.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#include <errno.h>
#include <string.h>

#define CALLS_MAX 8
#define MESSAGES 5
#define LARGE ((size_t)3 * 1024 * 1024)

struct attempt {
    int error; /* what the stub returned */
    struct outcome outcome;
    struct yoke_call *call; /* while it is live */
    unsigned messages;
};

static struct machine master, worker;
static struct attempt attempts[CALLS_MAX];
static unsigned attempt_count;
static uint8_t large_data[LARGE];

static Unit__Bytes bytes_of(size_t size) {
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = size, .data = large_data};
    return bytes;
}

/* ---- The service: answers each message, and gives up when that fails --------------------------------------------- */

static void give_up_or(struct yoke_call *call, int error) {
    if (error != 0) {
        CHECK(error == -ENOMEM || error == -ENOTCONN || error == -ECANCELED);
        (void)yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "out of memory, or out of luck");
    }
}

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    int error = 0;
    for (unsigned i = 0; i < MESSAGES && error == 0; i++) {
        error = unit_streams_down_reply(call, request);
    }
    if (error == 0) {
        (void)yoke_call_finish(call);
    }
    give_up_or(call, error);
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

/* Of Up and of Both: nobody but the end of the requests, or of the call, will answer it. */
static void on_requests(struct yoke_call *call, void *user_data) {
    (void)user_data;
    CHECK_INT(yoke_call_on_cancel(call, on_cancelled, NULL), 0);
}

static void on_up_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    const Unit__Bytes reply = bytes_of(MESSAGES);
    (void)unit_streams_up_reply(call, &reply);
}

static void on_both_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)user_data;
    give_up_or(call, unit_streams_both_reply(call, message));
}

static void on_both_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_finish(call);
}

static const struct unit_streams_handlers handlers = {
    .down = on_down,
    .up = on_requests,
    .up_end = on_up_end,
    .both = on_requests,
    .both_message = on_both_message,
    .both_end = on_both_end,
};

/* ---- The calls --------------------------------------------------------------------------------------------------- */

static struct attempt *next_attempt(void) {
    REQUIRE(attempt_count < CALLS_MAX);
    struct attempt *attempt = &attempts[attempt_count++];
    *attempt = (struct attempt){0};
    return attempt;
}

static struct attempt *attempt_of(void *outcome) {
    return YOKE__CONTAINER(outcome, struct attempt, outcome);
}

static void take_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)message;
    CHECK(attempt_of(user_data)->call == call);
    attempt_of(user_data)->messages++;
}

static void take_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    outcome_take(call, status, NULL, user_data);
    attempt_of(user_data)->call = NULL;
}

static void take_reply(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                       void *user_data) {
    outcome_take(call, status, reply, user_data);
    attempt_of(user_data)->call = NULL;
}

/* Send all requests; a caller that cannot gives up. */
static void send_all(struct attempt *attempt, const struct yoke_method *method) {
    const Unit__Bytes message = bytes_of(1000);
    int error = 0;
    for (unsigned i = 0; i < MESSAGES && error == 0; i++) {
        error = yoke_call_send(attempt->call, method, &message);
    }
    if (error == 0) {
        error = yoke_call_half_close(attempt->call);
    }
    if (error != 0) {
        CHECK(error == -ENOMEM || error == -ECANCELED);
        (void)yoke_call_cancel(attempt->call);
    }
}

static void call_down(struct machine *machine) {
    struct attempt *attempt = next_attempt();
    const Unit__Bytes request = bytes_of(40000);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &attempt->call};
    attempt->error =
        unit_streams_down(machine_channel(machine), &request, &options, take_message, take_end, &attempt->outcome);
}

static void call_up(struct machine *machine) {
    struct attempt *attempt = next_attempt();
    attempt->error = unit_streams_up(machine_channel(machine), NULL, take_reply, &attempt->outcome, &attempt->call);
    if (attempt->error == 0) {
        send_all(attempt, &unit_streams_up_method);
    }
}

static void call_both(struct machine *machine) {
    struct attempt *attempt = next_attempt();
    attempt->error =
        unit_streams_both(machine_channel(machine), NULL, take_message, take_end, &attempt->outcome, &attempt->call);
    if (attempt->error == 0) {
        send_all(attempt, &unit_streams_both_method);
    }
}

static void call_large(struct machine *machine) {
    struct attempt *attempt = next_attempt();
    const Unit__Bytes request = bytes_of(LARGE);
    attempt->error = unit_echo_now(machine_channel(machine), &request, NULL, take_reply, &attempt->outcome);
}

/* ---- The conversation -------------------------------------------------------------------------------------------- */

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

static void converse(void) {
    /* On hold, so that its messages wait to be delivered, in more memory than one chunk has. */
    call_down(&worker);
    if (attempts[0].call != NULL) {
        int error = yoke_call_hold(attempts[0].call);
        CHECK(error == 0 || error == -ENOMEM);
    }
    call_up(&worker);
    run_loops();
    if (attempts[0].call != NULL) {
        yoke_call_resume(attempts[0].call);
    }
    call_both(&master);
    call_large(&master);
    call_up(&master);
    run_loops();
    call_large(&worker);
    call_down(&master);
    run_loops();
}

static void check_attempts(bool nothing_failed) {
    static const unsigned messages[] = {MESSAGES, 0, MESSAGES, 0, 0, 0, MESSAGES};
    CHECK_INT(attempt_count, sizeof(messages) / sizeof(*messages));
    for (unsigned i = 0; i < attempt_count; i++) {
        const struct attempt *attempt = &attempts[i];
        REQUIRE(attempt->error == 0 || attempt->error == -ENOMEM || attempt->error == -ENOTCONN);
        REQUIRE_INT(attempt->outcome.count, attempt->error == 0);
        CHECK(attempt->messages <= messages[i]);
        if (nothing_failed || (attempt->error == 0 && attempt->outcome.code == YOKE_OK)) {
            /* Whoever hears that it went well has had everything. */
            CHECK_INT(attempt->error, 0);
            CHECK_INT(attempt->outcome.code, YOKE_OK);
            CHECK_INT(attempt->messages, messages[i]);
        }
    }
    if (nothing_failed) {
        CHECK_INT(attempts[3].outcome.length, LARGE);
        CHECK_INT(attempts[5].outcome.length, LARGE);
    }
}

/* One conversation. Returns whether an allocation failed. */
static bool run(size_t nth, void (*fail)(size_t nth)) {
    size_t live = memory_live_blocks();
    attempt_count = 0;
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&master.server, &handlers, NULL), 0);
    REQUIRE_INT(unit_streams_serve(&worker.server, &handlers, NULL), 0);
    fail(nth);
    converse();
    machine_close(&worker, "over");
    machine_close(&master, "over");
    machine_settle(&worker);
    machine_settle(&master);
    bool has_failed = memory_fail_never();
    check_attempts(!has_failed);
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
    static const struct test_suite suites[] = {{.name = "memory failure: streams", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
