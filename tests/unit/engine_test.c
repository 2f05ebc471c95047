/* engine_test.c: the free lists, the limits, the log and the fork check that all connections share. */
#include "rpc/engine.h"

#include "harness.h"
#include "memory.h"
#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_ARENAS_MAX 64
#define BUDGET_BASE ((size_t)256 * 1024)

static void init(struct yoke__engine *engine) {
    static const struct yoke_limits defaults = {0};
    REQUIRE_INT(yoke__engine_init(engine, &defaults, NULL, NULL), 0);
}

static void limits_are_resolved_or_refused(void) {
    struct yoke__engine engine;
    init(&engine);
    CHECK_INT(engine.limits.max_nesting, 64);
    yoke__engine_release(&engine);
    const struct yoke_limits beyond = {.max_nesting = 65};
    size_t live = memory_live_blocks();
    CHECK_INT(yoke__engine_init(&engine, &beyond, NULL, NULL), -EINVAL);
    CHECK_INT(memory_live_blocks(), live);
}

/* As far as its maker does not set it. */
static bool is_zeroed(const struct yoke_call *call) {
    const uint8_t *bytes = (const uint8_t *)call;
    size_t at = offsetof(struct yoke_call, connection);
    while (at < sizeof(*call) && bytes[at] == 0) {
        at++;
    }
    return at == sizeof(*call);
}

static void a_call_is_used_again_and_zeroed(void) {
    struct yoke__engine engine;
    init(&engine);
    struct yoke_call *first = yoke__engine_get_call(&engine);
    struct yoke_call *second = yoke__engine_get_call(&engine);
    REQUIRE(first != NULL && second != NULL && first != second);
    CHECK(is_zeroed(first));
    memset(first, 0xee, sizeof(*first));
    first->streaming = NULL;
    first->envelope = NULL;
    first->draft = NULL;
    yoke__engine_put_call(&engine, first);
    size_t before = memory_allocation_count();
    CHECK(yoke__engine_get_call(&engine) == first);
    CHECK_INT(memory_allocation_count(), before);
    CHECK(is_zeroed(first));
    yoke__engine_put_call(&engine, first);
    yoke__engine_put_call(&engine, second);
    yoke__engine_release(&engine);
}

static void an_arena_has_the_budget_of_its_message(void) {
    const struct yoke_limits limits = {.decode_memory_factor = 3};
    struct yoke__engine engine;
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    struct yoke_arena *arena = yoke__engine_get_arena(&engine, 1000);
    REQUIRE(arena != NULL);
    CHECK_INT(arena->budget, BUDGET_BASE + 3000);
    CHECK(yoke__arena_alloc(arena, SIZE_MAX) == NULL);
    yoke__engine_put_arena(&engine, arena);
    CHECK(yoke__engine_get_arena(&engine, 0) == arena);
    CHECK_INT(arena->budget, BUDGET_BASE);
    CHECK_INT(arena->failures, 0);
    yoke__engine_put_arena(&engine, arena);
    yoke__engine_put_arena(&engine, NULL);
    yoke__engine_release(&engine);
}

static void the_largest_budget_does_not_overflow(void) {
    const struct yoke_limits limits = {.max_message_bytes = 1u << 30, .decode_memory_factor = UINT32_MAX};
    struct yoke__engine engine;
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    struct yoke_arena *arena = yoke__engine_get_arena(&engine, 1u << 30);
    REQUIRE(arena != NULL);
    CHECK(arena->budget == BUDGET_BASE + ((size_t)UINT32_MAX << 30));
    yoke__engine_put_arena(&engine, arena);
    yoke__engine_release(&engine);
}

static void idle_arenas_are_few_and_small(void) {
    struct yoke__engine engine;
    init(&engine);
    size_t before = memory_live_bytes();
    struct yoke_arena *arenas[3 * IDLE_ARENAS_MAX];
    const size_t count = sizeof(arenas) / sizeof(*arenas);
    for (size_t i = 0; i < count; i++) {
        arenas[i] = yoke__engine_get_arena(&engine, 1u << 20);
        REQUIRE(arenas[i] != NULL);
        REQUIRE(yoke__arena_alloc(arenas[i], 1u << 20) != NULL);
    }
    for (size_t i = 0; i < count; i++) {
        yoke__engine_put_arena(&engine, arenas[i]);
    }
    CHECK(engine.idle_arena_count >= IDLE_ARENAS_MAX);
    CHECK(memory_live_bytes() - before <= engine.idle_arena_count * 5000);
    for (size_t i = 0; i < IDLE_ARENAS_MAX; i++) {
        size_t allocations = memory_allocation_count();
        arenas[i] = yoke__engine_get_arena(&engine, 100);
        CHECK_INT(memory_allocation_count(), allocations);
    }
    for (size_t i = 0; i < IDLE_ARENAS_MAX; i++) {
        yoke__engine_put_arena(&engine, arenas[i]);
    }
    yoke__engine_release(&engine);
    CHECK_INT(memory_live_bytes(), before);
}

