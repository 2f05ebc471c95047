/*
 * shared_test.c: large messages between real processes: intact both ways, in memory that only the two of them have, and gone
 * when one of them is.
 */
#include "lab.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (16u << 20)

static uint8_t data[LARGE];

static void fill(size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(i * 13 + i / 257 + size);
    }
}

/* ---- What a process has of it -------------------------------------------------------------------------------------- */

#define MAPPINGS_MAX 64

struct mappings {
    unsigned long inodes[MAPPINGS_MAX];
    size_t count;
};

static void find_mappings(pid_t pid, struct mappings *ret_mappings) {
    char path[64], line[512];
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    REQUIRE(maps != NULL);
    ret_mappings->count = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long inode = 0;
        if (strstr(line, "yoke-buffer") != NULL && sscanf(line, "%*s %*s %*s %*s %lu", &inode) == 1) {
            REQUIRE(ret_mappings->count < MAPPINGS_MAX);
            ret_mappings->inodes[ret_mappings->count++] = inode;
        }
    }
    (void)fclose(maps);
}

static size_t count_mappings(pid_t pid) {
    struct mappings mappings;
    find_mappings(pid, &mappings);
    return mappings.count;
}

static bool has_inode(const struct mappings *mappings, unsigned long inode) {
    for (size_t i = 0; i < mappings->count; i++) {
        if (mappings->inodes[i] == inode) {
            return true;
        }
    }
    return false;
}

/* No process keeps the descriptor of a buffer. */
static size_t count_descriptors(pid_t pid) {
    char path[64], target[256];
    size_t count = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    REQUIRE(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        count += strstr(target, "yoke-buffer") != NULL;
    }
    (void)closedir(directory);
    return count;
}

/* ---- Traffic --------------------------------------------------------------------------------------------------------- */

static void echo(struct lab *lab, struct yoke_channel *channel, size_t size) {
    struct lab_result result = {0};
    fill(size);
    REQUIRE_INT(lab_echo(lab, channel, data, size, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.size, size);
    CHECK(result.size == size && memcmp(result.data, data, size) == 0);
    lab_release(&result);
}

/* The worker asks its master, with as many bytes. */
static void echo_of_worker(struct lab *lab, struct yoke_channel *channel, size_t size) {
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    fill(size);
    request.method = (char *)(uintptr_t) "Echo";
    request.data = (ProtobufCBinaryData){.len = size, .data = data};
    REQUIRE_INT(lab_call_master(lab, channel, &request, &call), 0);
    LAB_WAIT(lab, call.result.count > 0);
    LAB_CHECK_ENDED(&call.result, YOKE_OK);
    CHECK_INT(call.code, YOKE_OK);
    CHECK(call.size == size && memcmp(call.data, data, size) == 0);
    lab_master_call_release(&call);
}

/* So often that there are buffers both ways. */
static void warm(struct lab *lab, unsigned worker, size_t size) {
    struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab->pool, worker));
    for (unsigned i = 0; i < 4; i++) {
        echo(lab, channel, size);
    }
}

static void sixteen_mebibytes_travel_both_ways(void) {
    struct lab lab;
    lab_open(&lab,
             &(struct lab_options){.limits = {.max_message_bytes = LARGE + 4096, .max_buffered_bytes = 256u << 20}});
    for (unsigned i = 0; i < 4; i++) {
        echo(&lab, lab_channel(&lab), LARGE - i);
        echo_of_worker(&lab, lab_channel(&lab), LARGE - i);
    }
    CHECK(count_mappings(getpid()) >= 2);
    CHECK_INT(count_mappings(yoke_child_pid(yoke_pool_child(lab.pool, 0))), count_mappings(getpid()));
    lab_close(&lab);
    CHECK_INT(count_mappings(getpid()), 0);
}

struct chat {
    unsigned messages, ends, sent;
    struct yoke_call *call;
};

static void on_chat_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    struct chat *chat = user_data;
    (void)call;
    /* Chat has them numbered. */
    uint32_t number = 0;
    char command = 0;
    CHECK(stream_read(message->data.data, message->data.len, &number, &command));
    CHECK_INT(number, chat->messages);
    CHECK(message->data.len == 200000 && memcmp(message->data.data + 8, data + 8, 200000 - 8) == 0);
    chat->messages++;
}

static void on_chat_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    struct chat *chat = user_data;
    (void)call;
    chat->ends++;
    CHECK_INT(status->code, YOKE_OK);
}

/* As many as are accepted; the rest when there is room. */
static void go_on(struct yoke_call *call, void *user_data) {
    struct chat *chat = user_data;
    Probe__Payload message = PROBE__PAYLOAD__INIT;
    message.data = (ProtobufCBinaryData){.len = 200000, .data = data};
    while (chat->sent < 100) {
        memset(data, 0, 8);
        memcpy(data, &chat->sent, sizeof(chat->sent));
        int error = probe_streams_chat_send(call, &message);
        if (error == -EAGAIN) {
            return;
        }
        REQUIRE_INT(error, 0);
        chat->sent++;
    }
    if (chat->sent++ == 100) {
        CHECK_INT(yoke_call_half_close(call), 0);
    }
}

