/*
 * main.c: the simulator's command line. Seeds are shared out among processes; the first one that fails ends them all.
 * sim.h says what a run is.
 */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

struct options {
    uint64_t first, count;
    unsigned jobs;
    bool twice; /* run each seed twice, and compare */
};

/* What the jobs tell the process that started them. */
struct board {
    _Atomic uint64_t seeds, steps, calls, messages, callbacks, bytes;
    struct {
        _Atomic uint64_t seed;
        _Atomic bool is_running;
    } jobs[JOBS_MAX];
};

static struct board *board;
static struct sim_states *states;

_Noreturn static void die(const char *what) {
    fprintf(stderr, "sim: %s\n", what);
    exit(2);
}

static uint64_t read_number(const char *text) {
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0') {
        die("a number is expected");
    }
    return number;
}

_Noreturn static void usage(int code) {
    fputs("usage: sim [--seeds N] [--first S] [--jobs N] [--twice] | --seed S [--trace]\n"
          "  --seeds N   run so many seeds (10000)\n"
          "  --first S   from this one (1)\n"
          "  --jobs N    in so many processes (one per processor)\n"
          "  --twice     run each seed twice, which must come to the same\n"
          "  --seed S    run this one\n"
          "  --trace     print what happens\n",
          code == 0 ? stdout : stderr);
    exit(code);
}

static struct options read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},  {"twice", no_argument, NULL, '2'},
        {"seed", required_argument, NULL, 's'},  {"trace", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {.first = 1, .count = 10000, .jobs = processors > 0 ? (unsigned)processors : 1};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'n':
            options.count = read_number(optarg);
            break;
        case 'f':
            options.first = read_number(optarg);
            break;
        case 'j':
            options.jobs = (unsigned)read_number(optarg);
            break;
        case '2':
            options.twice = true;
            break;
        case 's':
            options.first = read_number(optarg);
            options.count = 1;
            break;
        case 't':
            sim_tracing = true;
            break;
        default:
            usage(option == 'h' ? 0 : 2);
        }
    }
    if (optind != argc) {
        usage(2);
    }
    options.jobs = sim_tracing || options.jobs == 0 ? 1 : options.jobs;
    options.jobs = options.jobs < JOBS_MAX ? options.jobs : JOBS_MAX;
    return options;
}

static void count_run(void) {
    board->seeds++;
    board->steps += world.config.steps;
    board->calls += world.call_count;
    board->bytes += world.sides[0].out.delivered + world.sides[1].out.delivered;
}

static void run_seed(uint64_t seed, bool twice) {
    uint64_t digest = sim_run(seed, states);
    count_run();
    if (twice && sim_run(seed, states) != digest) {
        sim_fail(__FILE__, __LINE__, "the second run of the seed was another");
    }
}

/* Every `jobs`-th seed. */
static void run_job(const struct options *options, unsigned job) {
    board->jobs[job].is_running = true;
    for (uint64_t i = job; i < options->count; i += options->jobs) {
        board->jobs[job].seed = options->first + i;
        run_seed(options->first + i, options->twice);
    }
    board->jobs[job].is_running = false;
    board->messages += world.messages;
    board->callbacks += world.callbacks;
}

/* ---- Processes -------------------------------------------------------------------------------------------------- */

static void start_jobs(const struct options *options, pid_t *pids) {
    for (unsigned i = 0; i < options->jobs; i++) {
        pids[i] = fork();
        if (pids[i] < 0) {
            die("fork() failed");
        }
        if (pids[i] == 0) {
            run_job(options, i);
            exit(0);
        }
    }
}

/* True when all went well. A job that failed has said so itself, unless it crashed. */
static bool await_jobs(const struct options *options, pid_t *pids) {
    bool is_well = true;
    for (unsigned left = options->jobs; left > 0; left--) {
        int status;
        pid_t pid = wait(&status);
        for (unsigned i = 0; i < options->jobs; i++) {
            if (pids[i] != pid) {
                continue;
            }
            pids[i] = 0;
            if (is_well && status != 0 && (WIFSIGNALED(status) || WEXITSTATUS(status) != 1)) {
                fprintf(stderr,
                        "sim: seed %" PRIu64 " crashes; to see it again: ./dev sim --seed %" PRIu64 " --trace\n",
                        board->jobs[i].seed, board->jobs[i].seed);
            }
        }
        for (unsigned i = 0; is_well && status != 0 && i < options->jobs; i++) {
            if (pids[i] > 0) {
                (void)kill(pids[i], SIGKILL);
            }
        }
        is_well = is_well && status == 0;
    }
    return is_well;
}

static void report(void) {
    printf("%" PRIu64 " seeds: %" PRIu64 " steps, %" PRIu64 " calls, %" PRIu64 " messages, %" PRIu64
           " callbacks, %" PRIu64 " MiB on the wire\n",
           board->seeds, board->steps, board->calls, board->messages, board->callbacks, board->bytes >> 20);
    printf("states visited: %" PRIu64 " of a call at one side, %" PRIu64 " of both sides of a call\n",
           sim_states_sides(states), sim_states_pairs(states));
}

int main(int argc, char **argv) {
    const struct options options = read_options(argc, argv);
    /* Large messages come and go; getting their memory from the kernel each time would be most of the work. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 28);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 29);
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    states = sim_states_create();
    if (board == MAP_FAILED || states == NULL) {
        die("there is no memory for the jobs to share");
    }
    sim_prepare_messages();
    if (options.jobs == 1) {
        run_job(&options, 0);
    } else {
        pid_t pids[JOBS_MAX];
        start_jobs(&options, pids);
        if (!await_jobs(&options, pids)) {
            return 1;
        }
    }
    report();
    return 0;
}
