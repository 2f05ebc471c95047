/* names_test.c: how names of a schema become names in C, and ids. */
#include "gen/names.h"
#include "tests/harness/harness.h"
#include "yoke/rpc.h"

#include <string.h>

struct conversion {
    const char *from;
    const char *to;
};

static void check_all(char *(*convert)(struct gen_pool *, const char *), const struct conversion *conversions) {
    struct gen_pool pool = {NULL};
    for (; conversions->from; conversions++) {
        CHECK_STR(convert(&pool, conversions->from), conversions->to);
    }
    gen_pool_release(&pool);
}

static void test_pbc_type(void) {
    static const struct conversion conversions[] = {
        {"demo.HelloRequest", "Demo__HelloRequest"},
        {"foo_bar.v1.GetURLInfo.Inner_Thing", "FooBar__V1__GetURLInfo__InnerThing"},
        {"lower.lower_case", "Lower__LowerCase"},
        {"_.M", "M"},
        {"a._.M", "A____M"},
        {"M", "M"},
        {"_1", "1"},
        {NULL, NULL},
    };
    check_all(gen_pbc_type, conversions);
}

static void test_pbc_lower(void) {
    static const struct conversion conversions[] = {
        {"demo.HelloRequest", "demo__hello_request"},
        {"foo_bar.v1.GetURLInfo.Inner_Thing", "foo_bar__v1__get_urlinfo__inner__thing"},
        {"demo.GetURL", "demo__get_url"},
        {"ABC.X", "abc__x"},
        {"_Private", "__private"},
        {NULL, NULL},
    };
    check_all(gen_pbc_lower, conversions);
}

static void test_pbc_upper(void) {
    static const struct conversion conversions[] = {
        {"foo_bar.v1.GetURLInfo", "FOO_BAR__V1__GET_URLINFO"},
        {"demo.m", "DEMO__M"},
        {NULL, NULL},
    };
    check_all(gen_pbc_upper, conversions);
}

static void test_pbc_field(void) {
    static const struct conversion conversions[] = {
        {"fooBar", "foobar"},     {"foo_bar", "foo_bar"}, {"default", "default_"},
        {"Class", "class_"},      {"xor_eq", "xor_eq_"},  {"and", "and_"},
        {"restrict", "restrict"}, {"def", "def"},         {NULL, NULL},
    };
    check_all(gen_pbc_field, conversions);
}

static void test_snake(void) {
    static const struct conversion conversions[] = {
        {"demo.Greeter", "demo_greeter"},
        {"foo_bar.v1.GetURLInfo", "foo_bar_v1_get_url_info"},
        {"HTTPServer2", "http_server2"},
        {"Get2FACode", "get2_fa_code"},
        {"Sha256Sum", "sha256_sum"},
        {"V2Get", "v2_get"},
        {"Hello_Reply", "hello_reply"},
        {"camelCase", "camel_case"},
        {"ABC", "abc"},
        {"aB", "a_b"},
        {"X", "x"},
        {NULL, NULL},
    };
    check_all(gen_snake, conversions);
}

static void test_paths(void) {
    static const struct conversion bases[] = {
        {"a/greeter.proto", "a/greeter"}, {"a.b.proto", "a.b"}, {"x.protodevel", "x"}, {"odd", "odd"}, {NULL, NULL},
    };
    static const struct conversion identifiers[] = {
        {"a/b-c.proto", "a_2fb_2dc_2eproto"},
        {"a_b.proto", "a_5fb_2eproto"},
        {NULL, NULL},
    };
    check_all(gen_strip_proto, bases);
    check_all(gen_path_identifier, identifiers);
}

static void test_keywords(void) {
    CHECK(gen_is_c_keyword("asm"));
    CHECK(gen_is_c_keyword("default"));
    CHECK(gen_is_c_keyword("while"));
    CHECK(gen_is_c_keyword("linux"));
    CHECK(!gen_is_c_keyword("class"));
    CHECK(!gen_is_c_keyword("defaul"));
    CHECK(!gen_is_c_keyword("efault"));
    CHECK(!gen_is_c_keyword("do double"));
    CHECK(!gen_is_c_keyword(""));
}

/* The first three are the algorithm's published test vectors. */
static void test_ids(void) {
    CHECK_INT(gen_name_id(""), 0x811c9dc5);
    CHECK_INT(gen_name_id("a"), 0xe40c292c);
    CHECK_INT(gen_name_id("foobar"), 0xbf9cf968);
    CHECK_INT(gen_name_id("demo.Greeter/Hello"), 0x02277bfd);
    CHECK_INT(gen_name_id("demo.Greeter/Hello"), yoke_name_id("demo.Greeter/Hello"));
    CHECK_INT(gen_name_id("\xff"), yoke_name_id("\xff"));
}

static void test_text(void) {
    struct gen_pool pool = {NULL};
    struct gen_text text = {.pool = &pool};
    CHECK_STR(gen_text_string(&text), "");
    for (int i = 0; i < 1000; i++) {
        gen_text_printf(&text, "%d,", i);
    }
    CHECK_INT(text.length, 3890);
    CHECK_INT(strlen(gen_text_string(&text)), text.length);
    CHECK_STR(gen_text_string(&text) + text.length - 8, "998,999,");
    gen_pool_release(&pool);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {.name = "protobuf-c's types", .run = test_pbc_type},
        {.name = "protobuf-c's lower case", .run = test_pbc_lower},
        {.name = "protobuf-c's upper case", .run = test_pbc_upper},
        {.name = "protobuf-c's fields", .run = test_pbc_field},
        {.name = "our own names", .run = test_snake},
        {.name = "names of files", .run = test_paths},
        {.name = "keywords", .run = test_keywords},
        {.name = "ids are the runtime's", .run = test_ids},
        {.name = "a text grows", .run = test_text},
        {0},
    };
    static const struct test_suite suites[] = {{.name = "names", .cases = cases}, {0}};
    return test_main(argc, argv, suites);
}
