/* misdeeds.c: see worker.h: what a worker does when it is ordered to misbehave. Each is noted before it is done. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNEL_FD 3
#define SLOW_START_US 600000
#define NOISE_BYTES 200
#define NOISES_MAX 20000
#define LINES_MAX 20000
#define DESCRIPTORS_MAX 64

static _Noreturn void sleep_for_ever(void) {
    for (;;) {
        (void)pause();
    }
}

static _Noreturn void crash(void) {
    (void)raise(SIGSEGV);
    sleep_for_ever();
}

void worker_start_badly(enum chaos_act act) {
    switch (act) {
    case ACT_START_SLOWLY:
        (void)usleep(SLOW_START_US);
        break;
    case ACT_START_EXIT:
        _exit(EXIT_START);
    case ACT_START_CRASH:
        crash();
    case ACT_START_NEVER:
        sleep_for_ever();
    default:
        chaos_check(false, "nobody starts like this: %d", (int)act);
        break;
    }
}

/* Bytes that are no frame, behind whatever was sent before. */
static void violate(void) {
    char garbage[64];
    memset(garbage, 0xff, sizeof garbage);
    struct pollfd room = {.fd = CHANNEL_FD, .events = POLLOUT};
    while (send(CHANNEL_FD, garbage, sizeof garbage, MSG_NOSIGNAL) < 0 && (errno == EAGAIN || errno == EINTR)) {
        (void)poll(&room, 1, -1);
    }
}

static void shout(struct worker *self, uint32_t amount) {
    uint8_t data[NOISE_BYTES] = {0};
    for (uint32_t left = 1 + amount % NOISES_MAX; left > 0; left--) {
        Chaos__Noise noise = CHAOS__NOISE__INIT;
        noise.number = atomic_load(&self->note->noises);
        noise.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
        int error = chaos_noise_emit(yoke_worker_master(self->yoke), &noise);
        if (error != 0) {
            /* It has been told to stop, or its queue is full. */
            chaos_check(error == -ENOTCONN || error == -ENOBUFS, "emitting an event gave %d", error);
            return;
        }
        atomic_fetch_add(&self->note->noises, 1);
    }
}

static void print(struct worker *self, uint32_t amount) {
    for (uint32_t left = 1 + amount % LINES_MAX; left > 0; left--) {
        printf("line %u\n", atomic_fetch_add(&self->note->lines, 1));
    }
    (void)fflush(stdout);
}

/* It stays reachable: what leaks is not what a leak checker looks for. */
static void leak(void) {
    static void *leaked[8];
    for (size_t i = 0; i < sizeof leaked / sizeof *leaked; i++) {
        if (leaked[i] == NULL) {
            leaked[i] = malloc(chaos->leak_bytes);
            chaos_check(leaked[i] != NULL, "there is no memory to leak");
            if (leaked[i] != NULL) {
                memset(leaked[i], 1, chaos->leak_bytes);
            }
            return;
        }
    }
}

static void hoard(void) {
    const struct rlimit limit = {DESCRIPTORS_MAX, DESCRIPTORS_MAX};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    while (dup(STDERR_FILENO) >= 0) {
    }
}

static _Noreturn void loop_for_ever(void) {
    static volatile unsigned turns;
    for (;;) {
        turns++;
    }
}

static void misbehave(struct worker *self, enum chaos_act act, uint32_t amount) {
    switch (act) {
    case ACT_EXIT_0:
        _exit(0);
    case ACT_EXIT_1:
        _exit(1);
    case ACT_EXIT_FINAL:
        _exit(EXIT_FINAL);
    case ACT_LEAVE_0:
    case ACT_LEAVE_3:
        yoke_worker_stop(self->yoke, act == ACT_LEAVE_0 ? 0 : 3);
        break;
    case ACT_CRASH:
        crash();
    case ACT_LOOP:
        loop_for_ever();
    case ACT_BLOCK:
        sleep_for_ever();
    case ACT_VIOLATE:
        violate();
        break;
    case ACT_HANG_UP:
        (void)shutdown(CHANNEL_FD, SHUT_RDWR);
        sleep_for_ever();
    case ACT_LEAK:
        leak();
        break;
    case ACT_HOARD:
        hoard();
        break;
    case ACT_SHOUT:
        shout(self, amount);
        break;
    case ACT_PRINT:
        print(self, amount);
        break;
    default:
        chaos_check(false, "no such order: %d", (int)act);
        break;
    }
}

void worker_obey(struct yoke_call *call, const Chaos__Order *order, void *user_data) {
    struct worker *self = user_data;
    worker_handles(order->slot, order->serial);
    chaos_note_act(yoke_worker_id(self->yoke), (enum chaos_act)order->act);
    misbehave(self, (enum chaos_act)order->act, order->amount);
    const Chaos__Answer answer = worker_answer(self, order->slot, order->serial, 0);
    (void)chaos_work_obey_reply(call, &answer);
}
