/*
 * compile_test.c: generated code compiles without a warning, as C and, the headers, as C++, with every compiler that
 * was found when the build was configured. A suite is a compiler.
 */
#include "tests/gen/tool.h"
#include "tests/harness/harness.h"

#define STRICT "-Wall -Wextra -Wpedantic -Werror "
#define INCLUDES "-I. -I" YOKE_INCLUDE_DIR " -I" YOKE_GENERATED_DIR " "

struct compiler {
    const char *c;
    const char *cxx;
};

/* Generate from all schemas, then run a shell command in the directory of the outcome. */
static void check_in_generated(const char *command) {
    struct gen_pool pool = {NULL};
    const char *dir = tool_make_dir(&pool);
    char *output;
    CHECK_INT(tool_run(&pool, &output,
                       PROTOC "--yoke_out=%s --c_out=%s showcase.proto legacy.proto bare.proto shop/basket.proto "
                              "shop/price.proto",
                       dir, dir),
              0);
    tool_check_text("output", tool_without_warnings(&pool, output), "");
    CHECK_INT(tool_run(&pool, &output, "cd %s && set -e && { %s; }", dir, command), 0);
    tool_check_text("output", output, "");
    tool_remove_dir(&pool, dir);
    gen_pool_release(&pool);
}

static void check_sources(const char *flags) {
    const struct compiler *compiler = test_config();
    struct gen_pool pool = {NULL};
    check_in_generated(gen_format(&pool, "for f in *.yoke.c */*.yoke.c; do %s %s " INCLUDES "-fsyntax-only $f; done",
                                  compiler->c, flags));
    gen_pool_release(&pool);
}

static void test_sources(void) {
    check_sources("-std=c11 " STRICT);
}

static void test_sources_house(void) {
    check_sources("-std=c11 " STRICT "-Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes");
}

static void test_sources_gnu(void) {
    check_sources("-std=gnu17 " STRICT "-include errno.h");
}

/* Every header alone, and twice. */
static void check_headers(const char *compiler, const char *flags, const char *files) {
    struct gen_pool pool = {NULL};
    check_in_generated(gen_format(
        &pool, "for h in %s; do printf '#include \"%%s\"\\n' $h $h | %s %s " STRICT INCLUDES "-fsyntax-only -; done",
        files, compiler, flags));
    gen_pool_release(&pool);
}

static void test_headers(void) {
    const struct compiler *compiler = test_config();
    check_headers(compiler->c, "-x c -std=c11", "*.yoke.h */*.yoke.h");
}

/* legacy.proto has methods named Delete and New, which protobuf-c's own header does not survive in C++. */
static void test_headers_cxx(void) {
    const struct compiler *compiler = test_config();
    check_headers(compiler->cxx, "-x c++ -std=c++17", "showcase.yoke.h bare.yoke.h shop/*.yoke.h");
}

/*
 * What ours refers to is what protobuf-c's defines: linked together, nothing is left but what libyoke (the well-known
 * types included), libprotobuf-c and libc have.
 */
static void test_link(void) {
    const struct compiler *compiler = test_config();
    struct gen_pool pool = {NULL};
    check_in_generated(gen_format(&pool,
                                  "for f in *.c */*.c; do %s -std=c11 -w " INCLUDES
                                  "-c $f -o $(echo $f | tr / _).o; done; %s -r -nostdlib -o all.obj *.o; nm -u all.obj "
                                  "> undefined; grep -q yoke_channel_call undefined; grep -vE ' U (yoke_[a-z]|"
                                  "protobuf_c_|google__protobuf__|__assert_fail|mem[a-z]+)' undefined || true",
                                  compiler->c, compiler->c));
    gen_pool_release(&pool);
}

int main(int argc, char **argv) {
    static const struct compiler gcc = {YOKE_GCC, YOKE_GXX};
#ifdef YOKE_CLANG
    static const struct compiler clang = {YOKE_CLANG, YOKE_CLANGXX};
#endif
    static const struct test_case cases[] = {
        {.name = "sources as C11, pedantic", .run = test_sources},
        {.name = "sources with the flags of this project", .run = test_sources_house},
        {.name = "sources as GNU C17, after errno.h", .run = test_sources_gnu},
        {.name = "headers alone as C11, pedantic", .run = test_headers},
        {.name = "headers alone as C++17, pedantic", .run = test_headers_cxx},
        {.name = "everything links", .run = test_link},
        {0},
    };
    static const struct test_suite suites[] = {
        {.name = "gcc", .cases = cases, .config = &gcc},
#ifdef YOKE_CLANG
        {.name = "clang", .cases = cases, .config = &clang},
#endif
        {0},
    };
    return test_main(argc, argv, suites);
}
