/*
 * yoke/rpc.h: what the master and its workers share: statuses, calls, channels, servers, events, limits.
 *
 * The functions that you call most are generated from your .proto; they are thin typed wrappers over the last section
 * of this header. Everything here belongs to one event loop and so to one thread, and nothing here may be used in a
 * process forked from the one that made it, except where a function says otherwise. Other threads have one door:
 * yoke_master_post() and yoke_worker_post().
 *
 * Callbacks and handlers run from the loop. They may call everything here except where a function says otherwise, but they
 * should not run the loop themselves: the connection that they were called from waits until they return. So calls that
 * block are not for them.
 *
 * Errors: a function that returns int gives 0 (or a count) on success and a negative errno value on failure. Outputs
 * named ret_* are untouched on failure. If a function that takes a callback fails, the callback never runs.
 */
#ifndef YOKE_RPC_H
#define YOKE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Statuses ------------------------------------------------------------------------------------------------- */

/* How a call ended. Names, numbers and meanings are gRPC's (grpc/doc/statuscodes.md). */
enum yoke_code {
    YOKE_OK = 0,
    YOKE_CANCELLED = 1,
    YOKE_UNKNOWN = 2,
    YOKE_INVALID_ARGUMENT = 3,
    YOKE_DEADLINE_EXCEEDED = 4,
    YOKE_NOT_FOUND = 5,
    YOKE_ALREADY_EXISTS = 6,
    YOKE_PERMISSION_DENIED = 7,
    YOKE_RESOURCE_EXHAUSTED = 8,
    YOKE_FAILED_PRECONDITION = 9,
    YOKE_ABORTED = 10,
    YOKE_OUT_OF_RANGE = 11,
    YOKE_UNIMPLEMENTED = 12,
    YOKE_INTERNAL = 13,
    YOKE_UNAVAILABLE = 14,
    YOKE_DATA_LOSS = 15,
    YOKE_UNAUTHENTICATED = 16
};

/* The longest status message that travels, in bytes; a longer one is cut at a UTF-8 boundary. */
#define YOKE_STATUS_MESSAGE_MAX 511

struct yoke_status {
    enum yoke_code code;
    const char *message; /* never NULL; empty for YOKE_OK */
};

/* The name of a code, "NOT_FOUND"; "UNKNOWN" for a number that is no code. A static string. */
const char *yoke_code_name(enum yoke_code code);

/* ---- Logging -------------------------------------------------------------------------------------------------- */

enum yoke_log_level { YOKE_LOG_ERROR, YOKE_LOG_WARNING, YOKE_LOG_INFO, YOKE_LOG_DEBUG };

/*
 * Receives what the library has to say; the library itself never prints. `message` is one line without a newline,
 * valid during the call. The hook must not call Yoke.
 */
typedef void yoke_log_hook(enum yoke_log_level level, const char *message, void *user_data);

/* ---- Limits --------------------------------------------------------------------------------------------------- */

/*
 * What one connection may cost. A zero means the default that the field's comment names. A limit holds for the process
 * that sets it; a forked worker starts with its master's.
 */
struct yoke_limits {
    /* Bytes of one encoded message, sent or received. Sending more gives -EMSGSIZE; receiving more ends the call as
     * RESOURCE_EXHAUSTED without buffering it. Default 4 MiB, gRPC's. */
    uint32_t max_message_bytes;

    /* Bytes waiting to be written. Beyond it new calls and events give -ENOBUFS and incoming calls are answered
     * RESOURCE_EXHAUSTED; at twice as much the peer is taken for dead. Default 64 MiB. */
    uint32_t max_queued_bytes;

    /* What one peer may make us hold: memory of its unanswered requests, and messages that have arrived and not been
     * delivered, as parts of large ones and those of streams on hold. A call that goes beyond ends as
     * RESOURCE_EXHAUSTED. Default 64 MiB. */
    uint32_t max_buffered_bytes;

    /* Calls that the peer may have unanswered here; one more is answered RESOURCE_EXHAUSTED. Default 4096. */
    uint32_t max_incoming_calls;

    /* Decoding a message of n bytes may use 256 KiB + n times this. Beyond it: RESOURCE_EXHAUSTED. Default 32. */
    uint32_t decode_memory_factor;

    /* Levels of messages within messages; deeper ones end the call as INTERNAL. Default 64, at most 64. */
    uint32_t max_nesting;

    /* Bytes of the metadata of one request, of the headers, the trailers, or the details of one answer; each entry takes
     * 7 bytes besides its key and value. Sending more gives -EMSGSIZE; receiving more ends the call as RESOURCE_EXHAUSTED.
     * Default 8 KiB, at most 64 KiB. */
    uint32_t max_metadata_bytes;

