/*
 * shared_violation_test.c: what a peer can do wrong with shared memory, with the words in which the connection says so: a hostile
 * master towards a worker, and a hostile worker towards its master. docs/protocol.md lists the same violations.
 */
#include "rpc/shared.h"

#include "ends.h"
#include "harness.h"
#include "rpc/control.h"
#include "rpc/stream.h"
#include "syscalls.h"
#include "wire.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE (128u * 1024u) /* of the buffers here */

static struct end end;
static int raw;          /* the peer's side of the socket */
static int given = -1;   /* the last descriptor that has come to the peer */
static struct wire wire; /* what it says next */
static uint8_t data[SIZE];

/* ---- The peer ------------------------------------------------------------------------------------------------------ */

static void add_hello(void) {
    const struct yoke__hello hello = {.shared_bytes = UINT32_MAX};
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    wire_frame(&wire,
               &(struct yoke__frame){.length = (uint32_t)yoke__hello_encode(&hello, payload),
                                     .method = YOKE__HELLO_MAGIC,
                                     .type = YOKE__FRAME_HELLO,
                                     .aux = YOKE__PROTOCOL_VERSION},
               payload);
}

static void turn(void) {
    for (unsigned i = 0; i < 10; i++) {
        end_turn(&end);
    }
}

/* Say what is in `wire`, with `count` times this descriptor. */
static void say_with(int fd, unsigned count) {
    struct iovec vector = {wire.bytes, wire.length};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (unsigned i = 0; i < count; i++) {
            memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(int));
        }
    }
    REQUIRE_INT(sendmsg(raw, &message, MSG_NOSIGNAL), wire.length);
    wire.length = 0;
    turn();
}

static void say(void) {
    say_with(-1, 0);
}

