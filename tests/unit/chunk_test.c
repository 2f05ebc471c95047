/* chunk_test.c: the buffers and the pool that recycles them. */
#include "rpc/chunk.h"

#include "harness.h"
#include "memory.h"
#include "random.h"

#include <string.h>

#define IDLE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static void check_empty(const struct yoke__chunk *chunk, size_t wanted) {
    CHECK(chunk->next == NULL);
    CHECK_INT(chunk->begin, 0);
    CHECK_INT(chunk->end, 0);
    CHECK(chunk->capacity >= wanted);
}

static void a_new_chunk_is_empty_and_large_enough(void) {
    static const size_t sizes[] = {0, 1, YOKE__CHUNK_SIZE - 1, YOKE__CHUNK_SIZE, YOKE__CHUNK_SIZE + 1, 1u << 20};
    struct yoke__chunk_pool pool = {0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct yoke__chunk *chunk = yoke__chunk_get(&pool, sizes[i]);
        REQUIRE(chunk != NULL);
        check_empty(chunk, sizes[i]);
        CHECK_INT(chunk->capacity, sizes[i] > YOKE__CHUNK_SIZE ? sizes[i] : YOKE__CHUNK_SIZE);
        memset(chunk->data, 0xee, chunk->capacity);
        yoke__chunk_put(&pool, chunk);
    }
    yoke__chunk_pool_release(&pool);
}

static void a_chunk_is_used_again_and_is_empty_then(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__chunk *first = yoke__chunk_get(&pool, 1);
    REQUIRE(first != NULL);
    first->begin = 10;
    first->end = 20;
    yoke__chunk_put(&pool, first);
    CHECK_INT(pool.idle_bytes, YOKE__CHUNK_SIZE);
    size_t before = memory_allocation_count();
    struct yoke__chunk *second = yoke__chunk_get(&pool, YOKE__CHUNK_SIZE);
    CHECK(second == first);
    CHECK_INT(memory_allocation_count(), before);
    CHECK_INT(pool.idle_bytes, 0);
    check_empty(second, YOKE__CHUNK_SIZE);
    yoke__chunk_put(&pool, second);
    yoke__chunk_pool_release(&pool);
    CHECK_INT(pool.idle_bytes, 0);
    CHECK(pool.idle == NULL);
}

static void an_idle_chunk_that_is_too_small_stays(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__chunk *small = yoke__chunk_get(&pool, 0);
    struct yoke__chunk *large = yoke__chunk_get(&pool, 2 * YOKE__CHUNK_SIZE);
    REQUIRE(small != NULL && large != NULL);
    yoke__chunk_put(&pool, large);
    yoke__chunk_put(&pool, small);
    CHECK(yoke__chunk_get(&pool, YOKE__CHUNK_SIZE + 1) == large);
    CHECK(pool.idle == small);
    CHECK_INT(pool.idle_bytes, YOKE__CHUNK_SIZE);
    yoke__chunk_put(&pool, large);
    yoke__chunk_pool_release(&pool);
}

static void the_pool_keeps_a_bounded_number_of_bytes(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__chunk *chunks[100];
    size_t live = memory_live_blocks();
    for (size_t i = 0; i < 100; i++) {
        chunks[i] = yoke__chunk_get(&pool, 0);
        REQUIRE(chunks[i] != NULL);
    }
    for (size_t i = 0; i < 100; i++) {
        yoke__chunk_put(&pool, chunks[i]);
        CHECK(pool.idle_bytes <= IDLE_BYTES_MAX);
    }
    CHECK_INT(memory_live_blocks() - live, IDLE_BYTES_MAX / YOKE__CHUNK_SIZE);
    /* One that is larger than all that may be kept is not. */
    yoke__chunk_put(&pool, yoke__chunk_get(&pool, IDLE_BYTES_MAX + 1));
    CHECK(pool.idle_bytes <= IDLE_BYTES_MAX);
    yoke__chunk_pool_release(&pool);
    CHECK_INT(memory_live_blocks(), live);
}

static void null_is_fine_and_no_memory_is_said(void) {
    struct yoke__chunk_pool pool = {0};
    yoke__chunk_put(&pool, NULL);
    CHECK(pool.idle == NULL);
    memory_fail_once(0);
    CHECK(yoke__chunk_get(&pool, 1) == NULL);
    CHECK(memory_fail_never());
    yoke__chunk_pool_release(&pool);
}

/* Chunks out at the same time never overlap, and the pool's count of idle bytes is always the sum of what it holds. */
static void random_use_keeps_the_books(void) {
    struct random random = {1};
    struct yoke__chunk_pool pool = {0};
    struct yoke__chunk *out[16] = {NULL};
    for (unsigned round = 0; round < 5000; round++) {
        unsigned at = random_below(&random, 16);
        if (out[at] == NULL) {
            size_t wanted =
                random_below(&random, 8) == 0 ? random_below(&random, 300000) : random_below(&random, 70000);
            out[at] = yoke__chunk_get(&pool, wanted);
            REQUIRE(out[at] != NULL);
            check_empty(out[at], wanted);
            memset(out[at]->data, (int)at, 64);
            out[at]->data[out[at]->capacity - 1] = (uint8_t)at;
        } else {
            REQUIRE_INT(out[at]->data[0], at);
            REQUIRE_INT(out[at]->data[out[at]->capacity - 1], at);
            yoke__chunk_put(&pool, out[at]);
            out[at] = NULL;
        }
        size_t idle = 0;
        for (const struct yoke__chunk *chunk = pool.idle; chunk != NULL; chunk = chunk->next) {
            idle += chunk->capacity;
        }
        REQUIRE_INT(pool.idle_bytes, idle);
    }
    for (size_t i = 0; i < 16; i++) {
        yoke__chunk_put(&pool, out[i]);
    }
    yoke__chunk_pool_release(&pool);
}

static const struct test_case cases[] = {
    {.name = "a new chunk is empty and large enough", .run = a_new_chunk_is_empty_and_large_enough},
    {.name = "a chunk is used again, and is empty then", .run = a_chunk_is_used_again_and_is_empty_then},
    {.name = "an idle chunk that is too small stays idle", .run = an_idle_chunk_that_is_too_small_stays},
    {.name = "the pool keeps a bounded number of bytes", .run = the_pool_keeps_a_bounded_number_of_bytes},
    {.name = "NULL is fine, and want of memory is said", .run = null_is_fine_and_no_memory_is_said},
    {.name = "random use keeps the books", .run = random_use_keeps_the_books},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "chunk", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
