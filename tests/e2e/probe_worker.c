/* probe_worker.c: see probe_worker.h. probe.Worker's handlers, the ones about calls to the master apart. */
#include "probe_worker.h"

#include "act_service.h"
#include "call_master.h"
#include "common_service.h"
#include "drain_worker.h"
#include "start_worker.h"
#include "sync_worker.h"
#include "worker_state.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CHANNEL_FD 3

struct yoke_channel *probe_foreign_channel;

static const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

/* ---- Ending */

static void end(struct worker_state *state, const Probe__EndRequest *request) {
    if (request == NULL) {
        return;
    }
    switch (request->how) {
    case PROBE__END__END_STOP:
        yoke_worker_stop(state->worker, request->code);
        break;
    case PROBE__END__END_DRAIN:
        yoke_worker_drain(state->worker, request->code, request->timeout_us);
        break;
    case PROBE__END__END_EXIT:
        _exit(request->code);
    case PROBE__END__END_RAISE:
        signal(request->code, SIG_DFL);
        raise(request->code);
        break;
    default:
        break;
    }
}

static void finish(struct yoke_call *call, const Probe__EndRequest *request, void *user_data) {
    struct worker_state *state = user_data;
    end(state, request);
    probe_worker_finish_reply(call, &empty);
}

static void release_and_finish(struct yoke_call *call, const Probe__EndRequest *request, void *user_data) {
    struct worker_state *state = user_data;
    common_release(&state->common, false);
    probe_worker_release_and_finish_reply(call, &empty);
    end(state, request);
}

static void close_channel(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)call;
    (void)request;
    (void)user_data;
    close(CHANNEL_FD);
    for (;;) {
        pause();
    }
}

static void block(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)call;
    (void)request;
    (void)user_data;
    for (;;) {
        pause();
    }
}

/* ---- Sending much, and sending what Yoke would not */

static int emit_ticks(struct yoke_worker *worker, uint32_t count, uint32_t bytes) {
    Probe__Tick tick = PROBE__TICK__INIT;
    int error = 0;
    tick.data.len = bytes;
    tick.data.data = calloc(bytes + 1, 1);
    for (uint32_t i = 0; i < count && error == 0; i++) {
        tick.number = i;
        error = probe_tick_emit(yoke_worker_master(worker), &tick);
    }
    free(tick.data.data);
    return error;
}

static void burst(struct yoke_call *call, const Probe__BurstRequest *request, void *user_data) {
    struct worker_state *state = user_data;
    if (emit_ticks(state->worker, request->events, request->bytes) != 0) {
        yoke_call_fail(call, YOKE_ABORTED, "emit failed");
        return;
    }
    probe_worker_burst_reply(call, &empty);
    end(state, request->end);
}

static void write_channel(const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(CHANNEL_FD, data, size);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = CHANNEL_FD, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return; /* the master has had enough of it */
        }
    }
}

static void send_raw(struct yoke_call *call, const Probe__RawRequest *request, void *user_data) {
    write_channel(request->data.data, request->data.len);
    end(user_data, request->end);
    probe_worker_send_raw_reply(call, &empty);
}

/* ---- Slow */

struct slow_call {
    ev_timer timer;
    struct yoke_call *call;
    int64_t value;
};

static void on_slow_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    struct slow_call *slow = (struct slow_call *)timer;
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = slow->value;
    ev_timer_stop(loop, timer);
    probe_worker_slow_reply(slow->call, &reply);
    free(slow);
}

static void slow(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    struct worker_state *state = user_data;
    struct slow_call *later = calloc(1, sizeof(*later));
    if (later == NULL) {
        yoke_call_fail(call, YOKE_ABORTED, "the test is out of memory");
        return;
    }
    later->call = call;
    later->value = request->value;
    ev_timer_init(&later->timer, on_slow_timer, (double)request->value / 1000, 0.);
    ev_timer_start(yoke_worker_loop(state->worker), &later->timer);
}

/* ---- Calling the master */

static void on_reflected(struct around_call *around, void *user_data) {
    struct yoke_call *call = user_data;
    (void)probe_worker_reflect_master_reply(call, &around->result);
    free(around);
}

