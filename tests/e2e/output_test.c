/* output_test.c: what workers print: as events, behind a prefix, and after their death. */
#include "lab.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_MAX 64

/* What the master is told of what its workers print. */
struct heard {
    struct lab lab;
    struct {
        char text[64];
        size_t size;
        bool is_stderr, cut;
        uint64_t lost;
        pid_t pid;
        unsigned order; /* among all that the lab hears */
    } lines[LINES_MAX];
    unsigned count; /* may exceed the array: the rest is only counted */
    uint64_t lost;
    unsigned last_count;
    char last[4][64];
    bool runs_loop; /* while it hears */
};

/* Waits until the process is dead, and leaves it to be reaped. */
static void await_death(pid_t pid) {
    siginfo_t info;
    REQUIRE_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void on_output(const struct yoke_peer *peer, const Yoke__V1__WorkerOutput *event, void *user_data) {
    struct heard *heard = user_data;
    CHECK_INT(peer->pid, event->pid);
    CHECK_STR(event->pool, "lab");
    CHECK(heard->lab.birth_count > 0);
    heard->lost += event->lost_lines;
    if (heard->count < LINES_MAX) {
        snprintf(heard->lines[heard->count].text, sizeof heard->lines[0].text, "%.*s", (int)event->line.len,
                 (const char *)event->line.data);
        heard->lines[heard->count].size = event->line.len;
        heard->lines[heard->count].is_stderr = event->is_stderr;
        heard->lines[heard->count].cut = event->cut;
        heard->lines[heard->count].lost = event->lost_lines;
        heard->lines[heard->count].pid = event->pid;
        heard->lines[heard->count].order = ++heard->lab.order;
    }
    heard->count++;
    if (heard->runs_loop && heard->count == 1) {
        REQUIRE_INT(kill(event->pid, SIGKILL), 0);
        await_death(event->pid);
        ev_run(heard->lab.loop, EVRUN_NOWAIT);
        CHECK_INT(heard->lab.death_count, 0);
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct heard *heard = user_data;
    heard->last_count = (unsigned)event->n_last_lines;
    for (unsigned i = 0; i < event->n_last_lines && i < 4; i++) {
        snprintf(heard->last[i], sizeof heard->last[i], "%s", event->last_lines[i]);
    }
}

static struct heard *open_heard(const struct lab_options *options) {
    struct heard *heard = calloc(1, sizeof *heard);
    REQUIRE(heard != NULL);
    lab_open_master(&heard->lab, options);
    REQUIRE_INT(yoke_v1_worker_output_on(yoke_master_events(heard->lab.master), on_output, heard), 0);
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(heard->lab.master), on_died, heard), 0);
    REQUIRE_INT(lab_create_pool(&heard->lab, options, &heard->lab.pool), 0);
    LAB_WAIT(&heard->lab, heard->lab.ready_count == yoke_pool_size(heard->lab.pool));
    return heard;
}

static void close_heard(struct heard *heard) {
    lab_close(&heard->lab);
    free(heard);
}

/* Has the first worker print, and waits for its answer. */
static void print(struct lab *lab, const char *text, bool to_stderr, uint32_t repeat) {
    struct lab_result result = {.lab = lab};
    Probe__PrintRequest request = PROBE__PRINT_REQUEST__INIT;
    request.data.data = (uint8_t *)(uintptr_t)text;
    request.data.len = strlen(text);
    request.to_stderr = to_stderr;
    request.repeat = repeat;
    REQUIRE_INT(probe_acts_print(lab_channel(lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    lab_release(&result);
}

static void check_line(const struct heard *heard, unsigned index, const char *text, bool is_stderr) {
    REQUIRE(index < heard->count);
    CHECK_STR(heard->lines[index].text, text);
    CHECK_INT(heard->lines[index].is_stderr, is_stderr);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void each_line_is_an_event(void) {
    struct heard *heard = open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS}});
    print(&heard->lab, "one\ntwo\n\nth", false, 0);
    print(&heard->lab, "ree\n", false, 0);
    LAB_WAIT(&heard->lab, heard->count == 4);
    check_line(heard, 0, "one", false);
    check_line(heard, 1, "two", false);
    check_line(heard, 2, "", false);
    check_line(heard, 3, "three", false);
    print(&heard->lab, "to stderr\n", true, 0);
    LAB_WAIT(&heard->lab, heard->count == 5);
    check_line(heard, 4, "to stderr", true);
    CHECK_INT(heard->lines[4].pid, heard->lab.births[0].pid);
    CHECK_INT(heard->lost, 0);
    close_heard(heard);
}

static void a_long_line_is_cut_and_said_to_be(void) {
    struct heard *heard =
        open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS, .max_line_bytes = 10}});
    print(&heard->lab, "0123456789\n0123456789abcdef\nshort\n", false, 0);
    LAB_WAIT(&heard->lab, heard->count == 3);
    check_line(heard, 0, "0123456789", false);
    check_line(heard, 1, "0123456789", false);
    check_line(heard, 2, "short", false);
    CHECK(!heard->lines[0].cut && heard->lines[1].cut && !heard->lines[2].cut);
    close_heard(heard);
}