static void streams_of_large_messages(void) {
    struct lab lab;
    struct chat chat = {0};
    lab_open(&lab, NULL);
    fill(200000);
    REQUIRE_INT(probe_streams_chat(lab_channel(&lab), NULL, on_chat_message, on_chat_end, &chat, &chat.call), 0);
    yoke_call_on_writable(chat.call, go_on, &chat);
    go_on(chat.call, &chat);
    LAB_WAIT(&lab, chat.ends > 0);
    CHECK_INT(chat.messages, 100);
    CHECK_INT(chat.ends, 1);
    CHECK(count_mappings(getpid()) > 0);
    lab_close(&lab);
}

static void events_of_large_messages(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 50, 150000, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(&lab, lab.tick_count == 50 && result.count > 0);
    CHECK_INT(lab.tick_bytes, 50u * 150000u);
    CHECK_INT(lab.ticks_out_of_order, 0);
    CHECK(count_mappings(getpid()) > 0);
    lab_release(&result);
    lab_close(&lab);
}

/* ---- Whose it is ------------------------------------------------------------------------------------------------------ */

static void a_worker_has_its_own_and_no_others(void) {
    struct lab lab;
    struct mappings master, workers[3];
    lab_open(&lab, &(struct lab_options){.workers = 3});
    for (unsigned i = 0; i < 3; i++) {
        warm(&lab, i, 100000);
    }
    find_mappings(getpid(), &master);
    CHECK_INT(count_descriptors(getpid()), 0);
    size_t count = 0;
    for (unsigned i = 0; i < 3; i++) {
        pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, i));
        find_mappings(pid, &workers[i]);
        CHECK_INT(count_descriptors(pid), 0);
        CHECK_INT(workers[i].count, 2);
        count += workers[i].count;
        for (size_t j = 0; j < workers[i].count; j++) {
            CHECK(has_inode(&master, workers[i].inodes[j]));
            for (unsigned k = 0; k < i; k++) {
                CHECK(!has_inode(&workers[k], workers[i].inodes[j]));
            }
        }
    }
    CHECK_INT(master.count, count);
    lab_close(&lab);
}

/* One that is forked when the master has many buffers. */
static void a_replacement_has_none_at_first(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2, .restart = true, .restart_pause_ms = 1});
    warm(&lab, 0, 100000);
    warm(&lab, 1, 100000);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 3);
    CHECK_INT(count_mappings(yoke_child_pid(yoke_pool_child(lab.pool, 0))), 0);
    CHECK_INT(count_descriptors(yoke_child_pid(yoke_pool_child(lab.pool, 0))), 0);
    CHECK_INT(count_mappings(yoke_child_pid(yoke_pool_child(lab.pool, 1))), 2);
    CHECK_INT(count_mappings(getpid()), 2);
    warm(&lab, 0, 100000);
    CHECK_INT(count_mappings(getpid()), 4);
    lab_close(&lab);
    CHECK_INT(count_mappings(getpid()), 0);
}

/* ---- Death ------------------------------------------------------------------------------------------------------------ */

#define CALLS 40

/* Much is under way, in buffers and in the socket: each call ends once, and the memory goes with the worker. */
static void a_death_in_the_middle_of_it(void) {
    for (unsigned turns = 0; turns < 24; turns += 3) {
        struct lab lab;
        static struct lab_result results[CALLS];
        memset(results, 0, sizeof(results));
        lab_open(&lab, NULL);
        warm(&lab, 0, 100000);
        fill(100000);
        for (unsigned i = 0; i < CALLS; i++) {
            REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), data, 100000, &results[i]), 0);
        }
        for (unsigned i = 0; i < turns; i++) {
            ev_run(lab.loop, EVRUN_NOWAIT);
        }
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&lab, lab.death_count > 0);
        for (unsigned i = 0; i < CALLS; i++) {
            CHECK_INT(results[i].count, 1);
            CHECK(results[i].code == YOKE_OK || results[i].code == YOKE_UNAVAILABLE);
            CHECK(results[i].code != YOKE_OK ||
                  (results[i].size == 100000 && memcmp(results[i].data, data, 100000) == 0));
            lab_release(&results[i]);
        }
        CHECK_INT(count_mappings(getpid()), 0);
        CHECK_INT(count_descriptors(getpid()), 0);
        lab_close(&lab);
    }
}

/* What the dead sent before is still to be had. */
static void what_the_dead_sent_arrives(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    warm(&lab, 0, 150000);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 10, 120000, PROBE__END__END_STOP, 0, &result), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    CHECK_INT(lab.tick_count, 10);
    CHECK_INT(lab.tick_bytes, 10u * 120000u);
    CHECK_INT(lab.deaths[0].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED);
    lab_release(&result);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "16 MiB travel both ways", .run = sixteen_mebibytes_travel_both_ways},
    {.name = "streams of large messages", .run = streams_of_large_messages},
    {.name = "events of large messages", .run = events_of_large_messages},
    {.name = "a worker has its own and no others'", .run = a_worker_has_its_own_and_no_others},
    {.name = "a replacement has none at first", .run = a_replacement_has_none_at_first},
    {.name = "a death in the middle of it", .run = a_death_in_the_middle_of_it},
    {.name = "what the dead sent arrives", .run = what_the_dead_sent_arrives},
    {.name = NULL},
};

LAB_MAIN(cases)