    /* Memory that one side shares with the other, for large messages to travel in: of its own for those that it sends, and
     * what it takes of the peer's. What does not fit goes through the socket. Default 64 MiB, at most 1 GiB. */
    uint32_t max_shared_bytes;
};

/* ---- Tuning --------------------------------------------------------------------------------------------------- */

/*
 * What a process spends to be faster. A zero means the default that the field's comment names. Like limits, it holds for the
 * process that sets it; a forked worker starts with its master's.
 */
struct yoke_tuning {
    /*
     * Microseconds for which the loop, before it sleeps, looks out for bytes from its peers. Default 0: it sleeps at once. At
     * most 1,000,000.
     *
     * It takes a process some microseconds to fall asleep and be woken, which is most of the time of a small call that is
     * made alone. Looking out saves them, at both sides if both do it, and takes CPU time instead. It begins only after
     * bytes have come or gone and is given up when it was in vain a few times, until they come quickly again; so an idle
     * process takes no CPU time, and each arrival costs at most this much of it. Other watchers of the loop are served
     * meanwhile, within some microseconds. Worth it when answers take less than this, and there is a CPU for each process
     * that looks out; without effect when yoke_usable_cpus() is 1 at the time when the option is set.
     */
    uint32_t busy_poll_us;

    /*
     * Messages of so many bytes and more go through shared memory instead of the socket ("Large messages"). Default 64 KiB;
     * UINT32_MAX: this process shares no memory with its peers, in either direction. So it is where vm.overcommit_memory is 2,
     * because a page of shared memory can then be refused at its first use, which would end the process.
     */
    uint32_t shared_min_bytes;
};

/* ---- Processors ----------------------------------------------------------------------------------------------- */

/* How many CPUs this process may use: its affinity mask, and a cgroup CPU quota rounded up, whichever is less; >= 1. */
unsigned yoke_usable_cpus(void);

/* ---- Peers, channels, calls ----------------------------------------------------------------------------------- */

/* Who is at the other end of a call or event. */
struct yoke_peer {
    uint64_t worker_id; /* the worker's id, unique in its master's life; 0 when the peer is the master */
    pid_t pid;          /* its process id */
};

/*
 * Where calls and events go: to one worker, to a pool, or from a worker to its master. A channel belongs to the object
 * that handed it out and lives as long.
 */
struct yoke_channel;

/* One call, at the side that made it or at the side that answers it. */
struct yoke_call;

/* Keys and values that travel with a call; see "Metadata". */
struct yoke_metadata;

/*
 * Per-call options. NULL, where a stub takes options, means all defaults.
 *
 * A call that is made while a handler runs is by default part of the call being handled, its parent: it gets the
 * parent's deadline if that is earlier than its own, and is cancelled when the parent is. Once the parent is answered
 * they are independent.
 */
struct yoke_call_options {
    size_t size;                 /* set by YOKE_CALL_OPTIONS_INIT */
    uint32_t max_reply_bytes;    /* a larger reply ends the call as RESOURCE_EXHAUSTED; 0, or more than
                                 limits.max_message_bytes: that */
    uint64_t timeout_us;         /* the call ends as DEADLINE_EXCEEDED after so long; 0: the method's own,
                                 or never; UINT64_MAX: never, whatever the method says */
    struct yoke_call *parent;    /* the unanswered call that it is part of; NULL: the one being handled */
    bool independent;            /* no parent at all */
    struct yoke_call **ret_call; /* not NULL: gets the call, for yoke_call_cancel(); valid until its callback returns */
    const struct yoke_metadata *metadata; /* travels with the request; copied; NULL: none */
    uint64_t
        handler_timeout_us; /* a worker that has not answered the call after so long, and whose loop does not turn, is
                                    hung: its pool kills it; 0: the method's own, or no bound */
    bool wait_for_ready;    /* while there is no worker that is ready, but one may come, wait for it, as long as the
                            deadline allows, instead of failing */
};
#define YOKE_CALL_OPTIONS_INIT .size = sizeof(struct yoke_call_options)

/* The peer: who made this call, or who was asked; zeroes while nobody has been, or if nobody ever was. Valid as long as the
 * call. */
const struct yoke_peer *yoke_call_peer(const struct yoke_call *call);

/* The full name of the call's method, "demo.Greeter/Hello". A static string. */
const char *yoke_call_method(const struct yoke_call *call);

