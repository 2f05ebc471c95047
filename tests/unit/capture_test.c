/* capture_test.c: what is read of a worker's pipes while whoever takes its lines runs the loop. */
#include "master/capture.h"

#include "harness.h"

#include <string.h>
#include <unistd.h>

static const struct yoke_output_options options = {
    .mode = YOKE_OUTPUT_EVENTS, .max_line_bytes = 80, .max_lines_per_second = 100, .last_lines = 10};

struct taker {
    struct ev_loop *loop;
    struct yoke__capture *capture;
    int ends[2];
    ev_io death; /* of the worker: it is dead at once */
    unsigned death_count, deaths_amid;
    char taken[100]; /* the lines, each with a newline */
};

static uint64_t stopped_clock(void) {
    return 0;
}

/* As a worker is buried: later, if its lines are still being taken. */
static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct taker *taker = watcher->data;
    (void)events;
    if (!yoke__capture_defer(taker->capture, watcher)) {
        ev_io_stop(loop, watcher);
        taker->death_count++;
    }
}

static void take(const struct yoke__printed *printed, void *user_data) {
    struct taker *taker = user_data;
    strncat(taker->taken, printed->line, printed->size);
    strcat(taker->taken, "\n");
    ev_run(taker->loop, EVRUN_NOWAIT);
    taker->deaths_amid += taker->death_count;
}

static void open_taker(struct taker *taker) {
    *taker = (struct taker){.loop = ev_loop_new(EVFLAG_AUTO)};
    REQUIRE(taker->loop != NULL);
    REQUIRE_INT(yoke__capture_open(taker->loop, &options, stopped_clock, take, taker, &taker->capture, taker->ends), 0);
    taker->death.data = taker;
}

static void print(const struct taker *taker, unsigned stream, const char *text) {
    REQUIRE_INT(write(taker->ends[stream], text, strlen(text)), (ssize_t)strlen(text));
}

static void close_taker(struct taker *taker) {
    yoke__capture_destroy(taker->capture);
    close(taker->ends[0]);
    close(taker->ends[1]);
    ev_loop_destroy(taker->loop);
}

/* Has the worker be dead when the first line is taken, by a pipe that can be written to. */
static void check_burial_waits(const char *text) {
    struct taker taker;
    int pipes[2];
    open_taker(&taker);
    REQUIRE_INT(pipe(pipes), 0);
    print(&taker, 1, text);
    close(taker.ends[1]);
    taker.ends[1] = pipes[0];
    ev_io_init(&taker.death, on_death, pipes[1], EV_WRITE);
    ev_set_priority(&taker.death, EV_MINPRI); /* after what is read in the same turn */
    ev_io_start(taker.loop, &taker.death);
    while (taker.death_count == 0) {
        ev_run(taker.loop, EVRUN_ONCE);
    }
    CHECK_STR(taker.taken, "one\ntwo\n");
    CHECK_INT(taker.deaths_amid, 0);
    close(pipes[1]);
    close_taker(&taker);
}

static void a_worker_is_not_buried_while_a_line_is_taken(void) {
    check_burial_waits("one\ntwo\n");
}

static void nor_while_its_last_one_is_that_has_no_end(void) {
    check_burial_waits("one\ntwo");
}

static void what_is_left_is_taken_in_order_whoever_runs_the_loop(void) {
    struct taker taker;
    open_taker(&taker);
    print(&taker, 0, "1\n2\n");
    print(&taker, 1, "3\n4");
    yoke__capture_finish(taker.capture);
    CHECK_STR(taker.taken, "1\n2\n3\n4\n");
    close_taker(&taker);
}

static const struct test_case cases[] = {
    {.name = "a worker is not buried while a line is taken", .run = a_worker_is_not_buried_while_a_line_is_taken},
    {.name = "nor while its last one is, that has no end", .run = nor_while_its_last_one_is_that_has_no_end},
    {.name = "what is left is taken in order, whoever runs the loop",
     .run = what_is_left_is_taken_in_order_whoever_runs_the_loop},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"capture", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
