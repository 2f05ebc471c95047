/*
 * What is measured. A new system is a program that keeps the contract of common/bench.h and a line in tables.c; a new
 * case is a line there too, and a kind in common/bench.h.
 */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <stdbool.h>
#include <stddef.h>

struct bench_system {
    const char *name;    /* in tables and in JSON */
    const char *program; /* beside the runner's own */
    const char *needs;   /* said when the program is missing or does not start; NULL: that is a failure */
};

struct bench_case {
    const char *name;
    size_t size;
    unsigned depth;
    const char *what; /* a line for people */
};

/* A system that the others are compared with, and the heading of that column. */
struct bench_reference {
    const char *system;
    const char *heading;
};

/* Ended by an entry of zeroes. */
extern const struct bench_system bench_systems[];
extern const struct bench_case bench_cases[];
extern const struct bench_reference bench_references[];

/* True when `wanted` is the case's name ("unary") or name, size and depth ("unary/64/128"). */
bool bench_case_matches(const struct bench_case *bench_case, const char *wanted);

#endif
