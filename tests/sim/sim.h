/*
 * sim.h: what the parts of the simulator share: two connection machines, the wire between them, a clock, and a model
 * that knows of each call what was accepted and so what may come of it. All is chosen by one seed.
 */
#ifndef YOKE_TESTS_SIM_SIM_H
#define YOKE_TESTS_SIM_SIM_H

#include "random.h"
#include "rpc/call.h"
#include "rpc/channel.h"
#include "rpc/connection.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/queue.h"
#include "rpc/stream.h"
#include "sim.yoke.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define SIM_CALLS_MAX 120
#define SIM_MESSAGES_MAX 24
#define SIM_ENTRIES_MAX 5
#define SIM_INTERCEPTORS 2
#define SIM_WIRE_SIZE ((size_t)256 * 1024)
#define SIM_PASSED_MAX 32
#define SIM_NO_CODE (-1)

#define MS_NS UINT64_C(1000000)

enum sim_kind {
    SIM_UNARY,
    SIM_TIMED,
    SIM_DOWN,
    SIM_UP,
    SIM_BOTH,
    SIM_MISSING,
    SIM_ABSENT,
    SIM_KIND_COUNT,
    SIM_PING = SIM_KIND_COUNT /* made in another way */
};

/* What travels around the messages, all but the last one as metadata. */
enum sim_list_kind { SIM_REQUEST, SIM_HEADERS, SIM_TRAILERS, SIM_DETAILS, SIM_LIST_COUNT };

struct sim_list {
    unsigned count;
    uint32_t lengths[SIM_ENTRIES_MAX]; /* of the values */
    size_t bytes;
};

/* The messages of one direction of a call. */
struct sim_flow {
    uint32_t lengths[SIM_MESSAGES_MAX];
    unsigned sent;     /* accepted for sending */
    unsigned arrived;  /* whole at the other machine */
    unsigned received; /* by its user */
    bool ended;        /* the sender has said that no more follow */
    bool end_arrived;  /* END_STREAM upwards, END downwards */
    bool end_received;
    bool held;          /* by the receiver */
    bool waits;         /* the sender was refused with -EAGAIN and has not been told to go on */
    bool has_oversized; /* one is larger than the receiver allows */
};

/* A call as the model knows it, at both sides. */
struct sim_call {
    unsigned number;
    unsigned side; /* whose it is */
    enum sim_kind kind;
    struct sim_flow up, down;
    struct sim_list lists[SIM_LIST_COUNT];

    /* At the caller. */
    struct yoke_call *client; /* NULL once it has completed */
    bool accepted, done;
    uint32_t stream; /* 0: it was not sent */
    uint64_t deadline_ns;
    uint32_t max_reply_bytes;
    struct sim_call *parent; /* of which it is a part */
    bool has_waited;         /* for a peer that is ready */
    bool is_safe;            /* it was said that it can be made again */
    unsigned headers_told;
    uint64_t started_ns;
    int must; /* the code that it has to end with; SIM_NO_CODE: not known yet */

    /* At the handler. */
    struct yoke_call *server; /* NULL before it is dispatched and once it is answered */
    bool dispatched, answered;
    bool hooked;        /* is told of a cancellation */
    bool was_cancelled; /* when it was answered */
    unsigned told;
    int answer_code, answer_result;
    uint64_t server_deadline_ns; /* as an interceptor has set it; 0: it has not */

    /* Interceptors, of the caller's channel and of the handler's server. */
    unsigned started[2], finished[2];
    bool refused;
    char marks[2][SIM_INTERCEPTORS];

    /* On the wire. */
    bool open_begun; /* its header is there: an OPEN that is too large is answered before the rest is */
    bool open_arrived, cancel_arrived, headers_arrived;
    int end_code;

    uint64_t last_states[2]; /* that were counted, of each side */
};

/* A descriptor that goes with a byte. */
struct sim_passed {
    int fd;
    uint64_t at; /* which one, of all that were sent */
};

/* Bytes on their way to the other side. */
struct sim_wire {
    uint8_t bytes[2 * SIM_WIRE_SIZE];
    size_t begin, end;
    bool closed; /* nothing is added any more: the reader gets end-of-file behind the rest */
    bool broken; /* nobody reads any more */

    struct sim_passed passed[SIM_PASSED_MAX]; /* in the order of their bytes */
    unsigned passed_count;

    /* What has been delivered, as frames. */
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    size_t header_size, payload_left;
    uint64_t delivered;
};

/* One process. */
struct sim_side {
    struct yoke__connection connection;
    struct yoke__engine engine;
    struct yoke_server server;
    struct yoke_events events;
    struct yoke__single_channel channel;
    unsigned index; /* 0: the master */

