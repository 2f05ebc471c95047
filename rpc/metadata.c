/* metadata.c: see metadata.h. */
#include "rpc/metadata.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX 255u
#define CAPACITY_MIN 256u

/* Keys of the framework's own; nobody else may use them, so that there can be some. */
#define RESERVED_PREFIX "yoke-"
#define BINARY_SUFFIX "-bin"

/* Where a record's parts are. */
struct record {
    const uint8_t *key, *value, *end;
    size_t key_length, value_length;
};

#define HEADER_SIZE 5u

/* Take a record apart; false when the bytes that are left are none. */
static bool read_record(const uint8_t *bytes, size_t left, struct record *ret_record) {
    if (left < YOKE__METADATA_OVERHEAD) {
        return false;
    }
    uint32_t value_length;
    memcpy(&value_length, bytes, sizeof value_length);
    value_length = le32toh(value_length);
    size_t key_length = bytes[4];
    if (value_length > left || YOKE__METADATA_OVERHEAD + key_length + value_length > left) {
        return false;
    }
    const uint8_t *key = bytes + HEADER_SIZE;
    const uint8_t *value = key + key_length + 1;
    *ret_record = (struct record){key, value, value + value_length + 1, key_length, value_length};
    return true;
}

static bool is_binary_key(const char *key, size_t length) {
    const size_t suffix = sizeof BINARY_SUFFIX - 1;
    return length > suffix && memcmp(key + length - suffix, BINARY_SUFFIX, suffix) == 0;
}

/* What is asked first is so most of the time. */
static bool is_key_character(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_key(const uint8_t *key, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!is_key_character(key[i])) {
            return false;
        }
    }
    return length > 0 && length <= KEY_MAX;
}

static bool is_type_name(const uint8_t *name, size_t length) {
    for (size_t i = 0; i < length; i++) {
        bool is_upper = name[i] >= 'A' && name[i] <= 'Z';
        uint8_t folded = is_upper ? 'a' : name[i];
        if (folded == '-' || !is_key(&folded, 1)) {
            return false;
        }
    }
    return length > 0;
}

/* Eight at a time: a byte below 0x20 gets its top bit by the subtraction, one above 0x7e by the addition or keeps it. */
static bool is_printable_word(const uint8_t *value) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, value, sizeof word);
    return (((word - 0x20 * ones) | (word + ones)) & 0x80 * ones) == 0;
}

