/* lines_test.c: bytes into lines, however they are cut into pieces. */
#include "harness.h"
#include "master/lines.h"

#include <stdio.h>
#include <string.h>

#define MAX 5

/* Writes each line with a bar behind it, and a star before the bar when it was cut. */
static void note(const char *line, size_t size, bool is_cut, void *user_data) {
    char *notes = user_data;
    CHECK(size <= MAX);
    snprintf(notes + strlen(notes), 200 - strlen(notes), "%.*s%s|", (int)size, line, is_cut ? "*" : "");
}

/* Feeds `text` in pieces of every size, to its end. */
static void check(const char *text, const char *expected) {
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        struct yoke__lines lines;
        char notes[200] = "";
        REQUIRE_INT(yoke__lines_init(&lines, MAX), 0);
        for (size_t at = 0; at < strlen(text); at += piece) {
            size_t left = strlen(text) - at;
            yoke__lines_feed(&lines, text + at, left < piece ? left : piece, note, notes);
        }
        yoke__lines_end(&lines, note, notes);
        CHECK_STR(notes, expected);
        yoke__lines_release(&lines);
    }
}

static void lines_are_told_without_their_newline(void) {
    check("", "");
    check("ab\ncd\n", "ab|cd|");
    check("\n\nab\n\n", "||ab||");
    check("12345\n12345\n", "12345|12345|");
}

static void what_has_no_newline_in_the_end_is_a_line(void) {
    check("ab\ncd", "ab|cd|");
    check("12345", "12345|");
}

static void what_is_too_long_is_cut_and_its_rest_dropped(void) {
    check("123456\nab\n", "12345*|ab|");
    check("1234567890123456789\n\nab", "12345*||ab|");
    check("123456789", "12345*|");
    check("123456\n123456\n", "12345*|12345*|");
}

static const struct test_case cases[] = {
    {.name = "lines are told without their newline", .run = lines_are_told_without_their_newline},
    {.name = "what has no newline in the end is a line", .run = what_has_no_newline_in_the_end_is_a_line},
    {.name = "what is too long is cut, and its rest dropped", .run = what_is_too_long_is_cut_and_its_rest_dropped},
    {.name = NULL},
};

static const struct test_suite suites[] = {{"lines", cases, NULL}, {.name = NULL}};

int main(int argc, char **argv) {
    return test_main(argc, argv, suites);
}