static void what_comes_too_fast_is_counted_and_does_not_hold_the_worker(void) {
    const uint32_t lines = 200000;
    struct heard *heard =
        open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS, .max_lines_per_second = 5}});
    print(&heard->lab, "a line of twenty-odd bytes\n", false, lines - 1);
    struct lab_result result = {0};
    REQUIRE_INT(lab_finish(&heard->lab, lab_channel(&heard->lab), PROBE__END__END_STOP, 0, &result), 0);
    LAB_WAIT(&heard->lab, heard->lab.death_count == 1);
    /* The last event may have told only of what was lost. */
    const unsigned last = heard->count <= LINES_MAX ? heard->count - 1 : 0;
    const unsigned told = heard->count - (last > 0 && heard->lines[last].size == 0);
    CHECK_INT(told + heard->lost, lines);
    CHECK(heard->lost > 0);
    close_heard(heard);
}

static void a_listener_may_run_the_loop(void) {
    struct heard *heard = open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS}});
    heard->runs_loop = true;
    struct lab_result result = {.lab = &heard->lab}; /* the worker may not live to answer */
    Probe__PrintRequest request = PROBE__PRINT_REQUEST__INIT;
    request.data.data = (uint8_t[]){'o', 'n', 'e', '\n', 't', 'w', 'o', '\n'};
    request.data.len = 8;
    request.to_stderr = true;
    REQUIRE_INT(probe_acts_print(lab_channel(&heard->lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(&heard->lab, heard->lab.death_count == 1);
    REQUIRE_INT(heard->count, 2);
    check_line(heard, 0, "one", true);
    check_line(heard, 1, "two", true);
    CHECK(heard->lines[1].order < heard->lab.deaths[0].order);
    lab_release(&result);
    close_heard(heard);
}

/* ---- Death ------------------------------------------------------------------------------------------------------- */

static void what_a_dead_worker_has_printed_is_told_before_its_death(void) {
    struct heard *heard = open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS, .last_lines = 3}});
    struct lab_result result = {0};
    print(&heard->lab, "1\n2\n3\n", true, 0);
    print(&heard->lab, "4\t\xff\nlast words", true, 0);
    REQUIRE_INT(lab_finish(&heard->lab, lab_channel(&heard->lab), PROBE__END__END_RAISE, SIGKILL, &result), 0);
    LAB_WAIT(&heard->lab, heard->lab.death_count == 1);
    REQUIRE_INT(heard->count, 5);
    check_line(heard, 4, "last words", true);
    CHECK(heard->lines[4].order < heard->lab.deaths[0].order);
    REQUIRE_INT(heard->last_count, 3);
    CHECK_STR(heard->last[0], "3");
    CHECK_STR(heard->last[1], "4\t?");
    CHECK_STR(heard->last[2], "last words");
    close_heard(heard);
}

static void a_full_pipe_of_a_dead_worker_is_read_to_its_end(void) {
    struct heard *heard = open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS}});
    struct lab_result result = {.lab = &heard->lab};
    Probe__PrintRequest request = PROBE__PRINT_REQUEST__INIT;
    request.data.data = (uint8_t[]){'a', '\n'};
    request.data.len = 2;
    request.repeat = 5000 - 1;
    request.die = true;
    REQUIRE_INT(probe_acts_print(lab_channel(&heard->lab), &request, NULL, lab_on_empty, &result), 0);
    const pid_t pid = yoke_child_pid(yoke_pool_child(heard->lab.pool, 0));
    ev_run(heard->lab.loop, EVRUN_NOWAIT); /* sends it */
    if (heard->lab.death_count == 0) {
        await_death(pid); /* so that all of it is there when the loop goes on */
    }
    LAB_WAIT(&heard->lab, heard->lab.death_count == 1);
    CHECK_INT(heard->count, 5000);
    lab_release(&result);
    close_heard(heard);
}

