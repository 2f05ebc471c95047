/*
 * upgrade_program.c: a service that can be upgraded: a master with a pool of two workers that answer at an address; see
 * accept_service.h. It follows its host; SIGUSR2 starts it again, with the same arguments and state.
 *
 * Usage: upgrade_program fork|exec BEHAVIOUR STATE ADDRESS...
 *
 * BEHAVIOUR: "serve"; "exit": exit with code 7 at once; "hang": have no loop; "silent": have another pool, which is never ready;
 * "silent-successor": the same, if it was started by an upgrade; "leave": destroy the master again, and go on.
 * What it finds is not as it should be: exit with code 20 and more.
 */
#include "probe_worker.h"

#include <yoke/yoke.h>

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENERS_MAX 8

static const struct probe_setup serve = {.scenario = PROBE_SERVE};
static const struct probe_setup silent = {.scenario = PROBE_SILENT};

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    (void)user_data;
    printf("[%d] log %d: %s\n", (int)getpid(), (int)level, message);
}

static int make_pool(struct yoke_master *master, bool is_exec, bool is_silent, struct yoke_listener *const *listeners) {
    char name[] = "probe_worker";
    char serving[] = "0";
    char silence[8];
    char path[4096];
    snprintf(silence, sizeof(silence), "%d", PROBE_SILENT);
    char *argv[] = {name, is_silent ? silence : serving, serving, serving, serving, NULL};
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT, .name = is_silent ? "silent" : "web",
        .workers = 2,           .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_restarts = UINT32_MAX},
        .listeners = listeners,
    };
    if (is_exec) {
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("probe_worker"));
        path[length > 0 ? length : 0] = '\0';
        strcpy(strrchr(path, '/') + 1, "probe_worker");
        options.path = path;
        options.argv = argv;
    } else {
        options.entry = probe_worker_entry;
        options.user_data = (void *)(uintptr_t)(is_silent ? &silent : &serve);
    }
    struct yoke_pool *pool;
    return yoke_pool_create(master, &options, &pool);
}

/* Descriptors, signals and the variable are as an upgrade promises. 0, or the exit code. */
static int check_beginning(unsigned sockets) {
    struct inspection found;
    inspect_self(&found);
    for (size_t i = 0; i < found.descriptor_count; i++) {
        int number = found.descriptors[i].number;
        if (number >= 5 + (int)sockets || (number >= 5 && strncmp(found.descriptors[i].target, "socket:", 7) != 0)) {
            printf("found %d -> %s\n", number, found.descriptors[i].target);
            return 20;
        }
    }
    /* Signals 32 and 33 are the C library's own. */
    const uint64_t others = ~(UINT64_C(3) << 31);
    return found.blocked_signals != 0 ? 21 : (found.ignored_signals & others) != 0 ? 22 : 0;
}

static int check_state(const struct yoke_master *master, const char *expected) {
    size_t size = 1;
    const char *state = yoke_master_inherited_state(master, &size);
    if (expected[0] == '\0') {
        return state == NULL && size == 0 ? 0 : 23;
    }
    /* It is aligned, and a pattern when it is to be large. */
    if (state == NULL || (uintptr_t)state % 16 != 0) {
        return 24;
    }
    if (strncmp(expected, "large:", 6) != 0) {
        return size == strlen(expected) && memcmp(state, expected, size) == 0 ? 0 : 25;
    }
    for (size_t i = 0; i < size; i++) {
        if (state[i] != (char)(i * 7)) {
            return 26;
        }
    }
    return size == strtoul(expected + 6, NULL, 10) ? 0 : 27;
}

static int open_listeners(struct yoke_master *master, char **addresses, struct yoke_listener **listeners) {
    for (unsigned i = 0; addresses[i] != NULL && i < LISTENERS_MAX; i++) {
        bool reuse_port = addresses[i][0] == '+';
        const struct yoke_listener_options options = {YOKE_LISTENER_OPTIONS_INIT, .address = addresses[i] + reuse_port,
                                                      .reuse_port = reuse_port};
        if (yoke_master_listen(master, &options, &listeners[i]) != 0) {
            return 28;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 5 || strcmp(argv[2], "exit") == 0) {
        return 7;
    }
    const bool is_successor = getenv("YOKE_UPGRADE") != NULL;
    const char *sockets = is_successor ? strrchr(getenv("YOKE_UPGRADE"), ':') + 1 : "0";
    const bool is_exec = strcmp(argv[1], "exec") == 0;
    const bool is_silent = strcmp(argv[2], "silent") == 0 || (is_successor && strcmp(argv[2], "silent-successor") == 0);
    int exit_code = is_successor ? check_beginning((unsigned)atoi(sockets)) : 0;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master *master = NULL;
    const struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .log = on_log};
    if (exit_code != 0 || loop == NULL || yoke_master_create(loop, &options, &master) != 0) {
        return exit_code != 0 ? exit_code : 29;
    }
    exit_code = is_successor ? check_state(master, argv[3]) : 0;
    if (exit_code == 0 && getenv("YOKE_UPGRADE") != NULL) {
        exit_code = 30;
    }
    struct yoke_listener *listeners[LISTENERS_MAX + 1] = {NULL};
    exit_code = exit_code != 0 ? exit_code : open_listeners(master, argv + 4, listeners);
    if (exit_code != 0) {
        /* What is not released is no leak here. */
        _exit(exit_code);
    }
    if (make_pool(master, is_exec, false, listeners) != 0 ||
        (is_silent && make_pool(master, is_exec, true, NULL) != 0)) {
        _exit(31);
    }
    if (strcmp(argv[2], "leave") == 0) {
        yoke_master_destroy(master);
    }
    if (strcmp(argv[2], "leave") == 0 || strcmp(argv[2], "hang") == 0) {
        for (;;) {
            pause();
        }
    }
    const struct yoke_upgrade_options upgrade = {YOKE_UPGRADE_OPTIONS_INIT, .state = argv[3],
                                                 .state_size = strlen(argv[3])};
    const struct yoke_host_options host = {YOKE_HOST_OPTIONS_INIT, .upgrade = &upgrade};
    if (yoke_master_follow_host(master, &host) != 0) {
        _exit(32);
    }
    ev_run(loop, 0);
    exit_code = yoke_master_exit_code(master);
    yoke_master_destroy(master);
    ev_loop_destroy(loop);
    return exit_code;
}
