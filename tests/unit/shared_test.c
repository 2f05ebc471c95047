/*
 * shared_test.c: large messages in shared memory, between two ends in one process: when they go there and when they do not, what
 * comes of the buffers, and a kernel that refuses them. What a peer can do wrong is in connection_violation_test.c.
 */
#include "rpc/shared.h"

#include "ends.h"
#include "harness.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/frame.h"
#include "rpc/lend.h"
#include "syscalls.h"
#include "wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KB 1024u

/* More than what goes beside a message in a buffer: the frames around it. */
#define FEW 400u

static struct end master, worker;

static struct yoke__connection *connection_of(struct end *end) {
    return &end->socket.connection;
}

/* Mappings of buffers in this process: two for each that both ends have. */
static size_t count_mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "r");
    REQUIRE(maps != NULL);
    char line[512];
    size_t count = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        count += strstr(line, "yoke-buffer") != NULL;
    }
    (void)fclose(maps);
    return count;
}

/* Descriptors of buffers that are open. */
static size_t count_descriptors(void) {
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        char path[64], target[256];
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        count += strstr(target, "yoke-buffer") != NULL;
    }
    return count;
}

static size_t count_loans(struct end *end) {
    size_t count = 0;
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        count += connection_of(end)->borrowed.loans[i] != NULL;
    }
    return count;
}

static size_t count_loans_in_use(struct end *end) {
    size_t count = 0;
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        const struct yoke__loan *loan = connection_of(end)->borrowed.loans[i];
        count += loan != NULL && loan->references > 0;
    }
    return count;
}

/* Does this point into a buffer of the peer's? */
static bool is_borrowed(struct end *end, const void *pointer) {
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        const struct yoke__loan *loan = connection_of(end)->borrowed.loans[i];
        const uintptr_t at = (uintptr_t)pointer;
        if (loan != NULL && at >= (uintptr_t)loan->bytes && at < (uintptr_t)loan->bytes + loan->size) {
            return true;
        }
    }
    return false;
}

static void turn(void) {
    ends_turn(&master, &worker);
}

static void start_with(const struct end_config *configs) {
    syscalls_reset();
    ends_start(&master, &worker, configs);
    turn();
}

static void start(void) {
    start_with(NULL);
}

static void finish(void) {
    CHECK_STR(connection_of(&master)->failure, "");
    CHECK_STR(connection_of(&worker)->failure, "");
    CHECK_INT(count_descriptors(), 0);
    syscalls_reset();
    end_close(&master);
    end_close(&worker);
    CHECK_INT(count_mappings(), 0);
}

static int call_later(struct end *end, size_t size, struct outcome *outcome, struct yoke_call **ret_call) {
    const Unit__Bytes request = message_of(size);
    const struct yoke_call_options options = {.size = sizeof(options), .ret_call = ret_call};
    *outcome = (struct outcome){0};
    return unit_echo_later(&end->channel.channel, &request, &options, take_outcome, outcome);
}

/* Bytes that each end has had through the socket, since the last time. */
struct traffic {
    uint64_t to_worker, to_master;
};

static struct traffic traffic(void) {
    static struct traffic before;
    struct traffic now = {connection_of(&worker)->input_offset, connection_of(&master)->input_offset};
    struct traffic since = {now.to_worker - before.to_worker, now.to_master - before.to_master};
    before = now;
    return since;
}

/* A call, and its answer, both intact; what that took of the socket. */
static struct traffic call_and_turn(struct end *end, size_t size) {
    struct outcome outcome;
    (void)traffic();
    REQUIRE_INT(call_now(end, size, &outcome), 0);
    turn();
    check_answered(&outcome, size);
    return traffic();
}

/* Have buffers for messages of this length, both ways. */
static void warm(size_t size) {
    (void)call_and_turn(&master, size);
    (void)call_and_turn(&master, size);
    struct traffic took = call_and_turn(&master, size);
    REQUIRE(took.to_worker < FEW && took.to_master < FEW);
}

/* ---- From the first message on ------------------------------------------------------------------------------------ */

/* `end` calls with messages of more and less than fit in one frame. */
static void check_from_the_first_on(struct end *end) {
    static const size_t sizes[] = {64u * KB, 300000, 3u << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        start();
        struct traffic first = call_and_turn(end, sizes[i]);
        CHECK(first.to_worker > sizes[i] && first.to_master > sizes[i]);
        CHECK_INT(count_descriptors(), 0);
        /* One buffer is on its way at a time, so the master, which had to make one for the request, has none yet for the reply. */
        struct traffic second = call_and_turn(end, sizes[i]);
        CHECK((end == &master ? second.to_worker : second.to_master) < FEW);
        CHECK_INT(count_mappings(), 4);
        for (unsigned j = 0; j < 5; j++) {
            struct traffic later = call_and_turn(end, sizes[i]);
            CHECK(later.to_worker < FEW && later.to_master < FEW);
        }
        CHECK_INT(count_mappings(), 4);
        finish();
    }
}

static void a_masters_messages_go_through_the_socket_once(void) {
    check_from_the_first_on(&master);
}

static void a_workers_messages_go_through_the_socket_once(void) {
    check_from_the_first_on(&worker);
}

/* What is small stays out of it. */
static void small_messages_need_no_memory(void) {
    start();
    for (unsigned i = 0; i < 3; i++) {
        struct traffic took = call_and_turn(&master, 64 * KB - 5);
        CHECK(took.to_worker > 64 * KB - 5 && took.to_master > 64 * KB - 5);
    }
    CHECK_INT(syscalls_count_of(SYSCALLS_MEMFD_CREATE), 0);
    CHECK_INT(count_mappings(), 0);
    finish();
}

static unsigned blobs;

