/*
 * model.h: the schema as the generator sees it: protoc's descriptors, resolved and named. Everything lives in one pool
 * and points into the unpacked request, which must outlive it.
 */
#ifndef GEN_MODEL_H
#define GEN_MODEL_H

#include "gen/text.h"
#include "google/protobuf/compiler/plugin.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of enum yoke_method_kind, whose names gen_kind_name() gives. */
enum gen_kind { GEN_UNARY, GEN_SERVER_STREAMING, GEN_CLIENT_STREAMING, GEN_BIDI_STREAMING };

/* Something declared in a schema, so that an error can point at it and a comment can be found. */
struct gen_element {
    const struct gen_file *file;
    const char *full_name; /* "demo.Greeter.Hello"; for a file its path */
    const int32_t *path;   /* as in SourceCodeInfo.Location */
    size_t path_length;
};

struct gen_message {
    struct gen_element element;
    const Google__Protobuf__DescriptorProto *proto;
    const struct gen_message *parent; /* the message that it is nested in, or NULL */
    const char *c_type;               /* Demo__HelloRequest */
    const char *c_lower;              /* demo__hello_request; protobuf-c's prefix for what is of this message */
    const char *c_name;               /* demo_hello_request; our prefix */
    bool event;
    bool detail; /* of a status */
    const Google__Protobuf__FieldDescriptorProto
        *key; /* the field that is marked so, the first if there are several; or NULL */
    size_t key_index;
    uint32_t id; /* of the event */

    /* Messages that fields of this one hold, in the order of the fields. */
    struct gen_message **parts;
    size_t part_count;
    unsigned levels; /* how deep it can nest, itself included; GEN_LEVELS_MAX + 1 for that much, more and endless */
};

struct gen_method {
    struct gen_element element;
    const Google__Protobuf__MethodDescriptorProto *proto;
    const struct gen_service *service;
    const char *name; /* "demo.Greeter/Hello" */
    uint32_t id;
    enum gen_kind kind;
    uint32_t timeout_ms; /* 0: none */
    uint32_t handler_timeout_ms;
    bool idempotent;
    struct gen_message *request;
    struct gen_message *reply;
    const char *c_name; /* demo_greeter_hello */
    const char *member; /* hello */
};

struct gen_service {
    struct gen_element element;
    const Google__Protobuf__ServiceDescriptorProto *proto;
    uint32_t id;
    const char *c_name;  /* demo_greeter */
    const char *c_lower; /* demo__greeter; protobuf-c's */
    struct gen_method *methods;
    size_t method_count;
};

struct gen_file {
    struct gen_element element;
    const Google__Protobuf__FileDescriptorProto *proto;
    const char *base;      /* the path without ".proto" */
    const char *package;   /* "" without one */
    const char *c_package; /* what (pb_c_file).c_package puts in its place, or NULL */
    bool no_c;             /* (pb_c_file).no_generate: protobuf-c writes nothing */
    bool proto3;
    bool generate;                 /* protoc asked for this file */
    struct gen_message **messages; /* all, nested ones after the message that holds them */
    size_t message_count;
    struct gen_service *services;
    size_t service_count;
};

/* protobuf-c recurses once for each level; a message that can go deeper than this is checked before decoding. */
#define GEN_LEVELS_MAX 64

struct gen_model {
    struct gen_pool *pool;
    struct gen_file *files;
    size_t file_count;
    struct gen_message **by_name; /* all messages of all files, sorted by full name */
    size_t message_count;
};

/*
 * Build the model of a request. Returns NULL on success, else what is wrong with the request itself, which protoc never
 * does: a type that is not there, a file to generate that is not described.
 */
const char *gen_model_build(struct gen_model *model, const Google__Protobuf__Compiler__CodeGeneratorRequest *request);

/* Is the field marked as its message's key? */
bool gen_field_is_key(const Google__Protobuf__FieldDescriptorProto *field);

/* Does protobuf-c say with a has_ member whether the field is there? For a string or a message NULL says so. */
bool gen_field_has_presence_member(const struct gen_message *message,
                                   const Google__Protobuf__FieldDescriptorProto *field);

/* Has the method a key? One whose requests stream has none when it is called. */
bool gen_method_has_key(const struct gen_method *method);

/* True when messages of this type can nest without bound, or beyond GEN_LEVELS_MAX levels. */
bool gen_message_is_deep(const struct gen_message *message);

const char *gen_kind_name(enum gen_kind kind);

/* Does the caller, or who answers, send any number of messages instead of one? */
bool gen_requests_stream(const struct gen_method *method);
bool gen_replies_stream(const struct gen_method *method);

/* A full name as protobuf-c sees it, with the file's c_package in place of its package. */
const char *gen_c_full_name(struct gen_pool *pool, const struct gen_file *file, const char *full_name);

/* The element at one step further down the path: `field` of the parent's descriptor, item `index` of it. */
struct gen_element gen_element_child(struct gen_pool *pool, const struct gen_element *parent, const char *name,
                                     int32_t field, size_t index);

/* Where the schema declares the element; NULL when the request has no source positions. */
const Google__Protobuf__SourceCodeInfo__Location *gen_element_location(const struct gen_element *element);

/* The message of this full name, which has a leading dot; NULL when there is none. */
struct gen_message *gen_model_message(const struct gen_model *model, const char *dotted_name);

#endif
