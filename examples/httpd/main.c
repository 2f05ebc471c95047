/*
 * httpd: a small HTTP/1.1 server on every CPU core. The master opens the socket and watches over the workers, which accept from
 * it. kill -HUP replaces the workers, -USR2 the master, too, by what the program's file is then; no request is lost by either.
 *
 *     GET /        a page
 *     GET /status  what the master knows of its workers
 *
 * The exit status is 0 when it was told to stop, 64 for wrong usage, 1 for all else.
 */
#include "options.h"
#include "report.h"
#include "server.h"
#include "workers.h"

#include <argp.h>
#include <errno.h>
#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A drain takes as long as the slowest request that is under way. */
#define DRAIN_MS 30000

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static double parse_seconds(const char *text, struct argp_state *state) {
    char *end;
    double seconds = strtod(text, &end);
    if (*end != '\0' || end == text || !(seconds > 0 && seconds <= 86400)) {
        argp_error(state, "'%s' is not a number of seconds up to a day", text);
    }
    return seconds;
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct options *options = state->input;
    char *end;
    switch (key) {
    case 'l':
        options->address = argument;
        return 0;
    case 'w':
        options->workers = (unsigned)strtoul(argument, &end, 10);
        if (*end != '\0' || argument[0] < '0' || argument[0] > '9' || options->workers > YOKE_WORKERS_MAX) {
            argp_error(state, "'%s' is not a number of workers", argument);
        }
        return 0;
    case 'r':
        options->reuse_port = true;
        return 0;
    case 'i':
        options->idle_seconds = parse_seconds(argument, state);
        return 0;
    case 'q':
        options->request_seconds = parse_seconds(argument, state);
        return 0;
    case 'g':
        options->grace_seconds = parse_seconds(argument, state);
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option option_list[] = {
    {.name = "listen",
     .key = 'l',
     .arg = "ADDRESS",
     .doc = "Where, by default tcp:127.0.0.1:8080; also tcp:[::1]:80, unix:/run/s"},
    {.name = "workers", .key = 'w', .arg = "N", .doc = "How many; 0, the default: one per usable CPU"},
    {.name = "reuse-port", .key = 'r', .doc = "A socket of its own for each worker"},
    {.name = "idle-seconds", .key = 'i', .arg = "S", .doc = "How long a connection may be idle (default 15)"},
    {.name = "request-seconds", .key = 'q', .arg = "S", .doc = "How long a request may take to come (default 10)"},
    {.name = "grace-seconds",
     .key = 'g',
     .arg = "S",
     .doc = "How long an idle connection lasts at the end (default 1)"},
    {.name = "verbose", .key = 'v', .doc = "Tell what happens"},
    {0},
};

static const struct argp parser = {
    .options = option_list,
    .parser = parse_option,
    .doc = "Serve HTTP on every CPU core. SIGHUP replaces the workers, SIGUSR2 the program, SIGTERM ends it.",
};

/* ---- The master -------------------------------------------------------------------------------------------------- */

static int listen_at(struct yoke_master *master, const struct options *options, struct yoke_listener **ret_listener) {
    const struct yoke_listener_options listener = {YOKE_LISTENER_OPTIONS_INIT, .address = options->address,
                                                   .reuse_port = options->reuse_port};
    int error = yoke_master_listen(master, &listener, ret_listener);
    if (error != 0) {
        fprintf(stderr, "httpd: cannot listen at %s: %s\n", options->address, strerror(-error));
    }
    return error;
}

static int start_workers(struct yoke_master *master, struct options *options, struct yoke_listener *listener) {
    struct yoke_listener *const listeners[] = {listener, NULL};
    const struct yoke_pool_options pool_options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "http",
        .workers = options->workers,
        .entry = server_main,
        .user_data = options,
        .listeners = listeners,
        /* A server is wanted whatever happens, so there is no number of deaths after which it is given up. */
        .restart = {.when = YOKE_RESTART_ALWAYS,
                    .pause_ms = 10,
                    .max_pause_ms = 1000,
                    .healthy_ms = 1000,
                    .max_restarts = UINT32_MAX},
        .stop = {.drain_ms = DRAIN_MS},
    };
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &pool_options, &pool);
    if (error != 0) {
        fprintf(stderr, "httpd: cannot start workers: %s\n", strerror(-error));
        return error;
    }
    printf("httpd: master %d listens at %s with %u workers\n", (int)getpid(), yoke_listener_address(listener),
           yoke_pool_size(pool));
    return 0;
}

static int start(struct yoke_master *master, struct workers *workers, struct options *options) {
    static const struct yoke_upgrade_options upgrade = {YOKE_UPGRADE_OPTIONS_INIT};
    const struct yoke_host_options host = {YOKE_HOST_OPTIONS_INIT, .upgrade = &upgrade};
    struct yoke_listener *listener;
    int error = workers_init(workers, master);
    if (error == 0) {
        error = report_init(master, options->verbose);
    }
    if (error == 0) {
        error = yoke_master_follow_host(master, &host);
    }
    if (error != 0) {
        fprintf(stderr, "httpd: %s\n", strerror(-error));
        return error;
    }
    error = listen_at(master, options, &listener);
    return error == 0 ? start_workers(master, options, listener) : error;
}

static int run(struct ev_loop *loop, struct options *options) {
    struct yoke_master *master;
    struct workers workers = {0};
    int error = yoke_master_create(loop, NULL, &master);
    if (error != 0) {
        fprintf(stderr, "httpd: %s\n", strerror(-error));
        return EXIT_FAILURE;
    }
    error = start(master, &workers, options);
    int exit_code = EXIT_FAILURE;
    if (error == 0) {
        ev_run(loop, 0); /* until the pool has stopped */
        exit_code = yoke_master_exit_code(master);
        printf("httpd: master %d ends after %" PRIu64 " requests\n", (int)getpid(), workers.requests);
    }
    yoke_master_destroy(master);
    workers_release(&workers);
    return exit_code;
}

int main(int argc, char **argv) {
    struct options options = OPTIONS_INIT;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    /* Whoever reads it, through a pipe or not, is to have each line at once. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    int exit_code = loop != NULL ? run(loop, &options) : EXIT_FAILURE;
    if (loop != NULL) {
        ev_loop_destroy(loop);
    }
    return exit_code;
}
