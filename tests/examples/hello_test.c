/* hello: everything it shows happens, and its workers do not outlive it. */
#include "harness.h"
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_both_directions(void) {
    static const char *const argv[] = {HELLO_PROGRAM, NULL};
    static const char *const lines[] = {
        "master: worker 1 calls: \"hello from your worker\"\n",
        "master: worker 2 calls: \"hello from your worker\"\n",
        "  worker 1: the master answers \"hello, worker 1\"\n",
        "  worker 2: the master answers \"hello, worker 2\"\n",
        "  worker 1: the master calls \"hello from your master\"\n",
        "  worker 2: the master calls \"hello from your master\"\n",
        "master: worker 1 answers: \"hello, master\"\n",
        "master: worker 2 answers: \"hello, master\"\n",
        "  worker 1: news \"everybody has been greeted\"\n",
        "  worker 2: news \"everybody has been greeted\"\n",
        "master: news from worker 1: \"I have heard it\"\n",
        "master: news from worker 2: \"I have heard it\"\n",
        "master: worker 1 died: exit code 0, signal 0: ",
        "master: worker 2 died: exit code -1, signal 9: ",
    };
    struct program_run run;
    program_run(argv, NULL, &run);

    CHECK_INT(run.exit_code, 0);
    CHECK_STR(run.err, "");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        CHECK_CONTAINS(run.out, lines[i]);
    }
    CHECK_INT(program_count(run.out, "\n"), sizeof(lines) / sizeof(lines[0]));
    CHECK_CONTAINS(run.out, "was killed by signal 9 (SIGKILL)\n");
    program_run_release(&run);
}

/* Start `hello --wait` and return when it has said that it waits. */
static pid_t start_waiting(FILE **ret_output) {
    int output[2];
    REQUIRE_INT(pipe(output), 0);
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        execl(HELLO_PROGRAM, HELLO_PROGRAM, "--wait", (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    FILE *lines = fdopen(output[0], "r");
    REQUIRE(lines != NULL);

    char line[256] = "";
    while (strcmp(line, "master: waiting\n") != 0) {
        REQUIRE(fgets(line, sizeof(line), lines) != NULL);
    }
    *ret_output = lines;
    return pid;
}

/* The case inherits what its children leave behind, so it can see that the workers end, and would not if they lived. */
static void test_no_orphans(void) {
    FILE *output;
    pid_t master = start_waiting(&output);
    REQUIRE_INT(kill(master, SIGKILL), 0);
    int status;
    REQUIRE_INT(waitpid(master, &status, 0), master);
    CHECK_INT(WTERMSIG(status), SIGKILL);

    CHECK_INT(test_await_no_children(10000), 0);
    CHECK(fgetc(output) == EOF);
    fclose(output);
}

static const struct test_case cases[] = {
    {.name = "both sides call, tell news, and a death is told", .run = test_both_directions},
    {.name = "a master killed from outside leaves no worker", .run = test_no_orphans},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"hello", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
