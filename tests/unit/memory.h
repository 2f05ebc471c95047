/*
 * memory.h: the allocator as the tests see it. Programs that link this count what Yoke takes from the heap and can make
 * any one allocation fail. What shared libraries allocate for themselves is not seen.
 */
#ifndef YOKE_TESTS_UNIT_MEMORY_H
#define YOKE_TESTS_UNIT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Allocations that were asked for since the program began, failed ones included. */
size_t memory_allocation_count(void);

/* Blocks and bytes that are allocated now. */
size_t memory_live_blocks(void);
size_t memory_live_bytes(void);

/* The most bytes that were live at once since memory_reset_peak(). */
size_t memory_peak_bytes(void);
void memory_reset_peak(void);

/* Make allocation number `nth` from now on fail, once; 0 is the next one. */
void memory_fail_once(size_t nth);

/* Make it and all that follow fail, until memory_fail_never(). */
void memory_fail_from(size_t nth);

/*
 * Run something with the first allocation failing, then with the second, and so on, until it makes fewer. `run` calls `fail`,
 * one of the two above, with `nth`, and returns what memory_fail_never() did. Returns how many failed.
 */
size_t memory_fail_each(bool (*run)(size_t nth, void (*fail)(size_t nth)), void (*fail)(size_t nth));

/* Returns whether the failure that was asked for has happened. */
bool memory_fail_never(void);

#endif
