/*
 * comment.c: see comment.h. A schema's comment is anybody's text: what would end a C comment, or make a compiler warn
 * of it, is pulled apart.
 */
#include "gen/comment.h"

#include <string.h>

/* A pair that must not stand in a C comment: its end, another beginning, a trigraph's. */
static bool is_hostile(char first, char second) {
    return (first == '*' && second == '/') || (first == '/' && second == '*') || (first == '?' && second == '?');
}

static bool is_control(char c) {
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The UTF-8 of a character that changes the direction of text (U+202A to U+202E, U+2066 to U+2069): code must not. */
static bool is_direction(const char *bytes, size_t length) {
    if (length < 3 || (unsigned char)bytes[0] != 0xe2) {
        return false;
    }
    unsigned char second = (unsigned char)bytes[1];
    unsigned char third = (unsigned char)bytes[2];
    return (second == 0x80 && third >= 0xaa && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

static char *clean_line(struct gen_pool *pool, const char *line, size_t length) {
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r')) {
        length--;
    }
    char *out = gen_alloc(pool, length * 2 + 1, 1);
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        if (is_direction(line + i, length - i)) {
            i += 2;
            continue;
        }
        out[at++] = is_control(line[i]) ? ' ' : line[i];
        if (i + 1 < length && is_hostile(line[i], line[i + 1])) {
            out[at++] = ' ';
        }
    }
    return out;
}

/* The lines of a text, without blank ones at its beginning and end. */
struct lines {
    char **line;
    size_t count;
};

static struct lines split(struct gen_pool *pool, const char *string) {
    size_t count = 1;
    for (const char *c = string; *c; c++) {
        count += *c == '\n';
    }
    struct lines lines = {gen_alloc(pool, count, sizeof(char *)), 0};
    while (*string) {
        size_t length = strcspn(string, "\n");
        char *line = clean_line(pool, string, length);
        if (*line || lines.count > 0) {
            lines.line[lines.count++] = line;
        }
        string += length + (string[length] == '\n');
    }
    while (lines.count > 0 && !*lines.line[lines.count - 1]) {
        lines.count--;
    }
    return lines;
}

void gen_emit_comment(struct gen_text *text, size_t indent, const struct gen_element *element, const char *note) {
    const Google__Protobuf__SourceCodeInfo__Location *location = gen_element_location(element);
    const char *comment = location && location->leading_comments ? location->leading_comments : "";
    struct lines lines = split(text->pool, comment);
    if (lines.count == 0 && !note) {
        return;
    }
    if (lines.count == 0) {
        gen_text_printf(text, "%*s/* %s */\n", (int)indent, "", note);
        return;
    }
    if (lines.count == 1 && !note && indent + strlen(lines.line[0]) + 7 <= 120) {
        gen_text_printf(text, "%*s/*%s%s */\n", (int)indent, "", *lines.line[0] == ' ' ? "" : " ", lines.line[0]);
        return;
    }
    gen_text_printf(text, "%*s/*\n", (int)indent, "");
    for (size_t i = 0; i < lines.count; i++) {
        const char *line = lines.line[i];
        gen_text_printf(text, "%*s *%s%s\n", (int)indent, "", *line && *line != ' ' && *line != '\t' ? " " : "", line);
    }
    if (note) {
        gen_text_printf(text, "%*s *\n%*s * %s\n", (int)indent, "", (int)indent, "", note);
    }
    gen_text_printf(text, "%*s */\n", (int)indent, "");
}
