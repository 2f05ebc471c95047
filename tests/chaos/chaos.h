/*
 * chaos.h: what all processes of a chaos run share: a book in memory of which each has a view, in which workers note what
 * they are about to do, so that their master can tell whether what it hears of them is right; and checks that count in
 * every process.
 */
#ifndef YOKE_TESTS_CHAOS_H
#define YOKE_TESTS_CHAOS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- What is done to workers, by them, and to the master ------------------------------------------------------------ */

enum chaos_act {
    /* A signal from outside. */
    ACT_KILL,
    ACT_SEGV,
    ACT_TERM,
    ACT_FREEZE, /* SIGSTOP, for good */
    ACT_PAUSE,  /* SIGSTOP, and SIGCONT soon */

    /* What a worker does when it gets the order. */
    ACT_EXIT_0,
    ACT_EXIT_1,
    ACT_LEAVE_0, /* yoke_worker_stop() */
    ACT_LEAVE_3,
    ACT_EXIT_FINAL,
    ACT_CRASH,
    ACT_LOOP,  /* for ever, in a handler */
    ACT_BLOCK, /* the same, asleep */
    ACT_VIOLATE,
    ACT_HANG_UP, /* close the channel and live on */
    ACT_LEAK,
    ACT_HOARD, /* take all descriptors that it can have, and keep them */
    ACT_SHOUT, /* very many events */
    ACT_PRINT, /* very many lines */

    /* What the next workers that start do. */
    ACT_START_SLOWLY,
    ACT_START_EXIT,
    ACT_START_CRASH,
    ACT_START_NEVER,

    /* What the master is told. */
    ACT_RELOAD,
    ACT_RELOAD_ALL,
    ACT_SCALE,
    ACT_RECYCLE,
    ACT_BROADCAST,

    ACT_COUNT
};

#define EXIT_FINAL 7 /* restart.final_exit_code */
#define EXIT_START 4 /* of ACT_START_EXIT */

/* ---- The book ------------------------------------------------------------------------------------------------------- */

#define CHAOS_SLOTS 65536u       /* calls at a time, and those that ended lately */
#define CHAOS_WORKERS (1u << 20) /* worker ids; a page is only used when its workers live */
#define CHAOS_POOLS 8u
#define CHAOS_COMPLAINTS 40u

/* A call, as its handlers see it. */
struct chaos_slot {
    atomic_uint serial;  /* of the call that has the slot */
    atomic_uint handled; /* how often a handler has begun it */
};

/* A worker, by its id. */
struct chaos_note {
    atomic_uint acts;       /* 1 << enum chaos_act: what was done to it, or it was about to do */
    atomic_uint noises;     /* events that were accepted for sending */
    atomic_uint lines;      /* that it has printed */
    atomic_bool is_done;    /* its entry returns: what was accepted has to arrive */
    atomic_ullong act_ns;   /* when the latest of them that should be noticed was done */
    atomic_ullong alive_ns; /* its loop has turned last */
};

struct chaos_book {
    uint64_t leak_bytes;
    atomic_uint complaint_count;
    char complaints[CHAOS_COMPLAINTS][256];
    atomic_uint start_count[CHAOS_POOLS]; /* so many workers of the pool that start from now on do this: */
    atomic_uint start_act[CHAOS_POOLS];
    struct chaos_slot slots[CHAOS_SLOTS];
    struct chaos_note notes[CHAOS_WORKERS];
};

/* This process's view. */
extern struct chaos_book *chaos;

/* Make the book. Gives its descriptor, close-on-exec, by which a program that the master starts can open it. */
int chaos_create_book(void);

/* In a program that was started with this path. False: there is no such book. */
bool chaos_open_book(const char *path);

/* The note of a worker. Counts as a complaint, and gives that of worker 0, when there are too many. */
struct chaos_note *chaos_note_of(uint64_t worker_id);

/* This is about to be done to the worker. */
void chaos_note_act(uint64_t worker_id, enum chaos_act act);

/* Says what is wrong, if it does not hold, and counts it, in whichever process. Returns `holds`. */
bool chaos_check(bool holds, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t chaos_now_ns(void);

/* A random number; its argument is the generator's state. */
uint64_t chaos_random(uint64_t *state);
uint32_t chaos_below(uint64_t *state, uint32_t limit);

#endif