static void reflect_master(struct yoke_call *call, const Probe__AroundRequest *request, void *user_data) {
    const struct worker_state *state = user_data;
    struct around_call *around = calloc(1, sizeof(*around));
    if (around == NULL) {
        abort();
    }
    around->on_end = on_reflected;
    around->user_data = call;
    around_call_start(around, yoke_worker_master(state->worker), request);
}

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    Probe__Number reply = PROBE__NUMBER__INIT;
    (void)answer_us;
    reply.value = status->code;
    (void)probe_worker_ping_master_reply(user_data, &reply);
}

static void ping_master(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    const struct worker_state *state = user_data;
    (void)request;
    if (yoke_channel_ping(yoke_worker_master(state->worker), 0, on_pong, call) != 0) {
        (void)yoke_call_fail(call, YOKE_ABORTED, "no ping");
    }
}

static void call_on(struct worker_state *state);

static void on_kept_call(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                         void *user_data) {
    struct worker_state *state = user_data;
    (void)reply;
    if (status->code == YOKE_OK) {
        state->kept.ok++;
    } else if (yoke_call_is_safe_to_retry(call)) {
        state->kept.safe++;
    } else {
        state->kept.unsafe++;
    }
    call_on(state);
}

/* The last call is refused: then it is time to tell. */
static void call_on(struct worker_state *state) {
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .independent = true};
    struct yoke_channel *master = yoke_worker_master(state->worker);
    state->kept.error = probe_common_echo(master, &request, &options, on_kept_call, state);
    if (state->kept.error != 0) {
        (void)probe_kept_calling_emit(master, &state->kept);
    }
}

static void keep_calling(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    struct worker_state *state = user_data;
    (void)probe_worker_keep_calling_reply(call, request);
    probe__kept_calling__init(&state->kept);
    call_on(state);
}

/* ---- Looking */

static void inspect(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    const struct worker_state *state = user_data;
    const struct inspection *found = &state->inspection;
    Probe__Inspection reply = PROBE__INSPECTION__INIT;
    Probe__Descriptor descriptors[64];
    Probe__Descriptor *pointers[64];
    for (size_t i = 0; i < found->descriptor_count; i++) {
        probe__descriptor__init(&descriptors[i]);
        descriptors[i].number = found->descriptors[i].number;
        descriptors[i].target = (char *)(uintptr_t)found->descriptors[i].target;
        pointers[i] = &descriptors[i];
    }
    reply.descriptors = pointers;
    reply.n_descriptors = found->descriptor_count;
    reply.blocked_signals = found->blocked_signals;
    reply.ignored_signals = found->ignored_signals;
    reply.caught_signals = found->caught_signals;
    reply.umask = found->umask;
    reply.pid = getpid();
    reply.parent_pid = getppid();
    reply.worker_id = yoke_worker_id(state->worker);
    reply.worker_index = yoke_worker_index(state->worker);
    reply.arguments = state->setup->argv;
    reply.n_arguments = (size_t)state->setup->argc;
    probe_worker_inspect_reply(call, &reply);
}

static void spend(struct yoke_call *call, const Probe__SpendRequest *request, void *user_data) {
    (void)user_data;
    volatile char *memory = malloc(request->memory_bytes + 1);
    struct rusage usage;
    if (memory == NULL) {
        yoke_call_fail(call, YOKE_ABORTED, "the test is out of memory");
        return;
    }
    /* One write per page, each of which the compiler must make. */
    for (size_t i = 0; i < request->memory_bytes; i += 4096) {
        memory[i] = 1;
    }
    do {
        getrusage(RUSAGE_SELF, &usage);
    } while ((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
                 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000 <
             (long)request->cpu_ms);
    free((void *)memory);
    probe_worker_spend_reply(call, &empty);
}

static void use_foreign_channel(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)user_data;
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = probe_common_never(probe_foreign_channel, request, NULL, NULL, NULL);
    probe_worker_use_foreign_channel_reply(call, &reply);
}

static void count_ticks(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    const struct worker_state *state = user_data;
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = state->ticks;
    probe_worker_count_ticks_reply(call, &reply);
}

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    struct worker_state *state = user_data;
    if (peer->worker_id == 0 && peer->pid == getppid() && event->number == (uint64_t)state->ticks) {
        state->ticks++;
    }
}

static const struct probe_worker_handlers worker_handlers = {
    .call_master = call_master,
    .finish = finish,
    .burst = burst,
    .send_raw = send_raw,
    .release_and_finish = release_and_finish,
    .close_channel = close_channel,
    .block = block,
    .slow = slow,
    .inspect = inspect,
    .spend = spend,
    .use_foreign_channel = use_foreign_channel,
    .count_ticks = count_ticks,
    .reflect_master = reflect_master,
    .ping_master = ping_master,
    .keep_calling = keep_calling,
};

