/* death.c: see death.h. */
#include "master/death.h"

#include "master/child.h"
#include "master/seccomp.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define US_PER_S UINT64_C(1000000)

/* What is told of one that ended as it was told to, by why it was. */
static Yoke__V1__DeathReason reason_of_drain(Yoke__V1__DrainReason drain) {
    switch (drain) {
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_RELOAD:
        return YOKE__V1__DEATH_REASON__DEATH_REASON_RELOADED;
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_RECYCLE:
        return YOKE__V1__DEATH_REASON__DEATH_REASON_RECYCLED;
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_SCALE:
        return YOKE__V1__DEATH_REASON__DEATH_REASON_SCALED_DOWN;
    default:
        return YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED;
    }
}

/* Why it was killed by a signal that it did not get for being condemned. */
static Yoke__V1__DeathReason reason_of_signal(const struct yoke__life *life, int signal, uint64_t now_us) {
    if (signal == SIGSYS && life->last_word_fd >= 0 &&
        yoke__last_word_read(life->last_word_fd, life->pool->options.identity.seccomp) != NULL) {
        return YOKE__V1__DEATH_REASON__DEATH_REASON_SYSTEM_CALL;
    }
    if (signal == SIGKILL && yoke__oom_claim(&life->pool->master->oom, now_us)) {
        return YOKE__V1__DEATH_REASON__DEATH_REASON_OUT_OF_MEMORY;
    }
    return YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED;
}

static Yoke__V1__DeathReason find_reason(const struct yoke__life *life, const struct yoke__exit *exit,
                                         uint64_t now_us) {
    bool is_condemned = life->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED;
    if (life->condemned == YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION) {
        return life->condemned;
    }
    if (!exit->known) {
        return is_condemned                ? life->condemned
               : yoke__life_was_told(life) ? reason_of_drain(life->drain)
                                           : YOKE__V1__DEATH_REASON__DEATH_REASON_UNKNOWN;
    }
    if (exit->signal != 0) {
        bool is_ours = is_condemned && (exit->signal == SIGKILL || exit->signal == life->warning);
        return is_ours ? life->condemned : reason_of_signal(life, exit->signal, now_us);
    }
    if (life->condemned == YOKE__V1__DEATH_REASON__DEATH_REASON_HUNG) {
        /* It has a handler for SIGABRT. */
        return life->condemned;
    }
    return yoke__life_was_told(life) ? reason_of_drain(life->drain) : YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED;
}

/* How one ended that was replaced or not needed any more; "was told to stop" is said of others. */
static const char *drain_of(Yoke__V1__DeathReason reason) {
    switch (reason) {
    case YOKE__V1__DEATH_REASON__DEATH_REASON_RELOADED:
        return "was replaced by one of a later generation";
    case YOKE__V1__DEATH_REASON__DEATH_REASON_RECYCLED:
        return "was recycled";
    case YOKE__V1__DEATH_REASON__DEATH_REASON_SCALED_DOWN:
        return "was not needed any more";
    default:
        return "was told to stop";
    }
}

static const char *signal_name(int signal) {
    return sigabbrev_np(signal) != NULL ? sigabbrev_np(signal) : "?";
}