static void check_blob(struct end *end, const Unit__Blob *blob) {
    blobs++;
    CHECK(is_intact(&blob->data));
    CHECK_STR(blob->text, "around");
    /* By buffer or not, of the master's memory the worker reads, of the worker's the master reads a copy. */
    CHECK_INT(is_borrowed(end, blob->data.data), end == &worker && blobs > 1);
}

static void events_travel_in_memory(void) {
    struct end *const senders[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start();
        struct end *receiver = senders[1 - i];
        receiver->on_blob = check_blob;
        blobs = 0;
        for (unsigned j = 0; j < 4; j++) {
            const Unit__Bytes message = message_of(200000 + j);
            Unit__Blob blob = UNIT__BLOB__INIT;
            blob.text = (char *)(uintptr_t) "around";
            blob.data = message.data;
            (void)traffic();
            CHECK_INT(unit_blob_emit(&senders[i]->channel.channel, &blob), 0);
            turn();
            struct traffic took = traffic();
            CHECK_INT(took.to_worker + took.to_master<FEW, j> 0);
        }
        CHECK_INT(blobs, 4);
        CHECK_INT(count_loans_in_use(receiver), 0);
        finish();
    }
}

/* ---- Streams ------------------------------------------------------------------------------------------------------ */

static unsigned streamed, stream_ends;

static void take_streamed(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)call;
    (void)user_data;
    streamed++;
    CHECK(is_intact(&message->data));
}

static void take_stream_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    (void)user_data;
    stream_ends++;
    CHECK_INT(status->code, YOKE_OK);
}

static void check_stream_message(struct end *end, const Unit__Bytes *message) {
    (void)end;
    CHECK(is_intact(&message->data));
}

static struct yoke_call *open_stream(struct end *end) {
    struct yoke_call *call = NULL;
    streamed = stream_ends = 0;
    REQUIRE_INT(unit_streams_both(&end->channel.channel, NULL, take_streamed, take_stream_end, NULL, &call), 0);
    return call;
}

static int send_streamed(struct yoke_call *call, size_t size) {
    const Unit__Bytes message = message_of(size);
    return unit_streams_both_send(call, &message);
}

static void streams_travel_in_memory(void) {
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start();
        callers[1 - i]->on_stream_message = check_stream_message;
        struct yoke_call *call = open_stream(callers[i]);
        for (unsigned j = 0; j < 30; j++) {
            (void)traffic();
            CHECK_INT(send_streamed(call, 100000 + j), 0);
            turn();
            struct traffic took = traffic();
            CHECK(j < 2 || (took.to_worker < FEW && took.to_master < FEW));
        }
        CHECK_INT(yoke_call_half_close(call), 0);
        turn();
        CHECK_INT(streamed, 30);
        CHECK_INT(stream_ends, 1);
        finish();
    }
}

static void hold_stream(struct end *end) {
    REQUIRE_INT(yoke_call_hold(end->stream), 0);
}

/* A message that waits is copied, so that its buffer is free for others; and it takes credit as it would anywhere. */
static void a_stream_on_hold_keeps_no_buffer(void) {
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        struct end *receiver = callers[1 - i];
        start();
        warm(300000);
        receiver->on_stream = hold_stream;
        receiver->on_stream_message = check_stream_message;
        struct yoke_call *call = open_stream(callers[i]);
        turn();
        (void)traffic();
        unsigned sent = 0;
        while (send_streamed(call, 300000) == 0 && sent < 20) {
            sent++;
            turn();
        }
        /* Of 2 MiB of credit each takes 300,000 and some; the last one, for which it does not last, waits. */
        CHECK_INT(sent, 7);
        CHECK_INT(receiver->stream_messages, 0);
        CHECK_INT(count_loans_in_use(receiver), 0);
        yoke_call_resume(receiver->stream);
        turn();
        CHECK_INT(receiver->stream_messages, 7);
        CHECK_INT(streamed, 7);
        CHECK_INT(yoke_call_half_close(call), 0);
        turn();
        CHECK_INT(stream_ends, 1);
        finish();
    }
}

/* ---- Who reads where ---------------------------------------------------------------------------------------------- */

static unsigned requests;

static void check_request(struct end *end, const Unit__Bytes *request) {
    requests++;
    CHECK(is_intact(&request->data));
    CHECK_INT(is_borrowed(end, request->data.data), end == &worker);
}

static void a_worker_reads_in_place_and_a_master_a_copy(void) {
    start();
    warm(300000);
    requests = 0;
    master.on_request = worker.on_request = check_request;
    (void)call_and_turn(&master, 300000);
    (void)call_and_turn(&worker, 300000);
    CHECK_INT(requests, 2);
    finish();
}

/* ---- Buffers in use ----------------------------------------------------------------------------------------------- */

static void answer_held(struct end *end, size_t at) {
    const Unit__Bytes *request = end->requests[at];
    CHECK(is_intact(&request->data));
    (void)unit_echo_later_reply(end->held[at], request);
}

static void a_held_call_keeps_its_buffer(void) {
    start();
    warm(300000);
    struct outcome held;
    REQUIRE_INT(call_later(&master, 300000, &held, NULL), 0);
    turn();
    REQUIRE_INT(worker.held_count, 1);
    CHECK_INT(count_loans_in_use(&worker), 1);
    CHECK(is_borrowed(&worker, worker.requests[0]->data.data));
    /* Others do not disturb it. */
    for (unsigned i = 0; i < 5; i++) {
        (void)call_and_turn(&master, 300001 + i);
    }
    CHECK_INT(count_loans_in_use(&worker), 1);
    answer_held(&worker, 0);
    CHECK_INT(count_loans_in_use(&worker), 0);
    turn();
    check_answered(&held, 300000);
    finish();
}