/*
 * Answer a call with an error instead of a reply: now, inside the handler, or later. `message` may be NULL. The call is
 * finished and must not be used again, whatever is returned.
 *
 * 0             accepted for sending
 * -EINVAL       `code` is YOKE_OK or no code (the caller gets UNKNOWN), or the call is not one to answer (nothing done)
 * -ENOTCONN     the caller is gone
 * -ECANCELED    the call is cancelled, or its deadline has passed
 * -ENOMEM       the answer could not be queued; the connection is closed so that the caller learns of it
 */
int yoke_call_fail(struct yoke_call *call, enum yoke_code code, const char *message);

/*
 * Cancel a call that this process made. Its callback comes from the loop, with CANCELLED; the handler at the other side
 * is told. -EINVAL: not a call of ours; -EALREADY: cancelled before.
 */
int yoke_call_cancel(struct yoke_call *call);

/*
 * Is the answer to this call, which we handle, no longer wanted? True when its caller has cancelled it or is gone, or its
 * deadline has passed. It must be answered all the same: that frees it.
 */
bool yoke_call_is_cancelled(const struct yoke_call *call);

/* Runs once, from the loop, when a call that we handle is cancelled. It may answer the call. */
typedef void yoke_cancel_hook(struct yoke_call *call, void *user_data);

/*
 * Be told of the cancellation instead of asking for it. Not called if the call is cancelled already. NULL ends it.
 * -EINVAL: not a call to answer.
 */
int yoke_call_on_cancel(struct yoke_call *call, yoke_cancel_hook *hook, void *user_data);

/*
 * For a callback: has the peer certainly not begun to handle this call of ours? True when it was never sent, or when the
 * peer was going away and said that it had not taken it. Then it can be made again whatever it does.
 */
bool yoke_call_is_safe_to_retry(const struct yoke_call *call);

/* Microseconds until the call's deadline, 0 when it has passed, UINT64_MAX when there is none. */
uint64_t yoke_call_remaining_us(const struct yoke_call *call);

/* ---- Streams ----------------------------------------------------------------------------------------------------- *
 * On a streaming method each side sends any number of messages, with the generated functions, and receives the other's one
 * by one. What an unread stream can pile up is bounded by credit, so a sender can be told to wait.
 */

/* Runs from the loop when a message that was refused with -EAGAIN can be tried again. */
typedef void yoke_writable_hook(struct yoke_call *call, void *user_data);

/* Set who is told; NULL: nobody. */
void yoke_call_on_writable(struct yoke_call *call, yoke_writable_hook *hook, void *user_data);

/*
 * The caller has sent its last message. -EINVAL: not a call of ours on which we send a stream; -EPIPE: said before;
 * -ECANCELED: the call has ended; -ENOMEM.
 */
int yoke_call_half_close(struct yoke_call *call);

/*
 * Answer a call whose replies stream: the messages sent so far were all, and it went well. The call is finished and must not
 * be used again, but for -EINVAL: not such a call. Otherwise returns what yoke_call_fail() does.
 */
int yoke_call_finish(struct yoke_call *call);

/*
 * Deliver no messages of this call until it is resumed; those that the peer may still send are kept. -ECANCELED: the call has
 * ended; -ENOMEM.
 */
int yoke_call_hold(struct yoke_call *call);
void yoke_call_resume(struct yoke_call *call);

/* A pointer of yours that goes with the call, at this side; NULL at first. */
void yoke_call_set_data(struct yoke_call *call, void *data);
void *yoke_call_data(const struct yoke_call *call);

/* ---- Metadata ---------------------------------------------------------------------------------------------------- *
 * What travels with a call besides its messages: with the request, as headers before the first reply, as trailers with
 * the status. A list of keys and values in order; a key may be there several times.
 *
 * A key is 1 to 255 characters of 0-9 a-z _ - and dot; those that begin with "yoke-" are reserved. A key that ends in
 * "-bin" has any bytes as its value, every other printable ASCII (0x20 to 0x7e). These are gRPC's rules.
 *
 * The functions take NULL for an empty list. A list of a call lives as long as the call.
 */

struct yoke_metadata_entry {
    const char *key;
    const char *value; /* `length` bytes, and a NUL behind them */
    size_t length;
};

/* An empty list of your own, for yoke_call_options. Yours to destroy; NULL is fine. -ENOMEM. */
int yoke_metadata_create(struct yoke_metadata **ret_metadata);
void yoke_metadata_destroy(struct yoke_metadata *metadata);