/* ---- The worker's life */

static void on_early_echo(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                          void *user_data) {
    (void)call;
    struct worker_state *state = user_data;
    Probe__Noticed noticed = PROBE__NOTICED__INIT;
    noticed.what = (char[]){"early echo"};
    noticed.value = status->code == YOKE_OK ? (int64_t)reply->data.len : -(int64_t)status->code;
    probe_noticed_emit(yoke_worker_master(state->worker), &noticed);
}

static int emit_before_run(struct worker_state *state) {
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t[]){1, 2, 3};
    request.data.len = 3;
    int error = emit_ticks(state->worker, 1024, 1024);
    if (error == 0) {
        error = probe_common_echo(yoke_worker_master(state->worker), &request, NULL, on_early_echo, state);
    }
    return error;
}

static int intercept(struct yoke_worker *worker) {
    static struct around_interceptor first = {.name = "w1"}, second = {.name = "w2"}, caller = {.name = "W"};
    int error = yoke_server_intercept(yoke_worker_server(worker), &around_server_interceptor, &first);
    if (error == 0) {
        error = yoke_server_intercept(yoke_worker_server(worker), &around_server_interceptor, &second);
    }
    return error == 0 ? yoke_channel_intercept(yoke_worker_master(worker), &around_caller_interceptor, &caller) : error;
}

int probe_worker_entry(struct yoke_worker *worker, void *user_data) {
    static struct worker_state state;
    state.setup = user_data;
    state.worker = worker;
    state.streams.master = yoke_worker_master(worker);
    if (state.setup->inspection != NULL) {
        state.inspection = *state.setup->inspection;
    } else {
        inspect_self(&state.inspection);
    }
    switch (state.setup->scenario) {
    case PROBE_RETURN:
        return 5;
    case PROBE_RETURN_AT_FIRST:
        if (yoke_worker_id(worker) <= 4) {
            return 5;
        }
        break;
    case PROBE_EMIT_AND_RETURN:
        return emit_ticks(worker, 1024, 1024) == 0 ? 5 : 6;
    case PROBE_STUBBORN:
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGABRT, SIG_IGN);
        break;
    case PROBE_SILENT:
        for (;;) {
            pause();
        }
    default:
        break;
    }
    if (probe_common_serve(yoke_worker_server(worker), &common_handlers, &state.common) != 0 ||
        probe_worker_serve(yoke_worker_server(worker), &worker_handlers, &state) != 0 ||
        probe_acts_serve(yoke_worker_server(worker), &act_handlers, NULL) != 0 ||
        probe_streams_serve(yoke_worker_server(worker), &stream_handlers, &state.streams) != 0 ||
        probe_stream_driver_serve(yoke_worker_server(worker), &stream_driver_handlers, &state.streams) != 0 ||
        thread_service_serve(&state.threads, worker) != 0 || routed_service_serve(&state.routed, worker) != 0 ||
        probe_tick_on(yoke_worker_events(worker), on_tick, &state) != 0) {
        return 7;
    }
    if (probe_around_serve(yoke_worker_server(worker), &around_handlers, NULL) != 0 ||
        (state.setup->scenario == PROBE_INTERCEPT && intercept(worker) != 0) ||
        accept_service_start(&state.accepts, worker) != 0) {
        return 9;
    }
    bool drains_endlessly = state.setup->scenario == PROBE_DRAIN_ENDLESSLY;
    if ((drains_endlessly || state.setup->scenario == PROBE_DRAIN) &&
        drain_worker_start(worker, drains_endlessly) != 0) {
        return 10;
    }
    if (state.setup->scenario == PROBE_POSTPONE && start_worker_postpone(worker) != 0) {
        return 11;
    }
    if (state.setup->scenario == PROBE_EMIT_BEFORE_RUN && emit_before_run(&state) != 0) {
        return 8;
    }
    if (state.setup->scenario == PROBE_SYNC || state.setup->scenario == PROBE_SYNC_AND_RETURN) {
        sync_worker_check(worker, state.setup->scenario == PROBE_SYNC);
    }
    if (state.setup->scenario == PROBE_SYNC_AND_RETURN) {
        return 5;
    }
    int exit_code = yoke_worker_run(worker);
    thread_service_release(&state.threads);
    return exit_code;
}
