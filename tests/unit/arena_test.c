/* arena_test.c: memory for decoded messages: its budget, its alignment, and that it gives everything back. */
#include "rpc/arena.h"

#include "harness.h"
#include "memory.h"
#include "random.h"

#include <stdalign.h>
#include <string.h>

#define ALIGNMENT alignof(max_align_t)

static struct yoke_arena *create(size_t budget) {
    struct yoke_arena *arena = yoke__arena_create();
    REQUIRE(arena != NULL);
    yoke__arena_reset(arena, budget);
    return arena;
}

static void a_new_arena_allows_nothing(void) {
    struct yoke_arena *arena = yoke__arena_create();
    REQUIRE(arena != NULL);
    CHECK(yoke__arena_alloc(arena, 1) == NULL);
    CHECK_INT(arena->failures, 1);
    CHECK(yoke__arena_alloc(arena, 0) != NULL);
    CHECK_INT(arena->failures, 1);
    yoke__arena_destroy(arena);
    yoke__arena_destroy(NULL);
}

static void everything_is_aligned_and_apart(void) {
    struct random random = {3};
    struct yoke_arena *arena = create(1u << 24);
    struct {
        uint8_t *at;
        size_t size;
    } taken[2000];
    for (size_t i = 0; i < 2000; i++) {
        uint32_t bound = random_below(&random, 50) == 0 ? 100000 : 200;
        taken[i].size = random_below(&random, bound);
        taken[i].at = yoke__arena_alloc(arena, taken[i].size);
        REQUIRE(taken[i].at != NULL);
        REQUIRE_INT((uintptr_t)taken[i].at % ALIGNMENT, 0);
        memset(taken[i].at, (int)(i & 0xff), taken[i].size);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t at = 0; at < taken[i].size; at++) {
            REQUIRE_INT(taken[i].at[at], i & 0xff);
        }
    }
    yoke__arena_destroy(arena);
}

/* Each size, however it lies to the alignment, may be taken until the budget is used up and not once more. */
static void the_budget_holds_to_the_byte(void) {
    for (size_t size = 1; size <= 100; size++) {
        const size_t budget = 5000;
        struct yoke_arena *arena = create(budget);
        size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        size_t count = 0;
        while (yoke__arena_alloc(arena, size) != NULL) {
            count++;
            REQUIRE(count < budget);
        }
        /* The last one may be there though its rounding passes the budget. */
        CHECK(count * rounded <= budget + ALIGNMENT);
        CHECK((count + 1) * rounded > budget);
        CHECK_INT(arena->failures, 1);
        CHECK(arena->used <= arena->budget);
        yoke__arena_destroy(arena);
    }
    struct yoke_arena *arena = create(5000);
    CHECK(yoke__arena_alloc(arena, 5001) == NULL);
    CHECK(yoke__arena_alloc(arena, 5000) != NULL);
    CHECK(yoke__arena_alloc(arena, 1) == NULL);
    CHECK_INT(arena->failures, 2);
    yoke__arena_destroy(arena);
}

static void absurd_sizes_are_refused(void) {
    struct yoke_arena *arena = create(1u << 20);
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - ALIGNMENT, SIZE_MAX / 2, (1u << 20) + 1};
    REQUIRE(yoke__arena_alloc(arena, 1) != NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        CHECK(yoke__arena_alloc(arena, sizes[i]) == NULL);
    }
    yoke__arena_destroy(arena);
}

static void a_reset_forgets_all_but_the_first_block(void) {
    struct yoke_arena *arena = create(1u << 24);
    size_t blocks = memory_live_blocks();
    const void *first = yoke__arena_alloc(arena, 16);
    for (size_t i = 0; i < 100; i++) {
        REQUIRE(yoke__arena_alloc(arena, 30000) != NULL);
    }
    CHECK(memory_live_blocks() > blocks);
    CHECK(yoke__arena_alloc(arena, SIZE_MAX) == NULL);
    yoke__arena_reset(arena, 32);
    CHECK_INT(memory_live_blocks(), blocks);
    CHECK_INT(arena->failures, 0);
    CHECK(yoke__arena_alloc(arena, 16) == first);
    CHECK(yoke__arena_alloc(arena, 16) != NULL);
    CHECK(yoke__arena_alloc(arena, 16) == NULL);
    yoke__arena_destroy(arena);
}

static void small_messages_cost_no_malloc(void) {
    struct yoke_arena *arena = create(1u << 20);
    size_t before = memory_allocation_count();
    for (unsigned round = 0; round < 1000; round++) {
        yoke__arena_reset(arena, 16 * 1024);
        for (unsigned i = 0; i < 30; i++) {
            REQUIRE(yoke__arena_alloc(arena, 100) != NULL);
        }
    }
    CHECK_INT(memory_allocation_count(), before);
    yoke__arena_destroy(arena);
}

/* Blocks have ends where nothing more fits. That this counts against the budget bounds what the heap holds. */
static void the_heap_holds_little_more_than_the_budget(void) {
    struct random random = {11};
    for (unsigned round = 0; round < 200; round++) {
        const size_t budget = 16 * 1024 + random_below(&random, 1u << 20);
        const size_t before = memory_live_bytes();
        struct yoke_arena *arena = create(budget);
        memory_reset_peak();
        /* The worst order: a block of its own for each large one, and a new one for each small one. */
        while (arena->failures == 0) {
            (void)yoke__arena_alloc(arena, 1 + random_below(&random, 70000));
            (void)yoke__arena_alloc(arena, 1 + random_below(&random, 30));
        }
        /* Also the arena itself, its first block, and what malloc() rounds up. */
        CHECK(memory_peak_bytes() - before <= budget + budget / 32 + 6000);
        yoke__arena_destroy(arena);
        CHECK_INT(memory_live_bytes(), before);
    }
}

static void want_of_memory_counts_as_a_failure(void) {
    for (size_t nth = 0; nth < 2; nth++) {
        memory_fail_once(nth);
        CHECK(yoke__arena_create() == NULL);
        CHECK(memory_fail_never());
    }
    struct yoke_arena *arena = create(1u << 20);
    memory_fail_from(0);
    CHECK(yoke__arena_alloc(arena, 16) != NULL);
    CHECK(yoke__arena_alloc(arena, 5000) == NULL);
    CHECK(memory_fail_never());
    CHECK_INT(arena->failures, 1);
    CHECK(yoke__arena_alloc(arena, 5000) != NULL);
    yoke__arena_destroy(arena);
}

static const struct test_case cases[] = {
    {.name = "a new arena allows nothing", .run = a_new_arena_allows_nothing},
    {.name = "everything is aligned and apart", .run = everything_is_aligned_and_apart},
    {.name = "the budget holds to the byte", .run = the_budget_holds_to_the_byte},
    {.name = "absurd sizes are refused", .run = absurd_sizes_are_refused},
    {.name = "a reset forgets all but the first block", .run = a_reset_forgets_all_but_the_first_block},
    {.name = "small messages cost no malloc", .run = small_messages_cost_no_malloc},
    {.name = "the heap holds little more than the budget", .run = the_heap_holds_little_more_than_the_budget},
    {.name = "want of memory counts as a failure", .run = want_of_memory_counts_as_a_failure},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "arena", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
