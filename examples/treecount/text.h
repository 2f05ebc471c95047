/* Numbers and file names for people. */
#ifndef TREECOUNT_TEXT_H
#define TREECOUNT_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* Room for the largest number, its commas and a NUL. */
struct text_number {
    char text[27];
};

/* 1234567 as "1,234,567". */
struct text_number text_number(uint64_t number);

/* Write a file name; control characters, which could upset a terminal, and '\' as \ooo. */
void text_write_path(FILE *stream, const char *path);

#endif
