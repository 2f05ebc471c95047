/* route_test.c: which worker of a pool gets a call: a pool whose workers are connections without a process. */
#include "harness.h"
#include "machine.h"
#include "master/child.h"
#include "master/route.h"
#include "rpc/queue.h"
#include "rpc/random.h"

#include <string.h>

#define PLACES 16
#define KEYS 16000

static struct machine machines[PLACES];
static struct yoke_master master;
static struct yoke_child children[PLACES];
static struct yoke_child *child_pointers[PLACES];
static struct yoke_pool pool;

static const struct yoke_method method = {.name = "test.Test/Call"};

static void start(const struct yoke_routing_options *routing) {
    machine_now_ns += 1;
    memset(&pool, 0, sizeof pool);
    master = (struct yoke_master){.pid = 1};
    machine_init(&machines[0], true, NULL);
    master.engine.clock_ns = machines[0].engine.clock_ns;
    for (unsigned i = 0; i < PLACES; i++) {
        if (i > 0) {
            machine_init(&machines[i], true, NULL);
        }
        children[i] = (struct yoke_child){.pool = &pool, .index = i, .state = YOKE_CHILD_READY};
        children[i].channel.connection = &machines[i].connection;
        child_pointers[i] = &children[i];
    }
    pool.master = &master;
    pool.children = child_pointers;
    pool.child_count = PLACES;
    pool.options.routing = *routing;
    yoke__route_init(&pool);
    yoke__route_configure(&pool);
}

static void finish(void) {
    yoke__route_release(&pool);
    for (unsigned i = 0; i < PLACES; i++) {
        machines[i].connection.outgoing_count = machines[i].connection.ping_count = 0;
        machine_release(&machines[i]);
    }
}

/* The place that gets a call with this key; -1: none. */
static int pick(uint64_t key) {
    const struct yoke__connection *connection = pool.channel.class->pick(&pool.channel, &method, key);
    for (int i = 0; i < PLACES; i++) {
        if (connection == &machines[i].connection) {
            return i;
        }
    }
    return -1;
}

static void kill_place(unsigned i) {
    children[i].state = YOKE_CHILD_DEAD;
    children[i].channel.connection = NULL;
}

static void load(unsigned i, size_t calls) {
    machines[i].connection.outgoing_count = calls;
}

static void everybody_has_a_turn(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_ROUND_ROBIN});
    for (int i = 0; i < 3 * PLACES; i++) {
        CHECK_INT(pick(0), i % PLACES);
    }
    kill_place(1);
    CHECK_INT(pick(0), 0);
    CHECK_INT(pick(0), 2);
    finish();
}

/* Not even when all others are busy, or it has none to do. */
static void who_takes_no_calls_gets_none(void) {
    for (enum yoke_route route = YOKE_ROUTE_ROUND_ROBIN; route <= YOKE_ROUTE_STICKY; route++) {
        start(&(struct yoke_routing_options){.route = route});
        for (unsigned i = 0; i < PLACES; i++) {
            load(i, 100);
        }
        kill_place(0);
        children[1].state = YOKE_CHILD_STARTING;
        machines[2].connection.peer_going_away = true;
        machines[3].connection.can_call = false;
        for (unsigned i = 0; i < 4; i++) {
            load(i, 0);
        }
        for (uint64_t i = 1; i < 200; i++) {
            CHECK(pick(yoke_key_of_integer(i)) >= 4);
        }
        finish();
    }
}

static void a_starting_one_serves_while_none_is_ready(void) {
    for (enum yoke_route route = YOKE_ROUTE_ROUND_ROBIN; route <= YOKE_ROUTE_STICKY; route++) {
        start(&(struct yoke_routing_options){.route = route});
        for (unsigned i = 0; i < PLACES; i++) {
            children[i].state = YOKE_CHILD_STOPPING;
            children[i].channel.connection = NULL;
        }
        CHECK_INT(pick(1), -1);
        children[7].state = YOKE_CHILD_STARTING;
        children[7].channel.connection = &machines[7].connection;
        CHECK_INT(pick(1), 7);
        finish();
    }
}