/* What there are buffers for goes there, all else through the socket. */
static void as_many_as_there_are_buffers(void) {
    start();
    static struct outcome outcomes[40];
    /* Every second one makes a buffer, into which the next one goes. */
    for (unsigned i = 0; i < 34; i++) {
        REQUIRE_INT(call_later(&master, 100000 + i, &outcomes[i], NULL), 0);
        turn();
    }
    CHECK_INT(worker.held_count, 34);
    CHECK_INT(count_loans(&worker), YOKE__BUFFERS_MAX);
    CHECK_INT(count_loans_in_use(&worker), YOKE__BUFFERS_MAX);
    (void)traffic();
    REQUIRE_INT(call_later(&master, 100000, &outcomes[34], NULL), 0);
    turn();
    CHECK(traffic().to_worker > 100000);
    for (size_t i = 0; i < worker.held_count; i++) {
        answer_held(&worker, i);
        turn();
    }
    CHECK_INT(count_loans_in_use(&worker), 0);
    for (unsigned i = 0; i < 34; i++) {
        check_answered(&outcomes[i], 100000 + i);
    }
    /* All at once, while all are free. */
    worker.held_count = 0;
    (void)traffic();
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        REQUIRE_INT(call_later(&master, 90000 + i, &outcomes[i], NULL), 0);
    }
    turn();
    CHECK(traffic().to_worker < YOKE__BUFFERS_MAX * FEW);
    for (size_t i = 0; i < worker.held_count; i++) {
        answer_held(&worker, i);
    }
    turn();
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        check_answered(&outcomes[i], 90000 + i);
    }
    finish();
}

/* Have as many buffers as there can be for messages of this length: each burst makes one more, which the next one uses. */
static void fill_up(struct end *end, size_t size) {
    Unit__Blob blob = UNIT__BLOB__INIT;
    blob.data = message_of(size).data;
    for (unsigned burst = 0; burst <= YOKE__BUFFERS_MAX; burst++) {
        for (unsigned i = 0; i <= YOKE__BUFFERS_MAX; i++) {
            REQUIRE_INT(unit_blob_emit(&end->channel.channel, &blob), 0);
        }
        turn();
    }
}

static void check_growth(struct end *end, size_t size) {
    (void)call_and_turn(end, size);
    (void)call_and_turn(end, size);
    struct traffic took = call_and_turn(end, size);
    CHECK(took.to_worker < FEW && took.to_master < FEW);
}

/* Sixteen small buffers are all that there can be; then larger messages come. */
static void large_ones_take_the_place_of_small_ones(void) {
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start();
        fill_up(callers[i], 70000);
        CHECK_INT(count_loans(callers[1 - i]), YOKE__BUFFERS_MAX);
        check_growth(callers[i], 2000000);
        CHECK_INT(count_loans(callers[1 - i]), YOKE__BUFFERS_MAX);
        finish();
    }
}

static void a_large_one_takes_the_place_of_small_ones_at_the_limit(void) {
    static const struct end_config configs[2] = {{.limits = {.max_shared_bytes = 1024 * KB}},
                                                 {.limits = {.max_shared_bytes = 2048 * KB}}};
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start_with(configs);
        struct end *receiver = callers[1 - i];
        fill_up(callers[i], 100000);
        /* Of 128 KiB each. */
        CHECK_INT(count_loans(receiver), 8);
        check_growth(callers[i], 900000);
        /* One of the small ones still fits. */
        CHECK_INT(count_loans(receiver), 2);
        CHECK(connection_of(receiver)->borrowed.total <= 1024 * KB);
        CHECK(yoke__lend_total(connection_of(callers[i])) <= 1024 * KB);
        /* What is beyond it, never. */
        for (unsigned j = 0; j < 3; j++) {
            CHECK(call_and_turn(callers[i], 1100000).to_worker > 1100000);
        }
        finish();
    }
}

/* ---- Limits -------------------------------------------------------------------------------------------------------- */

