/*
 * lookout_test.c: a loop that looks out for bytes instead of sleeping. Here time stands still, so it does so for ever, and
 * whatever the loop has to do besides has to happen meanwhile; or time passes by as much as each look at the clock takes.
 */
#include "rpc/socket.h"

#include "harness.h"
#include "rpc/channel.h"
#include "syscalls.h"
#include "wire.h"

#include "unit.yoke.h"
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 6

/* A socket and, at its other end, the test. */
struct line {
    struct yoke__socket socket;
    int raw;
    unsigned readies, ends;
};

static struct ev_loop *loop;
static struct yoke__engine engine;
static struct yoke__io io;
static struct yoke_server server;
static struct yoke_events events;
static struct line lines[SOCKETS];
static uint64_t now_ns, step_ns; /* the clock, and by how much it goes on whenever it is read */

static unsigned turns;          /* of the loop */
static ev_prepare counter;      /* counts them */
static void (*each_turn)(void); /* at its beginning; NULL: nothing */
static ev_timer keeper;         /* keeps the loop running */
static unsigned turn_of_arrival;

static uint64_t read_clock(void) {
    return now_ns += step_ns;
}

static struct line *line_of(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct line, socket);
}

static void on_ready(struct yoke__socket *socket) {
    line_of(socket)->readies++;
}

static void on_ended(struct yoke__socket *socket, enum yoke__socket_end how) {
    (void)how;
    line_of(socket)->ends++;
}

static void count_turn(struct ev_loop *of, ev_prepare *watcher, int revents) {
    (void)of;
    (void)watcher;
    (void)revents;
    turns++;
    if (each_turn != NULL) {
        each_turn();
    }
}

static void ignore(struct ev_loop *of, ev_timer *watcher, int revents) {
    (void)of;
    (void)watcher;
    (void)revents;
}

static void open_line(struct line *line) {
    static const struct yoke__socket_owner owner = {.ready = on_ready, .ended = on_ended};
    static const struct yoke_peer peer = {.pid = 1};
    int fds[2];
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    *line = (struct line){.raw = fds[1]};
    yoke__socket_open(&line->socket, &io, fds[0], &engine, &server, &events, &peer, true, &owner);
}

static void start(void) {
    static const struct yoke_limits limits = {0};
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    now_ns = 1;
    step_ns = 0;
    each_turn = NULL;
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    engine.clock_ns = read_clock;
    REQUIRE_INT(yoke__io_init(&io, loop, &engine), 0);
    yoke__io_set_busy_poll(&io, 100);
    yoke__events_init(&events, &engine);
    for (unsigned i = 0; i < SOCKETS; i++) {
        open_line(&lines[i]);
    }
    ev_prepare_init(&counter, count_turn);
    ev_set_priority(&counter, EV_MAXPRI);
    ev_prepare_start(loop, &counter);
    ev_unref(loop);
    ev_timer_init(&keeper, ignore, 3600., 3600.);
    ev_timer_start(loop, &keeper);
    turns = turn_of_arrival = 0;
    syscalls_reset();
}