/*
 * Append an entry; key and value are copied, and may be of this list.
 * -EINVAL: not a key, or not a value for it; -EMSGSIZE: over limits.max_metadata_bytes, or over 64 KiB in a list of your own;
 * -EPERM: the list has been sent, or came from the peer; -ENOMEM: also for NULL, which is what a call gives that has no
 * memory for a list.
 */
int yoke_metadata_add(struct yoke_metadata *metadata, const char *key, const char *value);
int yoke_metadata_add_binary(struct yoke_metadata *metadata, const char *key, const void *value, size_t length);

/* Remove all entries of this key. Returns how many there were; 0 where adding would be refused. */
size_t yoke_metadata_remove(struct yoke_metadata *metadata, const char *key);

/*
 * Go through a list, or through the entries of one key. `entry` is zeroed for the first; false behind the last. What it
 * points to is valid until the list is changed.
 *
 *     struct yoke_metadata_entry entry = {0};
 *     while (yoke_metadata_next(metadata, &entry)) …
 */
bool yoke_metadata_next(const struct yoke_metadata *metadata, struct yoke_metadata_entry *entry);
bool yoke_metadata_find(const struct yoke_metadata *metadata, const char *key, struct yoke_metadata_entry *entry);

/* What came with the request of a call that we handle. For a call of ours: what goes; an interceptor may still change it. */
struct yoke_metadata *yoke_call_metadata(struct yoke_call *call);

/*
 * What precedes the replies. The handler's side adds to it before the first reply or the end, whichever carries it away.
 * The caller's side has it from yoke_call_on_headers() on, and in every callback that follows.
 */
struct yoke_metadata *yoke_call_headers(struct yoke_call *call);

/* What goes with the status. The handler's side adds to it before it answers; the caller's has it in the callback. */
struct yoke_metadata *yoke_call_trailers(struct yoke_call *call);

/*
 * Send the headers now, even if there are none, instead of with the first reply. -EINVAL: not a call to answer; -EALREADY:
 * they have been sent; -ENOTCONN, -ECANCELED: as yoke_call_fail(); -ENOMEM.
 */
int yoke_call_send_headers(struct yoke_call *call);

/* Runs from the loop when the headers of a call of ours have arrived, once, before the first reply. */
typedef void yoke_headers_hook(struct yoke_call *call, void *user_data);

/* Be told. It does not run when the other side has no headers and has not called yoke_call_send_headers(). -EINVAL: not a
 * call of ours; -ENOMEM. */
int yoke_call_on_headers(struct yoke_call *call, yoke_headers_hook *hook, void *user_data);

/*
 * The details of a status: messages that say more than its code. Their types are marked `option (yoke.v1.detail) = {};` and
 * have generated functions …_detail_add(), for the handler before it calls yoke_call_fail(), and …_detail_get(), for the
 * callback. This is all of them: the key is the full name of a message type, the value the encoded message.
 */
const struct yoke_metadata *yoke_call_details(const struct yoke_call *call);

/* ---- Large messages ----------------------------------------------------------------------------------------------- *
 * A message of tuning.shared_min_bytes or more travels in memory that master and worker share, if a buffer is free there; the
 * first one goes through the socket, as all do for which there is none. Nothing of that is to be seen, but for the time it
 * takes. A large `bytes` field of a message that a worker receives is not copied either: it lies in that memory, as long as
 * the message lives.
 *
 * Who wants to save the last copy, that into the shared memory, writes a large `bytes` field there to begin with: takes a
 * buffer, fills it, and sends it as a field of the next message to the same peer.
 *
 *     void *data;
 *     if (yoke_channel_take_buffer(channel, size, &data) == 0) {
 *         read(fd, data, size);
 *         request.content = (ProtobufCBinaryData){.data = data, .len = size};
 *         demo_store_put(channel, &request, NULL, on_put, NULL);
 *     }
 *
 * The field must be at the top level of the message, singular, and in no oneof, and begin with the buffer's first byte; all
 * other fields of the message together have up to 4,000 bytes. When that is so and the message is accepted for sending, the
 * buffer is the peer's, and is not to be touched any more. In every other case the message is copied as any other, and the
 * buffer stays with its taker, who can use it again or must drop it.
 */

/*
 * A buffer for `size` bytes, which begins a page and is not cleared. The channel leads to one peer: a worker's own, a worker's
 * to its master, or that of a pool of one. For a message on a call, as a reply: the second function.
 *
 * The buffer can be written to until it has been sent or dropped, even if the peer is gone by then.
 *
 * -EAGAIN     there is none at the moment: use memory of your own. Where there is none yet, a master provides one, and for a
 *             worker it does so when a large message has come from it
 * -EINVAL     the channel leads to several peers
 * -EMSGSIZE   over limits.max_message_bytes
 * -ENOTCONN, -ENOBUFS, -ECHILD   as for a call
 */
