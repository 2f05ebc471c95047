/*
 * options.h: custom options. protobuf-c knows descriptor.proto's own options only, so every other one is found among
 * the unknown fields of its options message.
 */
#ifndef GEN_OPTIONS_H
#define GEN_OPTIONS_H

#include "gen/text.h"
#include "google/protobuf/descriptor.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* The numbers that are Yoke's, in every kind of option. */
#define GEN_OPTION_FIRST 51700
#define GEN_OPTION_LAST 51799
#define GEN_OPTION_EVENT 51700              /* (yoke.v1.event), a message, on messages */
#define GEN_OPTION_TIMEOUT_MS 51701         /* (yoke.v1.timeout_ms), an uint32, on methods */
#define GEN_OPTION_DETAIL 51702             /* (yoke.v1.detail), a message, on messages */
#define GEN_OPTION_KEY 51703                /* (yoke.v1.key), a bool, on fields of messages */
#define GEN_OPTION_HANDLER_TIMEOUT_MS 51704 /* (yoke.v1.handler_timeout_ms), an uint32, on methods */

/* True when the message has this option, whose type is a message. `options` may be NULL. */
bool gen_option_is_set(const Google__Protobuf__MessageOptions *options, uint32_t number);

/* True when that option says something that this version does not know. The messages have no field yet. */
bool gen_option_has_unknown(const Google__Protobuf__MessageOptions *options, uint32_t number);

/* What this option, which is an uint32 or a bool, says; 0 without it. `options` may be NULL. */
uint32_t gen_option_number(const ProtobufCMessage *options, uint32_t number);

/* The first of Yoke's numbers in `options` that is not among `known`, which ends with a 0; 0 when there is none. `options`
 * may be NULL. */
uint32_t gen_option_unknown(const ProtobufCMessage *options, const uint32_t *known);

/* What we heed of protobuf-c's own options, (pb_c_file) and (pb_c_msg). `options` may be NULL. */
struct gen_pbc_file_options {
    bool no_generate;
    const char *c_package; /* NULL when not given */
};

struct gen_pbc_file_options gen_pbc_file_options(struct gen_pool *pool, const Google__Protobuf__FileOptions *options);

/* The member that protobuf-c keeps a message's own state in: "base", or what (pb_c_msg).base_field_name says. */
const char *gen_pbc_base_member(struct gen_pool *pool, const Google__Protobuf__MessageOptions *options);

#endif
