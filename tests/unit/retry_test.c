/* retry_test.c: calls that are made again: the policy's numbers, and a channel to two peers of which one goes. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/draft.h"
#include "rpc/queue.h"
#include "rpc/retry.h"

#include <errno.h>
#include <string.h>

/* ---- The policy ---------------------------------------------------------------------------------------------------- */

static unsigned spend_all(struct yoke__retry *retry) {
    unsigned count = 0;
    while (yoke__retry_spend(retry)) {
        count++;
    }
    return count;
}

static void retries_are_a_part_of_the_calls_and_some_more(void) {
    struct yoke__retry retry = {.budget_percent = 10};
    yoke__retry_init(&retry, 1);
    CHECK_INT(spend_all(&retry), 10);
    for (unsigned i = 0; i < 99; i++) {
        yoke__retry_earn(&retry);
    }
    CHECK_INT(spend_all(&retry), 9);
    yoke__retry_earn(&retry);
    CHECK_INT(spend_all(&retry), 1);
    for (unsigned i = 0; i < 1000000; i++) {
        yoke__retry_earn(&retry);
    }
    CHECK_INT(spend_all(&retry), 1010);
}

static void pauses_double_up_to_a_bound_by_chance(void) {
    struct yoke__retry retry = {.pause_ns = 10 * MS_NS, .max_pause_ns = 50 * MS_NS};
    yoke__retry_init(&retry, 1);
    const uint64_t bounds[] = {10 * MS_NS, 20 * MS_NS, 40 * MS_NS, 50 * MS_NS, 50 * MS_NS};
    for (uint32_t attempts = 1; attempts <= 5; attempts++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t pause = yoke__retry_pause_ns(&retry, attempts);
            least = pause < least ? pause : least;
            most = pause > most ? pause : most;
        }
        CHECK(most <= bounds[attempts - 1] && most > bounds[attempts - 1] / 100 * 95);
        CHECK(least < bounds[attempts - 1] / 20);
    }
    retry.pause_ns = 1;
    retry.max_pause_ns = UINT64_MAX / 4;
    CHECK(yoke__retry_pause_ns(&retry, UINT32_MAX) <= UINT64_MAX / 4);
}

/* ---- Calls --------------------------------------------------------------------------------------------------------- */

/* A master with two workers and a channel that goes to the first one that takes calls. */
static struct {
    struct yoke_channel channel;
    struct yoke__connection *peers[2];
} pair;

static struct machine masters[2], workers[2];
static struct yoke_method echo; /* Echo.Later, idempotent or not */

static struct yoke__connection *peer_at(const struct yoke_channel *channel, size_t index) {
    (void)channel;
    return pair.peers[index];
}

static size_t peer_count(const struct yoke_channel *channel) {
    (void)channel;
    return 2;
}

static struct yoke__connection *pick(struct yoke_channel *channel, const struct yoke_method *method, uint64_t key) {
    (void)method;
    (void)key;
    for (size_t i = 0; i < 2; i++) {
        if (yoke__peer_is_ready(peer_at(channel, i))) {
            return peer_at(channel, i);
        }
    }
    return NULL;
}

static void exchange(void) {
    for (unsigned i = 0; i < 2; i++) {
        if (!masters[i].connection.closed) {
            machine_exchange(&masters[i], &workers[i]);
        }
    }
    machine_settle(&masters[0]);
    for (unsigned i = 0; i < 2; i++) {
        if (!masters[i].connection.closed) {
            machine_exchange(&masters[i], &workers[i]);
        }
    }
}

static void start(bool is_idempotent) {
    static const struct yoke__channel_class class = {.pick = pick, .peer_count = peer_count, .peer_at = peer_at};
    machine_init(&masters[0], true, NULL);
    machine_init_beside(&masters[1], &masters[0]);
    for (unsigned i = 0; i < 2; i++) {
        machine_init(&workers[i], false, NULL);
        REQUIRE_INT(yoke__connection_greet(&masters[i].connection), 0);
        REQUIRE_INT(yoke__connection_greet(&workers[i].connection), 0);
        pair.peers[i] = &masters[i].connection;
    }
    yoke__channel_init(&pair.channel, &class, &masters[0].engine);
    pair.channel.is_routed = true;
    pair.channel.retry = (struct yoke__retry){.max_attempts = 3,
                                              .max_request_bytes = 1u << 20,
                                              .budget_percent = 10,
                                              .pause_ns = 10 * MS_NS,
                                              .max_pause_ns = 1000 * MS_NS};
    yoke__retry_init(&pair.channel.retry, 1);
    echo = unit_echo_later_method;
    echo.is_idempotent = is_idempotent;
    exchange();
}