static void finish(void) {
    syscalls_reset();
    for (unsigned i = 0; i < SOCKETS; i++) {
        yoke__socket_close(&lines[i].socket, "over");
        close(lines[i].raw);
    }
    CHECK(yoke__link_is_alone(&io.recent));
    ev_timer_stop(loop, &keeper);
    ev_ref(loop);
    ev_prepare_stop(loop, &counter);
    yoke__events_release(&events);
    yoke__server_release(&server);
    yoke__io_release(&io);
    CHECK(!ev_is_active(&io.lookout));
    yoke__engine_release(&engine);
    /* As many references are left as were there. */
    CHECK_INT(ev_run(loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(loop);
}

static void write_line(struct line *line, void (*add)(struct wire *wire)) {
    static struct wire wire;
    wire.length = 0;
    add(&wire);
    REQUIRE_INT(write(line->raw, wire.bytes, wire.length), wire.length);
}

static void greet(struct line *line) {
    write_line(line, wire_hello);
}

/* The greeting of the first line, with which the looking out begins. */
static void begin(void) {
    greet(&lines[0]);
    while (lines[0].readies == 0) {
        ev_run(loop, EVRUN_ONCE);
    }
    ev_run(loop, EVRUN_NOWAIT);
    syscalls_reset();
    ev_run(loop, EVRUN_NOWAIT);
    CHECK(syscalls_count() > 0);
    syscalls_reset();
}

/* ---- What comes while it looks out ------------------------------------------------------------------------------- */

static unsigned looks, turn_of_writing;

static void add_note(struct wire *wire) {
    wire_note(wire, "a note");
}

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)note;
    (void)user_data;
    turn_of_arrival = turns;
    ev_break(loop, EVBREAK_ONE);
}

/* Right before the third look of a turn. */
static void write_note_meanwhile(void) {
    looks++;
    if (looks == 3) {
        turn_of_writing = turns;
        write_line(&lines[0], add_note);
    }
}

static void what_comes_is_taken_in_the_same_turn(void) {
    start();
    REQUIRE_INT(unit_note_on(&events, on_note, NULL), 0);
    begin();
    looks = 0;
    syscalls_before_receiving(write_note_meanwhile);
    ev_run(loop, 0);
    CHECK(turn_of_writing > 0);
    CHECK_INT(turn_of_arrival, turn_of_writing);
    /* It was told to stop, and has not looked again. */
    CHECK_INT(looks, 3);
    CHECK_INT(turns, turn_of_writing);
    finish();
}

static unsigned turn_of_sending;

static void send_back(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)note;
    (void)user_data;
    REQUIRE_INT(yoke__connection_greet(&lines[0].socket.connection), 0);
}

static void look_for_answer(void) {
    char byte;
    if (recv(lines[0].raw, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1) {
        turn_of_sending = turns;
        ev_break(loop, EVBREAK_ONE);
    }
}

static void what_is_answered_leaves_in_the_same_turn(void) {
    start();
    REQUIRE_INT(unit_note_on(&events, send_back, NULL), 0);
    begin();
    each_turn = look_for_answer;
    looks = 0;
    syscalls_before_receiving(write_note_meanwhile);
    ev_run(loop, 0);
    CHECK_INT(turn_of_sending, turn_of_writing + 1);
    finish();
}

static void add_garbage(struct wire *wire) {
    static const uint8_t garbage[16] = {0xff, 0xff, 0xff, 0xff};
    wire_add(wire, garbage, sizeof(garbage));
}

static void write_garbage_meanwhile(void) {
    if (looks++ == 3) {
        write_line(&lines[0], add_garbage);
    }
}

static void hang_up_meanwhile(void) {
    if (looks++ == 3) {
        REQUIRE_INT(shutdown(lines[0].raw, SHUT_RDWR), 0);
    }
}

static void an_end_is_told_once(void) {
    static void (*const ways[])(void) = {write_garbage_meanwhile, hang_up_meanwhile};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        start();
        begin();
        looks = 0;
        syscalls_before_receiving(ways[i]);
        while (lines[0].ends == 0) {
            ev_run(loop, EVRUN_ONCE);
        }
        for (unsigned j = 0; j < 5; j++) {
            ev_run(loop, EVRUN_NOWAIT);
        }
        CHECK_INT(lines[0].ends, 1);
        /* And that there is nothing more to look for. */
        syscalls_reset();
        ev_run(loop, EVRUN_NOWAIT);
        CHECK_INT(syscalls_count(), 0);
        finish();
    }
}

static unsigned notes, notes_within;

/* While another socket is looked at. */
static void write_more_meanwhile(void) {
    if (looks++ == 0) {
        write_line(&lines[0], add_note);
    }
}