static void orphans_are_cut_loose(void) {
    struct yoke__engine engine;
    init(&engine);
    struct yoke_call *calls[3];
    for (size_t i = 0; i < 3; i++) {
        calls[i] = yoke__engine_get_call(&engine);
        REQUIRE(calls[i] != NULL);
        calls[i]->engine = &engine;
        yoke__link_append(&engine.orphans, &calls[i]->link);
    }
    yoke__engine_release(&engine);
    for (size_t i = 0; i < 3; i++) {
        CHECK(calls[i]->engine == NULL);
        CHECK(yoke__link_is_alone(&calls[i]->link));
        free(calls[i]);
    }
}

static void want_of_memory_is_said(void) {
    struct yoke__engine engine;
    init(&engine);
    memory_fail_once(0);
    CHECK(yoke__engine_get_call(&engine) == NULL);
    for (size_t nth = 0; nth < 2; nth++) {
        memory_fail_once(nth);
        CHECK(yoke__engine_get_arena(&engine, 1) == NULL);
        CHECK(memory_fail_never());
    }
    yoke__engine_release(&engine);
}

static void a_forked_copy_is_foreign(void) {
    struct yoke__engine before;
    init(&before);
    CHECK(!yoke__engine_is_foreign(&before));
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        struct yoke__engine own;
        init(&own);
        CHECK(yoke__engine_is_foreign(&before));
        CHECK(!yoke__engine_is_foreign(&own));
        yoke__engine_release(&own);
        _exit(0);
    }
    int status;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    CHECK(!yoke__engine_is_foreign(&before));
    yoke__engine_release(&before);
}

struct heard {
    unsigned count;
    enum yoke_log_level level;
    char line[1024];
};

static void hear(enum yoke_log_level level, const char *message, void *user_data) {
    struct heard *heard = user_data;
    heard->count++;
    heard->level = level;
    (void)snprintf(heard->line, sizeof(heard->line), "%s", message);
}

static void lines_reach_the_hook(void) {
    static const struct yoke_limits defaults = {0};
    struct heard heard = {0};
    struct yoke__engine engine;
    REQUIRE_INT(yoke__engine_init(&engine, &defaults, hear, &heard), 0);
    yoke__engine_log(&engine, YOKE_LOG_WARNING, "%d %s", 42, "oxen");
    CHECK_INT(heard.count, 1);
    CHECK_INT(heard.level, YOKE_LOG_WARNING);
    CHECK_STR(heard.line, "42 oxen");
    char text[2000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    yoke__engine_log(&engine, YOKE_LOG_ERROR, "%s", text);
    CHECK_INT(heard.count, 2);
    CHECK(strlen(heard.line) >= 500 && strlen(heard.line) < sizeof(heard.line) - 1);
    yoke__engine_release(&engine);

    init(&engine);
    yoke__engine_log(&engine, YOKE_LOG_ERROR, "nobody hears this");
    yoke__engine_release(&engine);
}

static const struct test_case cases[] = {
    {.name = "limits are resolved or refused", .run = limits_are_resolved_or_refused},
    {.name = "a call is used again, zeroed", .run = a_call_is_used_again_and_zeroed},
    {.name = "an arena has the budget of its message", .run = an_arena_has_the_budget_of_its_message},
    {.name = "the largest budget does not overflow", .run = the_largest_budget_does_not_overflow},
    {.name = "idle arenas are few and small", .run = idle_arenas_are_few_and_small},
    {.name = "orphans are cut loose on release", .run = orphans_are_cut_loose},
    {.name = "want of memory is said", .run = want_of_memory_is_said},
    {.name = "a forked copy is foreign", .run = a_forked_copy_is_foreign},
    {.name = "lines reach the hook", .run = lines_reach_the_hook},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "engine", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