int yoke_channel_take_buffer(struct yoke_channel *channel, size_t size, void **ret_data);
int yoke_call_take_buffer(struct yoke_call *call, size_t size, void **ret_data);

/* Give a buffer back that has not been sent. -EINVAL: it is no buffer of this channel's or call's process, or has been sent. */
int yoke_channel_drop_buffer(struct yoke_channel *channel, void *data);
int yoke_call_drop_buffer(struct yoke_call *call, void *data);

/* ---- Calls that block --------------------------------------------------------------------------------------------- *
 * Every method also has a form that waits for its outcome: the generated …_sync functions, and for streams …_write, …_next
 * and …_close. They are for code that the loop did not call: a worker's entry, before yoke_worker_run() or instead of it, and
 * a master between runs of its loop. They run the loop until they have what they wait for, so everything else of the loop
 * goes on meanwhile: handlers, events, deadlines, watchers of yours. A worker should so have registered its services before
 * its first one.
 *
 * All of them return
 *
 * 0             well; where there is a ret_*, it holds the message, or NULL behind the last of a stream
 * > 0           the call has ended with this enum yoke_code, of which sync->status tells more
 * -EDEADLK      inside a callback or handler of Yoke, or a posted function: nothing could arrive while it waits
 * -EINTR        meanwhile a callback said ev_break(). That ends the waiting, and with EVBREAK_ALL runs of the loop around it,
 *               too. A unary call is then given up; of a stream, the function can be called again. (An ev_break() that was
 *               said before, in the same callback of yours, is forgotten: libev does that when the loop is run again.)
 * -ENOTCONN     nothing keeps the loop running any more, so no answer can come; then the same. Or no peer to start with
 * -EBUSY        the sync is being waited for already: this is a callback of a watcher of yours
 * -EINVAL       no call, or one of another method
 * -ECHILD       in a process forked from the one that made the channel or the call
 *
 * and what starting and sending return: see yoke_channel_call() and yoke_call_send().
 */

/*
 * One call that blocks, from its …_sync on: `struct yoke_sync sync = {YOKE_SYNC_INIT};`. Messages, and the status, are valid
 * until the sync is used for the next message or call, or released. Only `status` is yours to read.
 */
struct yoke_sync {
    struct yoke_status status; /* of the call, once a function has returned more than 0, or the end */
    struct yoke_call *call;
};
#define YOKE_SYNC_INIT .status = {YOKE_OK, ""}, .call = NULL

/*
 * Free what the sync holds. A call that has not ended is cancelled; it is in flight until then, and keeps a worker that is to
 * stop. Using the sync for another call does the same first. While another function waits for it, further down the stack, this
 * only cancels. It may come after the end of the master or worker.
 */
void yoke_sync_release(struct yoke_sync *sync);

/*
 * The call, for yoke_call_cancel(), its peer, metadata and details of its status; until the sync is used for another or
 * released. NULL: none. yoke_call_hold(), yoke_call_resume() and yoke_call_on_writable() are without effect on it.
 */
struct yoke_call *yoke_sync_call(const struct yoke_sync *sync);

/* The last message has been written. 0 also when the call has ended well already; -EPIPE: said before. */
int yoke_sync_half_close(struct yoke_sync *sync);

/* ---- Servers and events --------------------------------------------------------------------------------------- */

/* The services that this process offers to its peers. Fill it with the generated …_serve functions. */
struct yoke_server;

/* Services that one server can offer. */
#define YOKE_SERVICES_MAX 128

/* The subscriptions of this process. Subscribe with the generated …_on functions. */
struct yoke_events;

/* ---- Interceptors ------------------------------------------------------------------------------------------------ */

/* Interceptors of one channel, or of one server. */
#define YOKE_INTERCEPTORS_MAX 8

/*
 * Hooks around each call that is made through a channel, or that a server gets. Those registered first are outermost: they
 * start first and finish last. Either may be NULL. They run where the call begins and ends, in the stub or from the loop, and
 * must not end the call by other means than `status`.
 */
struct yoke_interceptor {
    /*
     * The call begins. Nothing is sent yet, or no handler has seen it. May look at the call and its metadata, and change the
     * latter at the caller's side; set its time with yoke_call_set_timeout(); refuse it by an error in *status. *call_data is
     * NULL, and the interceptor's own for this call.
     */
    void (*start)(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data);