static void run_loop(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)note;
    (void)user_data;
    if (++notes > 1) {
        ev_break(loop, EVBREAK_ONE);
        return;
    }
    looks = 0;
    syscalls_before_receiving(write_more_meanwhile);
    for (unsigned i = 0; i < 5; i++) {
        ev_run(loop, EVRUN_NOWAIT);
    }
    CHECK(looks > 0);
    notes_within = notes;
}

static void a_callback_that_runs_the_loop_is_left_alone(void) {
    start();
    REQUIRE_INT(unit_note_on(&events, run_loop, NULL), 0);
    greet(&lines[1]);
    begin();
    notes = 0;
    write_line(&lines[0], add_note);
    ev_run(loop, 0);
    CHECK_INT(notes_within, 1);
    CHECK_INT(notes, 2);
    finish();
}

/* Few sockets are looked at, those with the latest traffic. */
static void a_socket_that_is_not_looked_at_is_heard(void) {
    start();
    for (unsigned i = 0; i < SOCKETS; i++) {
        greet(&lines[i]);
        while (lines[i].readies == 0) {
            ev_run(loop, EVRUN_ONCE);
        }
    }
    REQUIRE_INT(unit_note_on(&events, on_note, NULL), 0);
    write_line(&lines[0], add_note);
    ev_run(loop, 0);
    CHECK(turn_of_arrival > 0);
    CHECK(io.recent.next == &lines[0].socket.recent);
    finish();
}

static void looks_are_few_though_sockets_are_many(void) {
    start();
    for (unsigned i = 1; i < SOCKETS; i++) {
        greet(&lines[i]);
    }
    begin();
    ev_run(loop, EVRUN_NOWAIT);
    CHECK_INT(syscalls_count(), 16);
    finish();
}

/* ---- What else the loop has to do -------------------------------------------------------------------------------- */

static void stop_on_timer(struct ev_loop *of, ev_timer *watcher, int revents) {
    (void)watcher;
    (void)revents;
    ev_break(of, EVBREAK_ONE);
}

static void timers_fire(void) {
    ev_timer timer;
    start();
    begin();
    ev_timer_init(&timer, stop_on_timer, 0.001, 0.);
    ev_timer_start(loop, &timer);
    /* It would not return. */
    ev_run(loop, 0);
    CHECK(!ev_is_active(&timer));
    finish();
}

static void stop_on_io(struct ev_loop *of, ev_io *watcher, int revents) {
    (void)revents;
    ev_io_stop(of, watcher);
    ev_break(of, EVBREAK_ONE);
}

static int pipe_ends[2];

static void write_to_pipe_meanwhile(void) {
    if (looks++ == 40) {
        REQUIRE_INT(write(pipe_ends[1], "x", 1), 1);
    }
}

static void descriptors_are_served(void) {
    ev_io watcher;
    start();
    begin();
    REQUIRE_INT(pipe(pipe_ends), 0);
    ev_io_init(&watcher, stop_on_io, pipe_ends[0], EV_READ);
    ev_io_start(loop, &watcher);
    looks = 0;
    syscalls_before_receiving(write_to_pipe_meanwhile);
    ev_run(loop, 0);
    /* In the turn after: fewer looks than two turns take. */
    CHECK(looks > 40 && looks <= 40 + 32);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    finish();
}

static void stop_posted(void *user_data) {
    (void)user_data;
    ev_break(loop, EVBREAK_ONE);
}

static void *post_from_thread(void *user_data) {
    (void)user_data;
    REQUIRE_INT(yoke__io_post(&io, stop_posted, NULL), 0);
    return NULL;
}

