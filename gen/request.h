/* request.h: from the bytes that protoc writes to the plugin to the bytes that it reads back. */
#ifndef GEN_REQUEST_H
#define GEN_REQUEST_H

#include "gen/text.h"

#include <stdint.h>

/*
 * Answer an encoded CodeGeneratorRequest. Returns NULL and gives the encoded CodeGeneratorResponse, from the pool, also
 * when the schema is refused: the response then says why. Returns what is wrong when the request itself is broken.
 */
const char *gen_answer(struct gen_pool *pool, const uint8_t *request, size_t length, uint8_t **ret_response,
                       size_t *ret_length);

#endif