static void without_either_sides_consent_there_is_none(void) {
    static const struct end_config table[][2] = {
        {{.shared_min_bytes = UINT32_MAX}, {.shared_min_bytes = 0}},
        {{.shared_min_bytes = 0}, {.shared_min_bytes = UINT32_MAX}},
        {{.shared_min_bytes = UINT32_MAX}, {.shared_min_bytes = UINT32_MAX}},
        {{.limits = {.max_shared_bytes = 64 * KB}}, {.shared_min_bytes = 0}},
        {{.shared_min_bytes = 0}, {.limits = {.max_shared_bytes = 1}}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        start_with(table[i]);
        for (unsigned j = 0; j < 4; j++) {
            struct traffic took = call_and_turn(j % 2 == 0 ? &master : &worker, 200000);
            CHECK(took.to_worker > 200000 && took.to_master > 200000);
        }
        CHECK_INT(syscalls_count_of(SYSCALLS_MEMFD_CREATE), 0);
        finish();
    }
}

static void each_side_says_what_is_large(void) {
    static const struct end_config configs[2] = {{.shared_min_bytes = 1000}, {.shared_min_bytes = 0}};
    start_with(configs);
    (void)call_and_turn(&master, 2000);
    struct traffic took = call_and_turn(&master, 2000);
    CHECK(took.to_worker < FEW && took.to_master > 2000);
    finish();
}

/* ---- Ends ---------------------------------------------------------------------------------------------------------- */

/* The message lives as long as its call, whatever has become of the connection. */
static void a_call_outlives_its_connection(void) {
    for (unsigned in_order = 0; in_order < 2; in_order++) {
        start();
        warm(300000);
        struct outcome outcome;
        REQUIRE_INT(call_later(&master, 300000, &outcome, NULL), 0);
        turn();
        REQUIRE_INT(worker.held_count, 1);
        if (in_order == 0) {
            yoke__socket_close(&worker.socket, "over");
            turn();
            yoke__socket_close(&master.socket, "over");
        } else {
            yoke__socket_close(&master.socket, "over");
            turn();
            yoke__socket_close(&worker.socket, "over");
        }
        CHECK_INT(outcome.count, 1);
        CHECK_INT(count_mappings(), 1);
        CHECK(is_intact(&worker.requests[0]->data));
        CHECK_INT(unit_echo_later_reply(worker.held[0], worker.requests[0]), -ENOTCONN);
        CHECK_INT(count_mappings(), 0);
        finish();
    }
}

static void what_crossed_a_cancellation_goes_back(void) {
    start();
    warm(300000);
    struct outcome outcome;
    struct yoke_call *call = NULL;
    /* The request. */
    REQUIRE_INT(call_later(&master, 300000, &outcome, &call), 0);
    CHECK_INT(yoke_call_cancel(call), 0);
    turn();
    CHECK_INT(worker.held_count, 1);
    CHECK_INT(unit_echo_later_reply(worker.held[0], worker.requests[0]), -ECANCELED);
    turn();
    CHECK_INT(count_loans_in_use(&worker), 0);
    /* The reply, which has left when the caller cancels. */
    REQUIRE_INT(call_later(&master, 300000, &outcome, &call), 0);
    turn();
    REQUIRE_INT(worker.held_count, 2);
    answer_held(&worker, 1);
    end_turn(&worker);
    CHECK_INT(yoke_call_cancel(call), 0);
    turn();
    CHECK_INT(outcome.code, YOKE_CANCELLED);
    CHECK_INT(count_loans_in_use(&worker), 0);
    struct traffic took = call_and_turn(&master, 300000);
    CHECK(took.to_worker < FEW && took.to_master < FEW);
    finish();
}

/* Replies and requests that nobody takes. */
static void what_is_refused_goes_back(void) {
    static const struct end_config configs[2] = {{.limits = {.max_message_bytes = 400000}},
                                                 {.limits = {.max_message_bytes = 300000}}};
    start_with(configs);
    warm(250000);
    struct outcome outcome;
    for (unsigned i = 0; i < 4; i++) {
        (void)traffic();
        REQUIRE_INT(call_now(&master, 350000, &outcome), 0);
        turn();
        CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
        CHECK_INT(traffic().to_worker<FEW, i> 0);
        CHECK_INT(count_loans_in_use(&worker), 0);
    }
    finish();
}

/* ---- A kernel that refuses ---------------------------------------------------------------------------------------- */

/* Whatever the master cannot make: messages travel all the same, and in memory as soon as it can. */
static void a_master_does_without(void) {
    static const enum syscalls_kind kinds[] = {SYSCALLS_MEMFD_CREATE, SYSCALLS_FTRUNCATE, SYSCALLS_FCNTL, SYSCALLS_MMAP,
                                               SYSCALLS_MADVISE};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        start();
        syscalls_refuse(kinds[i], ENOMEM);
        for (unsigned j = 0; j < 3; j++) {
            struct traffic took = call_and_turn(&master, 200000);
            CHECK(took.to_worker > 200000 && took.to_master > 200000);
        }
        CHECK(syscalls_have_failed());
        CHECK_INT(count_mappings(), 0);
        CHECK_INT(count_descriptors(), 0);
        syscalls_reset();
        warm(200000);
        finish();
    }
}

/* Some daemons may write no files at all. To exceed that limit would not only fail: it kills. */
static void a_master_may_not_write_files(void) {
    struct rlimit limit;
    REQUIRE_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    start();
    limit.rlim_cur = 200000;
    REQUIRE_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(call_and_turn(&master, 300000).to_worker > 300000);
    }
    /* Smaller ones are within it. */
    warm(100000);
    limit.rlim_cur = before;
    REQUIRE_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    warm(300000);
    finish();
}

/* Let the worker alone see the kernel's refusal: the master has made its buffer before. */
static void check_declined(void (*refuse)(void), void (*relent)(void)) {
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start();
        struct outcome outcome;
        Unit__Blob blob = UNIT__BLOB__INIT;
        blob.data = message_of(200000).data;
        /* Only the direction of `callers[i]`: an event has no answer. */
        REQUIRE_INT(unit_blob_emit(&callers[i]->channel.channel, &blob), 0);
        for (unsigned j = 0; i == 1 && j < 20 && syscalls_count_of(SYSCALLS_MEMFD_CREATE) == 0; j++) {
            end_turn(&worker);
            end_turn(&master);
        }
        CHECK_INT(syscalls_count_of(SYSCALLS_MEMFD_CREATE), 1);
        refuse();
        for (unsigned j = 0; j < 20; j++) {
            end_turn(&worker);
            end_turn(&master);
        }
        relent();
        turn();
        CHECK_INT(count_mappings(), 0);
        CHECK_INT(count_descriptors(), 0);
        CHECK_INT(yoke__lend_total(connection_of(callers[i])), 0);
        CHECK_INT(count_loans(callers[1 - i]), 0);
        /* It is not asked again. */
        size_t made = syscalls_count_of(SYSCALLS_MEMFD_CREATE);
        for (unsigned j = 0; j < 3; j++) {
            REQUIRE_INT(unit_blob_emit(&callers[i]->channel.channel, &blob), 0);
            turn();
        }
        CHECK_INT(syscalls_count_of(SYSCALLS_MEMFD_CREATE), made);
        REQUIRE_INT(call_now(callers[i], 200000, &outcome), 0);
        turn();
        check_answered(&outcome, 200000);
        finish();
    }
}

static void refuse_mmap(void) {
    syscalls_refuse(SYSCALLS_MMAP, ENOMEM);
}