static bool is_printable(const uint8_t *value, size_t length) {
    for (; length >= sizeof(uint64_t); value += sizeof(uint64_t), length -= sizeof(uint64_t)) {
        if (!is_printable_word(value)) {
            return false;
        }
    }
    for (size_t i = 0; i < length; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static bool is_valid_record(const struct record *record, enum yoke__metadata_kind kind) {
    if (record->key[record->key_length] != '\0' || record->value[record->value_length] != '\0') {
        return false;
    }
    if (kind == YOKE__METADATA_DETAILS) {
        return is_type_name(record->key, record->key_length);
    }
    return is_key(record->key, record->key_length) && (is_binary_key((const char *)record->key, record->key_length) ||
                                                       is_printable(record->value, record->value_length));
}

bool yoke__metadata_is_valid(const uint8_t *bytes, size_t length, enum yoke__metadata_kind kind) {
    const uint8_t *end = bytes + length;
    while (bytes < end) {
        struct record record;
        if (!read_record(bytes, (size_t)(end - bytes), &record) || !is_valid_record(&record, kind)) {
            return false;
        }
        bytes = record.end;
    }
    return true;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void yoke__metadata_release(struct yoke_metadata *metadata) {
    free(metadata->bytes);
    *metadata = (struct yoke_metadata){0};
}

/*
 * Room for so many bytes more. What was outgrown is the caller's to free, once it has written what it may have to read from
 * there.
 */
static int reserve(struct yoke_metadata *metadata, size_t more, uint8_t **ret_outgrown) {
    *ret_outgrown = NULL;
    if (more > metadata->limit || metadata->length > metadata->limit - more) {
        return -EMSGSIZE;
    }
    size_t wanted = metadata->length + more;
    if (wanted <= metadata->capacity) {
        return 0;
    }
    size_t capacity = metadata->capacity != 0 ? metadata->capacity : CAPACITY_MIN;
    while (capacity < wanted) {
        capacity *= 2;
    }
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    if (metadata->length > 0) {
        memcpy(bytes, metadata->bytes, metadata->length);
    }
    *ret_outgrown = metadata->bytes;
    metadata->bytes = bytes;
    metadata->capacity = capacity;
    return 0;
}

int yoke__metadata_append(struct yoke_metadata *metadata, const char *key, const void *value, size_t value_length,
                          uint8_t **ret_value) {
    size_t key_length = strnlen(key, KEY_MAX + 1);
    if (key_length == 0 || key_length > KEY_MAX) {
        return -EINVAL;
    }
    if (value_length > metadata->limit) {
        return -EMSGSIZE;
    }
    size_t size = YOKE__METADATA_OVERHEAD + key_length + value_length;
    uint8_t *outgrown;
    int error = reserve(metadata, size, &outgrown);
    if (error != 0) {
        return error;
    }
    uint8_t *out = metadata->bytes + metadata->length;
    const uint32_t length = htole32((uint32_t)value_length);
    memcpy(out, &length, sizeof length);
    out[4] = (uint8_t)key_length;
    memcpy(out + HEADER_SIZE, key, key_length + 1);
    *ret_value = out + HEADER_SIZE + key_length + 1;
    if (value != NULL && value_length > 0) {
        memcpy(*ret_value, value, value_length);
    }
    (*ret_value)[value_length] = '\0';
    metadata->length += size;
    free(outgrown);
    return 0;
}

int yoke__metadata_copy(struct yoke_metadata *metadata, const uint8_t *bytes, size_t length) {
    metadata->length = 0;
    uint8_t *outgrown;
    int error = reserve(metadata, length, &outgrown);
    if (error == 0 && length > 0) {
        memcpy(metadata->bytes, bytes, length);
        metadata->length = length;
    }
    free(outgrown);
    return error;
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

int yoke_metadata_create(struct yoke_metadata **ret_metadata) {
    struct yoke_metadata *metadata = calloc(1, sizeof *metadata);
    if (metadata == NULL) {
        return -ENOMEM;
    }
    metadata->limit = YOKE__METADATA_BYTES_MAX;
    *ret_metadata = metadata;
    return 0;
}

void yoke_metadata_destroy(struct yoke_metadata *metadata) {
    if (metadata != NULL) {
        free(metadata->bytes);
        free(metadata);
    }
}

static int add(struct yoke_metadata *metadata, const char *key, const void *value, size_t length) {
    if (strncmp(key, RESERVED_PREFIX, sizeof RESERVED_PREFIX - 1) == 0) {
        return -EINVAL;
    }
    if (metadata == NULL) {
        return -ENOMEM;
    }
    if (metadata->is_sealed) {
        return -EPERM;
    }
    uint8_t *copy;
    return yoke__metadata_append(metadata, key, value, length, &copy);
}

int yoke_metadata_add(struct yoke_metadata *metadata, const char *key, const char *value) {
    size_t key_length = strlen(key);
    size_t length = strlen(value);
    if (!is_key((const uint8_t *)key, key_length) || is_binary_key(key, key_length) ||
        !is_printable((const uint8_t *)value, length)) {
        return -EINVAL;
    }
    return add(metadata, key, value, length);
}

int yoke_metadata_add_binary(struct yoke_metadata *metadata, const char *key, const void *value, size_t length) {
    size_t key_length = strlen(key);
    if (!is_key((const uint8_t *)key, key_length) || !is_binary_key(key, key_length)) {
        return -EINVAL;
    }
    return add(metadata, key, value, length);
}

bool yoke_metadata_next(const struct yoke_metadata *metadata, struct yoke_metadata_entry *entry) {
    if (metadata == NULL || metadata->length == 0) {
        return false;
    }
    const uint8_t *at = entry->key == NULL ? metadata->bytes : (const uint8_t *)entry->value + entry->length + 1;
    struct record record;
    if (!read_record(at, (size_t)(metadata->bytes + metadata->length - at), &record)) {
        return false;
    }
    *entry = (struct yoke_metadata_entry){(const char *)record.key, (const char *)record.value, record.value_length};
    return true;
}

bool yoke_metadata_find(const struct yoke_metadata *metadata, const char *key, struct yoke_metadata_entry *entry) {
    struct yoke_metadata_entry at = *entry;
    while (yoke_metadata_next(metadata, &at)) {
        if (strcmp(at.key, key) == 0) {
            *entry = at;
            return true;
        }
    }
    return false;
}

size_t yoke_metadata_remove(struct yoke_metadata *metadata, const char *key) {
    if (metadata == NULL || metadata->is_sealed || metadata->length == 0) {
        return 0;
    }
    /* The key may be one of the list's own. */
    char wanted[KEY_MAX + 1];
    if (strnlen(key, sizeof wanted) == sizeof wanted) {
        return 0;
    }
    memcpy(wanted, key, strlen(key) + 1);
    size_t count = 0;
    struct record record;
    uint8_t *at = metadata->bytes;
    const uint8_t *end = metadata->bytes + metadata->length;
    while (at < end && read_record(at, (size_t)(end - at), &record)) {
        if (strcmp((const char *)record.key, wanted) != 0) {
            at += record.end - at;
            continue;
        }
        count++;
        memmove(at, record.end, (size_t)(end - record.end));
        end -= record.end - at;
    }
    metadata->length = (size_t)(end - metadata->bytes);
    return count;
}
