/* tool.c: see tool.h. */
#include "tests/gen/tool.h"

#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char *read_stream(struct gen_pool *pool, FILE *stream) {
    struct gen_text text = {.pool = pool};
    char chunk[4096];
    size_t length;
    while ((length = fread(chunk, 1, sizeof(chunk), stream)) > 0) {
        gen_text_add(&text, chunk, length);
    }
    gen_text_add(&text, "", 0);
    return text.bytes;
}

int tool_run(struct gen_pool *pool, char **ret_output, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *command = gen_format_list(pool, format, arguments);
    va_end(arguments);
    FILE *stream = popen(gen_format(pool, "{ %s; } 2>&1", command), "r"); /* NOLINT(cert-env33-c) */
    REQUIRE(stream != NULL);
    *ret_output = read_stream(pool, stream);
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *tool_make_dir(struct gen_pool *pool) {
    const char *parent = getenv("TMPDIR");
    char *dir = gen_format(pool, "%s/yoke-gen-test-XXXXXX", parent ? parent : "/tmp");
    REQUIRE(mkdtemp(dir) != NULL);
    return dir;
}

void tool_remove_dir(struct gen_pool *pool, const char *dir) {
    char *output;
    CHECK_INT(tool_run(pool, &output, "rm -rf '%s'", dir), 0);
}

char *tool_read(struct gen_pool *pool, const char *path) {
    FILE *stream = fopen(path, "re");
    if (!stream) {
        return NULL;
    }
    char *text = read_stream(pool, stream);
    fclose(stream);
    return text;
}

char *tool_without_warnings(struct gen_pool *pool, const char *output) {
    struct gen_text text = {.pool = pool};
    gen_text_add(&text, "", 0);
    while (*output) {
        size_t length = strcspn(output, "\n");
        length += output[length] == '\n';
        const char *line = gen_format(pool, "%.*s", (int)length, output);
        if (!strstr(line, ": warning: ") && strncmp(line, "[libprotobuf WARNING", 20) != 0) {
            gen_text_add(&text, output, length);
        }
        output += length;
    }
    return text.bytes;
}

void tool_check_text(const char *what, const char *actual, const char *expected) {
    if (actual && strcmp(actual, expected) == 0) {
        return;
    }
    int line = 1;
    const char *at = actual ? actual : "";
    while (*at && *at == *expected) {
        line += *at == '\n';
        at++;
        expected++;
    }
    printf("%s differs in line %d, from here on:\n  is:        %.*s\n  should be: %.*s\n", what, line,
           (int)strcspn(at, "\n"), at, (int)strcspn(expected, "\n"), expected);
    CU_FAIL("text differs");
}
