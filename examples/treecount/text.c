/* Numbers and file names for people. Bytes from 128 on are left alone: they are UTF-8 in most names. */
#include "text.h"

struct text_number text_number(uint64_t number) {
    char digits[21];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);

    struct text_number result = {0};
    char *out = result.text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = digits[i];
    }
    *out = '\0';
    return result;
}

void text_write_path(FILE *stream, const char *path) {
    for (; *path != '\0'; path++) {
        unsigned char byte = (unsigned char)*path;
        if (byte < ' ' || byte == 127 || byte == '\\') {
            fprintf(stream, "\\%03o", byte);
        } else {
            putc(byte, stream);
        }
    }
}