static void allow_mmap(void) {
    syscalls_refuse(SYSCALLS_MMAP, 0);
}

static void refuse_madvise(void) {
    syscalls_refuse(SYSCALLS_MADVISE, EINVAL);
}

static void allow_madvise(void) {
    syscalls_refuse(SYSCALLS_MADVISE, 0);
}

static void refuse_descriptors(void) {
    struct rlimit limit;
    REQUIRE_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 0;
    REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void allow_descriptors(void) {
    struct rlimit limit;
    REQUIRE_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void a_worker_without_address_space_declines(void) {
    check_declined(refuse_mmap, allow_mmap);
}

static void a_worker_that_cannot_advise_declines(void) {
    check_declined(refuse_madvise, allow_madvise);
}

static void a_worker_without_descriptors_declines(void) {
    check_declined(refuse_descriptors, allow_descriptors);
}

static void a_descriptor_that_cannot_leave_is_dropped(void) {
    start();
    syscalls_refuse(SYSCALLS_PASS, ETOOMANYREFS);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(call_and_turn(&master, 200000).to_worker > 200000);
    }
    CHECK(syscalls_have_failed());
    CHECK_INT(count_mappings(), 0);
    finish();
}

/* It stays until it can. */
static void a_descriptor_that_cannot_leave_yet_waits(void) {
    start();
    syscalls_refuse(SYSCALLS_PASS, ENOBUFS);
    struct outcome outcome;
    REQUIRE_INT(call_now(&master, 200000, &outcome), 0);
    turn();
    CHECK_INT(outcome.count, 0);
    CHECK_INT(count_descriptors(), 1);
    syscalls_reset();
    turn();
    check_answered(&outcome, 200000);
    warm(200000);
    finish();
}

/* One that never could leave goes with the connection. */
static void a_descriptor_goes_with_the_connection(void) {
    start();
    syscalls_refuse(SYSCALLS_PASS, EAGAIN);
    struct outcome outcome;
    REQUIRE_INT(call_now(&master, 200000, &outcome), 0);
    turn();
    CHECK_INT(count_descriptors(), 1);
    yoke__socket_close(&master.socket, "over");
    CHECK_INT(count_descriptors(), 0);
    CHECK_INT(outcome.code, YOKE_UNAVAILABLE);
    finish();
}

static bool fail_an_allocation(size_t nth, void (*fail)(size_t nth)) {
    static struct outcome outcomes[6];
    start();
    master.closes_when_ended = worker.closes_when_ended = true;
    fail(nth);
    int errors[6];
    for (unsigned i = 0; i < 6; i++) {
        outcomes[i] = (struct outcome){0};
        errors[i] = call_now(i % 2 == 0 ? &master : &worker, 80000 + i, &outcomes[i]);
        for (unsigned j = 0; j < 8; j++) {
            end_turn(&master);
            end_turn(&worker);
        }
    }
    bool has_failed = memory_fail_never();
    yoke__socket_close(&master.socket, "over");
    yoke__socket_close(&worker.socket, "over");
    for (unsigned i = 0; i < 6; i++) {
        CHECK_INT(outcomes[i].count, errors[i] == 0);
        CHECK(has_failed || outcomes[i].is_intact);
        CHECK(outcomes[i].code != YOKE_OK || errors[i] != 0 || outcomes[i].is_intact);
    }
    syscalls_reset();
    end_close(&master);
    end_close(&worker);
    CHECK_INT(count_mappings(), 0);
    CHECK_INT(count_descriptors(), 0);
    return has_failed;
}

static void each_allocation_fails_once(void) {
    CHECK(memory_fail_each(fail_an_allocation, memory_fail_once) > 10);
}

/* Leave no room for a frame in what is queued, and no chunk for more. */
static void fill_output(struct end *end) {
    const struct yoke__output *output = &connection_of(end)->output;
    char text[301] = {0};
    memset(text, 'x', 300);
    /* Nothing leaves before the loop turns. */
    ev_io_start(end->loop, &end->socket.writer);
    do {
        Unit__Note note = UNIT__NOTE__INIT;
        size_t left = output->tail != NULL ? output->tail->capacity - output->tail->end : 0;
        note.text = left > 400 ? text : text + 300;
        REQUIRE_INT(unit_note_emit(&end->channel.channel, &note), 0);
    } while (output->tail->capacity - output->tail->end >= YOKE__FRAME_HEADER_SIZE);
    yoke__chunk_pool_release(&end->engine.chunks);
}

/* Without memory to say so, nothing is lent, made or given up. */
static void what_cannot_be_said_is_not_done(void) {
    start();
    warm(300000);
    Unit__Blob blob = UNIT__BLOB__INIT;
    fill_output(&master);
    memory_fail_from(0);
    blob.data = message_of(200000).data;
    CHECK_INT(unit_blob_emit(&master.channel.channel, &blob), -ENOMEM);
    /* For this one there is no buffer. */
    blob.data = message_of(2000000).data;
    CHECK_INT(unit_blob_emit(&master.channel.channel, &blob), -ENOMEM);
    CHECK_INT(count_mappings(), 4);
    CHECK_INT(count_descriptors(), 0);
    yoke__lend_trim(connection_of(&master));
    CHECK_INT(count_mappings(), 4);
    CHECK(memory_fail_never());
    turn();
    struct traffic took = call_and_turn(&master, 300000);
    CHECK(took.to_worker < FEW && took.to_master < FEW);
    CHECK_INT(count_mappings(), 4);
    finish();
}

/* ---- Bytes in pieces ----------------------------------------------------------------------------------------------- */

static void pieces_of_any_size(void) {
    static const struct end_config configs[2] = {{.shared_min_bytes = 100}, {.shared_min_bytes = 100}};
    for (size_t cut = 1; cut <= 60; cut++) {
        start_with(configs);
        syscalls_cut(cut);
        struct outcome outcomes[4];
        for (unsigned i = 0; i < 4; i++) {
            REQUIRE_INT(call_now(i % 2 == 0 ? &master : &worker, 300 + i, &outcomes[i]), 0);
            turn();
            turn();
            turn();
        }
        for (unsigned i = 0; i < 4; i++) {
            check_answered(&outcomes[i], 300 + i);
        }
        CHECK_INT(count_mappings(), 4);
        finish();
    }
}

/* A master in the hands of the test. */
static int raw;

static int make_memory(const char *content) {
    int fd = memfd_create("yoke-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(fd >= 0);
    REQUIRE_INT(ftruncate(fd, 64 * KB), 0);
    REQUIRE_INT(pwrite(fd, content, strlen(content), 0), strlen(content));
    REQUIRE_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    return fd;
}

/* Sends what is in `wire`, and a descriptor with its first byte, which is closed. */
static void send_with(const struct wire *wire, int fd) {
    struct iovec vector = {(void *)(uintptr_t)wire->bytes, wire->length};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(int));
    REQUIRE_INT(sendmsg(raw, &message, 0), wire->length);
    close(fd);
}

static void send_buffer(unsigned number, const char *content) {
    static struct wire wire;
    const uint32_t size = htole32(64 * KB);
    wire.length = 0;
    wire_frame(&wire,
               &(struct yoke__frame){.type = YOKE__FRAME_BUFFER, .aux = (uint16_t)number, .length = YOKE__BUFFER_SIZE},
               &size);
    send_with(&wire, make_memory(content));
}

static const char *content_of(unsigned number) {
    const struct yoke__loan *loan = connection_of(&worker)->borrowed.loans[number];
    return loan != NULL ? (const char *)loan->bytes : NULL;
}

/*
 * Two buffers follow each other so closely that both descriptors wait in the socket, and the reading of the first one's frame
 * is cut at any byte: each must come to the frame that it was sent with, also when the first one is lost.
 */
static void descriptors_stay_with_their_frames(void) {
    static struct wire wire;
    for (unsigned is_lost = 0; is_lost < 2; is_lost++) {
        for (size_t cut = 1; cut <= YOKE__FRAME_HEADER_SIZE + YOKE__BUFFER_SIZE; cut++) {
            int fds[2];
            REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
            end_open(&worker, fds[0], false, NULL);
            raw = fds[1];
            wire.length = 0;
            wire_hello(&wire);
            REQUIRE_INT(send(raw, wire.bytes, wire.length, 0), wire.length);
            syscalls_reset();
            end_turn(&worker);
            send_buffer(3, "first");
            send_buffer(5, "second");
            wire.length = 0;
            wire_note(&wire, "behind them");
            REQUIRE_INT(send(raw, wire.bytes, wire.length, 0), wire.length);
            syscalls_cut_next_receiving(cut);
            if (is_lost) {
                /* A short read is the last one of its turn. */
                refuse_descriptors();
                struct yoke__connection *connection = connection_of(&worker);
                const uint64_t before = connection->input_offset;
                ev_io_stop(worker.loop, &worker.socket.writer);
                end_turn(&worker);
                allow_descriptors();
                CHECK(connection->input_offset - before <= 2 * (YOKE__FRAME_HEADER_SIZE + YOKE__BUFFER_SIZE));
            }
            for (unsigned i = 0; i < 5; i++) {
                end_turn(&worker);
            }
            CHECK_STR(connection_of(&worker)->failure, "");
            CHECK_STR(content_of(3), is_lost ? NULL : "first");
            CHECK_STR(content_of(5), content_of(5) != NULL || !is_lost ? "second" : NULL);
            CHECK_INT(worker.notes, 1);
            syscalls_reset();
            end_close(&worker);
            close(raw);
            CHECK_INT(count_mappings(), 0);
        }
    }
}

/* ---- Less memory --------------------------------------------------------------------------------------------------- */

static void what_is_free_can_be_trimmed(void) {
    start();
    warm(300000);
    struct outcome outcome;
    REQUIRE_INT(call_later(&master, 300000, &outcome, NULL), 0);
    turn();
    (void)call_and_turn(&master, 200000);
    (void)call_and_turn(&master, 200000);
    CHECK_INT(count_loans(&worker), 2);
    yoke__lend_trim(connection_of(&master));
    yoke__lend_trim(connection_of(&worker));
    turn();
    /* The one that is in use stays. */
    CHECK_INT(count_mappings(), 2);
    CHECK_INT(count_loans(&worker), 1);
    CHECK_INT(count_loans(&master), 0);
    answer_held(&worker, 0);
    turn();
    check_answered(&outcome, 300000);
    yoke__lend_trim(connection_of(&master));
    yoke__lend_trim(connection_of(&worker));
    turn();
    CHECK_INT(count_mappings(), 0);
    CHECK_INT(yoke__lend_total(connection_of(&master)), 0);
    CHECK_INT(yoke__lend_total(connection_of(&worker)), 0);
    CHECK_INT(connection_of(&worker)->borrowed.total, 0);
    CHECK_INT(connection_of(&master)->borrowed.total, 0);
    warm(300000);
    finish();
}

/* Who is forked has nothing of it. */
static void a_forked_process_has_no_buffers(void) {
    start();
    warm(300000);
    CHECK_INT(count_mappings(), 4);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        _exit(count_mappings() == 0 && count_descriptors() == 0 ? 17 : 18);
    }
    int status;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(WEXITSTATUS(status), 17);
    finish();
}

