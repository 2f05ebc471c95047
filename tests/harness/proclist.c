/* proclist.c: reads /proc for children of this process; nothing here trusts process groups, which a child may leave. */
#include "proclist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct process {
    char name[64];
    char state;
    pid_t parent;
};

static bool read_process(pid_t pid, struct process *ret_process) {
    char path[64];
    char line[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, line, sizeof(line) - 1);
    close(fd);
    if (length <= 0) {
        return false;
    }
    line[length] = '\0';
    char *open_paren = strchr(line, '(');
    char *close_paren = strrchr(line, ')'); /* the name itself may hold parentheses */
    int parent = 0;
    if (open_paren == NULL || close_paren == NULL ||
        sscanf(close_paren + 1, " %c %d", &ret_process->state, &parent) != 2) {
        return false;
    }
    *close_paren = '\0';
    snprintf(ret_process->name, sizeof(ret_process->name), "%.60s", open_paren + 1);
    ret_process->parent = (pid_t)parent;
    return true;
}

size_t test_children(pid_t *ret_pids, size_t capacity) {
    size_t count = 0;
    DIR *directory = opendir("/proc");
    if (directory == NULL) {
        perror("harness: /proc");
        abort();
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL && count < capacity;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        struct process process;
        if (pid > 0 && read_process(pid, &process) && process.parent == getpid()) {
            ret_pids[count++] = pid;
        }
    }
    closedir(directory);
    return count;
}

bool test_process_lives(pid_t pid) {
    struct process process;
    return read_process(pid, &process) && process.state != 'Z' && process.state != 'X';
}

void test_process_describe(pid_t pid, char *ret_text, size_t capacity) {
    struct process process;
    if (!read_process(pid, &process)) {
        snprintf(ret_text, capacity, "process %d, gone since", (int)pid);
    } else if (process.state == 'Z') {
        snprintf(ret_text, capacity, "process %d (%s), a zombie that nobody reaped", (int)pid, process.name);
    } else {
        snprintf(ret_text, capacity, "process %d (%s), state %c", (int)pid, process.name, process.state);
    }
}

unsigned long long test_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000;
}

size_t test_await_no_children(unsigned timeout_ms) {
    pid_t pids[256];
    unsigned long long deadline = test_now_ms() + timeout_ms;
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        size_t left = test_children(pids, 256);
        if (left == 0 || test_now_ms() >= deadline) {
            return left;
        }
        usleep(1000); /* polling /proc is all there is for processes that are not ours to wait for */
    }
}

static bool is_among(pid_t pid, const pid_t *pids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == pid) {
            return true;
        }
    }
    return false;
}

void test_kill_children(const pid_t *except, size_t except_count) {
    pid_t pids[256];
    for (;;) {
        size_t count = test_children(pids, 256);
        size_t ours = 0;
        for (size_t i = 0; i < count; i++) {
            if (!is_among(pids[i], except, except_count)) {
                ours++;
                kill(pids[i], SIGKILL);
            }
        }
        if (ours == 0) {
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (!is_among(pids[i], except, except_count)) {
                while (waitpid(pids[i], NULL, __WALL) < 0 && errno == EINTR) {
                }
            }
        }
    }
}
