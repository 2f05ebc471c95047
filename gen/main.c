/*
 * main.c: protoc-gen-yoke, the plugin that protoc runs for --yoke_out. It reads a CodeGeneratorRequest from standard
 * input and writes a CodeGeneratorResponse to standard output; all that it knows is between the two.
 */
#include "gen/request.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "protoc-gen-yoke is a plugin of protoc, which runs it; with it in PATH:\n"
    "    protoc -I DIR --c_out=OUT --yoke_out=OUT FILE.proto\n"
    "writes FILE.pb-c.h, FILE.pb-c.c, FILE.yoke.h and FILE.yoke.c. Otherwise add --plugin=protoc-gen-yoke=PATH.\n";

static void read_all(struct gen_text *text) {
    char chunk[65536];
    size_t length;
    while ((length = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        gen_text_add(text, chunk, length);
    }
}

static int fail(const char *trouble) {
    fprintf(stderr, "protoc-gen-yoke: %s\n", trouble);
    return EXIT_FAILURE;
}

static int run(struct gen_pool *pool) {
    struct gen_text input = {.pool = pool};
    read_all(&input);
    if (ferror(stdin)) {
        return fail("cannot read standard input");
    }
    uint8_t *response = NULL;
    size_t length = 0;
    const char *trouble = gen_answer(pool, (const uint8_t *)gen_text_string(&input), input.length, &response, &length);
    if (trouble) {
        return fail(trouble);
    }
    if (fwrite(response, 1, length, stdout) != length || fflush(stdout) != 0) {
        return fail("cannot write standard output");
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("protoc-gen-yoke " YOKE_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 1 || isatty(STDIN_FILENO)) {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs(usage, help ? stdout : stderr);
        return help ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    struct gen_pool pool = {NULL};
    int code = run(&pool);
    gen_pool_release(&pool);
    return code;
}