/* ---- Written in place ----------------------------------------------------------------------------------------------- */

static Unit__Node seen;
static char seen_leaf[32];
static uint8_t seen_data[1024 * KB];
static uintptr_t seen_offset;
static bool was_borrowed;

static void note_tree(struct end *end, const Unit__Node *request) {
    seen = *request;
    was_borrowed = is_borrowed(end, request->data.data);
    REQUIRE(request->data.len <= sizeof(seen_data));
    memcpy(seen_data, request->data.data, request->data.len);
    (void)snprintf(seen_leaf, sizeof(seen_leaf), "%s",
                   request->choice_case == UNIT__NODE__CHOICE_LEAF ? request->leaf : "");
    seen_offset = (uintptr_t)request->data.data % 4096;
}

static unsigned trees;

static void take_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                      void *user_data) {
    (void)call;
    (void)user_data;
    trees++;
    CHECK_INT(status->code, YOKE_OK);
    CHECK(reply != NULL && is_intact(&reply->data));
}

/* A call with `size` bytes that have been written into a buffer, `words` words and other fields around it. */
static void call_tree(struct end *end, void *buffer, size_t size, size_t words) {
    static char *list[2000];
    Unit__Node node = UNIT__NODE__INIT;
    fill(buffer, size, (unsigned)size);
    node.value = 77;
    node.n_words = words;
    node.words = list;
    for (size_t i = 0; i < words; i++) {
        list[i] = (char *)(uintptr_t) "word";
    }
    node.choice_case = UNIT__NODE__CHOICE_LEAF;
    node.leaf = (char *)(uintptr_t) "leaf";
    node.large = 1;
    node.data = (ProtobufCBinaryData){.data = buffer, .len = size};
    trees = 0;
    memset(&seen, 0, sizeof(seen));
    REQUIRE_INT(unit_echo_tree(&end->channel.channel, &node, NULL, take_tree, NULL), 0);
}

