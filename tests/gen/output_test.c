/* output_test.c: what the generator writes: golden files, the same bytes each time, the depth of types, use by hand. */
#include "tests/gen/tool.h"
#include "tests/harness/harness.h"

#include <string.h>

/* The schemas in protos/, which have a header and a source each in golden/. */
static const char *const schemas[] = {"showcase", "legacy", "bare", "shop/basket", "shop/price"};
#define SCHEMA_COUNT (sizeof(schemas) / sizeof(schemas[0]))

static void check_file(struct gen_pool *pool, const char *dir, const char *name, const char *golden_dir) {
    const char *golden = tool_read(pool, gen_format(pool, "%s/%s", golden_dir, name));
    REQUIRE(golden != NULL);
    tool_check_text(name, tool_read(pool, gen_format(pool, "%s/%s", dir, name)), golden);
}

static void check_against(struct gen_pool *pool, const char *dir, const char *golden_dir) {
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        check_file(pool, dir, gen_format(pool, "%s.yoke.h", schemas[i]), golden_dir);
        check_file(pool, dir, gen_format(pool, "%s.yoke.c", schemas[i]), golden_dir);
    }
}

static void test_golden(void) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    for (size_t i = 0; i < SCHEMA_COUNT; i++) {
        CHECK_INT(tool_run(&pool, &output, PROTOC "--yoke_out=%s %s.proto", dir, schemas[i]), 0);
        tool_check_text("output", tool_without_warnings(&pool, output), "");
    }
    check_against(&pool, dir, TEST_SOURCE_DIR "/golden");
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

/* All files at once, in another order, by another import path and parser: from a descriptor set. */
static void test_same_bytes(void) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output,
                       PROTOC "--include_imports --include_source_info --descriptor_set_out=%s/set shop/price.proto "
                              "shop/basket.proto bare.proto legacy.proto showcase.proto",
                       dir),
              0);
    CHECK_INT(tool_run(&pool, &output,
                       PROTOC "--descriptor_set_in=%s/set --yoke_out=%s shop/price.proto shop/basket.proto bare.proto "
                              "legacy.proto showcase.proto",
                       dir, dir),
              0);
    check_against(&pool, dir, TEST_SOURCE_DIR "/golden");
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

/* Without source positions there are no comments and no lines to name, and that is all. */
static void test_without_positions(void) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output,
                       PROTOC "--include_imports --descriptor_set_out=%s/set bare.proto errors/many.proto && cd %s "
                              "&& " YOKE_PROTOC " --plugin=" YOKE_PLUGIN
                              " --descriptor_set_in=set --yoke_out=. errors/many.proto",
                       dir, dir),
              1);
    CHECK(strncmp(output, "--yoke_out: errors/many.proto: demo.", 36) == 0);
    CHECK_INT(tool_run(&pool, &output,
                       "cd %s && " YOKE_PROTOC " --plugin=" YOKE_PLUGIN
                       " --descriptor_set_in=set --yoke_out=. bare.proto",
                       dir),
              0);
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

/* ---- Depth ---------------------------------------------------------------------------------------------------- */

/* A service whose request nests `levels` messages, itself included, and whose reply is a loop of two below others. */
static char *make_chain(struct gen_pool *pool, int levels) {
    struct gen_text text = {.pool = pool};
    gen_text_printf(&text, "syntax = \"proto3\"; package demo;\n"
                           "message Above { Loop a = 1; } message Loop { repeated Back b = 1; } "
                           "message Back { oneof x { Loop c = 1; } }\n");
    for (int i = 1; i < levels; i++) {
        gen_text_printf(&text, "message L%d { L%d next = 1; L1 again = 2; int32 other = 3; }\n", i + 1, i);
    }
    gen_text_printf(&text, "message L1 { int32 x = 1; }\nservice S { rpc X(L%d) returns (Above); }\n", levels);
    return text.bytes;
}

/* What the generated tables of the chain say of the request's depth and of the reply's. */
static void check_depth(int levels, bool deep) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output,
                       "cd %s && cat > chain.proto << 'END'\n%sEND\n" YOKE_PROTOC " -I. --plugin=" YOKE_PLUGIN
                       " --yoke_out=. chain.proto",
                       dir, make_chain(&pool, levels)),
              0);
    const char *source = tool_read(&pool, gen_format(&pool, "%s/chain.yoke.c", dir));
    REQUIRE(source != NULL);
    const char *request = strstr(source, gen_format(&pool, "\"demo.L%d\"", levels));
    const char *reply = strstr(source, "\"demo.Above\"");
    REQUIRE(request != NULL && reply != NULL);
    const char *said = strstr(request, ".deep = ");
    CHECK(said && strncmp(said, deep ? ".deep = true" : ".deep = false", 12) == 0);
    said = strstr(reply, ".deep = ");
    CHECK(said && strncmp(said, ".deep = true", 12) == 0);
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

static void test_depth(void) {
    check_depth(1, false);
    check_depth(63, false);
    check_depth(64, false);
    check_depth(65, true);
    check_depth(66, true);
    check_depth(500, true);
}

/* ---- By hand -------------------------------------------------------------------------------------------------- */

static void test_found_in_path(void) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output,
                       "cd " TEST_SOURCE_DIR "/protos && PATH=\"$(dirname " YOKE_PLUGIN "):$PATH\" " YOKE_PROTOC
                       " -I. --c_out=%s --yoke_out=%s shop/price.proto && cd %s/shop && ls",
                       dir, dir, dir),
              0);
    CHECK_STR(output, "price.pb-c.c\nprice.pb-c.h\nprice.yoke.c\nprice.yoke.h\n");
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

static void test_help(void) {
    struct gen_pool pool = {NULL};
    char *output;
    CHECK_INT(tool_run(&pool, &output, YOKE_PLUGIN " --version"), 0);
    CHECK_STR(output, "protoc-gen-yoke " YOKE_VERSION "\n");
    CHECK_INT(tool_run(&pool, &output, YOKE_PLUGIN " --help"), 0);
    CHECK_CONTAINS(output, "--yoke_out=OUT");
    CHECK_INT(tool_run(&pool, &output, YOKE_PLUGIN " greeter.proto"), 1);
    gen_pool_release(&pool);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {.name = "golden files", .run = test_golden},
        {.name = "the same bytes however it is run", .run = test_same_bytes},
        {.name = "a request without source positions", .run = test_without_positions},
        {.name = "types that can nest deeply", .run = test_depth},
        {.name = "protoc finds the plugin in PATH", .run = test_found_in_path},
        {.name = "help for those who run it by hand", .run = test_help},
        {0},
    };
    static const struct test_suite suites[] = {{.name = "output", .cases = cases}, {0}};
    return test_main(argc, argv, suites);
}
