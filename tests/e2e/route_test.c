/* route_test.c: which worker of a pool gets a call, seen from its answers. */
#include "routed_caller.h"

#include <stdio.h>

#define PLACES 16
#define KEYS 200

static void count_places(struct lab *lab, unsigned workers, unsigned calls, unsigned *counts) {
    for (unsigned i = 0; i < workers; i++) {
        counts[i] = 0;
    }
    for (unsigned i = 0; i < calls; i++) {
        int64_t place = routed_where(lab, "");
        REQUIRE(place >= 0 && place < (int64_t)workers);
        counts[place]++;
    }
}

static void no_worker_starves(void) {
    for (enum yoke_route route = YOKE_ROUTE_ROUND_ROBIN; route <= YOKE_ROUTE_STICKY; route++) {
        struct lab lab;
        unsigned counts[4];
        const struct yoke_pool_options pool = {.routing = {.route = route, .picker = NULL}};
        routed_open(&lab, 4, false, &pool);
        count_places(&lab, 4, 400, counts);
        for (unsigned i = 0; i < 4; i++) {
            /* Requests whose key is empty have a key all the same, so they are sticky. */
            CHECK(route == YOKE_ROUTE_STICKY         ? counts[i] == 0 || counts[i] == 400
                  : route == YOKE_ROUTE_POWER_OF_TWO ? counts[i] > 40
                                                     : counts[i] == 100);
        }
        lab_close(&lab);
    }
}

/* Busy is who has calls that are not answered. */
static void who_has_nothing_to_do_gets_the_call(void) {
    struct lab lab;
    struct routed kept[3];
    const struct yoke_pool_options pool = {.routing = {.route = YOKE_ROUTE_LEAST_OUTSTANDING}};
    routed_open(&lab, 4, false, &pool);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &kept[i]), 0);
    }
    routed_wait_kept(&lab, 3);
    const int64_t idle = routed_where(&lab, "");
    for (unsigned i = 0; i < 10; i++) {
        CHECK_INT(routed_where(&lab, ""), idle);
    }
    for (unsigned i = 0; i < 4; i++) {
        routed_let_go(&lab, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        LAB_WAIT(&lab, kept[i].result.count > 0);
        CHECK(kept[i].result.number != idle);
    }
    lab_close(&lab);
}

static const char *key_of(unsigned i) {
    static char key[32];
    snprintf(key, sizeof key, "key %u", i);
    return key;
}

/* A sticky pool of sixteen of which one dies, and comes back. */
static void a_death_moves_only_its_own_keys(void) {
    struct lab lab;
    int64_t before[KEYS];
    const struct yoke_pool_options pool = {.routing = {.route = YOKE_ROUTE_STICKY}};
    routed_open(&lab, PLACES, false, &pool);
    for (unsigned i = 0; i < KEYS; i++) {
        before[i] = routed_where(&lab, key_of(i));
    }
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK_INT(routed_where(&lab, key_of(i)), before[i]);
    }
    const unsigned dead = (unsigned)before[0];
    routed_kill(&lab, dead);
    unsigned moved = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        int64_t now = routed_where(&lab, key_of(i));
        moved += now != before[i];
        CHECK(before[i] == dead ? now != dead : now == before[i]);
    }
    CHECK(moved > 0 && moved < KEYS / 4);
    lab_close(&lab);
}

static void keys_come_back_to_a_place_that_is_filled_again(void) {
    struct lab lab;
    int64_t before[KEYS];
    const struct yoke_pool_options pool = {.routing = {.route = YOKE_ROUTE_STICKY}};
    routed_open(&lab, 4, true, &pool);
    for (unsigned i = 0; i < KEYS; i++) {
        before[i] = routed_where(&lab, key_of(i));
    }
    unsigned ready = lab.ready_count;
    routed_kill(&lab, (unsigned)before[0]);
    LAB_WAIT(&lab, lab.ready_count > ready);
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK_INT(routed_where(&lab, key_of(i)), before[i]);
    }
    lab_close(&lab);
}

struct choice {
    unsigned place;
    unsigned asked;
    uint64_t key;
    const char *method;
};

static struct yoke_child *choose(struct yoke_pool *pool, const struct yoke_method *method, uint64_t key,
                                 void *user_data) {
    struct choice *choice = user_data;
    choice->asked++;
    choice->key = key;
    choice->method = method->name;
    return yoke_pool_child(pool, choice->place);
}

static void a_function_of_the_users_decides(void) {
    struct lab lab;
    struct choice choice = {.place = 2};
    struct routed refused;
    const struct yoke_pool_options pool = {.routing = {.picker = choose, .picker_data = &choice}};
    routed_open(&lab, 4, false, &pool);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT(routed_where(&lab, "some key"), 2);
    }
    CHECK_INT(choice.asked, 5);
    CHECK(choice.key == yoke_key_of_string("some key"));
    CHECK_STR(choice.method, "probe.Routed/Where");
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    CHECK(choice.key == 0);
    choice.place = 4; /* there is no such child */
    CHECK_INT(routed_call(&lab, probe_routed_where, NULL, "", NULL, &refused), -ENOTCONN);
    lab_close(&lab);
}

static void requests_without_a_key_go_round(void) {
    struct lab lab;
    struct lab_result result = {0};
    pid_t first = 0;
    const struct yoke_pool_options pool = {.routing = {.route = YOKE_ROUTE_STICKY}};
    routed_open(&lab, 2, false, &pool);
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, YOKE_OK);
        if (i == 0) {
            first = result.peer.pid;
        }
        CHECK_INT(result.peer.pid == first, i % 2 == 0);
    }
    lab_release(&result);
    lab_close(&lab);
}

static void options_that_contradict_are_refused(void) {
    struct lab lab;
    struct yoke_pool *pool = NULL;
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_pool_options options = {.routing = {.route = (enum yoke_route)(YOKE_ROUTE_STICKY + 1)}};
    CHECK_INT(lab_create_pool(&lab, &(struct lab_options){.pool = &options}, &pool), -EINVAL);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "no worker starves", .run = no_worker_starves},
    {.name = "who has nothing to do gets the call", .run = who_has_nothing_to_do_gets_the_call},
    {.name = "a death moves only its own keys", .run = a_death_moves_only_its_own_keys},
    {.name = "keys come back to a place that is filled again", .run = keys_come_back_to_a_place_that_is_filled_again},
    {.name = "a function of the user's decides", .run = a_function_of_the_users_decides},
    {.name = "requests without a key go round", .run = requests_without_a_key_go_round},
    {.name = "options that contradict are refused", .run = options_that_contradict_are_refused},
    {.name = NULL},
};

LAB_MAIN(cases)