static void a_process_that_keeps_the_pipe_does_not_hold_up_the_death(void) {
    struct heard *heard = open_heard(&(struct lab_options){.output = {.mode = YOKE_OUTPUT_EVENTS}});
    struct lab_result result = {0};
    print(&heard->lab, "hello\n", false, 0);
    REQUIRE_INT(lab_call_empty(&heard->lab, probe_acts_leave_child, lab_channel(&heard->lab), &result), 0);
    LAB_WAIT(&heard->lab, result.count > 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(heard->lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&heard->lab, heard->lab.death_count == 1);
    CHECK_INT(heard->count, 1);
    CHECK_INT(heard->last_count, 0);
    close_heard(heard);
}

static void a_replacement_is_heard_too(void) {
    struct heard *heard = open_heard(
        &(struct lab_options){.restart = true, .restart_pause_ms = 1, .output = {.mode = YOKE_OUTPUT_EVENTS}});
    for (unsigned i = 0; i < 20; i++) {
        print(&heard->lab, "hello\n", false, 0);
        LAB_WAIT(&heard->lab, heard->count == i + 1);
        CHECK_INT(heard->lines[i].pid, yoke_child_pid(yoke_pool_child(heard->lab.pool, 0)));
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(heard->lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&heard->lab, heard->lab.ready_count == i + 2);
    }
    close_heard(heard);
}

/* ---- Prefix ------------------------------------------------------------------------------------------------------ */

/* Opens a lab in a case whose stdout and stderr go to `pipes`. */
static void redirect(int pipes[2], int kept[2]) {
    fflush(NULL);
    for (int fd = 1; fd <= 2; fd++) {
        kept[fd - 1] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    }
    REQUIRE_INT(pipe2(pipes, O_CLOEXEC), 0);
    REQUIRE_INT(dup2(pipes[1], 1), 1);
    REQUIRE_INT(dup2(pipes[1], 2), 2);
    close(pipes[1]);
}

static void restore(const int kept[2]) {
    fflush(NULL);
    for (int fd = 1; fd <= 2; fd++) {
        dup2(kept[fd - 1], fd);
        close(kept[fd - 1]);
    }
}

static void lines_can_go_to_the_masters_own_behind_a_prefix(void) {
    struct lab lab;
    int pipes[2];
    int kept[2];
    char text[4096];
    char expected[200];
    const struct lab_options options = {.output = {.mode = YOKE_OUTPUT_PREFIX, .max_line_bytes = 20}};
    redirect(pipes, kept);
    lab_open(&lab, &options);
    const pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, 0));
    print(&lab, "out\n", false, 0);
    print(&lab, "a line that is far too long for this\n", true, 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    restore(kept);
    ssize_t size = read(pipes[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    snprintf(expected, sizeof expected, "lab/0[%d]: out\n", (int)pid);
    CHECK_CONTAINS(text, expected);
    snprintf(expected, sizeof expected, "lab/0[%d]: a line that is far t (cut)\n", (int)pid);
    CHECK_CONTAINS(text, expected);
    close(pipes[0]);
    lab_close(&lab);
}

/* When there is room again, the next line says how many there was none for. */
static void check_loss_is_told(struct lab *lab, int fd) {
    static char text[1000000];
    size_t length = 0;
    REQUIRE_INT(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (strstr(text, "again") == NULL) {
        ssize_t size;
        while ((size = read(fd, text + length, sizeof text - 1 - length)) > 0) {
            length += (size_t)size;
        }
        print(lab, "again\n", true, 0);
    }
    CHECK_CONTAINS(text, " lines lost) ");
}

static void a_master_whose_own_output_is_gone_or_full_goes_on(void) {
    for (int is_gone = 0; is_gone < 2; is_gone++) {
        struct lab lab;
        int pipes[2];
        int kept[2];
        const struct lab_options options = {.output = {.mode = YOKE_OUTPUT_PREFIX}};
        redirect(pipes, kept);
        setvbuf(stdout, NULL, _IOFBF, BUFSIZ); /* the case's own words are for later */
        if (is_gone) {
            close(pipes[0]);
        }
        lab_open(&lab, &options);
        print(&lab, "some line of text that is to fill a pipe\n", true, 5000);
        lab_check_echo(&lab, lab_channel(&lab));
        if (!is_gone) {
            check_loss_is_told(&lab, pipes[0]);
        }
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&lab, lab.death_count == 1);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 1);
        close(null);
        restore(kept);
        if (!is_gone) {
            close(pipes[0]);
        }
        lab_close(&lab);
    }
}

/* The longest lines that there are by default, as many as the pipe that nobody reads has room for, and more. */
static void a_master_does_not_wait_for_room_for_long_lines(void) {
    struct lab lab;
    int pipes[2];
    int kept[2];
    static char line[4096 + 2];
    static char text[1000000];
    const struct lab_options options = {.output = {.mode = YOKE_OUTPUT_PREFIX}};
    memset(line, 'x', 4096);
    line[4096] = '\n';
    redirect(pipes, kept);
    setvbuf(stdout, NULL, _IOFBF, BUFSIZ); /* the case's own words are for later */
    lab_open(&lab, &options);
    print(&lab, line, true, 100);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    REQUIRE_INT(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
    REQUIRE(read(pipes[0], text, sizeof text - 1) > PIPE_BUF);
    restore(kept);
    /* The prefix counts. */
    CHECK_INT(strcspn(text, "\n") + 1, PIPE_BUF);
    CHECK_CONTAINS(text, "x (cut)\nlab/0[");
    close(pipes[0]);
    lab_close(&lab);
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

static void pipes_are_all_that_a_captured_worker_has_more(void) {
    struct heard *heard = open_heard(&(struct lab_options){.workers = 3, .output = {.mode = YOKE_OUTPUT_EVENTS}});
    for (unsigned i = 0; i < 3; i++) {
        for (int fd = 0; fd < 20; fd++) {
            char path[64];
            char target[100];
            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)yoke_child_pid(yoke_pool_child(heard->lab.pool, i)), fd);
            ssize_t size = readlink(path, target, sizeof target - 1);
            target[size > 0 ? size : 0] = '\0';
            CHECK_INT(strncmp(target, "pipe:", 5) == 0, fd == 1 || fd == 2);
        }
    }
    close_heard(heard);
}

static void options_out_of_range_are_refused(void) {
    struct lab lab;
    struct yoke_pool *pool = NULL;
    struct lab_options options = {0};
    lab_open_master(&lab, &options);
    options.output = (struct yoke_output_options){.mode = YOKE_OUTPUT_PREFIX + 1};
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -EINVAL);
    options.output = (struct yoke_output_options){.last_lines = 101};
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -EINVAL);
    options.output = (struct yoke_output_options){.max_line_bytes = 1024 * 1024 + 1};
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -EINVAL);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "each line is an event", .run = each_line_is_an_event},
    {.name = "a long line is cut, and said to be", .run = a_long_line_is_cut_and_said_to_be},
    {.name = "what comes too fast is counted, and does not hold the worker",
     .run = what_comes_too_fast_is_counted_and_does_not_hold_the_worker},
    {.name = "a listener may run the loop", .run = a_listener_may_run_the_loop},
    {.name = "what a dead worker has printed is told before its death",
     .run = what_a_dead_worker_has_printed_is_told_before_its_death},
    {.name = "a full pipe of a dead worker is read to its end", .run = a_full_pipe_of_a_dead_worker_is_read_to_its_end},
    {.name = "a process that keeps the pipe does not hold up the death",
     .run = a_process_that_keeps_the_pipe_does_not_hold_up_the_death,
     .leaves_children = true},
    {.name = "a replacement is heard, too", .run = a_replacement_is_heard_too},
    {.name = "lines can go to the master's own, behind a prefix",
     .run = lines_can_go_to_the_masters_own_behind_a_prefix},
    {.name = "a master whose own output is gone or full goes on",
     .run = a_master_whose_own_output_is_gone_or_full_goes_on},
    {.name = "a master does not wait for room for long lines", .run = a_master_does_not_wait_for_room_for_long_lines},
    {.name = "pipes are all that a captured worker has more", .run = pipes_are_all_that_a_captured_worker_has_more},
    {.name = "options out of range are refused", .run = options_out_of_range_are_refused},
    {.name = NULL},
};

LAB_MAIN(cases)