    /*
     * The call has ended, in whatever way, once for each start. At the caller's side before its callback runs; at the other
     * before the answer is sent, so trailers can still be added. May change *status, but not an error into OK; what its
     * message points to must live until the callback has returned. A server's interceptor sees a cancelled call as
     * CANCELLED. When a stub fails behind the interceptors, they finish, too.
     */
    void (*finish)(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data);
};

/* Add an interceptor for the calls that begin from now on. It is copied. -EINVAL: it has no hook; -ENOSPC: there are
 * YOKE_INTERCEPTORS_MAX; -ECHILD. */
int yoke_channel_intercept(struct yoke_channel *channel, const struct yoke_interceptor *interceptor, void *user_data);
int yoke_server_intercept(struct yoke_server *server, const struct yoke_interceptor *interceptor, void *user_data);

/* In an interceptor's start: the call ends as DEADLINE_EXCEEDED after so many microseconds. -EINVAL elsewhere; -ENOMEM. */
int yoke_call_set_timeout(struct yoke_call *call, uint64_t timeout_us);

/* ---- Ping -------------------------------------------------------------------------------------------------------- */

/* How a ping ended; `answer_us` after it was sent. */
typedef void yoke_ping_done(const struct yoke_status *status, uint64_t answer_us, void *user_data);

/*
 * Ask the peer for a sign of life, which its loop gives without a handler. A ping is a unary call in all else, but no
 * interceptor sees it. Ends after `timeout_us` as DEADLINE_EXCEEDED; 0: never. Errors as yoke_channel_call().
 */
int yoke_channel_ping(struct yoke_channel *channel, uint64_t timeout_us, yoke_ping_done *done, void *user_data);

/* ---- For generated code --------------------------------------------------------------------------------------- *
 * What protoc-gen-yoke emits calls what follows. Prefer the generated functions: they are the typed door to this.
 */

/* Any function, to be cast back to its own type before it is called. */
typedef void yoke_function(void);

/* Memory for one decoded message. */
struct yoke_arena;

/* The content of a `bytes` field that is most of its message: a singular one at the top level, of no oneof. */
struct yoke_large {
    const void *field; /* the codec's description of the field */
    const uint8_t *data;
    size_t length;
};

/*
 * How messages become bytes and back. `descriptor` is the codec's own description of the message type.
 *
 * size:   bytes that pack() will write
 * pack:   writes exactly size() bytes to `out`
 * unpack: decodes into `arena`; 0, -ENOMEM (over the arena's budget, or none to be had) or -EBADMSG (malformed)
 *
 * What follows is for large messages in shared memory, which may change while it is looked at, unlike everything else.
 *
 * find_large:  the largest such field of a message to be sent; false: it has none
 * pack_around: writes the rest of the message and then the key and length of that field, which are the `size` bytes that
 *              precede its content on the wire; false: they are not so many
 * split:       finds such a field in the encoded message, and copies the rest of it into `arena`. False: it has none, or the
 *              rest is long
 * join:        gives the unpacked rest its field
 *
 * All four may be NULL: then messages are always moved as a whole.
 */
struct yoke_codec {
    const char *name;
    size_t (*size)(const void *descriptor, const void *message);
    void (*pack)(const void *descriptor, const void *message, uint8_t *out);
    int (*unpack)(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                  const void **ret_message);
    /* 0, or -EBADMSG when messages nest deeper than `max_nesting`. Called first, for types that can nest deeply. */
    int (*check_nesting)(const void *descriptor, const uint8_t *bytes, size_t length, uint32_t max_nesting);

    bool (*find_large)(const void *descriptor, const void *message, struct yoke_large *ret_large);
    bool (*pack_around)(const void *descriptor, const void *message, const struct yoke_large *large, uint8_t *out,
                        size_t size);
    bool (*split)(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                  struct yoke_large *ret_large, const uint8_t **ret_rest, size_t *ret_rest_length);
    void (*join)(const void *message, const struct yoke_large *large);
};

/* protobuf-c; descriptors are ProtobufCMessageDescriptor. */
extern const struct yoke_codec yoke_codec_protobuf_c;

/* A message type. */
struct yoke_type {
    const char *name; /* "demo.HelloRequest" */
    const struct yoke_codec *codec;
    const void *descriptor;
    bool deep; /* can nest without bound, or beyond 64 levels: nesting is checked before decoding */
};

enum yoke_method_kind { YOKE_UNARY, YOKE_SERVER_STREAMING, YOKE_CLIENT_STREAMING, YOKE_BIDI_STREAMING };

