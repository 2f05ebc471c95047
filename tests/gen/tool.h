/* tool.h: for tests of the generator: shell commands, scratch directories and whole files. */
#ifndef YOKE_TESTS_GEN_TOOL_H
#define YOKE_TESTS_GEN_TOOL_H

#include "gen/text.h"

/*
 * protoc with our plugin and all import paths of the tests, to be completed with --yoke_out=DIR and files. The current
 * directory is where schemas are named from.
 */
#define PROTOC                                                                                           \
    "cd " TEST_SOURCE_DIR " && " YOKE_PROTOC " -I. -Iprotos -I" YOKE_OWN_PROTOS " -I" YOKE_WKT_PROTO_DIR \
    " --plugin=protoc-gen-yoke=" YOKE_PLUGIN " --plugin=protoc-gen-c=" YOKE_PROTOC_GEN_C " "

/* Run a shell command and return its exit status. `ret_output` gets what it wrote to both outputs. */
int tool_run(struct gen_pool *pool, char **ret_output, const char *format, ...) GEN_PRINTF(3, 4);

/* Make an empty directory, and remove one with all that is in it. */
char *tool_make_dir(struct gen_pool *pool);
void tool_remove_dir(struct gen_pool *pool, const char *dir);

/* The contents of a file; NULL when it cannot be read. */
char *tool_read(struct gen_pool *pool, const char *path);

/* Without the warnings that protoc itself writes. */
char *tool_without_warnings(struct gen_pool *pool, const char *output);

/* Fail unless the texts are equal, and show the first line that differs. */
void tool_check_text(const char *what, const char *actual, const char *expected);

#endif
