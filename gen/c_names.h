/*
 * c_names.h: every name that protobuf-c 1.4 and this generator declare in C for a file of the schema, and for what.
 * Two of them may meet although the schema's own names differ.
 */
#ifndef GEN_C_NAMES_H
#define GEN_C_NAMES_H

#include "gen/model.h"

struct gen_c_name {
    const char *scope; /* the struct that it is a member of; "" at file scope, where macros and tags count too */
    const char *name;
    const struct gen_element *owner; /* what it is declared for */
    size_t order;                    /* of declaration: what a reader of the generated code sees comes first */
};

struct gen_c_names {
    struct gen_pool *pool;
    struct gen_c_name *names;
    size_t count;
    size_t capacity;
};

/* Add the names of one file. */
void gen_c_names_add_file(struct gen_c_names *names, const struct gen_file *file);

#endif