/* What happened, to follow "worker 3 (pid 4711) ". */
static void describe(const struct yoke__life *life, Yoke__V1__DeathReason reason, const struct yoke__exit *exit,
                     char *text, size_t size) {
    switch (reason) {
    case YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION:
        (void)snprintf(text, size, "violated the protocol: %s", life->socket.connection.failure);
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_CHANNEL_CLOSED:
        (void)snprintf(text, size, "closed its channel, lived on, and was killed");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT:
        if (life->pool->is_killed) {
            (void)snprintf(text, size, "was to stop at once, and was killed");
            break;
        }
        (void)snprintf(text, size, "%s, was not through within %u ms, and was killed by SIG%s",
                       yoke__life_was_told(life) ? drain_of(reason_of_drain(life->drain)) : "said that it stops",
                       life->pool->options.stop.drain_ms, signal_name(exit->signal));
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_HUNG:
        if (exit->signal != 0) {
            (void)snprintf(text, size, "gave no sign of life and was killed by SIG%s%s", signal_name(exit->signal),
                           exit->core_dumped ? ", core dumped" : "");
        } else {
            (void)snprintf(text, size, "gave no sign of life and exited with code %d when it got SIGABRT",
                           exit->exit_code);
        }
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_START_TIMEOUT:
        (void)snprintf(text, size, "was not ready within %u ms and was killed", life->pool->options.start_ms);
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_OUT_OF_MEMORY:
        (void)snprintf(text, size, "was killed by the kernel, whose cgroup ran out of memory");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_SYSTEM_CALL:
        (void)snprintf(text, size, "made the system call %s, which it must not, and was killed by SIGSYS%s",
                       yoke__last_word_read(life->last_word_fd, life->pool->options.identity.seccomp),
                       exit->core_dumped ? ", core dumped" : "");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED:
        (void)snprintf(text, size, "was killed by signal %d (SIG%s)%s", exit->signal, signal_name(exit->signal),
                       exit->core_dumped ? ", core dumped" : "");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED:
    case YOKE__V1__DEATH_REASON__DEATH_REASON_RELOADED:
    case YOKE__V1__DEATH_REASON__DEATH_REASON_RECYCLED:
    case YOKE__V1__DEATH_REASON__DEATH_REASON_SCALED_DOWN:
        if (exit->known) {
            (void)snprintf(text, size, "%s and exited with code %d", drain_of(reason), exit->exit_code);
        } else {
            (void)snprintf(text, size, "%s and is dead; somebody else reaped it", drain_of(reason));
        }
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR:
        (void)snprintf(text, size, "was killed because the master could not go on with it: %s",
                       life->socket.connection.failure[0] != '\0' ? life->socket.connection.failure
                                                                  : "the loop cannot watch it");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_UNKNOWN:
        (void)snprintf(text, size, "is dead; somebody else reaped it, so nobody knows why");
        break;
    default:
        (void)snprintf(text, size, "exited with code %d", exit->exit_code);
        break;
    }
}

static uint64_t timeval_us(struct timeval time) {
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_usec;
}

static void fill_usage(const struct rusage *usage, Yoke__V1__WorkerDied *event) {
    event->user_cpu_us = timeval_us(usage->ru_utime);
    event->system_cpu_us = timeval_us(usage->ru_stime);
    event->max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024;
    event->minor_faults = (uint64_t)usage->ru_minflt;
    event->major_faults = (uint64_t)usage->ru_majflt;
    event->voluntary_switches = (uint64_t)usage->ru_nvcsw;
    event->involuntary_switches = (uint64_t)usage->ru_nivcsw;
}

void yoke__death_describe(const struct yoke__life *life, const struct yoke__exit *exit, uint64_t now_us,
                          char detail[YOKE__DEATH_DETAIL_MAX], Yoke__V1__WorkerDied *event) {
    YOKE__LIFE_NAME(life, event);
    event->reason = find_reason(life, exit, now_us);
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_SYSTEM_CALL) {
        event->system_call = (char *)yoke__last_word_read(life->last_word_fd, life->pool->options.identity.seccomp);
    }
    event->exit_code = exit->exit_code;
    event->signal = exit->signal;
    event->core_dumped = exit->core_dumped;
    event->uptime_us = now_us - life->started_us;
    event->calls_in_flight = yoke__life_calls_in_flight(life);
    event->calls_served = yoke__life_calls_served(life);
    fill_usage(&exit->usage, event);
    int prefix =
        snprintf(detail, YOKE__DEATH_DETAIL_MAX, "worker %" PRIu64 " (pid %d) ", life->id, (int)life->process.pid);
    describe(life, event->reason, exit, detail + prefix, YOKE__DEATH_DETAIL_MAX - (size_t)prefix);
    event->detail = detail;
}
