/* output_test.c: the queue of bytes to be written, against a flat array that holds the same bytes. */
#include "rpc/output.h"

#include "harness.h"
#include "memory.h"
#include "random.h"

#include <string.h>

#define MODEL_MAX (1u << 20)
#define VECTORS 16

static uint8_t model[MODEL_MAX];
static size_t model_length;

/* The bytes that output_vector() describes are the beginning of the model, in the same order. */
static void check_front(const struct yoke__output *output, size_t max) {
    struct iovec vector[VECTORS];
    size_t count = yoke__output_vector(output, vector, max);
    REQUIRE(count <= max);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(vector[i].iov_len > 0);
        REQUIRE(offset + vector[i].iov_len <= model_length);
        REQUIRE(memcmp(vector[i].iov_base, model + offset, vector[i].iov_len) == 0);
        offset += vector[i].iov_len;
    }
    /* Fewer vectors than allowed means that this is all. */
    if (count < max) {
        REQUIRE_INT(offset, model_length);
    }
}

static bool append(struct yoke__output *output, size_t reserved, size_t committed, uint8_t first) {
    uint8_t *room = yoke__output_reserve(output, reserved);
    if (room == NULL) {
        return false;
    }
    memset(room, 0xee, reserved);
    for (size_t i = 0; i < committed; i++) {
        room[i] = model[model_length + i] = (uint8_t)(first + i);
    }
    yoke__output_commit(output, committed);
    model_length += committed;
    return true;
}

static void consume(struct yoke__output *output, size_t size) {
    yoke__output_consume(output, size);
    memmove(model, model + size, model_length - size);
    model_length -= size;
}

static void an_empty_queue_has_nothing(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__output output;
    struct iovec vector;
    yoke__output_init(&output, &pool);
    CHECK_INT(output.queued, 0);
    CHECK_INT(yoke__output_vector(&output, &vector, 1), 0);
    yoke__output_consume(&output, 0);
    yoke__output_release(&output);
    CHECK(pool.idle == NULL);
}

static void what_is_not_committed_is_not_queued(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__output output;
    yoke__output_init(&output, &pool);
    REQUIRE(yoke__output_reserve(&output, 100) != NULL);
    CHECK_INT(output.queued, 0);
    check_front(&output, VECTORS);
    REQUIRE(append(&output, 50, 10, 1));
    CHECK_INT(output.queued, 10);
    check_front(&output, VECTORS);
    /* A reservation that found no room in the last chunk leaves an empty one behind, which must do no harm. */
    REQUIRE(yoke__output_reserve(&output, YOKE__CHUNK_SIZE) != NULL);
    check_front(&output, VECTORS);
    REQUIRE(append(&output, 2 * YOKE__CHUNK_SIZE, 7, 3));
    check_front(&output, VECTORS);
    consume(&output, 17);
    CHECK_INT(output.queued, 0);
    check_front(&output, VECTORS);
    yoke__output_release(&output);
    yoke__chunk_pool_release(&pool);
}

static void drained_chunks_go_back(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__output output;
    yoke__output_init(&output, &pool);
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE(append(&output, YOKE__CHUNK_SIZE, YOKE__CHUNK_SIZE, (uint8_t)i));
    }
    check_front(&output, 3);
    consume(&output, YOKE__CHUNK_SIZE);
    CHECK_INT(pool.idle_bytes, YOKE__CHUNK_SIZE);
    consume(&output, 3 * YOKE__CHUNK_SIZE);
    CHECK_INT(pool.idle_bytes, 4 * YOKE__CHUNK_SIZE);
    CHECK(output.head == NULL && output.tail == NULL);
    REQUIRE(append(&output, 10, 10, 1));
    yoke__output_release(&output);
    CHECK_INT(output.queued, 0);
    CHECK_INT(pool.idle_bytes, 4 * YOKE__CHUNK_SIZE);
    yoke__chunk_pool_release(&pool);
    model_length = 0;
}

static void no_memory_leaves_the_queue_as_it_was(void) {
    struct yoke__chunk_pool pool = {0};
    struct yoke__output output;
    yoke__output_init(&output, &pool);
    memory_fail_from(0);
    CHECK(!append(&output, 10, 10, 1));
    CHECK(memory_fail_never());
    CHECK_INT(output.queued, 0);
    REQUIRE(append(&output, 10, 10, 1));
    memory_fail_from(0);
    CHECK(!append(&output, 2 * YOKE__CHUNK_SIZE, 10, 1));
    CHECK(memory_fail_never());
    check_front(&output, VECTORS);
    REQUIRE(append(&output, 10, 10, 11));
    check_front(&output, VECTORS);
    yoke__output_release(&output);
    yoke__chunk_pool_release(&pool);
}

static void random_use_keeps_every_byte(void) {
    struct random random = {7};
    struct yoke__chunk_pool pool = {0};
    struct yoke__output output;
    yoke__output_init(&output, &pool);
    for (unsigned round = 0; round < 4000; round++) {
        if (random_below(&random, 2) == 0) {
            uint32_t bound = random_below(&random, 10) == 0 ? 150000 : 3000;
            size_t reserved = random_below(&random, bound);
            size_t committed = random_below(&random, 4) == 0 ? reserved / 2 : reserved;
            if (model_length + committed <= MODEL_MAX) {
                REQUIRE(append(&output, reserved, committed, (uint8_t)round));
            }
        } else if (model_length > 0) {
            consume(&output, random_below(&random, (uint32_t)model_length + 1));
        }
        REQUIRE_INT(output.queued, model_length);
        check_front(&output, 1 + random_below(&random, VECTORS));
    }
    yoke__output_release(&output);
    yoke__chunk_pool_release(&pool);
}

static const struct test_case cases[] = {
    {.name = "an empty queue has nothing", .run = an_empty_queue_has_nothing},
    {.name = "what is not committed is not queued", .run = what_is_not_committed_is_not_queued},
    {.name = "drained chunks go back to the pool", .run = drained_chunks_go_back},
    {.name = "want of memory leaves the queue as it was", .run = no_memory_leaves_the_queue_as_it_was},
    {.name = "random use keeps every byte in order", .run = random_use_keeps_every_byte},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "output", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