/* One method. `id` is yoke_name_id(name). */
struct yoke_method {
    const char *name; /* "demo.Greeter/Hello" */
    uint32_t id;
    enum yoke_method_kind kind;
    uint64_t timeout_us; /* the default for calls of it; 0: none */
    const struct yoke_type *request;
    const struct yoke_type *reply;
    uint64_t handler_timeout_us; /* the default for calls of it; 0: none */
    bool is_idempotent;          /* handling a request twice does what handling it once does */

    /* The hash of the request's key, never 0; NULL: it has none. */
    uint64_t (*key)(const void *request);

    /* Calls this method's member of the generated handler table; false when that member is NULL. When requests stream,
     * `request` is NULL: the call has been opened. */
    bool (*handle)(const void *handlers, struct yoke_call *call, const void *request, void *user_data);

    /* When requests stream: one of them; and after the last. */
    void (*handle_message)(const void *handlers, struct yoke_call *call, const void *request, void *user_data);
    void (*handle_end)(const void *handlers, struct yoke_call *call, void *user_data);

    /* When replies stream: casts `on_message` to its real type and calls it. */
    void (*receive)(yoke_function *on_message, struct yoke_call *call, const void *reply, void *user_data);

    /* Casts `done` to its real type and calls it. */
    void (*complete)(yoke_function *done, struct yoke_call *call, const struct yoke_status *status, const void *reply,
                     void *user_data);
};

/* One service. `id` is yoke_name_id(name). */
struct yoke_service {
    const char *name; /* "demo.Greeter" */
    uint32_t id;
    const struct yoke_method *const *methods;
    size_t method_count;
};

/* One event message. `id` is yoke_name_id(type->name). */
struct yoke_event_type {
    uint32_t id;
    const struct yoke_type *type;

    /* Casts `handler` to its real type and calls it. */
    void (*deliver)(yoke_function *handler, const struct yoke_peer *peer, const void *event, void *user_data);
};

/* The stable 32-bit id of a full name: FNV-1a of its bytes. Zero is no id; generator and registration refuse it. */
uint32_t yoke_name_id(const char *name);

/*
 * The hash of a key, never 0: of an integer of any type, a bool or an enum; of bytes; of a string, for which NULL is the empty one.
 * It is good within a process, and may be another one in another version of Yoke.
 */
uint64_t yoke_key_of_integer(uint64_t value);
uint64_t yoke_key_of_bytes(const void *bytes, size_t length);
uint64_t yoke_key_of_string(const char *string);

/*
 * Start a unary call. `request` is encoded before this returns and may then be changed or freed. `done` runs exactly
 * once, from the loop, never from inside this function.
 *
 * -E2BIG      options of a newer Yoke are set
 * -EINVAL     options not initialised, `method` is not unary, or options->parent is no call to answer
 * -EMSGSIZE   the request is over limits.max_message_bytes, or options->metadata over limits.max_metadata_bytes
 * -ENOBUFS    too much is waiting to be written: try again when a call has completed
 * -ENOTCONN   no peer: the worker is dead, or the pool has none alive
 * -ENOMEM     out of memory
 * -ECHILD     used in a process forked from the one that made the channel
 */
int yoke_channel_call(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *done, void *user_data);

/*
 * Make a unary call to every peer of the channel, of a pool to each worker. `done` runs once for each of them: for those that are
 * dead or starting with UNAVAILABLE. Which is which, yoke_call_peer() tells. The request is encoded once. Nothing is retried or
 * waits. Returns how many calls have begun, so how often `done` will run, or an error as yoke_channel_call(), and -EINVAL when
 * options->ret_call is set.
 */
int yoke_channel_call_all(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                          const struct yoke_call_options *options, yoke_function *done, void *user_data);

/*
 * Start a call of any kind. `request` is NULL when requests stream. `on_message` gets the replies when they stream, and may be
 * NULL. `ret_call` may be NULL. -EINVAL when there is a request and should be none, or the other way round. Otherwise as
 * yoke_channel_call().
 */
int yoke_channel_open(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *on_message, yoke_function *done,
                      void *user_data, struct yoke_call **ret_call);

/*
 * Send one of a stream of requests, or of replies. `message` is encoded before this returns.
 *
 * 0             accepted for sending
 * -EAGAIN       not accepted: the peer must read first; see yoke_call_on_writable()
 * -EINVAL       not a call of `method`, or not one on which this side sends a stream
 * -EMSGSIZE     over limits.max_message_bytes
 * -EPIPE        after yoke_call_half_close()
 * -ECANCELED    the call has ended, is cancelled, or its deadline has passed
 * -ENOTCONN     the caller is gone
 * -ENOMEM       out of memory
 */
