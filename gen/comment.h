/* comment.h: the comments of a schema as comments of C. */
#ifndef GEN_COMMENT_H
#define GEN_COMMENT_H

#include "gen/model.h"
#include "gen/text.h"

/*
 * Write a comment: what the schema says before the element, then `note`, a sentence of ours, which may be NULL. Writes
 * nothing when there is neither.
 */
void gen_emit_comment(struct gen_text *text, size_t indent, const struct gen_element *element, const char *note);

#endif
