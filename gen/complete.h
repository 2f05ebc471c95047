/* complete.h: is a request as protoc makes them? So that nothing behind it has to ask. */
#ifndef GEN_COMPLETE_H
#define GEN_COMPLETE_H

#include "gen/text.h"
#include "google/protobuf/compiler/plugin.pb-c.h"

/* NULL when everything that the request describes has its name and every reference its type; else what is missing. */
const char *gen_check_complete(struct gen_pool *pool, const Google__Protobuf__Compiler__CodeGeneratorRequest *request);

#endif
