/*
 * emit.h: the model as C. A file of the schema becomes one header and one source; both depend on nothing but the model,
 * so the same schema always gives the same bytes.
 */
#ifndef GEN_EMIT_H
#define GEN_EMIT_H

#include "gen/model.h"
#include "gen/text.h"

/* What greeter.yoke.h and greeter.yoke.c hold. */
char *gen_emit_header(struct gen_pool *pool, const struct gen_file *file);
char *gen_emit_source(struct gen_pool *pool, const struct gen_file *file);

/* What emits the function that hashes the key of a method's requests, which have one. */
void gen_emit_key(struct gen_text *text, const struct gen_method *method);

/* ---- Pieces that both are made of ------------------------------------------------------------------------------ */

#define GEN_PARAMETERS_MAX 8

/* A function with its parameters, which header and source share so that the two cannot differ; or a call. */
struct gen_signature {
    const char *head;                           /* all before the parameters: "int demo_greeter_hello" */
    const char *parameters[GEN_PARAMETERS_MAX]; /* up to the first NULL */
};

/* Write a signature, with lines broken at 120 columns, and then `tail`. `indent` is where it begins. */
void gen_emit_signature(struct gen_text *text, size_t indent, const struct gen_signature *signature, const char *tail);

/* What every file begins with. */
void gen_emit_banner(struct gen_text *text, const struct gen_file *file);

struct gen_signature gen_signature_serve(struct gen_pool *pool, const struct gen_service *service);
struct gen_signature gen_signature_call(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_all(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_send(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_sync(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_write(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_next(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_close(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_reply(struct gen_pool *pool, const struct gen_method *method);
struct gen_signature gen_signature_on(struct gen_pool *pool, const struct gen_message *event);
struct gen_signature gen_signature_off(struct gen_pool *pool, const struct gen_message *event);
struct gen_signature gen_signature_emit(struct gen_pool *pool, const struct gen_message *event);
struct gen_signature gen_signature_detail_add(struct gen_pool *pool, const struct gen_message *detail);
struct gen_signature gen_signature_detail_get(struct gen_pool *pool, const struct gen_message *detail);

#endif