static void posts_run(void) {
    pthread_t thread;
    start();
    begin();
    REQUIRE_INT(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
    ev_run(loop, 0);
    REQUIRE_INT(pthread_join(thread, NULL), 0);
    finish();
}

static unsigned idle_calls;

static void stop_when_idle(struct ev_loop *of, ev_idle *watcher, int revents) {
    (void)watcher;
    (void)revents;
    if (++idle_calls == 100) {
        ev_break(of, EVBREAK_ONE);
    }
}

/* Whoever has one keeps the loop from sleeping, and has better things to do in the meantime. */
static void other_idle_watchers_come_first(void) {
    ev_idle idle;
    start();
    begin();
    ev_idle_init(&idle, stop_when_idle);
    ev_idle_start(loop, &idle);
    idle_calls = 0;
    ev_run(loop, 0);
    CHECK_INT(syscalls_count(), 0);
    CHECK(turns >= 100);
    ev_idle_stop(loop, &idle);
    finish();
}

static void it_keeps_no_loop_running(void) {
    start();
    begin();
    for (unsigned i = 0; i < SOCKETS; i++) {
        yoke__socket_close(&lines[i].socket, "over");
    }
    ev_timer_stop(loop, &keeper);
    CHECK_INT(ev_run(loop, 0), 0);
    finish();
}

/* ---- When nothing comes ------------------------------------------------------------------------------------------ */

static void count_look(void) {
    looks++;
}

static unsigned ticks;

static void tick(struct ev_loop *of, ev_timer *watcher, int revents) {
    (void)watcher;
    (void)revents;
    if (++ticks == 20) {
        ev_break(of, EVBREAK_ONE);
    }
}

/* Runs the loop for so long that it would sleep many times, and gives the looks at sockets meanwhile. */
static unsigned count_looks(void) {
    ev_timer timer;
    looks = ticks = 0;
    syscalls_before_receiving(count_look);
    ev_timer_init(&timer, tick, 0., 0.0001);
    ev_timer_start(loop, &timer);
    ev_run(loop, 0);
    ev_timer_stop(loop, &timer);
    return looks;
}

static void it_ends_after_its_time(void) {
    start();
    begin();
    /* The clock is read once a turn, so patience is over in ten. */
    step_ns = 10000;
    CHECK(count_looks() > 0);
    CHECK(looks <= 11 * 16);
    CHECK_INT(count_looks(), 0);
    finish();
}

static void it_is_off_unless_it_is_asked_for(void) {
    start();
    yoke__io_set_busy_poll(&io, 0);
    greet(&lines[0]);
    while (lines[0].readies == 0) {
        ev_run(loop, EVRUN_ONCE);
    }
    CHECK_INT(count_looks(), 0);
    finish();
}

/* Each arrival is worth a few microseconds, but only the first ones: none comes soon. */
static void it_is_given_up_after_some_time_in_vain(void) {
    start();
    REQUIRE_INT(unit_note_on(&events, on_note, NULL), 0);
    begin();
    step_ns = 10000;
    unsigned busy = 0;
    for (unsigned i = 0; i < 20; i++) {
        busy += count_looks() > 0;
        write_line(&lines[0], add_note);
        ev_run(loop, 0);
        now_ns += 1000000000;
    }
    CHECK_INT(busy, 4);
    finish();
}

#define HANG_MS 20000
#define CASE(function) \
    { .name = #function, .run = (function), .timeout_ms = HANG_MS }
static const struct test_case cases[] = {
    CASE(what_comes_is_taken_in_the_same_turn),
    CASE(what_is_answered_leaves_in_the_same_turn),
    CASE(an_end_is_told_once),
    CASE(a_callback_that_runs_the_loop_is_left_alone),
    CASE(a_socket_that_is_not_looked_at_is_heard),
    CASE(looks_are_few_though_sockets_are_many),
    CASE(timers_fire),
    CASE(descriptors_are_served),
    CASE(posts_run),
    CASE(other_idle_watchers_come_first),
    CASE(it_keeps_no_loop_running),
    CASE(it_ends_after_its_time),
    CASE(it_is_off_unless_it_is_asked_for),
    CASE(it_is_given_up_after_some_time_in_vain),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "lookout", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
