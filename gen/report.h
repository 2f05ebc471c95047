/*
 * report.h: what is wrong with a schema. Errors are collected, so that one run shows them all, and come out in the
 * order of the files and lines that they are about.
 */
#ifndef GEN_REPORT_H
#define GEN_REPORT_H

#include "gen/model.h"

struct gen_problem;

struct gen_report {
    struct gen_pool *pool;
    struct gen_problem *problems;
    size_t count;
    size_t capacity;
};

/* "file:line:column: full.name: what". `what` says what is wrong and, after a semicolon, what to do about it. */
void gen_report_add(struct gen_report *report, const struct gen_element *element, const char *what, ...)
    GEN_PRINTF(3, 4);

/* The whole report, a line for each error; NULL when there is none. */
char *gen_report_text(struct gen_report *report);

/* "file:line:column" of an element, or just the file when the request has no positions. */
char *gen_place(struct gen_pool *pool, const struct gen_element *element);

#endif
