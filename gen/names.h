/*
 * names.h: how names of a schema become names in C: protobuf-c's way, so that we can refer to what it emits, and ours.
 * Names given to these functions are dotted, "demo.v1.HelloRequest", without a leading dot.
 */
#ifndef GEN_NAMES_H
#define GEN_NAMES_H

#include "gen/text.h"

#include <stdbool.h>
#include <stdint.h>

/* protobuf-c 1.4's: "foo_bar.v1.GetURLInfo" becomes … */
char *gen_pbc_type(struct gen_pool *pool, const char *name);  /* FooBar__V1__GetURLInfo */
char *gen_pbc_lower(struct gen_pool *pool, const char *name); /* foo_bar__v1__get_urlinfo */
char *gen_pbc_upper(struct gen_pool *pool, const char *name); /* FOO_BAR__V1__GET_URLINFO */

/* protobuf-c's member for a field: lower case, and an underscore after a keyword that protobuf-c knows. */
char *gen_pbc_field(struct gen_pool *pool, const char *name);

/* Ours: foo_bar_v1_get_url_info. Words begin at a capital after a small letter or digit, or before a small letter. */
char *gen_snake(struct gen_pool *pool, const char *name);

/* "sub/greeter.proto" without ".proto". */
char *gen_strip_proto(struct gen_pool *pool, const char *path);

/* A part of an identifier that is different for every path. */
char *gen_path_identifier(struct gen_pool *pool, const char *path);

/* True for a word that cannot be the name of a member, or cannot be relied on to be: a keyword, or a usual macro. */
bool gen_is_c_keyword(const char *name);

/* FNV-1a 32 of the name: yoke_name_id() of the runtime. */
uint32_t gen_name_id(const char *name);

#endif
