/* call_map_test.c: the map of live calls, against a plain list that is searched from end to end. */
#include "rpc/call_map.h"

#include "harness.h"
#include "memory.h"
#include "random.h"
#include "rpc/call.h"

#include <errno.h>

#define CALLS_MAX 600

static struct yoke_call calls[CALLS_MAX];
static bool is_in[CALLS_MAX];

static struct yoke_call *find_in_model(uint32_t stream) {
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (is_in[i] && calls[i].stream == stream) {
            return &calls[i];
        }
    }
    return NULL;
}

static void add(struct yoke__call_map *map, size_t at, uint32_t stream) {
    REQUIRE_INT(yoke__call_map_reserve(map), 0);
    calls[at].stream = stream;
    is_in[at] = true;
    yoke__call_map_add(map, &calls[at]);
}

static void check_all(const struct yoke__call_map *map) {
    size_t count = 0;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (is_in[i]) {
            count++;
            REQUIRE(yoke__call_map_find(map, calls[i].stream) == &calls[i]);
        }
    }
    REQUIRE_INT(map->count, count);
    REQUIRE(count <= map->capacity);
}

static void an_empty_map_finds_nothing(void) {
    struct yoke__call_map map;
    yoke__call_map_init(&map);
    CHECK(yoke__call_map_find(&map, 0) == NULL);
    CHECK(yoke__call_map_find(&map, 1) == NULL);
    CHECK_INT(yoke__call_map_reserve(&map), 0);
    CHECK(yoke__call_map_find(&map, 1) == NULL);
    yoke__call_map_release(&map);
    CHECK(yoke__call_map_find(&map, 1) == NULL);
    yoke__call_map_release(&map);
}

/* Ids as a connection gives them: in sequence, ended in another order, from both sides. */
static void ids_in_sequence(void) {
    struct random random = {5};
    struct yoke__call_map map;
    yoke__call_map_init(&map);
    uint32_t next_id[2] = {1, 2};
    for (unsigned round = 0; round < 20000; round++) {
        size_t at = random_below(&random, CALLS_MAX);
        if (is_in[at]) {
            yoke__call_map_remove(&map, calls[at].stream);
            is_in[at] = false;
            REQUIRE(yoke__call_map_find(&map, calls[at].stream) == NULL);
        } else {
            uint32_t *id = &next_id[random_below(&random, 2)];
            add(&map, at, *id);
            *id += 2;
        }
        if (round % 64 == 0) {
            check_all(&map);
        }
    }
    check_all(&map);
    yoke__call_map_release(&map);
}

/* Ids that a hostile peer would choose: all with the same home slot, at the ends of the range, around the wrap. */
static void ids_that_collide(void) {
    struct random random = {6};
    struct yoke__call_map map;
    yoke__call_map_init(&map);
    for (unsigned round = 0; round < 20000; round++) {
        size_t at = random_below(&random, 60);
        uint32_t stream;
        switch (random_below(&random, 4)) {
        case 0:
            stream = random_below(&random, 64) << 20;
            break;
        case 1:
            stream = UINT32_MAX - random_below(&random, 64);
            break;
        case 2:
            stream = random_below(&random, 64);
            break;
        default:
            stream = 30 + 256 * random_below(&random, 16) + random_below(&random, 3);
            break;
        }
        if (is_in[at]) {
            yoke__call_map_remove(&map, calls[at].stream);
            is_in[at] = false;
        } else if (find_in_model(stream) == NULL) {
            add(&map, at, stream);
        }
        REQUIRE(yoke__call_map_find(&map, stream) == find_in_model(stream));
        check_all(&map);
    }
    yoke__call_map_release(&map);
}

static void it_grows_and_keeps_all(void) {
    struct yoke__call_map map;
    yoke__call_map_init(&map);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        add(&map, i, (uint32_t)(2 * i + 1));
    }
    check_all(&map);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        yoke__call_map_remove(&map, calls[i].stream);
        is_in[i] = false;
    }
    check_all(&map);
    size_t before = memory_allocation_count();
    for (size_t i = 0; i < CALLS_MAX; i++) {
        add(&map, i, (uint32_t)(2 * i + 10001));
    }
    CHECK_INT(memory_allocation_count(), before);
    yoke__call_map_release(&map);
}

static void want_of_memory_changes_nothing(void) {
    struct yoke__call_map map;
    yoke__call_map_init(&map);
    memory_fail_from(0);
    CHECK_INT(yoke__call_map_reserve(&map), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK(yoke__call_map_find(&map, 1) == NULL);
    size_t count = 0;
    for (memory_fail_from(1); yoke__call_map_reserve(&map) == 0; count++) {
        REQUIRE(count < CALLS_MAX);
        calls[count].stream = (uint32_t)(2 * count + 1);
        is_in[count] = true;
        yoke__call_map_add(&map, &calls[count]);
    }
    CHECK(memory_fail_never());
    CHECK(count > 0);
    check_all(&map);
    CHECK_INT(yoke__call_map_reserve(&map), 0);
    check_all(&map);
    yoke__call_map_release(&map);
}

static const struct test_case cases[] = {
    {.name = "an empty map finds nothing", .run = an_empty_map_finds_nothing},
    {.name = "ids in sequence", .run = ids_in_sequence},
    {.name = "ids that collide", .run = ids_that_collide},
    {.name = "it grows and keeps all", .run = it_grows_and_keeps_all},
    {.name = "want of memory changes nothing", .run = want_of_memory_changes_nothing},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "call_map", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
