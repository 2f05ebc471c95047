/*
 * What is measured. A new system is a program that keeps the contract of common/bench.h and a line in tables.c; a new
 * case is a line there too, and, when it is a new kind of work, a kind in common/job.h.
 */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <stdbool.h>
#include <stddef.h>

struct bench_system {
    const char *name;    /* in tables and in JSON */
    const char *program; /* beside the runner's own */
    const char *needs;   /* said when the program is missing or does not start; NULL: that is a failure */
    const char *floor;   /* the bare socket that it is compared with; NULL: it is one */
};

/* What a case measures, and so which figures a repetition of it has. */
enum bench_measure { BENCH_MEASURES_TIME, BENCH_MEASURES_LATENCY, BENCH_MEASURES_MEMORY };

enum bench_case_flag {
    BENCH_CASE_EXTRA = 1, /* not in a quick run */
    BENCH_CASE_BULK = 2   /* bytes per second matter */
};

struct bench_case {
    const char *label; /* of this row; unique */
    const char *name;  /* what programs call the case */
    enum bench_measure measure;
    size_t size;
    unsigned depth;
    unsigned workers;
    unsigned streams;
    unsigned flags;   /* of enum bench_case_flag */
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

/* Half of what a system does in a second in this case is the rate of its latency case. */
extern const char bench_peak_label[];

/* Systems and cases in the tables, without the ends. */
size_t bench_system_count(void);
size_t bench_case_count(void);

/* True when `wanted` is the case's name ("unary") or its label ("unary/64/128"). */
bool bench_case_matches(const struct bench_case *bench_case, const char *wanted);

#endif
