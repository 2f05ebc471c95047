/* memory.c: see memory.h. The linker's --wrap leads all calls here; CMakeLists.txt lists the functions. */
#include "memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
char *__wrap_strdup(const char *string);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void __wrap_free(void *memory);

static size_t allocations, live_blocks, live_bytes, peak_bytes;

/* The failures that were asked for: allocation number `fail_at` and, with `keep_failing`, all later ones. */
static size_t fail_at = SIZE_MAX;
static bool keep_failing, has_failed;

static bool must_fail(void) {
    size_t number = allocations++;
    bool fails = number == fail_at || (keep_failing && number > fail_at);
    has_failed = has_failed || fails;
    return fails;
}

static void *count_in(void *memory) {
    if (memory != NULL) {
        live_blocks++;
        live_bytes += malloc_usable_size(memory);
        peak_bytes = live_bytes > peak_bytes ? live_bytes : peak_bytes;
    }
    return memory;
}

static void count_out(void *memory) {
    if (memory != NULL) {
        live_blocks--;
        live_bytes -= malloc_usable_size(memory);
    }
}

void *__wrap_malloc(size_t size) {
    return must_fail() ? NULL : count_in(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size) {
    return must_fail() ? NULL : count_in(__real_calloc(count, size));
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size) {
    if (must_fail()) {
        return NULL;
    }
    size_t usable = memory != NULL ? malloc_usable_size(memory) : 0;
    void *moved = __real_reallocarray(memory, count, size);
    if (moved != NULL) {
        live_blocks -= memory != NULL;
        live_bytes -= usable;
        count_in(moved);
    }
    return moved;
}

void __wrap_free(void *memory) {
    count_out(memory);
    __real_free(memory);
}

char *__wrap_strdup(const char *string) {
    size_t size = strlen(string) + 1;
    char *copy = __wrap_malloc(size);
    return copy != NULL ? memcpy(copy, string, size) : NULL;
}

size_t memory_allocation_count(void) {
    return allocations;
}

size_t memory_live_blocks(void) {
    return live_blocks;
}

size_t memory_live_bytes(void) {
    return live_bytes;
}

size_t memory_peak_bytes(void) {
    return peak_bytes;
}

void memory_reset_peak(void) {
    peak_bytes = live_bytes;
}

static void plan_failure(size_t nth, bool keep) {
    fail_at = allocations + nth;
    keep_failing = keep;
    has_failed = false;
}

void memory_fail_once(size_t nth) {
    plan_failure(nth, false);
}

void memory_fail_from(size_t nth) {
    plan_failure(nth, true);
}

bool memory_fail_never(void) {
    fail_at = SIZE_MAX;
    keep_failing = false;
    return has_failed;
}

size_t memory_fail_each(bool (*run)(size_t nth, void (*fail)(size_t nth)), void (*fail)(size_t nth)) {
    size_t nth = 0;
    while (run(nth, fail)) {
        nth++;
    }
    return nth;
}
