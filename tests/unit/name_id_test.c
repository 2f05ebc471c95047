/* name_id_test.c: the ids of names, against published values of FNV-1a and against what the generator computed. */
#include "harness.h"

#include "unit.yoke.h"

static void is_fnv_1a(void) {
    static const struct {
        const char *name;
        uint32_t id;
    } table[] = {
        {"", 0x811c9dc5},       {"a", 0xe40c292c},    {"b", 0xe70c2de5},    {"foo", 0xa9f37ed7},
        {"foobar", 0xbf9cf968}, {"\x80", 0x850b939f}, {"\xff", 0x7a0b824e}, {NULL, 0},
    };
    for (size_t i = 0; table[i].name != NULL; i++) {
        CHECK_INT(yoke_name_id(table[i].name), table[i].id);
    }
}

static void the_generator_computes_the_same(void) {
    CHECK_INT(unit_echo_service.id, yoke_name_id("unit.Echo"));
    CHECK_INT(unit_echo_now_method.id, yoke_name_id("unit.Echo/Now"));
    CHECK_INT(unit_note_event.id, yoke_name_id("unit.Note"));
}

static const struct test_case cases[] = {
    {.name = "is FNV-1a of 32 bits", .run = is_fnv_1a},
    {.name = "the generator computes the same", .run = the_generator_computes_the_same},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "name_id", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
