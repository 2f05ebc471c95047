/* names.c: see names.h. All letters are ASCII: protoc takes no others in identifiers. */
#include "gen/names.h"

#include <string.h>

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char to_upper(char c) {
    return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

static char to_lower(char c) {
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

char *gen_pbc_type(struct gen_pool *pool, const char *name) {
    char *out = gen_alloc(pool, strlen(name) * 2 + 1, 1);
    size_t length = 0;
    bool capital = true;
    for (; *name; name++) {
        if (*name == '.') {
            /* A first part of underscores alone vanishes, and so does what would set it apart. */
            if (length > 0) {
                out[length++] = '_';
                out[length++] = '_';
            }
            capital = true;
        } else if (*name == '_') {
            capital = true;
        } else {
            out[length++] = capital ? to_upper(*name) : *name;
            capital = false;
        }
    }
    return out;
}

/* protobuf-c begins a word at a capital that follows anything but a capital, an underscore included. */
static char *pbc_words(struct gen_pool *pool, const char *name, char (*convert)(char)) {
    char *out = gen_alloc(pool, strlen(name) * 2 + 1, 1);
    size_t length = 0;
    bool was_upper = true;
    for (; *name; name++) {
        if (*name == '.') {
            out[length++] = '_';
            out[length++] = '_';
            was_upper = true;
            continue;
        }
        if (is_upper(*name) && !was_upper) {
            out[length++] = '_';
        }
        out[length++] = convert(*name);
        was_upper = is_upper(*name);
    }
    return out;
}

char *gen_pbc_lower(struct gen_pool *pool, const char *name) {
    return pbc_words(pool, name, to_lower);
}

char *gen_pbc_upper(struct gen_pool *pool, const char *name) {
    return pbc_words(pool, name, to_upper);
}

/* Is the name one of the words? They are in one string, with a space before and after each. */
static bool is_among(const char *name, const char *words) {
    size_t length = strlen(name);
    for (const char *word = words + 1; *word; word += strcspn(word, " ") + 1) {
        if (strcspn(word, " ") == length && strncmp(word, name, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The keywords that protobuf-c 1.4 knows: those of C89 and C++98, and inline. */
static const char pbc_keywords[] =
    " and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast continue default delete "
    "do double dynamic_cast else enum explicit extern false float for friend goto if inline int long mutable namespace "
    "new not not_eq operator or or_eq private protected public register reinterpret_cast return short signed sizeof "
    "static static_cast struct switch template this throw true try typedef typeid typename union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq ";

/* Keywords of C11, those of GNU mode included, and macros: of GNU mode, of errno.h, of what protobuf-c.h includes. */
static const char c_keywords[] =
    " asm assert auto bool break case char const continue default do double else enum errno extern false float for "
    "goto "
    "if inline int linux long offsetof register restrict return short signed sizeof static static_assert struct switch "
    "true typedef typeof union unix unsigned void volatile while ";

bool gen_is_c_keyword(const char *name) {
    return is_among(name, c_keywords);
}

char *gen_pbc_field(struct gen_pool *pool, const char *name) {
    size_t length = strlen(name);
    char *out = gen_alloc(pool, length + 2, 1);
    for (size_t i = 0; i < length; i++) {
        out[i] = to_lower(name[i]);
    }
    if (is_among(out, pbc_keywords)) {
        out[length] = '_';
    }
    return out;
}

static bool begins_word(const char *name, size_t at) {
    if (at == 0 || !is_upper(name[at])) {
        return false;
    }
    char before = name[at - 1];
    return is_lower(before) || is_digit(before) || (is_upper(before) && is_lower(name[at + 1]));
}

char *gen_snake(struct gen_pool *pool, const char *name) {
    char *out = gen_alloc(pool, strlen(name) * 2 + 1, 1);
    size_t length = 0;
    for (size_t i = 0; name[i]; i++) {
        if (begins_word(name, i)) {
            out[length++] = '_';
        }
        out[length++] = name[i] == '.' ? '_' : to_lower(name[i]);
    }
    return out;
}

char *gen_strip_proto(struct gen_pool *pool, const char *path) {
    static const char *const endings[] = {".protodevel", ".proto"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);
        if (length >= ending && strcmp(path + length - ending, endings[i]) == 0) {
            return gen_format(pool, "%.*s", (int)(length - ending), path);
        }
    }
    return gen_format(pool, "%s", path);
}

char *gen_path_identifier(struct gen_pool *pool, const char *path) {
    struct gen_text out = {.pool = pool};
    for (; *path; path++) {
        if (is_lower(*path) || is_upper(*path) || is_digit(*path)) {
            gen_text_add(&out, path, 1);
        } else {
            gen_text_printf(&out, "_%02x", (unsigned char)*path);
        }
    }
    return gen_format(pool, "%s", gen_text_string(&out));
}

uint32_t gen_name_id(const char *name) {
    uint32_t id = 2166136261u;
    for (; *name; name++) {
        id = (id ^ (uint8_t)*name) * 16777619u;
    }
    return id;
}