/* Hear everything, and keep a descriptor that comes along. */
static void hear(void) {
    static uint8_t bytes[1u << 20];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    for (;;) {
        struct iovec vector = {bytes, sizeof(bytes)};
        struct msghdr message = {
            .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
        if (recvmsg(raw, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0) {
            return;
        }
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header != NULL) {
            if (given >= 0) {
                close(given);
            }
            memcpy(&given, CMSG_DATA(header), sizeof(given));
        }
        turn();
    }
}

static void start(bool is_master, const struct end_config *config) {
    int fds[2];
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    syscalls_reset();
    end_open(&end, fds[0], is_master, config);
    raw = fds[1];
    wire.length = 0;
    add_hello();
    say();
}

static void finish(void) {
    turn();
    end_close(&end);
    for (size_t i = 0; i < end.held_count; i++) {
        CHECK_INT(unit_echo_later_reply(end.held[i], end.requests[i]), -ENOTCONN);
    }
    if (end.stream != NULL) {
        CHECK_INT(yoke_call_finish(end.stream), -ENOTCONN);
    }
    close(raw);
    if (given >= 0) {
        close(given);
    }
    given = -1;
}

/* ---- Frames -------------------------------------------------------------------------------------------------------- */

static void add_buffer(unsigned number, unsigned flags, uint32_t size) {
    const uint32_t payload = htole32(size);
    wire_frame(
        &wire,
        &(struct yoke__frame){
            .type = YOKE__FRAME_BUFFER, .flags = (uint8_t)flags, .aux = (uint16_t)number, .length = YOKE__BUFFER_SIZE},
        &payload);
}

static void add_release(unsigned number, unsigned flags) {
    wire_frame(&wire,
               &(struct yoke__frame){.type = YOKE__FRAME_RELEASE, .flags = (uint8_t)flags, .aux = (uint16_t)number},
               NULL);
}

static int make_memory(size_t size, int seals) {
    int fd = memfd_create("yoke-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(fd >= 0);
    REQUIRE_INT(ftruncate(fd, (off_t)size), 0);
    /* A unit.Bytes that fills it. */
    REQUIRE_INT(pwrite(fd, "\x0a\xfc\xff\x07", 4, 0), 4);
    REQUIRE_INT(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static void give_buffer(unsigned number, unsigned flags) {
    int fd = make_memory(SIZE, ALL_SEALS);
    add_buffer(number, flags, SIZE);
    say_with(fd, 1);
    close(fd);
    CHECK_STR(end.socket.connection.failure, "");
}

/* A frame whose message is a reference, of which `extra` bytes more come. */
static void add_reference(const struct yoke__frame *header, uint32_t number, uint32_t offset, uint32_t length,
                          size_t extra) {
    const uint32_t reference[4] = {htole32(number), htole32(offset), htole32(length), 0};
    uint8_t payload[YOKE__REFERENCE_SIZE + 4] = {0};
    memcpy(payload + extra, reference, YOKE__REFERENCE_SIZE);
    struct yoke__frame frame = *header;
    frame.flags |= YOKE__FLAG_SHARED;
    frame.length = (uint32_t)(YOKE__REFERENCE_SIZE + extra);
    wire_frame(&wire, &frame, payload);
}

static uint32_t next_stream;

static void add_call(const struct yoke_method *method, uint32_t number, uint32_t offset, uint32_t length) {
    const struct yoke__frame frame = {
        .type = YOKE__FRAME_OPEN, .stream = next_stream, .method = method->id, .flags = YOKE__FLAG_END_STREAM};
    next_stream += 2;
    add_reference(&frame, number, offset, length, 0);
}

static void add_event(uint32_t number, uint32_t offset, uint32_t length, size_t extra) {
    add_reference(&(struct yoke__frame){.type = YOKE__FRAME_EVENT, .method = unit_blob_event.id}, number, offset,
                  length, extra);
}

/* ---- A hostile master ------------------------------------------------------------------------------------------------ */

static void give_bad_memory(int fd) {
    add_buffer(3, 0, SIZE);
    say_with(fd, 1);
    close(fd);
}

static void give_what_can_shrink(void) {
    give_bad_memory(make_memory(SIZE, F_SEAL_GROW | F_SEAL_SEAL));
}

static void give_what_is_not_sealed(void) {
    give_bad_memory(make_memory(SIZE, 0));
}

static void give_too_little(void) {
    give_bad_memory(make_memory(SIZE - 4096, ALL_SEALS));
}

static void give_no_memory(void) {
    give_bad_memory(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void give_twice(void) {
    give_buffer(3, 0);
    add_buffer(3, 0, SIZE);
    say();
}

static void give_upward_twice(void) {
    give_buffer(3, YOKE__FLAG_UPWARD);
    add_buffer(3, YOKE__FLAG_UPWARD, SIZE);
    say();
}

static void give_too_much(void) {
    add_buffer(3, 0, (64u << 20) + 1);
    say();
}

static void give_too_much_in_all(void) {
    give_buffer(3, YOKE__FLAG_UPWARD);
    add_buffer(4, YOKE__FLAG_UPWARD, (64u << 20) - SIZE + 1);
    say();
}

static void give_number_16(void) {
    add_buffer(16, 0, SIZE);
    say();
}

static void give_two_descriptors(void) {
    int fd = make_memory(SIZE, ALL_SEALS);
    add_buffer(3, 0, SIZE);
    say_with(fd, 2);
    close(fd);
}

static void send_a_descriptor_with_an_event(void) {
    int fd = make_memory(SIZE, ALL_SEALS);
    wire_note(&wire, "with it");
    say_with(fd, 1);
    close(fd);
}

static void take_what_is_not_there(void) {
    add_buffer(3, 0, 0);
    say();
}

static void take_what_is_upward(void) {
    give_buffer(3, YOKE__FLAG_UPWARD);
    add_buffer(3, YOKE__FLAG_UPWARD, 0);
    say();
}

static void take_what_is_in_use(void) {
    give_buffer(3, 0);
    add_call(&unit_echo_later_method, 3, 0, SIZE);
    say();
    CHECK_INT(end.held_count, 1);
    add_buffer(3, 0, 0);
    say();
}

static void refer_twice(void) {
    give_buffer(3, 0);
    add_call(&unit_echo_later_method, 3, 0, SIZE);
    add_event(3, 0, 3, 0);
    say();
}

static void refer_to_nothing(void) {
    add_event(3, 0, 0, 0);
    say();
}

static void refer_to_number_16(void) {
    add_event(16, 0, 0, 0);
    say();
}

static void refer_to_the_last_number(void) {
    add_event(UINT32_MAX, 0, 0, 0);
    say();
}

static void refer_upward(void) {
    give_buffer(3, YOKE__FLAG_UPWARD);
    add_event(3, 0, 3, 0);
    say();
}

static void refer_behind_the_end(void) {
    give_buffer(3, 0);
    add_event(3, SIZE + 1, 0, 0);
    say();
}

static void refer_beyond_the_end(void) {
    give_buffer(3, 0);
    add_event(3, SIZE - 10, 11, 0);
    say();
}

static void refer_around_the_end(void) {
    give_buffer(3, 0);
    add_event(3, 100, UINT32_MAX - 50, 0);
    say();
}

static void refer_with_more(void) {
    give_buffer(3, 0);
    add_event(3, 0, 3, 1);
    say();
}

static void refer_with_less(void) {
    give_buffer(3, 0);
    wire_frame(&wire,
               &(struct yoke__frame){
                   .type = YOKE__FRAME_EVENT, .method = unit_blob_event.id, .flags = YOKE__FLAG_SHARED, .length = 11},
               NULL);
    say();
}

static void refer_without_a_message(void) {
    give_buffer(3, 0);
    add_reference(&(struct yoke__frame){.type = YOKE__FRAME_OPEN,
                                        .stream = next_stream,
                                        .method = unit_echo_now_method.id,
                                        .flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_END_STREAM},
                  3, 0, 3, 0);
    say();
}

static const struct yoke__frame open_both = {.type = YOKE__FRAME_OPEN, .flags = YOKE__FLAG_NO_MESSAGE, .stream = 1};

static void add_both(void) {
    struct yoke__frame frame = open_both;
    frame.stream = next_stream;
    frame.method = unit_streams_both_method.id;
    wire_frame(&wire, &frame, NULL);
}

static void add_part(unsigned flags) {
    const uint32_t total = htole32(100);
    wire_frame(&wire,
               &(struct yoke__frame){.type = YOKE__FRAME_MESSAGE,
                                     .stream = next_stream,
                                     .method = unit_streams_both_method.id,
                                     .flags = (uint8_t)flags,
                                     .length = sizeof(total)},
               &total);
}

static const struct yoke__frame *message_of_both(unsigned flags) {
    static struct yoke__frame frame;
    frame = (struct yoke__frame){.type = YOKE__FRAME_MESSAGE,
                                 .stream = next_stream,
                                 .method = unit_streams_both_method.id,
                                 .flags = (uint8_t)flags};
    return &frame;
}

static void refer_within_a_message(void) {
    give_buffer(3, 0);
    add_both();
    add_part(YOKE__FLAG_MORE);
    add_reference(message_of_both(0), 3, 0, 3, 0);
    say();
}

static void refer_to_a_part(void) {
    give_buffer(3, 0);
    add_both();
    add_reference(message_of_both(YOKE__FLAG_MORE), 3, 0, 3, 0);
    say();
}

static void hold_it(struct end *which) {
    REQUIRE_INT(yoke_call_hold(which->stream), 0);
}

/* Each costs what it is long, not what its reference is. */
static void refer_beyond_the_credit(void) {
    end.on_stream = hold_it;
    give_buffer(3, 0);
    add_both();
    for (unsigned i = 0; i < YOKE__CREDIT_INITIAL / SIZE - 1; i++) {
        add_reference(message_of_both(0), 3, 0, SIZE, 0);
        say();
        CHECK_STR(end.socket.connection.failure, "");
    }
    add_reference(message_of_both(0), 3, 0, SIZE, 0);
    say();
}

static void release_what_is_not_there(void) {
    add_release(3, YOKE__FLAG_UPWARD);
    say();
}

static void release_what_is_not_out(void) {
    give_buffer(3, YOKE__FLAG_UPWARD);
    add_release(3, YOKE__FLAG_UPWARD);
    say();
}

static void release_its_own(void) {
    give_buffer(3, 0);
    add_release(3, 0);
    say();
}

/* Have the worker send in buffer 3. */
static void let_the_worker_send(void) {
    Unit__Blob blob = UNIT__BLOB__INIT;
    blob.data = (ProtobufCBinaryData){.len = 100000, .data = data};
    give_buffer(3, YOKE__FLAG_UPWARD);
    REQUIRE_INT(unit_blob_emit(&end.channel.channel, &blob), 0);
    turn();
}

static void decline_an_upward_one(void) {
    let_the_worker_send();
    add_release(3, YOKE__FLAG_UPWARD | YOKE__FLAG_DECLINED);
    say();
}

static void release_twice(void) {
    let_the_worker_send();
    add_release(3, YOKE__FLAG_UPWARD);
    say();
    CHECK_STR(end.socket.connection.failure, "");
    add_release(3, YOKE__FLAG_UPWARD);
    say();
}

static void release_with_flags(void) {
    add_release(3, 0x80);
    say();
}

/* ---- A hostile worker ------------------------------------------------------------------------------------------------ */

static void emit_blob(size_t size) {
    Unit__Blob blob = UNIT__BLOB__INIT;
    blob.data = (ProtobufCBinaryData){.len = size, .data = data};
    REQUIRE_INT(unit_blob_emit(&end.channel.channel, &blob), 0);
    turn();
    hear();
}

/* Have the master make buffer 0 for messages of its own, of which the worker knows. */
static void get_buffer(void) {
    emit_blob(100000);
    REQUIRE(given >= 0);
}

/* Have it make buffer 0 for the worker's. */
static void get_upward_buffer(void) {
    static uint8_t payload[100000 + 8];
    Unit__Blob blob = UNIT__BLOB__INIT;
    blob.data = (ProtobufCBinaryData){.len = 100000, .data = data};
    size_t length = unit__blob__pack(&blob, payload);
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    yoke__frame_encode(
        &(struct yoke__frame){.type = YOKE__FRAME_EVENT, .method = unit_blob_event.id, .length = (uint32_t)length},
        header);
    REQUIRE_INT(send(raw, header, sizeof(header), 0), sizeof(header));
    REQUIRE_INT(send(raw, payload, length, 0), length);
    turn();
    hear();
    REQUIRE(given >= 0);
}

static void give_a_master_memory(void) {
    add_buffer(3, 0, SIZE);
    say();
}

static void give_a_master_a_descriptor(void) {
    int fd = make_memory(SIZE, ALL_SEALS);
    add_buffer(3, 0, SIZE);
    say_with(fd, 1);
    close(fd);
}

static void worker_releases_what_is_not_there(void) {
    add_release(0, 0);
    say();
}

static void worker_releases_number_65535(void) {
    add_release(65535, 0);
    say();
}

static void worker_releases_twice(void) {
    get_buffer();
    add_release(0, 0);
    say();
    CHECK_STR(end.socket.connection.failure, "");
    add_release(0, 0);
    say();
}

static void worker_declines_what_it_has(void) {
    get_buffer();
    add_release(0, 0);
    say();
    emit_blob(100000);
    add_release(0, YOKE__FLAG_DECLINED);
    say();
}

static void worker_declines_twice(void) {
    get_buffer();
    add_release(0, YOKE__FLAG_DECLINED);
    add_release(0, YOKE__FLAG_DECLINED);
    say();
}

static void worker_gives_up_what_is_not_there(void) {
    add_release(0, YOKE__FLAG_UPWARD);
    say();
}

static void worker_gives_up_twice(void) {
    get_upward_buffer();
    add_release(0, YOKE__FLAG_UPWARD);
    add_release(0, YOKE__FLAG_UPWARD);
    say();
}

static void worker_gives_up_number_65535(void) {
    add_release(65535, YOKE__FLAG_UPWARD);
    say();
}

static void worker_refers_to_its_masters(void) {
    get_buffer();
    add_event(0, 0, 3, 0);
    say();
}

static void worker_refers_beyond_the_end(void) {
    get_upward_buffer();
    add_event(0, 1, 128u * 1024u, 0);
    say();
}

static void worker_refers_to_what_it_gave_up(void) {
    get_upward_buffer();
    add_release(0, YOKE__FLAG_UPWARD);
    add_event(0, 0, 3, 0);
    say();
}

struct violation {
    const char *why;
    void (*act)(void);
};

#define NOWHERE(number) "a message is said to be in buffer " number ", where none can be"
#define NO_RELEASE "RELEASE is for no buffer that could be released"
#define NO_MEMORY "BUFFER comes with a descriptor that is no sealed memory of its size"

static const struct violation of_masters[] = {
    {NO_MEMORY, give_what_can_shrink},
    {NO_MEMORY, give_what_is_not_sealed},
    {NO_MEMORY, give_too_little},
    {NO_MEMORY, give_no_memory},
    {"BUFFER gives number 3 again", give_twice},
    {"BUFFER gives number 3 again", give_upward_twice},
    {"BUFFER gives 67108865 bytes, beyond max_shared_bytes", give_too_much},
    {"BUFFER gives 66977793 bytes, beyond max_shared_bytes", give_too_much_in_all},
    {"BUFFER has a stream, a method, unknown flags, an unknown number or not 4 bytes", give_number_16},
    {"descriptors came where none belong", give_two_descriptors},
    {"a descriptor came where none belongs", send_a_descriptor_with_an_event},
    {"BUFFER takes number 3 away, which is in use", take_what_is_not_there},
    {"BUFFER takes number 3 away, which is in use", take_what_is_upward},
    {"BUFFER takes number 3 away, which is in use", take_what_is_in_use},
    {NOWHERE("3"), refer_twice},
    {NOWHERE("3"), refer_to_nothing},
    {NOWHERE("16"), refer_to_number_16},
    {NOWHERE("4294967295"), refer_to_the_last_number},
    {NOWHERE("3"), refer_upward},
    {NOWHERE("3"), refer_behind_the_end},
    {NOWHERE("3"), refer_beyond_the_end},
    {NOWHERE("3"), refer_around_the_end},
    {"what should be a reference has 13 bytes on stream 0", refer_with_more},
    {"a frame is too short for its reference", refer_with_less},
    {"OPEN says that it has no message, and has one", refer_without_a_message},
    {"MESSAGE on stream 1 is in a buffer, and comes within another message", refer_within_a_message},
    {"a frame has no whole message, and one in a buffer", refer_to_a_part},
    {"MESSAGE on stream 1 is more than its credit", refer_beyond_the_credit},
    {NO_RELEASE, release_what_is_not_there},
    {NO_RELEASE, release_what_is_not_out},
    {NO_RELEASE, release_its_own},
    {NO_RELEASE, decline_an_upward_one},
    {NO_RELEASE, release_twice},
    {"RELEASE has a stream, a method, unknown flags or a payload", release_with_flags},
};

static const struct violation of_workers[] = {
    {"BUFFER is for a side that takes none", give_a_master_memory},
    {"descriptors came where none belong", give_a_master_a_descriptor},
    {NO_RELEASE, worker_releases_what_is_not_there},
    {NO_RELEASE, worker_releases_number_65535},
    {NO_RELEASE, worker_releases_twice},
    {NO_RELEASE, worker_declines_what_it_has},
    {NO_RELEASE, worker_declines_twice},
    {NO_RELEASE, worker_gives_up_what_is_not_there},
    {NO_RELEASE, worker_gives_up_twice},
    {NO_RELEASE, worker_gives_up_number_65535},
    {NOWHERE("0"), worker_refers_to_its_masters},
    {NOWHERE("0"), worker_refers_beyond_the_end},
    {NOWHERE("0"), worker_refers_to_what_it_gave_up},
};

static void violate(const struct violation *violations, size_t count, bool is_master) {
    for (size_t i = 0; i < count; i++) {
        next_stream = is_master ? 2 : 1;
        start(is_master, NULL);
        violations[i].act();
        CHECK_CONTAINS(end.socket.connection.failure, violations[i].why);
        CHECK_INT(end.ends, 1);
        CHECK_INT(end.last_end, YOKE__SOCKET_FAILED);
        finish();
    }
}

static void a_masters_are_said_in_so_many_words(void) {
    violate(of_masters, sizeof(of_masters) / sizeof(*of_masters), false);
}

static void a_workers_are_said_in_so_many_words(void) {
    violate(of_workers, sizeof(of_workers) / sizeof(*of_workers), true);
}

static void a_side_that_takes_none_is_given_none(void) {
    static const struct end_config config = {.shared_min_bytes = UINT32_MAX};
    start(false, &config);
    int fd = make_memory(SIZE, ALL_SEALS);
    add_buffer(3, 0, SIZE);
    say_with(fd, 1);
    close(fd);
    CHECK_STR(end.socket.connection.failure, "descriptors came where none belong");
    finish();
    start(false, &config);
    add_buffer(3, 0, SIZE);
    say();
    CHECK_CONTAINS(end.socket.connection.failure, "BUFFER is for a side that takes none");
    finish();
}

/* What a worker gets of its master's it can only read, and nobody can make it shorter. */
static void what_a_worker_gets_cannot_be_abused(void) {
    for (unsigned is_upward = 0; is_upward < 2; is_upward++) {
        start(true, NULL);
        if (is_upward) {
            get_upward_buffer();
        } else {
            get_buffer();
        }
        errno = 0;
        CHECK(ftruncate(given, 4096) != 0 && errno == EPERM);
        CHECK(ftruncate(given, 4 * SIZE) != 0 && errno == EPERM);
        CHECK(fcntl(given, F_ADD_SEALS, F_SEAL_WRITE) != 0 && errno == EPERM);
        void *writable = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, given, 0);
        CHECK_INT(writable != MAP_FAILED, is_upward);
        if (writable != MAP_FAILED) {
            munmap(writable, SIZE);
        }
        CHECK_INT(pwrite(given, "x", 1, 0), is_upward ? 1 : -1);
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", given);
        int again = open(path, O_RDWR | O_CLOEXEC);
        if (again >= 0) {
            CHECK_INT(pwrite(again, "x", 1, 0), is_upward ? 1 : -1);
            close(again);
        }
        void *readable = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, given, 0);
        REQUIRE(readable != MAP_FAILED);
        CHECK_INT(mprotect(readable, SIZE, PROT_READ | PROT_WRITE), is_upward ? 0 : -1);
        munmap(readable, SIZE);
        if (!is_upward) {
            CHECK(fallocate(given, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0);
        }
        CHECK_STR(end.socket.connection.failure, "");
        finish();
    }
}

/* A worker that never gives anything back has what there is, and no more. */
static void a_worker_that_keeps_everything_gets_little(void) {
    start(true, NULL);
    syscalls_reset();
    for (unsigned i = 0; i < 60; i++) {
        emit_blob(100000);
    }
    CHECK(syscalls_count_of(SYSCALLS_MEMFD_CREATE) <= YOKE__BUFFERS_MAX);
    CHECK_STR(end.socket.connection.failure, "");
    finish();
}

/* One that has buffers made and gives them up again makes its master no larger. */
static void a_worker_that_gives_up_everything_gets_no_more(void) {
    start(true, NULL);
    for (unsigned i = 0; i < 100; i++) {
        get_upward_buffer();
        add_release(0, YOKE__FLAG_UPWARD);
        say();
        CHECK_STR(end.socket.connection.failure, "");
        CHECK_INT(end.socket.connection.borrowed.total, 0);
    }
    finish();
}

/* What is in a buffer is a message of its length, and takes no more memory than others. */
static void what_inflates_is_refused(void) {
    static const struct yoke_limits limits = {.decode_memory_factor = 1};
    const struct end_config config = {.limits = limits};
    start(true, &config);
    get_upward_buffer();
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, given, 0);
    REQUIRE(memory != MAP_FAILED);
    for (size_t i = 0; i < SIZE; i += 2) {
        memcpy((char *)memory + i, "\x78\x00", 2);
    }
    next_stream = 2;
    add_call(&unit_echo_now_method, 0, 0, 128u * 1024u);
    say();
    CHECK_STR(end.socket.connection.failure, "");
    CHECK_INT(end.socket.connection.incoming_count, 0);
    munmap(memory, SIZE);
    finish();
}

static const struct test_case cases[] = {
    {.name = "a master's violations are said in so many words", .run = a_masters_are_said_in_so_many_words},
    {.name = "a worker's violations are said in so many words", .run = a_workers_are_said_in_so_many_words},
    {.name = "a side that takes none is given none", .run = a_side_that_takes_none_is_given_none},
    {.name = "what a worker gets cannot be abused", .run = what_a_worker_gets_cannot_be_abused},
    {.name = "a worker that keeps everything gets little", .run = a_worker_that_keeps_everything_gets_little},
    {.name = "a worker that gives up everything gets no more", .run = a_worker_that_gives_up_everything_gets_no_more},
    {.name = "what inflates is refused", .run = what_inflates_is_refused},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "shared memory: violations", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