static void check_tree(size_t size, size_t words) {
    turn();
    CHECK_INT(trees, 1);
    CHECK_INT(seen.value, 77);
    CHECK_INT(seen.n_words, words);
    CHECK_INT(seen.large, 1);
    CHECK_STR(seen_leaf, "leaf");
    CHECK_INT(seen.data.len, size);
    CHECK(is_filled(seen_data, size, (unsigned)size));
}

static int take_buffer(struct end *end, size_t size, void **ret_buffer) {
    return yoke_channel_take_buffer(&end->channel.channel, size, ret_buffer);
}

static void what_is_written_in_place_is_sent_from_there(void) {
    struct end *const callers[] = {&master, &worker};
    for (size_t i = 0; i < 2; i++) {
        start();
        warm(300000);
        struct end *receiver = callers[1 - i];
        receiver->on_tree = note_tree;
        for (size_t words = 0; words < 600; words += 111) {
            void *buffer;
            REQUIRE_INT(take_buffer(callers[i], 250000, &buffer), 0);
            CHECK_INT((uintptr_t)buffer % 4096, 0);
            (void)traffic();
            call_tree(callers[i], buffer, 250000, words);
            /* It is the peer's now. */
            CHECK_INT(yoke_channel_drop_buffer(&callers[i]->channel.channel, buffer), -EINVAL);
            check_tree(250000, words);
            CHECK_INT(was_borrowed, receiver == &worker);
            CHECK(!was_borrowed || seen_offset == 0);
            struct traffic took = traffic();
            CHECK(took.to_worker < FEW && took.to_master < FEW);
        }
        finish();
    }
}

/* What cannot be sent from where it is: copied, and the buffer stays with its taker. */
static void what_cannot_be_sent_in_place_is_copied(void) {
    start();
    warm(300000);
    worker.on_tree = note_tree;
    void *buffer;
    REQUIRE_INT(take_buffer(&master, 250000, &buffer), 0);
    /* Too much around it. */
    call_tree(&master, buffer, 250000, 1500);
    check_tree(250000, 1500);
    /* Not from its first byte. */
    call_tree(&master, (uint8_t *)buffer + 1, 200000, 1);
    check_tree(200000, 1);
    /* In a message of another kind: the field is in no message at the top. */
    Unit__Grown grown = UNIT__GROWN__INIT;
    Unit__Node node = UNIT__NODE__INIT;
    node.data = (ProtobufCBinaryData){.data = buffer, .len = 250000};
    grown.node = &node;
    CHECK_INT(unit_grown_emit(&master.channel.channel, &grown), 0);
    turn();
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), 0);
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), -EINVAL);
    /* Small: not worth it. */
    REQUIRE_INT(take_buffer(&master, 250000, &buffer), 0);
    call_tree(&master, buffer, 1000, 0);
    check_tree(1000, 0);
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), 0);
    finish();
}

static void buffers_that_cannot_be_had(void) {
    start();
    void *buffer = &trees;
    CHECK_INT(take_buffer(&master, 100, &buffer), -EAGAIN);
    CHECK_INT(take_buffer(&master, 5u << 20, &buffer), -EMSGSIZE);
    /* The first wish makes a master provide one. */
    CHECK_INT(take_buffer(&master, 100000, &buffer), -EAGAIN);
    CHECK_INT(take_buffer(&worker, 100000, &buffer), -EAGAIN);
    CHECK(buffer == &trees);
    turn();
    CHECK_INT(take_buffer(&worker, 100000, &buffer), -EAGAIN);
    REQUIRE_INT(take_buffer(&master, 100000, &buffer), 0);
    CHECK_INT(yoke_channel_drop_buffer(&worker.channel.channel, buffer), -EINVAL);
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, NULL), -EINVAL);
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), 0);
    finish();
}

/* Its worker drains: the channel leads to another one by now, or nowhere. */
static void a_buffer_is_dropped_when_its_channel_has_another_peer(void) {
    start();
    warm(300000);
    void *buffer;
    REQUIRE_INT(take_buffer(&master, 250000, &buffer), 0);
    master.channel.connection = NULL;
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), 0);
    CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), -EINVAL);
    finish();
}

