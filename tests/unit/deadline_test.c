/* deadline_test.c: the heap of calls that have a deadline, against a plain search for the earliest. */
#include "rpc/deadline.h"

#include "harness.h"
#include "memory.h"
#include "random.h"
#include "rpc/call.h"

#include <errno.h>

#define CALLS_MAX 300

static struct yoke_call calls[CALLS_MAX];

static void add(struct yoke__deadlines *deadlines, struct yoke_call *call, uint64_t deadline_ns) {
    REQUIRE_INT(yoke__deadlines_reserve(deadlines), 0);
    call->deadline_ns = deadline_ns;
    yoke__deadlines_add(deadlines, call);
}

/* None is later than those below it, so that the first is the earliest of all; and each knows its place. */
static void check(const struct yoke__deadlines *deadlines) {
    size_t count = 0, heaped = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (calls[i].is_timed) {
            count++;
            least = calls[i].deadline_ns < least ? calls[i].deadline_ns : least;
            if (calls[i].deadline_index != YOKE__DEADLINE_LISTED) {
                heaped++;
                REQUIRE(calls[i].deadline_index < deadlines->heap_count);
                REQUIRE(deadlines->heap[calls[i].deadline_index] == &calls[i]);
            }
        }
    }
    REQUIRE_INT(deadlines->count, count);
    REQUIRE_INT(deadlines->heap_count, heaped);
    size_t listed = 0;
    for (const struct yoke_call *call = deadlines->first; call != NULL; call = call->later) {
        listed++;
        REQUIRE(call->is_timed && call->deadline_index == YOKE__DEADLINE_LISTED);
        REQUIRE(call->later != NULL ? call->later->earlier == call && call->deadline_ns <= call->later->deadline_ns
                                    : deadlines->last == call);
    }
    REQUIRE_INT(listed + heaped, count);
    for (size_t i = 1; i < heaped; i++) {
        REQUIRE(deadlines->heap[(i - 1) / 2]->deadline_ns <= deadlines->heap[i]->deadline_ns);
    }
    const struct yoke_call *first = yoke__deadlines_first(deadlines);
    REQUIRE((first == NULL) == (count == 0));
    REQUIRE(first == NULL || first->deadline_ns == least);
}

static void an_empty_one_has_no_first(void) {
    struct yoke__deadlines deadlines = {0};
    CHECK(yoke__deadlines_first(&deadlines) == NULL);
    yoke__deadlines_remove(&deadlines, &calls[0]);
    yoke__deadlines_release(&deadlines);
    yoke__deadlines_release(&deadlines);
}

static void they_come_out_in_order(void) {
    struct random random = {3};
    struct yoke__deadlines deadlines = {0};
    for (size_t i = 0; i < CALLS_MAX; i++) {
        add(&deadlines, &calls[i], 1 + random_below(&random, 50));
    }
    check(&deadlines);
    uint64_t last = 0;
    for (size_t i = 0; i < CALLS_MAX; i++) {
        struct yoke_call *first = yoke__deadlines_first(&deadlines);
        REQUIRE(first != NULL && first->deadline_ns >= last);
        last = first->deadline_ns;
        yoke__deadlines_remove(&deadlines, first);
        CHECK(!first->is_timed);
    }
    check(&deadlines);
    yoke__deadlines_release(&deadlines);
}

static void random_use_keeps_the_order(void) {
    struct random random = {4};
    struct yoke__deadlines deadlines = {0};
    for (unsigned round = 0; round < 20000; round++) {
        struct yoke_call *call = &calls[random_below(&random, round < 10000 ? CALLS_MAX : 20)];
        if (call->is_timed) {
            yoke__deadlines_remove(&deadlines, call);
            /* Once more does no harm. */
            yoke__deadlines_remove(&deadlines, call);
        } else {
            static const uint64_t scales[] = {10, 1000, UINT32_MAX};
            uint64_t scale = scales[random_below(&random, 3)];
            add(&deadlines, call, random_below(&random, 20) == 0 ? UINT64_MAX : 1 + random_next(&random) % scale);
        }
        check(&deadlines);
    }
    yoke__deadlines_release(&deadlines);
}

/* As a call that pauses and is made again; it may have been in the list, and come back into a heap that has filled up. */
static void who_is_in_can_come_back_with_another_deadline(void) {
    struct yoke__deadlines deadlines = {0};
    struct yoke_call *mover = &calls[0];
    add(&deadlines, mover, 1000);
    for (unsigned i = 1; i < CALLS_MAX; i++) {
        add(&deadlines, &calls[i], i < 8 ? 1000 + i : 500);
        for (unsigned j = 0; j < 2; j++) {
            yoke__deadlines_remove(&deadlines, mover);
            mover->deadline_ns = j == 0 ? 10 : 2000;
            yoke__deadlines_add(&deadlines, mover);
            REQUIRE(deadlines.heap_count <= deadlines.heap_capacity);
            check(&deadlines);
        }
    }
    for (unsigned i = 0; i < CALLS_MAX; i++) {
        yoke__deadlines_remove(&deadlines, &calls[i]);
    }
    yoke__deadlines_release(&deadlines);
}

static void want_of_memory_changes_nothing(void) {
    struct yoke__deadlines deadlines = {0};
    memory_fail_from(0);
    CHECK_INT(yoke__deadlines_reserve(&deadlines), -ENOMEM);
    CHECK(memory_fail_never());
    size_t count = 0;
    for (memory_fail_from(1); yoke__deadlines_reserve(&deadlines) == 0; count++) {
        REQUIRE(count < CALLS_MAX);
        add(&deadlines, &calls[count], 1000 - count);
    }
    CHECK(memory_fail_never());
    check(&deadlines);
    CHECK_INT(yoke__deadlines_reserve(&deadlines), 0);
    check(&deadlines);
    yoke__deadlines_release(&deadlines);
}

static const struct test_case cases[] = {
    {.name = "an empty one has no first", .run = an_empty_one_has_no_first},
    {.name = "they come out in order", .run = they_come_out_in_order},
    {.name = "random use keeps the order", .run = random_use_keeps_the_order},
    {.name = "who is in can come back with another deadline", .run = who_is_in_can_come_back_with_another_deadline},
    {.name = "want of memory changes nothing", .run = want_of_memory_changes_nothing},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "deadline", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