    struct sim_wire out;
    bool has_lost; /* the owner knows that the peer cannot be reached */
    bool ended;    /* the owner has ended the input */
    bool muted;
    const char *end_message;
    bool has_given_up;
    uint32_t first_stream;
    struct sim_call *by_stream[2 * SIM_CALLS_MAX]; /* calls of this side; see sim_find_call() */
    uint64_t emitted, emitted_arrived, noticed;    /* events to this side's peer; those that its peer has had */
    bool also_subscribed;
};

struct sim_config {
    struct yoke_limits limits[2]; /* zero: the default */
    unsigned steps;
    unsigned weights[32];
    unsigned sizes[6]; /* weights of the sizes of messages */
    size_t wire_capacity;
    uint32_t piece_max;
    unsigned eagerness; /* per cent of messages that are followed by another one at once */
    unsigned mischief;  /* per cent of callbacks that do something */
    bool early_flush;
    bool one_frame; /* is received at once, at most */
    bool timeouts;
    unsigned loses_descriptors;   /* per cent of those that are passed */
    uint32_t shared_min_bytes[2]; /* 0: this side takes no buffers */
    bool intercepts[2];           /* at this side */
    bool keeps[2];                /* this side's requests, so that its calls can be made again */
    bool ages;
    unsigned memory_failures; /* per cent of steps in which an allocation fails */
    bool cuts;
};

struct sim_world {
    uint64_t seed;
    struct random random;
    struct sim_config config;
    struct sim_side sides[2];
    struct sim_call calls[SIM_CALLS_MAX];
    unsigned call_count;
    uint64_t now_ns;
    unsigned step;
    const char *step_name;

    bool is_calling;          /* within a stub, where no callback may run */
    unsigned callback_depth;  /* > 0 within a callback */
    struct sim_call *current; /* whose handler runs */
    bool is_ending;           /* nobody starts anything any more */
    bool memory_has_failed;

    uint64_t digest; /* of all that happened */
    uint64_t messages, callbacks;
};

extern struct sim_world world;
extern bool sim_tracing;

/* ---- Trace and failure (trace.c) -------------------------------------------------------------------------------- */

/* Something happened: it becomes part of the digest and, when tracing, a line. `call` may be NULL. */
void sim_record(unsigned side, const char *what, const struct sim_call *call, int64_t value);

/* Say what is wrong, where, and how to see it again; then end the process. */
void sim_fail(const char *file, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4), noreturn));

