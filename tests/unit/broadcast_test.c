/* broadcast_test.c: calls to all peers of a channel whose interceptors do more than look on. */
#include "harness.h"
#include "machine.h"
#include "rpc/call.h"

#define PEERS 2

static struct machine masters[PEERS], workers[PEERS];
static struct yoke_channel channel;
static struct outcome outcomes; /* of all calls together */

static struct yoke__connection *peer_at(const struct yoke_channel *asked, size_t index) {
    (void)asked;
    return &masters[index].connection;
}

static size_t peer_count(const struct yoke_channel *asked) {
    (void)asked;
    return PEERS;
}

static struct yoke__connection *pick(struct yoke_channel *asked, const struct yoke_method *method, uint64_t key) {
    (void)method;
    (void)key;
    return peer_at(asked, 0);
}

static void exchange(void) {
    for (unsigned i = 0; i < PEERS; i++) {
        machine_exchange(&masters[i], &workers[i]);
    }
}

static void start(const struct yoke_interceptor *interceptor) {
    static const struct yoke__channel_class class = {.pick = pick, .peer_count = peer_count, .peer_at = peer_at};
    machine_init(&masters[0], true, NULL);
    machine_init_beside(&masters[1], &masters[0]);
    for (unsigned i = 0; i < PEERS; i++) {
        machine_init(&workers[i], false, NULL);
        REQUIRE_INT(yoke__connection_greet(&masters[i].connection), 0);
        REQUIRE_INT(yoke__connection_greet(&workers[i].connection), 0);
    }
    yoke__channel_init(&channel, &class, &masters[0].engine);
    REQUIRE_INT(yoke_channel_intercept(&channel, interceptor, NULL), 0);
    outcomes = (struct outcome){0};
    exchange();
}

static void finish(void) {
    yoke__channel_release(&channel);
    for (unsigned i = PEERS; i-- > 0;) {
        machine_release(&masters[i]);
        machine_release(&workers[i]);
    }
}

static int call_all(struct yoke_call *parent) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .parent = parent};
    return yoke_channel_call_all(&channel, &unit_echo_now_method, &request, &options, (yoke_function *)outcome_take,
                                 &outcomes);
}

static bool is_nested;

static void call_all_as_well(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)status;
    (void)call_data;
    (void)user_data;
    if (!is_nested) {
        is_nested = true;
        CHECK_INT(call_all(NULL), PEERS);
        is_nested = false;
    }
}

static void each_call_goes_to_its_own_peer(void) {
    start(&(struct yoke_interceptor){.start = call_all_as_well});
    CHECK_INT(call_all(NULL), PEERS);
    exchange();
    /* Each of the two made two more. */
    CHECK_INT(outcomes.count, PEERS + PEERS * PEERS);
    for (unsigned i = 0; i < PEERS; i++) {
        CHECK_INT(workers[i].handled, 1 + PEERS);
    }
    finish();
}

static void answer_the_parent(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)status;
    (void)call_data;
    (void)user_data;
    if (masters[0].held_count > 0) {
        CHECK_INT(machine_answer_held(&masters[0], "early", 5), 0);
    }
}

/* What follows is part of nothing then, least of all of memory that another call may have. */
static void an_answered_parent_has_no_more_children(void) {
    start(&(struct yoke_interceptor){.start = answer_the_parent});
    struct outcome asked = {0};
    REQUIRE_INT(machine_call_later(&workers[0], "x", 1, &asked), 0);
    machine_exchange(&masters[0], &workers[0]);
    REQUIRE_INT(masters[0].held_count, 1);
    /* So that it stays to be looked at. */
    struct yoke_call *parent = masters[0].held[0];
    parent->in_handler++;
    CHECK_INT(call_all(parent), PEERS);
    CHECK(parent->answered && yoke__link_is_alone(&parent->children));
    yoke__call_enter(parent);
    parent->in_handler--;
    CHECK(!yoke__call_leave(parent));
    exchange();
    CHECK_INT(outcomes.count, PEERS);
    CHECK_INT(asked.count, 1);
    finish();
}

static const struct test_case cases[] = {
    {.name = "each call goes to its own peer", .run = each_call_goes_to_its_own_peer},
    {.name = "an answered parent has no more children", .run = an_answered_parent_has_no_more_children},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "broadcast", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