static void finish(void) {
    yoke__channel_release(&pair.channel);
    CHECK(yoke__link_is_alone(&pair.channel.waiting) && yoke__link_is_alone(&pair.channel.pausing));
    CHECK(pair.channel.last_returned == &pair.channel.waiting);
    CHECK_INT(pair.channel.waiting_bytes, 0);
    CHECK_INT(masters[0].engine.draft_bytes, 0);
    CHECK_INT(masters[0].engine.deadlines.count, 0);
    for (unsigned i = 2; i-- > 0;) {
        machine_release(&masters[i]);
        machine_release(&workers[i]);
        while (workers[i].held_count > 0) {
            /* In vain, which frees it. */
            (void)machine_answer_held(&workers[i], NULL, 0);
        }
    }
}

struct ended {
    struct outcome outcome;
    bool is_safe;
    struct yoke_call *call;
};

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                    void *user_data) {
    struct ended *ended = user_data;
    ended->is_safe = yoke_call_is_safe_to_retry(call);
    outcome_take(call, status, reply, &ended->outcome);
}

static int call_sized(struct ended *ended, uint64_t timeout_us, size_t size) {
    static uint8_t data[2 << 20];
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = size, .data = data};
    *ended = (struct ended){0};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us,
                                              .ret_call = &ended->call};
    return yoke_channel_call(&pair.channel, &echo, &request, &options, (yoke_function *)on_done, ended);
}

static void call(struct ended *ended, uint64_t timeout_us) {
    REQUIRE_INT(call_sized(ended, timeout_us, 3), 0);
}

/* This worker dies. */
static void kill_worker(unsigned i) {
    pair.peers[i] = NULL;
    machine_close(&masters[i], "dead");
}

static void check_ended(const struct ended *ended, enum yoke_code code, const char *message, bool is_safe) {
    CHECK_INT(ended->outcome.count, 1);
    CHECK_STR(yoke_code_name(ended->outcome.code), yoke_code_name(code));
    CHECK_STR(ended->outcome.message, message);
    CHECK_INT(ended->is_safe, is_safe);
}

/* The second worker answers what it has. */
static void answer(unsigned i) {
    while (workers[i].held_count > 0) {
        CHECK_INT(machine_answer_held(&workers[i], "yes", 3), 0);
    }
    exchange();
}

static void an_idempotent_call_survives_its_worker(void) {
    start(true);
    struct ended ended;
    call(&ended, 0);
    exchange();
    CHECK_INT(workers[0].handled, 1);
    kill_worker(0);
    CHECK_INT(ended.outcome.count, 0);
    exchange();
    CHECK_INT(workers[1].handled, 0); /* it pauses */
    machine_now_ns += 10 * MS_NS;
    exchange();
    CHECK_INT(workers[1].handled, 1);
    answer(1);
    check_ended(&ended, YOKE_OK, "", false);
    CHECK_INT(ended.outcome.peer.worker_id, MACHINE_WORKER_ID + 1);
    finish();
}