#define SIM_CHECK(condition)                                \
    do {                                                    \
        if (!(condition)) {                                 \
            sim_fail(__FILE__, __LINE__, "%s", #condition); \
        }                                                   \
    } while (0)
#define SIM_CHECK_CALL(call, condition)                          \
    do {                                                         \
        if (!(condition)) {                                      \
            sim_fail_call(__FILE__, __LINE__, call, #condition); \
        }                                                        \
    } while (0)
void sim_fail_call(const char *file, unsigned line, const struct sim_call *call, const char *what)
    __attribute__((noreturn));

/* ---- Choices and messages (choose.c) ---------------------------------------------------------------------------- */

/* A number below `bound`; true in so many of a hundred cases; one of those with a weight. */
uint32_t sim_below(uint32_t bound);
bool sim_chance(unsigned percent);
unsigned sim_pick(const unsigned *weights, unsigned count);

void sim_choose_config(void);

/* How long the next message is to be, its encoded length, and the message itself: number `at` of its flow. */
uint32_t sim_choose_length(unsigned side, const struct yoke__stream *stream); /* `stream` may be NULL */
size_t sim_encoded_length(uint32_t length);
Sim__Bytes sim_message(const struct sim_call *call, bool is_up, unsigned at, uint32_t length);
void sim_prepare_messages(void);

/* So many printable characters that are this entry's own. */
const char *sim_text(const struct sim_call *call, enum sim_list_kind kind, unsigned at);

/* ---- The two sides (world.c) ------------------------------------------------------------------------------------ */

void sim_side_init(unsigned index);
void sim_side_end_input(struct sim_side *side, const char *message);
void sim_side_close(struct sim_side *side, const char *message);
void sim_side_shut_down(struct sim_side *side);
void sim_side_settle(struct sim_side *side);
void sim_side_release(struct sim_side *side);

/* What the owners do after each step. */
void sim_attend(void);

/* Calls that have waited for the peer are sent, or ended. */
void sim_side_attend_channel(struct sim_side *side);

/* The call on this stream; NULL when there is none. */
struct sim_call *sim_find_call(uint32_t stream);

/* Around each callback; at its end it does what it likes, often with the call that it is for, if it is for one. */
void sim_enter_callback(struct sim_side *side);
void sim_leave_callback(struct sim_side *side, struct sim_call *call);

/* ---- The wire (wire.c) ------------------------------------------------------------------------------------------ */

/* Put on the wire what it takes. */
void sim_flush(struct sim_side *side);

/* Let `side` have up to `max` bytes. Returns how many it had; end-of-file counts as one. */
size_t sim_deliver(struct sim_side *side, size_t max);

/* Lose all but the first `kept` bytes on the way from `side`. */
void sim_truncate(struct sim_side *side, size_t kept);

/* Close the descriptors that are on the way behind so many bytes. */
void sim_drop_descriptors(struct sim_wire *wire, size_t kept);

/* ---- The users (calls.c, user.c) and the services (service.c) --------------------------------------------------- */

enum sim_act {
    SIM_CALL,
    SIM_SEND,
    SIM_HALF_CLOSE,
    SIM_CANCEL,
    SIM_REPLY,
    SIM_ANSWER,
    SIM_HOLD,
    SIM_RESUME,
    SIM_HOOK,
    SIM_EMIT,
    SIM_ADD,
    SIM_ASK,
    SIM_ACT_COUNT
};

/* Do this, or something like it, as the user of `side`. */
void sim_act(struct sim_side *side, enum sim_act act);
void sim_act_on(struct sim_side *side, struct sim_call *call, enum sim_act act);

/* Whatever is held, go on; whatever has been begun, end it. */
void sim_resume_all(void);
void sim_end_all(void);

void sim_make_call(struct sim_side *side);
const struct yoke_method *sim_method_of(enum sim_kind kind);
void sim_subscribe(struct sim_side *side);
void sim_toggle_subscription(struct sim_side *side);
void sim_emit(struct sim_side *side);
bool sim_send(struct sim_call *call); /* true when it was accepted */
void sim_half_close(struct sim_call *call);
void sim_cancel(struct sim_call *call);
void sim_on_writable(struct yoke_call *handle, void *user_data);

/* A call of this side is about to be made with this id. */
void sim_expect_stream(struct sim_side *side, struct sim_call *call, uint32_t stream);

/* The next call of the model. */
struct sim_call *sim_new_call(struct sim_side *side, enum sim_kind kind);

void sim_complete(struct sim_call *call, const struct yoke_status *status, const Sim__Bytes *reply);

void sim_serve(struct sim_side *side);
bool sim_reply(struct sim_call *call); /* true when it was accepted */
void sim_answer(struct sim_call *call);
void sim_hook(struct sim_call *call);

/* Is it the error that a failed allocation gives, and has one failed? */
static inline bool sim_lacks_memory(int error) {
    return error == -ENOMEM && world.memory_has_failed;
}

/* ---- Around messages (around.c) ---------------------------------------------------------------------------------- */

/* The metadata of a request, with entries that the model knows of; NULL: none, or no memory. */
struct yoke_metadata *sim_make_metadata(struct sim_call *call);

/* Add to what goes with an answer, or send headers. */
void sim_add_around(struct sim_call *call);

/* Is this what was added? Less may be there when the answer is not the handler's. */
void sim_check_list(const struct sim_call *call, enum sim_list_kind kind, const struct yoke_metadata *metadata,
                    bool is_whole);
void sim_check_details(const struct sim_call *call);

void sim_listen_for_headers(struct sim_call *call);
void sim_intercept(struct sim_side *side);
void sim_ping(struct sim_side *side);

/* What the interceptors make of a code: of the handler's, and of what arrives at the caller. */
int sim_map_answer(const struct sim_call *call, int code);
int sim_map_status(const struct sim_call *call, int code);

static inline unsigned sim_server_side(const struct sim_call *call) {
    return 1 - call->side;
}

static inline bool sim_streams_up(const struct sim_call *call) {
    return call->kind == SIM_UP || call->kind == SIM_BOTH;
}

static inline bool sim_streams_down(const struct sim_call *call) {
    return call->kind == SIM_DOWN || call->kind == SIM_BOTH;
}

/* ---- The model (model.c) ---------------------------------------------------------------------------------------- */

/* Is this a message that may come now, and the right one? */
void sim_check_message(struct sim_call *call, bool is_up, const Sim__Bytes *message);

/* Can the call have ended so? */
void sim_check_status(const struct sim_call *call, const struct yoke_status *status);

/* Is there a reason for the handler's call to be cancelled? */
void sim_check_cancelled(const struct sim_call *call);

/* Is there a reason for the connection to have failed? */
void sim_check_failure(const struct sim_side *side);

/* ---- Invariants (check.c), states (states.c) -------------------------------------------------------------------- */

/* Between any two steps. */
void sim_check_side(struct sim_side *side);
void sim_check_pairs(void);

/* When all that was sent has been received, and nothing is on hold. */
void sim_check_quiet(void);

/* When all is said and done. */
void sim_check_over(void);

/* A set of states that all jobs share. */
struct sim_states;
struct sim_states *sim_states_create(void);
void sim_states_note(struct sim_states *states);
uint64_t sim_states_sides(const struct sim_states *states);
uint64_t sim_states_pairs(const struct sim_states *states);

/* ---- One run (run.c) -------------------------------------------------------------------------------------------- */

/* Run a seed. `states` may be NULL. Returns the digest. */
uint64_t sim_run(uint64_t seed, struct sim_states *states);

#endif
