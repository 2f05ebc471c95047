/*
 * row.h: the table of what hostile peers do. A row is one behaviour, of a worker towards its master and of a master
 * towards its worker alike, and what is to come of it.
 */
#ifndef YOKE_TESTS_HOSTILE_ROW_H
#define YOKE_TESTS_HOSTILE_ROW_H

#include "honest.h"
#include "peer.h"

/* Sanitizers make everything slower, so floods are smaller under them. */
extern unsigned row_flood;

enum row_end {
    VIOLATES, /* the other side notices, and ends the connection; it says `detail` */
    SURVIVES, /* the connection lives on: a call over it is answered */
    LEAVES,   /* the peer exits by itself, with code 0; that is no violation */
    HANGS_UP  /* the peer closes its end and lives on */
};

/* A header as rows have it: `stream` as peer_stream() takes it, and a name for the number in `method`. */
struct row_frame {
    uint8_t type, flags;
    uint16_t aux;
    int stream;
    const struct yoke_method *method;
    const struct yoke_event_type *event;
    uint32_t id;     /* where neither names it */
    uint32_t length; /* as the header says */
    uint32_t size;   /* zeroes that follow in fact */
};

#define ANY_COUNT (~0u)
#define FLOOD_COUNT (~1u) /* row_flood */

struct row {
    const char *name;
    enum row_end end;
    const char *detail;

    /* What it does: sends `frame`, if that has a type or an id; then runs `act`. HELLO goes before, unless `silent`. */
    struct row_frame frame;
    void (*act)(struct peer *peer);
    bool silent;
    unsigned number; /* for `act`, as peer->number */

    /* What the honest side has seen then, but for the call that shows that it lives. */
    unsigned runs, received, replies, events;
    int tree, chat, brief; /* how its calls ended: ENDED(code); 0: UNAVAILABLE; for `brief`: does not matter */
    size_t peak_kib;       /* what its memory may grow by meanwhile; 0: 512 */
};

#define ENDED(code) ((code) + 1)

/* The rows by group, each ended by one without a name. */
extern const struct row hello_rows[], frame_rows[], stream_rows[], credit_rows[], fragment_rows[], message_rows[],
    flood_rows[], descriptor_rows[], metadata_rows[], shared_rows[];

/* Frames that are right but for one flag that their type does not have; a conversation that is cut at each byte. */
const struct row *flag_rows(void);
const struct row *conversation_rows(void);

/* Lists of metadata that are none, wherever one can be. */
const struct row *list_rows(void);

/* The row of this name; NULL when there is none. */
const struct row *row_find(const char *name);

/* What the peer of this row does, from beginning to end. Does not return. */
_Noreturn void row_play(const struct row *row, int fd, bool is_master);

#endif