int yoke_call_send(struct yoke_call *call, const struct yoke_method *method, const void *message);
int yoke_call_send_reply(struct yoke_call *call, const struct yoke_method *method, const void *message);

/*
 * Add a detail to the status of a call to answer; it travels when yoke_call_fail() follows. -EINVAL: not a call to answer, or the
 * full name of the type is over 255 bytes;
 * -EMSGSIZE: all details are over limits.max_metadata_bytes; -ENOMEM.
 */
int yoke_call_add_detail(struct yoke_call *call, const struct yoke_type *type, const void *detail);

/*
 * In the callback: detail number `index` of this type, decoded; valid until the callback returns. -ENOENT: there is none;
 * -EBADMSG: malformed; -ENOMEM.
 */
int yoke_call_get_detail(struct yoke_call *call, const struct yoke_type *type, size_t index, const void **ret_detail);

/*
 * Make a unary call and wait for its reply. `options` hold as ever; the deadline is what bounds the wait. `ret_reply` is the
 * sync's.
 */
int yoke_sync_unary(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                    const struct yoke_call_options *options, struct yoke_sync *sync, const void **ret_reply);

/* Start a call that streams, without waiting. `request` is NULL when requests stream. */
int yoke_sync_open(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                   const struct yoke_call_options *options, struct yoke_sync *sync);

/*
 * The next reply of a stream, as soon as there is one; those that have come are given before the end, whatever that is. What is
 * not taken holds the peer up: it gets credit for what is.
 */
int yoke_sync_next(struct yoke_sync *sync, const struct yoke_method *method, const void **ret_message);

/* Send a message, as soon as it is taken. -EPIPE: after the half-close, or the call has ended well without it. */
int yoke_sync_write(struct yoke_sync *sync, const struct yoke_method *method, const void *message);

/* Half-close, if that has not been done, and wait for the only reply. */
int yoke_sync_close(struct yoke_sync *sync, const struct yoke_method *method, const void **ret_reply);

/*
 * Send an event to the channel's peer; over a pool's channel, to every worker alive. Nobody answers; a peer without a
 * subscription drops it. Errors as yoke_channel_call(); and -EPERM: an event of package yoke.v1, which only Yoke emits, and
 * only in the master's own process. With several receivers, an error of one does not keep the event
 * from the others; the first error is returned.
 */
int yoke_channel_emit(struct yoke_channel *channel, const struct yoke_event_type *type, const void *event);

/*
 * Offer a service. `service`, `handlers` and what `user_data` points to must outlive the server. A call to a method
 * whose handler is NULL, or that no service here has, is answered UNIMPLEMENTED.
 *
 * A handler gets a call that it must answer exactly once, now or later, with the generated …_reply or with
 * yoke_call_fail(). The request lives until the handler has returned and the call is answered, whichever is later.
 *
 * -EINVAL     an id of it is 0
 * -EEXIST     its id or a method's is already registered
 * -ENOSPC     YOKE_SERVICES_MAX services are registered
 * -EBUSY      the services have already been announced to a peer: register before the first pool is created, in a worker
 *             before its first call, event, or yoke_worker_run()
 * -ENOMEM     out of memory
 */
int yoke_server_add(struct yoke_server *server, const struct yoke_service *service, const void *handlers,
                    void *user_data);

/*
 * Answer a call. `reply` is encoded before this returns. The call is finished and must not be used again, whatever is
 * returned.
 *
 * 0             accepted for sending
 * -EINVAL       not a call of `method` to answer (nothing done, the call is still open)
 * -EMSGSIZE     over limits.max_message_bytes; the caller gets RESOURCE_EXHAUSTED instead
 * -ENOTCONN     the caller is gone
 * -ECANCELED    the call is cancelled, or its deadline has passed
 * -ENOMEM       the reply could not be queued; the connection is closed so that the caller learns of it
 */
int yoke_call_reply(struct yoke_call *call, const struct yoke_method *method, const void *reply);

/*
 * Subscribe to an event, whoever sends it to this process. Handlers run in the order of subscription, from the loop.
 * The event lives until the handler returns. -EINVAL: no handler, or an id of 0. -EEXIST: this handler with this user_data is subscribed already; or the
 * id is taken by an event of another name. -ENOMEM: out of memory.
 */
int yoke_events_on(struct yoke_events *events, const struct yoke_event_type *type, yoke_function *handler,
                   void *user_data);

/* End a subscription; also from inside a handler. -ENOENT: there is none. */
int yoke_events_off(struct yoke_events *events, const struct yoke_event_type *type, yoke_function *handler,
                    void *user_data);

#ifdef __cplusplus
}
#endif

#endif