static void the_least_loaded_gets_it_and_equals_take_turns(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_LEAST_OUTSTANDING});
    for (unsigned i = 0; i < PLACES; i++) {
        load(i, 5);
    }
    load(9, 3);
    load(11, 3);
    CHECK_INT(pick(0), 9);
    CHECK_INT(pick(0), 11);
    CHECK_INT(pick(0), 9);
    machines[11].connection.ping_count = 1; /* a ping is no call */
    pool.least_load = 0;
    CHECK_INT(pick(0), 11);
    CHECK_INT(pick(0), 11);
    finish();
}

/* One call less at a place, as the connection tells it. */
static void relieve(unsigned i) {
    machines[i].connection.outgoing_count--;
    yoke__channel_relieve(&pool.channel, &machines[i].connection);
}

static void the_search_for_the_least_ends_early_and_is_right(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_LEAST_OUTSTANDING});
    uint64_t random = 1;
    for (unsigned i = 0; i < PLACES; i++) {
        yoke__route_join(&pool, &machines[i].connection, i);
        load(i, yoke__random_below(&random, 20));
    }
    for (unsigned round = 0; round < 100000; round++) {
        size_t least = SIZE_MAX;
        for (unsigned i = 0; i < PLACES; i++) {
            size_t calls = machines[i].connection.outgoing_count;
            least = calls < least ? calls : least;
        }
        int place = pick(0);
        REQUIRE(place >= 0);
        REQUIRE_INT(machines[place].connection.outgoing_count, least);
        REQUIRE(pool.least_load <= least);
        machines[place].connection.outgoing_count++;
        for (uint64_t ended = yoke__random_below(&random, 3); ended > 0; ended--) {
            unsigned i = (unsigned)yoke__random_below(&random, PLACES);
            if (machines[i].connection.outgoing_count > 0) {
                relieve(i);
            }
        }
    }
    finish();
}

static void who_has_just_answered_and_has_others_is_next(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_LEAST_OUTSTANDING});
    for (unsigned i = 0; i < PLACES; i++) {
        yoke__route_join(&pool, &machines[i].connection, i);
        load(i, 5);
    }
    CHECK_INT(pick(0), 0);
    load(0, 6);
    relieve(9);
    relieve(12);
    CHECK_INT(pick(0), 12);
    load(12, 5);
    CHECK_INT(pick(0), 9);
    finish();
}

static void of_two_by_chance_the_less_loaded_gets_it(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_POWER_OF_TWO});
    unsigned counts[PLACES] = {0};
    load(0, 1000);
    for (unsigned i = 0; i < 16000; i++) {
        counts[pick(0)]++;
    }
    CHECK_INT(counts[0], 0);
    for (unsigned i = 1; i < PLACES; i++) {
        CHECK(counts[i] > 800 && counts[i] < 1350);
    }
    finish();
}

static void keys_spread_evenly(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_STICKY});
    unsigned counts[PLACES] = {0};
    for (uint64_t i = 0; i < KEYS; i++) {
        counts[pick(yoke_key_of_integer(i))]++;
    }
    for (unsigned i = 0; i < PLACES; i++) {
        CHECK(counts[i] > KEYS / PLACES * 85 / 100 && counts[i] < KEYS / PLACES * 115 / 100);
    }
    finish();
}

static void a_death_moves_only_its_own_keys(void) {
    static int before[KEYS];
    unsigned moved[PLACES] = {0};
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_STICKY});
    for (uint64_t i = 0; i < KEYS; i++) {
        before[i] = pick(yoke_key_of_integer(i));
    }
    kill_place(5);
    for (uint64_t i = 0; i < KEYS; i++) {
        int now = pick(yoke_key_of_integer(i));
        CHECK(before[i] == 5 ? now != 5 : now == before[i]);
        moved[now] += now != before[i];
    }
    /* To all others alike. */
    for (unsigned i = 0; i < PLACES; i++) {
        CHECK(i == 5 ? moved[i] == 0 : moved[i] > 30 && moved[i] < 110);
    }
    children[5].state = YOKE_CHILD_READY;
    children[5].channel.connection = &machines[5].connection;
    for (uint64_t i = 0; i < KEYS; i++) {
        CHECK_INT(pick(yoke_key_of_integer(i)), before[i]);
    }
    finish();
}

static void without_a_key_it_goes_round(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_STICKY});
    for (int i = 0; i < PLACES; i++) {
        CHECK_INT(pick(0), i);
    }
    finish();
}

