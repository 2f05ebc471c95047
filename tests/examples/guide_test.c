/* The programs of the guide print what their chapters show, to the letter. */
#include "harness.h"
#include "program.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAMS_MAX 64

static char *read_file(const char *path) {
    struct stat status;
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL && fstat(fileno(file), &status) == 0);
    const size_t size = (size_t)status.st_size;
    char *text = malloc(size + 1);
    REQUIRE(text != NULL && fread(text, 1, size, file) == size);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* What a chapter shows behind this mark, in a block of its own: a copy; NULL when the mark is not there. */
static char *find_block(const char *chapter, const char *mark) {
    const char *begin = strstr(chapter, mark);
    if (begin == NULL) {
        return NULL;
    }
    begin += strlen(mark);
    const char *end = strstr(begin, "```\n");
    REQUIRE(end != NULL);
    char *block = strndup(begin, (size_t)(end - begin));
    REQUIRE(block != NULL);
    return block;
}

/* What the guide says that the program prints. It says so once. */
static char *shown_output(const char *name) {
    char mark[128];
    snprintf(mark, sizeof mark, "<!-- output: %s -->\n```text\n", name);
    glob_t chapters;
    REQUIRE_INT(glob(GUIDE_CHAPTERS "/*.md", 0, NULL, &chapters), 0);
    char *shown = NULL;
    size_t count = 0;
    for (size_t i = 0; i < chapters.gl_pathc; i++) {
        char *chapter = read_file(chapters.gl_pathv[i]);
        count += program_count(chapter, mark);
        if (shown == NULL) {
            shown = find_block(chapter, mark);
        }
        free(chapter);
    }
    globfree(&chapters);
    REQUIRE_INT(count, 1);
    return shown;
}

static void test_output(void) {
    const char *name = test_config();
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GUIDE_PROGRAM_DIR, name);
    const char *const argv[] = {path, NULL};
    char *shown = shown_output(name);
    struct program_run run;
    program_run(argv, NULL, &run);
    CHECK_STR(run.out, shown);
    CHECK_STR(run.err, "");
    CHECK_INT(run.exit_code, 0);
    program_run_release(&run);
    free(shown);
}

static const struct test_case cases[] = {
    {.name = "prints what its chapter shows", .run = test_output},
    {.name = NULL},
};

/* A suite for each program that is built. */
int main(int argc, char **argv) {
    static char names[] = GUIDE_PROGRAMS;
    struct test_suite suites[PROGRAMS_MAX + 1] = {{.name = NULL}};
    size_t count = 0;
    for (char *name = strtok(names, " "); name != NULL && count < PROGRAMS_MAX; name = strtok(NULL, " ")) {
        suites[count++] = (struct test_suite){name, cases, name};
    }
    return test_main(argc, argv, suites);
}
