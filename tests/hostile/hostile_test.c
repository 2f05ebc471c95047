/*
 * hostile_test.c: plays every row of the table, towards a master and towards a worker, in both spawn modes. Each costs
 * its author the connection, or a call, and nobody else anything: not the other workers, not the master's memory, not
 * its descriptors.
 */
#include "row.h"
#include "site.h"
#include "victim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

#define LIVES_MAX 40
#define PEAK_KIB 512

/* ---- What came of a row */

static void check_count(unsigned actual, unsigned expected, const char *what) {
    if (expected == FLOOD_COUNT) {
        expected = row_flood;
    }
    if (expected != ANY_COUNT) {
        test_check_int(actual, expected, what, __FILE__, __LINE__, false);
    }
}

static void check_end(const struct honest_end *end, int expected, const char *what) {
    enum yoke_code code = expected == 0 ? YOKE_UNAVAILABLE : (enum yoke_code)(expected - 1);
    test_check_int(end->count, 1, what, __FILE__, __LINE__, false);
    test_check_str(yoke_code_name((enum yoke_code)end->code), yoke_code_name(code), what, __FILE__, __LINE__);
}

/* Those that the death has ended are those that the event counts. */
static void check_in_flight(const struct site_life *life) {
    unsigned unavailable = 0;
    for (unsigned i = HONEST_TREE; i < HONEST_CALLS; i++) {
        unavailable += life->record.ends[i].code == YOKE_UNAVAILABLE;
    }
    CHECK(life->death.calls_in_flight <= unavailable);
}

static void check_record(const struct row *row, const struct honest_record *record) {
    check_count(record->runs, row->runs == ANY_COUNT ? ANY_COUNT : row->runs + (row->end == SURVIVES), "handler runs");
    check_count(record->received, row->received, "messages received");
    check_count(record->replies, row->replies, "replies received");
    check_count(record->events, row->events, "events received");
    check_end(&record->ends[HONEST_TREE], row->tree, "how the unary call ended");
    check_end(&record->ends[HONEST_CHAT], row->chat, "how the stream ended");
    CHECK_INT(record->ends[HONEST_BRIEF].count, 1);
    if (row->brief != 0) {
        check_end(&record->ends[HONEST_BRIEF], row->brief, "how the call with a deadline ended");
    }
}

static void check_peak(const struct row *row, size_t peak_bytes) {
    size_t bound_kib = row->peak_kib != 0 ? row->peak_kib : PEAK_KIB;
    if (peak_bytes > bound_kib * 1024) {
        printf("the peak was %zu KiB, the bound is %zu\n", peak_bytes / 1024, bound_kib);
    }
    CHECK(peak_bytes <= bound_kib * 1024);
}

/* ---- A hostile worker */

static int play(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    row_play(user_data, 3, false);
}

static void check_death(const struct row *row, const struct site_death *death) {
    static const int reasons[] = {[VIOLATES] = REASON(PROTOCOL_VIOLATION),
                                  [SURVIVES] = REASON(EXITED),
                                  [LEAVES] = REASON(EXITED),
                                  [HANGS_UP] = REASON(CHANNEL_CLOSED)};
    CHECK_INT(death->reason, reasons[row->end]);
    /* Its calls are over when a death is told. */
    CHECK_INT(death->ends, HONEST_CALLS - 1);
    if (row->end == VIOLATES) {
        CHECK_CONTAINS(death->detail, "violated the protocol: ");
        CHECK_CONTAINS(death->detail, row->detail);
    } else {
        CHECK_INT(death->exit_code, row->end == HANGS_UP ? -1 : 0);
    }
}

/* A name in the pool's copy of its arguments, and the rounding of the allocator. */
#define SLACK_BYTES 512

/* Does the life leave in the master's memory no more than any pool does? */
static bool leaves_nothing(const struct site *site, const struct site_life *life) {
    return (ssize_t)life->left_blocks <= (ssize_t)site->pool_blocks &&
           (ssize_t)life->left_bytes <= (ssize_t)site->pool_bytes + SLACK_BYTES;
}

/*
 * How much memory the free lists keep after the first lives depends on what happened to coincide, and may grow by a chunk now
 * and then; what is lost, is lost with each life. So one that leaves nothing is enough, and the first one does not count.
 */