/* A buffer can be written to until it is dropped, or the process's end of all connections is gone. */
static void a_taken_buffer_outlives_its_connection(void) {
    for (unsigned is_dropped = 0; is_dropped < 2; is_dropped++) {
        start();
        warm(300000);
        void *buffer, *another;
        REQUIRE_INT(take_buffer(&master, 250000, &buffer), 0);
        REQUIRE_INT(take_buffer(&worker, 250000, &another), 0);
        yoke__socket_close(&master.socket, "over");
        yoke__socket_close(&worker.socket, "over");
        CHECK_INT(count_mappings(), 2);
        memset(buffer, 1, 250000);
        memset(another, 1, 250000);
        CHECK(take_buffer(&master, 250000, &buffer) < 0);
        if (is_dropped) {
            CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, another), -EINVAL);
            CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), 0);
            CHECK_INT(yoke_channel_drop_buffer(&master.channel.channel, buffer), -EINVAL);
            CHECK_INT(yoke_channel_drop_buffer(&worker.channel.channel, another), 0);
            CHECK_INT(count_mappings(), 0);
        }
        finish();
    }
}

/* For a reply. */
static void a_call_has_buffers_too(void) {
    start();
    warm(300000);
    struct outcome outcome;
    REQUIRE_INT(call_later(&master, 10, &outcome, NULL), 0);
    turn();
    REQUIRE_INT(worker.held_count, 1);
    void *buffer;
    REQUIRE_INT(yoke_call_take_buffer(worker.held[0], 200000, &buffer), 0);
    CHECK_INT(yoke_call_drop_buffer(worker.held[0], buffer), 0);
    CHECK_INT(yoke_call_drop_buffer(worker.held[0], buffer), -EINVAL);
    REQUIRE_INT(yoke_call_take_buffer(worker.held[0], 200000, &buffer), 0);
    fill(buffer, 200000, 200000);
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.data = buffer, .len = 200000};
    (void)traffic();
    CHECK_INT(unit_echo_later_reply(worker.held[0], &reply), 0);
    turn();
    check_answered(&outcome, 200000);
    CHECK(traffic().to_master < FEW);
    CHECK_INT(yoke_channel_drop_buffer(&worker.channel.channel, buffer), -EINVAL);
    finish();
}

static const struct test_case cases[] = {
    {.name = "a master's messages go through the socket once", .run = a_masters_messages_go_through_the_socket_once},
    {.name = "a worker's messages go through the socket once", .run = a_workers_messages_go_through_the_socket_once},
    {.name = "small messages need no memory", .run = small_messages_need_no_memory},
    {.name = "events travel in memory", .run = events_travel_in_memory},
    {.name = "streams travel in memory", .run = streams_travel_in_memory},
    {.name = "a stream on hold keeps no buffer", .run = a_stream_on_hold_keeps_no_buffer},
    {.name = "a worker reads in place, and a master a copy", .run = a_worker_reads_in_place_and_a_master_a_copy},
    {.name = "a held call keeps its buffer", .run = a_held_call_keeps_its_buffer},
    {.name = "as many as there are buffers", .run = as_many_as_there_are_buffers},
    {.name = "large ones take the place of small ones", .run = large_ones_take_the_place_of_small_ones},
    {.name = "and at the limit, too", .run = a_large_one_takes_the_place_of_small_ones_at_the_limit},
    {.name = "without either side's consent there is none", .run = without_either_sides_consent_there_is_none},
    {.name = "each side says what is large", .run = each_side_says_what_is_large},
    {.name = "a call outlives its connection", .run = a_call_outlives_its_connection},
    {.name = "what crossed a cancellation goes back", .run = what_crossed_a_cancellation_goes_back},
    {.name = "what is refused goes back", .run = what_is_refused_goes_back},
    {.name = "a master does without", .run = a_master_does_without},
    {.name = "a master may not write files", .run = a_master_may_not_write_files},
    {.name = "a worker without address space declines", .run = a_worker_without_address_space_declines},
    {.name = "a worker that cannot advise declines", .run = a_worker_that_cannot_advise_declines},
    {.name = "a worker without descriptors declines", .run = a_worker_without_descriptors_declines},
    {.name = "a descriptor that cannot leave is dropped", .run = a_descriptor_that_cannot_leave_is_dropped},
    {.name = "a descriptor that cannot leave yet waits", .run = a_descriptor_that_cannot_leave_yet_waits},
    {.name = "a descriptor goes with the connection", .run = a_descriptor_goes_with_the_connection},
    {.name = "each allocation fails once", .run = each_allocation_fails_once},
    {.name = "what cannot be said is not done", .run = what_cannot_be_said_is_not_done},
    {.name = "pieces of any size", .run = pieces_of_any_size},
    {.name = "descriptors stay with their frames", .run = descriptors_stay_with_their_frames},
    {.name = "what is free can be trimmed", .run = what_is_free_can_be_trimmed},
    {.name = "a forked process has no buffers", .run = a_forked_process_has_no_buffers},
    {.name = "what is written in place is sent from there", .run = what_is_written_in_place_is_sent_from_there},
    {.name = "what cannot be sent in place is copied", .run = what_cannot_be_sent_in_place_is_copied},
    {.name = "buffers that cannot be had", .run = buffers_that_cannot_be_had},
    {.name = "a buffer is dropped when its channel has another peer",
     .run = a_buffer_is_dropped_when_its_channel_has_another_peer},
    {.name = "a taken buffer outlives its connection", .run = a_taken_buffer_outlives_its_connection},
    {.name = "a call has buffers, too", .run = a_call_has_buffers_too},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "shared memory", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