static void another_call_ends_and_says_that_it_may_have_been_handled(void) {
    start(false);
    struct ended ended;
    call(&ended, 0);
    exchange();
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

/* Its bytes have not left, or not all of them. */
static void what_was_not_sent_moves_on_whatever_it_does(void) {
    for (unsigned sent = 0; sent < 18; sent++) {
        start(false);
        struct ended ended;
        call(&ended, 0);
        uint8_t taken[64];
        CHECK_INT(masters[0].connection.output.queued, 16 + 5);
        machine_take(&masters[0], taken, sent);
        kill_worker(0);
        CHECK_INT(ended.outcome.count, 0);
        exchange();
        CHECK_INT(workers[1].handled, 1); /* without a pause */
        answer(1);
        check_ended(&ended, YOKE_OK, "", false);
        finish();
    }
}

static void its_last_byte_makes_the_difference(void) {
    start(false);
    struct ended ended;
    call(&ended, 0);
    uint8_t taken[64];
    CHECK_INT(machine_take(&masters[0], taken, sizeof taken), 16 + 5);
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

/* In fragments. */
static void a_large_request_is_not_handled_in_part(void) {
    for (unsigned rest = 0; rest <= 1; rest++) {
        start(false);
        pair.channel.retry.max_request_bytes = 4u << 20;
        static uint8_t taken[4 << 20];
        struct ended ended;
        REQUIRE_INT(call_sized(&ended, 0, 1200 * 1024), 0);
        size_t size = machine_take(&masters[0], taken, 100 * 1024);
        while (rest == 0 && size > 0) {
            size = machine_take(&masters[0], taken, sizeof taken);
        }
        kill_worker(0);
        exchange();
        if (rest == 0) {
            check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
        } else {
            CHECK_INT(workers[1].handled, 1);
            answer(1);
            check_ended(&ended, YOKE_OK, "", false);
        }
        finish();
    }
}

static void what_is_refused_by_goaway_moves_on(void) {
    start(false);
    struct ended ended[3];
    call(&ended[0], 0);
    exchange();
    yoke__connection_go_away(&workers[0].connection);
    call(&ended[1], 0);
    call(&ended[2], 0);
    exchange();
    CHECK_INT(workers[0].handled, 1);
    CHECK_INT(workers[1].handled, 2);
    answer(0);
    answer(1);
    for (unsigned i = 0; i < 3; i++) {
        check_ended(&ended[i], YOKE_OK, "", false);
        CHECK_INT(ended[i].outcome.peer.worker_id, MACHINE_WORKER_ID + (i > 0));
    }
    finish();
}

/* In the order in which they were made, and before those that are made meanwhile. */
static void what_was_sent_before_goes_first(void) {
    start(false);
    pair.channel.is_limited = true;
    struct ended ended[4];
    call(&ended[0], 0);
    call(&ended[1], 0);
    exchange();
    machine_answer_held(&workers[0], "x", 1);
    machine_answer_held(&workers[0], "x", 1);
    exchange();
    yoke__connection_go_away(&workers[0].connection);
    call(&ended[0], 0);
    call(&ended[1], 0);
    struct yoke_call *first = ended[0].call, *second = ended[1].call;
    masters[1].connection.hello_received = false;
    machine_exchange(&masters[0], &workers[0]);
    call(&ended[2], 0);
    call(&ended[3], 0);
    CHECK_INT(pair.channel.waiting_count, 4);
    struct yoke__link *at = pair.channel.waiting.next;
    CHECK(at == &first->link && at->next == &second->link);
    CHECK(at->next->next == &ended[2].call->link && pair.channel.last_returned == at->next);
    CHECK_INT(yoke_call_cancel(second), 0);
    CHECK(pair.channel.last_returned == &first->link);
    masters[1].connection.hello_received = true;
    yoke__channel_attend(&pair.channel);
    exchange();
    answer(1);
    CHECK_INT(ended[1].outcome.code, YOKE_CANCELLED);
    check_ended(&ended[0], YOKE_OK, "", false);
    check_ended(&ended[3], YOKE_OK, "", false);
    finish();
}

static void attempts_are_counted(void) {
    start(true);
    pair.channel.retry.max_attempts = 2;
    struct ended ended;
    call(&ended, 0);
    exchange();
    kill_worker(0);
    machine_now_ns += 10 * MS_NS;
    exchange();
    CHECK_INT(workers[1].handled, 1);
    kill_worker(1);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

/* Although the last attempt was not sent, the one before may have been handled. */
static void what_may_have_been_handled_once_is_not_safe_to_retry(void) {
    start(true);
    pair.channel.retry.max_attempts = 2;
    struct ended ended;
    call(&ended, 0);
    exchange();
    kill_worker(0);
    machine_now_ns += 10 * MS_NS;
    machine_settle(&masters[0]);
    CHECK(masters[1].connection.output.queued > 0);
    kill_worker(1);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

static void the_budget_is_kept(void) {
    start(true);
    struct ended ended[20];
    for (unsigned i = 0; i < 20; i++) {
        call(&ended[i], 0);
    }
    exchange();
    kill_worker(0);
    machine_now_ns += 10 * MS_NS;
    exchange();
    CHECK_INT(workers[1].handled, 12); /* ten, and a tenth of twenty */
    answer(1);
    unsigned ok = 0;
    for (unsigned i = 0; i < 20; i++) {
        CHECK_INT(ended[i].outcome.count, 1);
        ok += ended[i].outcome.code == YOKE_OK;
    }
    CHECK_INT(ok, 12);
    finish();
}

/* The next attempt would begin behind it, or it passes while the call waits. */
static void the_deadline_holds(void) {
    start(true);
    struct ended late, waiting;
    call(&late, 1);
    call(&waiting, 50000);
    exchange();
    const uint64_t begin_ns = machine_now_ns;
    kill_worker(0);
    pair.peers[1] = NULL;
    check_ended(&late, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    CHECK_INT(yoke_call_remaining_us(waiting.call), 50000); /* while it pauses, too */
    machine_now_ns = begin_ns + 20 * MS_NS;
    machine_settle(&masters[0]);
    CHECK_INT(yoke_call_remaining_us(waiting.call), 30000);
    CHECK_INT(pair.channel.waiting_count, 1);
    machine_now_ns = begin_ns + 50 * MS_NS;
    machine_settle(&masters[0]);
    check_ended(&waiting, YOKE_DEADLINE_EXCEEDED, "the deadline has passed", false);
    finish();
}

static void a_call_that_pauses_or_waits_can_be_cancelled(void) {
    for (unsigned waits = 0; waits <= 1; waits++) {
        start(true);
        struct ended ended;
        call(&ended, 0);
        exchange();
        kill_worker(0);
        if (waits) {
            pair.peers[1] = NULL;
            machine_now_ns += 10 * MS_NS;
            machine_settle(&masters[0]);
            CHECK_INT(pair.channel.waiting_count, 1);
        }
        CHECK_INT(yoke_call_cancel(ended.call), 0);
        CHECK_INT(yoke_call_cancel(ended.call), -EALREADY);
        machine_settle(&masters[0]);
        check_ended(&ended, YOKE_CANCELLED, "the call was cancelled", false);
        pair.peers[1] = &masters[1].connection;
        machine_now_ns += 1000 * MS_NS;
        exchange();
        CHECK_INT(workers[1].handled, 0);
        finish();
    }
}

/* Of a call that the master handles, and whose caller gives it up. */
static void a_call_that_pauses_ends_with_its_parent(void) {
    start(true);
    struct outcome asked = {0};
    struct ended ended = {0};
    REQUIRE_INT(machine_call_later(&workers[1], "x", 1, &asked), 0);
    exchange();
    struct yoke_call *parent = masters[1].held[0];
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .parent = parent, .timeout_us = 5000000};
    REQUIRE_INT(yoke_channel_call(&pair.channel, &echo, &request, &options, (yoke_function *)on_done, &ended), 0);
    exchange();
    kill_worker(0);
    /* The pause is over, which is not the deadline, when the parent ends. */
    machine_now_ns += 10 * MS_NS;
    yoke__call_revoke(parent);
    machine_settle(&masters[0]);
    check_ended(&ended, YOKE_CANCELLED, "the call was cancelled", false);
    CHECK_INT(workers[1].handled, 0);
    while (masters[1].held_count > 0) {
        (void)machine_answer_held(&masters[1], NULL, 0);
    }
    finish();
}

static void without_hope_it_ends(void) {
    for (unsigned waits = 0; waits <= 1; waits++) {
        start(true);
        struct ended ended;
        call(&ended, 0);
        exchange();
        kill_worker(0);
        pair.peers[1] = NULL;
        if (waits) {
            machine_now_ns += 10 * MS_NS;
            machine_settle(&masters[0]);
        }
        pair.channel.expects_peer = false;
        yoke__channel_attend(&pair.channel);
        machine_settle(&masters[0]);
        check_ended(&ended, YOKE_UNAVAILABLE,
                    "there is no worker, and none is expected; the request may have been handled", false);
        finish();
    }
    start(true);
    struct ended ended;
    call(&ended, 0);
    exchange();
    pair.channel.expects_peer = false;
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

static void add_headers(struct machine *machine, struct yoke_call *handled, const Unit__Bytes *request) {
    (void)request;
    machine->held[machine->held_count++] = handled;
    CHECK_INT(yoke_metadata_add(yoke_call_headers(handled), "a", "b"), 0);
    CHECK_INT(yoke_call_send_headers(handled), 0);
}

static void behind_headers_it_is_not_made_again(void) {
    start(true);
    echo = unit_echo_as_method;
    echo.is_idempotent = true;
    workers[0].act = add_headers;
    struct ended ended;
    call(&ended, 0);
    exchange();
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

static void a_request_that_is_too_large_is_not_kept(void) {
    start(true);
    pair.channel.retry.max_request_bytes = 99;
    struct ended ended;
    REQUIRE_INT(call_sized(&ended, 0, 100), 0);
    CHECK(ended.call->draft == NULL);
    exchange();
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

/* Of every size that drafts have. */
static void the_request_is_the_same_again(void) {
    for (size_t size = 0; size < 600000; size = 3 * size + 100) {
        start(true);
        echo = unit_echo_now_method;
        echo.is_idempotent = true;
        struct ended ended;
        REQUIRE_INT(call_sized(&ended, 0, size), 0);
        kill_worker(0);
        exchange();
        check_ended(&ended, YOKE_OK, "", false);
        CHECK_INT(ended.outcome.length, size);
        finish();
    }
}

static void a_channel_without_a_policy_keeps_nothing(void) {
    start(true);
    pair.channel.retry.max_attempts = 1;
    struct ended ended;
    call(&ended, 0);
    CHECK(ended.call->draft == NULL);
    kill_worker(0);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request was not handled", true);
    finish();
}

/* The attempt itself, or what a second one needs: the call goes on without. */
static void want_of_memory_costs_the_retry_only(void) {
    for (size_t nth = 0; nth < 3; nth++) {
        start(true);
        struct ended ended;
        memory_fail_once(nth);
        int error = call_sized(&ended, 0, 3);
        memory_fail_never();
        if (error == 0) {
            exchange();
            kill_worker(0);
            machine_now_ns += 10 * MS_NS;
            exchange();
            answer(1);
            CHECK_INT(ended.outcome.count, 1);
        }
        finish();
    }
}

/* Drafts take too much by then for it to be made a third time. */
static void what_may_be_handled_is_not_forgotten_at_the_second_attempt(void) {
    start(true);
    struct ended ended;
    REQUIRE_INT(call_sized(&ended, 0, 1000), 0);
    exchange();
    kill_worker(0);
    masters[0].engine.limits.max_queued_bytes = 100;
    machine_now_ns += 10 * MS_NS;
    machine_settle(&masters[0]);
    CHECK(masters[1].connection.output.queued > 1000);
    pair.channel.expects_peer = false;
    kill_worker(1);
    check_ended(&ended, YOKE_UNAVAILABLE, "dead; the request may have been handled", false);
    finish();
}

static const struct test_case cases[] = {
    {.name = "retries are a part of the calls, and some more", .run = retries_are_a_part_of_the_calls_and_some_more},
    {.name = "pauses double up to a bound, by chance", .run = pauses_double_up_to_a_bound_by_chance},
    {.name = "an idempotent call survives its worker", .run = an_idempotent_call_survives_its_worker},
    {.name = "another call ends, and says that it may have been handled",
     .run = another_call_ends_and_says_that_it_may_have_been_handled},
    {.name = "what was not sent moves on, whatever it does", .run = what_was_not_sent_moves_on_whatever_it_does},
    {.name = "its last byte makes the difference", .run = its_last_byte_makes_the_difference},
    {.name = "a large request is not handled in part", .run = a_large_request_is_not_handled_in_part},
    {.name = "what is refused by GOAWAY moves on", .run = what_is_refused_by_goaway_moves_on},
    {.name = "what was sent before goes first", .run = what_was_sent_before_goes_first},
    {.name = "attempts are counted", .run = attempts_are_counted},
    {.name = "what may have been handled once is not safe to retry",
     .run = what_may_have_been_handled_once_is_not_safe_to_retry},
    {.name = "the budget is kept", .run = the_budget_is_kept},
    {.name = "the deadline holds", .run = the_deadline_holds},
    {.name = "a call that pauses or waits can be cancelled", .run = a_call_that_pauses_or_waits_can_be_cancelled},
    {.name = "a call that pauses ends with its parent", .run = a_call_that_pauses_ends_with_its_parent},
    {.name = "without hope it ends", .run = without_hope_it_ends},
    {.name = "behind headers it is not made again", .run = behind_headers_it_is_not_made_again},
    {.name = "a request that is too large is not kept", .run = a_request_that_is_too_large_is_not_kept},
    {.name = "the request is the same again", .run = the_request_is_the_same_again},
    {.name = "a channel without a policy keeps nothing", .run = a_channel_without_a_policy_keeps_nothing},
    {.name = "want of memory costs the retry only", .run = want_of_memory_costs_the_retry_only},
    {.name = "what may be handled is not forgotten at the second attempt",
     .run = what_may_be_handled_is_not_forgotten_at_the_second_attempt},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"calls that are made again", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
