/*
 * gen_mutator.c: changes a CodeGeneratorRequest as a message and not as bytes, so that what comes out can still be
 * decoded: libFuzzer alone seldom gets the lengths of nested messages right. Now and then it does have its way.
 */
#include "fuzz.h"

#include "google/protobuf/compiler/plugin.pb-c.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64

/* libFuzzer's. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* A field of a message within the request, chosen among all of them. */
struct place {
    ProtobufCMessage *message;
    const ProtobufCFieldDescriptor *field;
    size_t seen;
    unsigned random;
};

static unsigned next_random(unsigned *state) {
    *state = *state * 1103515245 + 12345;
    return *state >> 16;
}

static void *member(ProtobufCMessage *message, size_t offset) {
    return (char *)message + offset;
}

static size_t *count_of(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    return member(message, field->quantifier_offset);
}

static void visit(ProtobufCMessage *message, struct place *place);

static void visit_parts(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct place *place) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage **parts = *(ProtobufCMessage ***)member(message, field->offset);
        for (size_t i = 0; i < *count_of(message, field); i++) {
            visit(parts[i], place);
        }
    } else if (*(ProtobufCMessage **)member(message, field->offset) != NULL) {
        visit(*(ProtobufCMessage **)member(message, field->offset), place);
    }
}

/* Each field has the same chance to be the one that is left in `place`. */
static void visit(ProtobufCMessage *message, struct place *place) {
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
        if (!is_list || *count_of(message, field) > 0) {
            place->seen++;
            if (next_random(&place->random) % place->seen == 0) {
                place->message = message;
                place->field = field;
            }
        }
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            visit_parts(message, field, place);
        }
    }
}

static char *change_text(const char *old, unsigned *random) {
    static const char *const texts[] = {
        "",    "a",   "int",       "default", "init",  "base",    "descriptor", ".p.M", "M.Nested", "a.b.c",
        "__x", "1st", "a.proto",   "proto3",  "getID", "A__B",    "A_B",        "%s",   "x\"y\\z",  "a\nb",
        "*/",  "…",   "new.proto", "class",   "union", "errno_t", "NULL",       ".M",
    };
    char *text = malloc(TEXT_MAX + 1);
    FUZZ_CHECK(text != NULL);
    if (old == NULL || next_random(random) % 2 == 0) {
        (void)strncpy(text, texts[next_random(random) % (sizeof(texts) / sizeof(*texts))], TEXT_MAX);
        text[TEXT_MAX] = '\0';
        return text;
    }
    size_t length = strnlen(old, TEXT_MAX);
    memcpy(text, old, length);
    length = LLVMFuzzerMutate((uint8_t *)text, length, TEXT_MAX);
    text[length] = '\0';
    return text;
}

static void replace_text(char **text, unsigned *random) {
    char *changed = next_random(random) % 8 == 0 ? NULL : change_text(*text, random);
    free(*text);
    *text = changed;
}

static void change_list(const struct place *place, unsigned *random) {
    const ProtobufCFieldDescriptor *field = place->field;
    size_t *count = count_of(place->message, field);
    size_t at = next_random(random) % *count;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **parts = *(ProtobufCMessage ***)member(place->message, field->offset);
        protobuf_c_message_free_unpacked(parts[at], NULL);
        parts[at] = parts[--*count];
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        char **texts = *(char ***)member(place->message, field->offset);
        char *changed = change_text(texts[at], random);
        free(texts[at]);
        texts[at] = changed;
    } else if (field->type == PROTOBUF_C_TYPE_INT32) {
        (*(int32_t **)member(place->message, field->offset))[at] = (int32_t)(next_random(random) % 12) - 1;
    }
}

static void change_field(const struct place *place, unsigned *random) {
    const ProtobufCFieldDescriptor *field = place->field;
    void *value = member(place->message, field->offset);
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        change_list(place, random);
        return;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        replace_text(value, random);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        *(int32_t *)value = (int32_t)(next_random(random) % 24) - 2;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)value = (protobuf_c_boolean)(next_random(random) % 2);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        if (*(ProtobufCMessage **)value != NULL) {
            protobuf_c_message_free_unpacked(*(ProtobufCMessage **)value, NULL);
            *(ProtobufCMessage **)value = NULL;
        }
        return;
    default:
        return;
    }
    if (field->quantifier_offset != 0) {
        *(protobuf_c_boolean *)member(place->message, field->quantifier_offset) = next_random(random) % 8 != 0;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    unsigned random = seed;
    Google__Protobuf__Compiler__CodeGeneratorRequest *request =
        next_random(&random) % 8 == 0 ? NULL
                                      : google__protobuf__compiler__code_generator_request__unpack(NULL, size, data);
    if (request == NULL) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    for (unsigned i = 1 + next_random(&random) % 3; i > 0; i--) {
        struct place place = {.random = next_random(&random)};
        visit(&request->base, &place);
        if (place.field != NULL) {
            change_field(&place, &random);
        }
    }
    size_t length = google__protobuf__compiler__code_generator_request__get_packed_size(request);
    if (length <= max_size) {
        size = google__protobuf__compiler__code_generator_request__pack(request, data);
    }
    google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
    return size;
}
