/* book.c: see chaos.h. */
#include "chaos.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct chaos_book *chaos;

static bool map_book(int fd) {
    void *memory = mmap(NULL, sizeof *chaos, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    chaos = memory;
    return true;
}

int chaos_create_book(void) {
    int fd = memfd_create("chaos", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof *chaos) != 0 || !map_book(fd)) {
        perror("chaos: the book");
        abort();
    }
    return fd;
}

bool chaos_open_book(const char *path) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is_open = fd >= 0 && map_book(fd);
    if (fd >= 0) {
        (void)close(fd);
    }
    return is_open;
}

struct chaos_note *chaos_note_of(uint64_t worker_id) {
    bool is_known = chaos_check(worker_id < CHAOS_WORKERS, "there are too many workers for the book");
    return &chaos->notes[is_known ? worker_id : 0];
}

void chaos_note_act(uint64_t worker_id, enum chaos_act act) {
    struct chaos_note *note = chaos_note_of(worker_id);
    atomic_store(&note->act_ns, chaos_now_ns());
    atomic_fetch_or(&note->acts, 1u << act);
}

bool chaos_check(bool holds, const char *format, ...) {
    if (holds) {
        return true;
    }
    unsigned number = atomic_fetch_add(&chaos->complaint_count, 1);
    if (number >= CHAOS_COMPLAINTS) {
        return false;
    }
    char *text = chaos->complaints[number];
    int prefix = snprintf(text, sizeof chaos->complaints[0], "process %d: ", (int)getpid());
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + prefix, sizeof chaos->complaints[0] - (size_t)prefix, format, arguments);
    va_end(arguments);
    return false;
}

uint64_t chaos_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* SplitMix64. */
uint64_t chaos_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t chaos_below(uint64_t *state, uint32_t limit) {
    return (uint32_t)(chaos_random(state) % limit);
}