static void who_has_as_many_as_it_may_gets_no_more(void) {
    for (enum yoke_route route = YOKE_ROUTE_ROUND_ROBIN; route <= YOKE_ROUTE_POWER_OF_TWO; route++) {
        start(&(struct yoke_routing_options){.route = route, .max_calls_per_worker = 2});
        for (unsigned i = 0; i < PLACES; i++) {
            load(i, 2);
        }
        CHECK_INT(pick(0), -1);
        machines[3].connection.ping_count = 1;
        CHECK_INT(pick(0), 3);
        finish();
    }
}

/* Another place would be the wrong one. */
static void a_key_waits_for_its_place(void) {
    start(&(struct yoke_routing_options){.route = YOKE_ROUTE_STICKY, .max_calls_per_worker = 1});
    int place = pick(42);
    REQUIRE(place >= 0);
    load((unsigned)place, 1);
    CHECK_INT(pick(42), -1);
    CHECK(pool.channel.class->has_room(&pool.channel));
    for (unsigned i = 0; i < PLACES; i++) {
        load(i, 1);
    }
    CHECK(!pool.channel.class->has_room(&pool.channel));
    load((unsigned)place, 0);
    CHECK_INT(pick(42), place);
    finish();
}

static struct yoke_child *picked;
static uint64_t picked_key;

static struct yoke_child *as_told(struct yoke_pool *asking, const struct yoke_method *asked, uint64_t key,
                                  void *user_data) {
    CHECK(asking == &pool && asked == &method && user_data == &picked);
    picked_key = key;
    return picked;
}

static void the_picker_decides(void) {
    start(&(struct yoke_routing_options){.picker = as_told, .picker_data = &picked, .max_calls_per_worker = 1});
    picked = &children[13];
    CHECK_INT(pick(99), 13);
    CHECK(picked_key == 99);
    load(13, 1);
    CHECK_INT(pick(99), -1);
    picked = NULL;
    CHECK_INT(pick(99), -1);
    picked = &children[2];
    kill_place(2);
    CHECK_INT(pick(99), -1);
    struct yoke_child stranger = {.state = YOKE_CHILD_READY};
    stranger.channel.connection = &machines[0].connection;
    picked = &stranger;
    CHECK_INT(pick(99), -1);
    finish();
}

static void a_pool_that_has_shrunk_to_fewer_places_goes_on(void) {
    for (enum yoke_route route = YOKE_ROUTE_ROUND_ROBIN; route <= YOKE_ROUTE_STICKY; route++) {
        start(&(struct yoke_routing_options){.route = route});
        pool.next_child = PLACES - 1;
        pool.child_count = 3;
        for (unsigned i = 0; i < 20; i++) {
            CHECK(pick(yoke_key_of_integer(i)) < 3);
        }
        pool.child_count = 0;
        CHECK_INT(pick(1), -1);
        finish();
    }
}

static const struct test_case cases[] = {
    {.name = "everybody has a turn", .run = everybody_has_a_turn},
    {.name = "who takes no calls gets none", .run = who_takes_no_calls_gets_none},
    {.name = "a starting one serves while none is ready", .run = a_starting_one_serves_while_none_is_ready},
    {.name = "the least loaded gets it, and equals take turns", .run = the_least_loaded_gets_it_and_equals_take_turns},
    {.name = "the search for the least ends early, and is right",
     .run = the_search_for_the_least_ends_early_and_is_right},
    {.name = "who has just answered and has others is next", .run = who_has_just_answered_and_has_others_is_next},
    {.name = "of two by chance the less loaded gets it", .run = of_two_by_chance_the_less_loaded_gets_it},
    {.name = "keys spread evenly", .run = keys_spread_evenly},
    {.name = "a death moves only its own keys", .run = a_death_moves_only_its_own_keys},
    {.name = "without a key it goes round", .run = without_a_key_it_goes_round},
    {.name = "who has as many as it may gets no more", .run = who_has_as_many_as_it_may_gets_no_more},
    {.name = "a key waits for its place", .run = a_key_waits_for_its_place},
    {.name = "the picker decides", .run = the_picker_decides},
    {.name = "a pool that has shrunk goes on", .run = a_pool_that_has_shrunk_to_fewer_places_goes_on},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"routing", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