static void play_towards_master(struct site *site, const struct row *row) {
    struct site_life life;
    bool is_clean = false;
    for (unsigned i = 0; i < LIVES_MAX && !is_clean; i++) {
        site_live(site, play, row, row->name, &life);
        check_death(row, &life.death);
        check_record(row, &life.record);
        check_in_flight(&life);
        check_peak(row, life.peak_bytes);
        CHECK(life.neighbour_calls > 0);
        is_clean = i > 0 && leaves_nothing(site, &life);
    }
    if (!is_clean) {
        printf("it left %zd blocks of %zd bytes, a pool leaves %zu of %zu\n", (ssize_t)life.left_blocks,
               (ssize_t)life.left_bytes, site->pool_blocks, site->pool_bytes);
    }
    CHECK(is_clean);
}

/* ---- A hostile master */

static void play_towards_worker(const struct row *row) {
    struct victim_life life;
    victim_live(row, &life);
    CHECK_INT(life.exit_code, row->end == VIOLATES ? YOKE_EXIT_PROTOCOL : 0);
    CHECK_INT(life.signal, 0);
    CHECK_INT(life.peer_status, 0);
    if (row->end == VIOLATES) {
        CHECK_CONTAINS(life.record.log, "the master violated the protocol: ");
        CHECK_CONTAINS(life.record.log, row->detail);
    }
    check_record(row, &life.record);
    check_peak(row, life.record.peak_bytes);
}

/* One row of so many. */
static void play_each(const struct row *rows, unsigned step) {
    const struct site_mode *mode = test_config();
    struct site site;
    if (test_has_asan()) {
        row_flood /= 10;
    }
    if (!mode->hostile_master) {
        site_open(&site);
    }
    unsigned number = 0;
    for (const struct row *row = rows; row->name != NULL; row++) {
        if (number++ % step != 0) {
            continue;
        }
        printf("row: %s\n", row->name);
        fflush(stdout);
        if (mode->hostile_master) {
            play_towards_worker(row);
        } else {
            play_towards_master(&site, row);
        }
    }
    if (!mode->hostile_master) {
        site_close(&site);
    }
}

static void play_all(const struct row *rows) {
    play_each(rows, 1);
}

static void greetings(void) {
    play_all(hello_rows);
}

static void frames(void) {
    play_all(frame_rows);
}

static void flags(void) {
    play_all(flag_rows());
}

static void streams(void) {
    play_all(stream_rows);
}

static void credit(void) {
    play_all(credit_rows);
}

static void fragments(void) {
    play_all(fragment_rows);
}

static void messages(void) {
    play_all(message_rows);
}

static void floods(void) {
    play_all(flood_rows);
}

static void descriptors(void) {
    play_all(descriptor_rows);
}

static void shared(void) {
    play_all(shared_rows);
}

static void metadata(void) {
    play_all(metadata_rows);
}

static void lists(void) {
    play_all(list_rows());
}

/* With sanitizers a program takes long to start, so there are fewer cuts then. */
static void conversation(void) {
    play_each(conversation_rows(), test_has_asan() && site_is_exec() ? 5 : 1);
}

static const struct test_case cases[] = {
    {.name = "greetings", .run = greetings},
    {.name = "frames", .run = frames},
    {.name = "reserved flags", .run = flags},
    {.name = "stream ids", .run = streams},
    {.name = "credit", .run = credit},
    {.name = "fragments", .run = fragments},
    {.name = "messages", .run = messages},
    {.name = "floods and silence", .run = floods},
    {.name = "descriptors", .run = descriptors},
    {.name = "shared memory", .run = shared},
    {.name = "metadata and GOAWAY", .run = metadata},
    {.name = "malformed lists", .run = lists},
    {.name = "a conversation in pieces", .run = conversation},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct site_mode fork_worker = {0};
    static const struct site_mode exec_worker = {.exec = true};
    static const struct site_mode fork_master = {.hostile_master = true};
    static const struct site_mode exec_master = {.exec = true, .hostile_master = true};
    static const struct test_suite suites[] = {{"a forked worker towards its master", cases, &fork_worker},
                                               {"an executed worker towards its master", cases, &exec_worker},
                                               {"a master towards a forked worker", cases, &fork_master},
                                               {"a master towards an executed worker", cases, &exec_master},
                                               {.name = NULL}};
    return test_main(argc, argv, suites);
}
