/*
 * machine.h: one side of a connection with nothing around it: no process, no socket, no loop. Two of them joined by
 * memory are a master and a worker; one alone is fed by hand with whatever bytes a test makes up.
 */
#ifndef YOKE_TESTS_UNIT_MACHINE_H
#define YOKE_TESTS_UNIT_MACHINE_H

#include "rpc/channel.h"
#include "rpc/connection.h"

#include "unit.yoke.h"

#define MACHINE_HELD_MAX 8192

/* The ids and pids that the two sides know each other by. */
#define MACHINE_WORKER_ID 7
#define MACHINE_WORKER_PID 1007
#define MACHINE_MASTER_PID 1000

/* The clock of all machines. Starts at an hour. */
extern uint64_t machine_now_ns;
#define MS_NS UINT64_C(1000000)

struct machine {
    struct yoke__connection connection;
    struct yoke__engine engine;
    struct yoke_server server; /* serves unit.Echo */
    struct yoke_events events;
    struct yoke__single_channel channel;

    /* What the connection told its transport and the log. */
    unsigned attentions, readies, leavings, drainings, log_count;
    char log[512]; /* the last line */

    /* What the service has done. */
    unsigned handled;                         /* calls that a handler has had */
    struct yoke_call *held[MACHINE_HELD_MAX]; /* calls of Later, oldest first */
    size_t held_count;
    void (*act)(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request); /* As; NULL: echo */
    void *act_data;

    /* Who it turns the loop with while a call of it blocks, and what happens in each turn; NULL: nothing. */
    struct machine *other;
    void (*each_turn)(struct machine *machine);
    unsigned turns;
};

/* `limits` may be NULL. A machine must not move, and is large: make it static. */
void machine_init(struct machine *machine, bool is_master, const struct yoke_limits *limits);

/* One more end of the master's, whose calls are of the same engine as the first's. Released before that. */
void machine_init_beside(struct machine *machine, struct machine *first);

/* Two machines that have greeted each other: their first bytes are carried. */
void machine_init_pair(struct machine *master, struct machine *worker, const struct yoke_limits *limits);

/* Close the connection; the engine lives on. */
void machine_close(struct machine *machine, const char *message);

/* Close, if it has not been, and free everything. Calls that are held stay with the test. */
void machine_release(struct machine *machine);

/*
 * Let it receive bytes, at most `piece` at a time; 0: as much as there is room for. Stops at a failure and when there
 * is no memory. Returns how many bytes it took.
 */
size_t machine_feed(struct machine *machine, const void *bytes, size_t length, size_t piece);

/* Take up to `capacity` bytes of what is queued for the peer. Returns how many. */
size_t machine_take(struct machine *machine, void *out, size_t capacity);

/* Take one whole frame of what is queued; false when there is none. The payload must fit in `capacity`. */
bool machine_take_frame(struct machine *machine, struct yoke__frame *ret_frame, void *payload, size_t capacity);

/* Carry what is queued at `from` to `to`, at most `piece` bytes at a time; 0: all. Returns how many were carried. */
size_t machine_carry(struct machine *from, struct machine *to, size_t piece);

/* Run the callbacks that are due and carry both ways, as two loops would, until both are silent. */
void machine_exchange(struct machine *one, struct machine *other);

/*
 * From now on calls of `machine` can block: then both turn their loops, also when a connection fails, until neither has
 * anything to do.
 */
void machine_let_block(struct machine *machine, struct machine *other);

/* Run the callbacks that are due, as the loop would before it sleeps. */
void machine_settle(struct machine *machine);

/* Answer the oldest held call with these bytes. What yoke_call_reply() returns. */
int machine_answer_held(struct machine *machine, const void *data, size_t length);

/* The channel to the peer. */
struct yoke_channel *machine_channel(struct machine *machine);

/* ---- Calls ----------------------------------------------------------------------------------------------------- */

/* How a call ended. */
struct outcome {
    unsigned count; /* how often the callback ran */
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    bool has_reply;
    uint8_t data[128]; /* the beginning of the reply */
    size_t length;     /* all of it */
    struct yoke_peer peer;
    const char *method;
    void (*then)(struct outcome *outcome); /* called at the end of the callback; may be NULL */
    void *then_data;
};

/* The callback that fills an outcome, which is its user_data. */
void outcome_take(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply, void *user_data);

/* Call Now, Later or As with `length` bytes of `data`. What the stub returns. */
int machine_call_now(struct machine *machine, const void *data, size_t length, struct outcome *outcome);
int machine_call_later(struct machine *machine, const void *data, size_t length, struct outcome *outcome);
int machine_call_as(struct machine *machine, const void *data, size_t length, struct outcome *outcome);

#endif
