/* honest.c: see honest.h. */
#include "honest.h"

#include "memory.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its call with a deadline gets so long: much more than making it takes. */
#define BRIEF_US 50000

const struct yoke_limits honest_limits = {
    .max_message_bytes = 4u << 20,
    .max_queued_bytes = 2u << 20,
    .max_buffered_bytes = 8u << 20,
    .max_incoming_calls = 256,
};

void honest_log(enum yoke_log_level level, const char *message, void *user_data) {
    struct honest *honest = user_data;
    if (level <= YOKE_LOG_WARNING) {
        snprintf(honest->record.log, sizeof(honest->record.log), "%s", message);
    }
}

/* ---- Handlers */

static void run(struct honest *honest, const struct yoke_call *call) {
    honest->record.runs += yoke_call_peer(call)->pid != honest->friend_pid;
}

static void give_up(struct yoke_call *call, void *user_data) {
    (void)user_data;
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void echo(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    run(user_data, call);
    probe_common_echo_reply(call, request);
}

static void echo_tree(struct yoke_call *call, const Probe__Tree *request, void *user_data) {
    run(user_data, call);
    probe_common_echo_tree_reply(call, request);
}

/* Answered with nothing, which shows that it could be read. */
static void take_lists(struct yoke_call *call, const Probe__Lists *request, void *user_data) {
    const Probe__Lists reply = PROBE__LISTS__INIT;
    (void)request;
    run(user_data, call);
    probe_common_echo_lists_reply(call, &reply);
}

static void make(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    run(user_data, call);
    Probe__Payload reply = PROBE__PAYLOAD__INIT;
    reply.data.len = (size_t)request->value;
    reply.data.data = calloc(reply.data.len + 1, 1);
    if (reply.data.data == NULL) {
        abort();
    }
    probe_common_make_reply(call, &reply);
    free(reply.data.data);
}

static void hold(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    struct honest *honest = user_data;
    (void)request;
    run(honest, call);
    if (honest->ignored_count == HONEST_HELD_MAX) {
        abort();
    }
    honest->ignored[honest->ignored_count++] = call;
}

/* A call that waits is answered when it is cancelled; or at the end, in vain. */
static void end_wait(struct yoke_call *call) {
    struct yoke_call **slot = yoke_call_data(call);
    *slot = NULL;
    yoke_call_fail(call, YOKE_ABORTED, NULL);
}

static void on_wait_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    end_wait(call);
}

static void wait_for_cancel(struct honest *honest, struct yoke_call *call) {
    struct yoke_call **slot = honest->waiting;
    while (*slot != NULL) {
        if (++slot == honest->waiting + HONEST_HELD_MAX) {
            abort();
        }
    }
    *slot = call;
    yoke_call_set_data(call, slot);
    yoke_call_on_cancel(call, on_wait_cancelled, NULL);
}

static void never(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    run(user_data, call);
    wait_for_cancel(user_data, call);
}

/* As many messages as the peer takes, for as long as it lives. */
static void count_on(struct yoke_call *call, void *user_data) {
    static uint8_t data[4096];
    Probe__Payload reply = PROBE__PAYLOAD__INIT;
    (void)user_data;
    reply.data.data = data;
    reply.data.len = sizeof(data);
    int error;
    do {
        error = probe_streams_count_reply(call, &reply);
    } while (error == 0);
    if (error != -EAGAIN) {
        end_wait(call);
    }
}

static void count(struct yoke_call *call, const Probe__StreamPlan *request, void *user_data) {
    (void)request;
    run(user_data, call);
    wait_for_cancel(user_data, call);
    yoke_call_on_writable(call, count_on, NULL);
    count_on(call, NULL);
}

void honest_release(struct honest *honest) {
    for (unsigned i = 0; i < honest->ignored_count; i++) {
        yoke_call_fail(honest->ignored[i], YOKE_ABORTED, NULL);
    }
    honest->ignored_count = 0;
    for (unsigned i = 0; i < HONEST_HELD_MAX; i++) {
        if (honest->waiting[i] != NULL) {
            end_wait(honest->waiting[i]);
        }
    }
}

/* Sum is put on hold as it opens, and never read. */
static void sum(struct yoke_call *call, void *user_data) {
    run(user_data, call);
    yoke_call_on_cancel(call, give_up, NULL);
    yoke_call_hold(call);
}

static void sum_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    struct honest *honest = user_data;
    (void)call;
    (void)message;
    honest->record.received++;
}

static void sum_end(struct yoke_call *call, void *user_data) {
    const Probe__Number reply = PROBE__NUMBER__INIT;
    (void)user_data;
    probe_streams_sum_reply(call, &reply);
}

/* Chat reads and says nothing. */
static void chat(struct yoke_call *call, void *user_data) {
    run(user_data, call);
    yoke_call_on_cancel(call, give_up, NULL);
}

static void chat_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    yoke_call_finish(call);
}

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    struct honest *honest = user_data;
    (void)event;
    honest->record.events += peer->pid != honest->friend_pid;
}

static void on_grown(const struct yoke_peer *peer, const Probe__Grown *event, void *user_data) {
    struct honest *honest = user_data;
    (void)event;
    honest->record.events += peer->pid != honest->friend_pid;
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    abort(); /* it came over the wire */
}

int honest_serve(struct honest *honest, struct yoke_server *server, struct yoke_events *events) {
    static const struct probe_common_handlers common = {
        .echo = echo, .echo_tree = echo_tree, .echo_lists = take_lists, .make = make, .never = never, .hold = hold};
    static const struct probe_streams_handlers streams = {.count = count,
                                                          .sum = sum,
                                                          .sum_message = sum_message,
                                                          .sum_end = sum_end,
                                                          .chat = chat,
                                                          .chat_message = sum_message,
                                                          .chat_end = chat_end};
    int error = probe_common_serve(server, &common, honest);
    error = error != 0 ? error : probe_streams_serve(server, &streams, honest);
    error = error != 0 ? error : probe_tick_on(events, on_tick, honest);
    return error != 0 ? error : probe_grown_on(events, on_grown, honest);
}

/* ---- Its own calls */

static void end(struct honest *honest, enum honest_call call, const struct yoke_status *status) {
    honest->record.ends[call].count++;
    honest->record.ends[call].code = (int)status->code;
}

static void on_tree(struct yoke_call *call, const struct yoke_status *status, const Probe__Tree *reply,
                    void *user_data) {
    (void)call;
    (void)reply;
    end(user_data, HONEST_TREE, status);
}

static void on_chat_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    struct honest *honest = user_data;
    (void)call;
    (void)message;
    honest->record.replies++;
}

static void on_chat(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    end(user_data, HONEST_CHAT, status);
}

static void on_brief(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                     void *user_data) {
    (void)call;
    (void)reply;
    end(user_data, HONEST_BRIEF, status);
}

int honest_start(struct honest *honest, struct yoke_channel *channel) {
    static uint8_t data[HONEST_MESSAGE_SIZE - 2];
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = BRIEF_US};
    const Probe__Tree tree = PROBE__TREE__INIT;
    const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    struct yoke_call *chat_call = NULL;
    payload.data.data = data;
    payload.data.len = sizeof(data);
    int error = probe_common_echo_tree(channel, &tree, NULL, on_tree, honest);
    error = error != 0 ? error : probe_streams_chat(channel, NULL, on_chat_message, on_chat, honest, &chat_call);
    error = error != 0 ? error : probe_streams_chat_send(chat_call, &payload);
    return error != 0 ? error : probe_common_never(channel, &empty, &options, on_brief, honest);
}

/* ---- Workers */

static void on_nested(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                      void *user_data) {
    (void)call;
    if (status->code == YOKE_OK) {
        probe_common_echo_reply(user_data, reply);
    } else {
        yoke_call_fail(user_data, YOKE_ABORTED, status->message);
    }
}

static void echo_nested(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    if (probe_common_echo(user_data, request, NULL, on_nested, call) != 0) {
        yoke_call_fail(call, YOKE_ABORTED, "the master cannot be called");
    }
}

int honest_neighbour(struct yoke_worker *worker, void *user_data) {
    static const struct probe_common_handlers common = {.echo = echo_nested};
    (void)user_data;
    int error = probe_common_serve(yoke_worker_server(worker), &common, yoke_worker_master(worker));
    return error != 0 ? 1 : yoke_worker_run(worker);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)watcher;
    (void)events;
}

int honest_victim(struct yoke_worker *worker, void *user_data) {
    struct honest *honest = user_data;
    if (honest_serve(honest, yoke_worker_server(worker), yoke_worker_events(worker)) != 0 ||
        yoke_v1_worker_died_on(yoke_worker_events(worker), on_died, NULL) != 0 ||
        honest_start(honest, yoke_worker_master(worker)) != 0) {
        return 1;
    }
    /* A program has watchers of its own, which keep its loop running whatever becomes of the channel. */
    ev_timer timer;
    ev_timer_init(&timer, on_timer, 0.1, 0.1);
    ev_timer_start(yoke_worker_loop(worker), &timer);
    memory_reset_peak();
    size_t before = memory_live_bytes();
    int exit_code = yoke_worker_run(worker);
    ev_timer_stop(yoke_worker_loop(worker), &timer);
    honest->record.peak_bytes = memory_peak_bytes() - before;
    honest_release(honest);
    (void)!write(STDOUT_FILENO, &honest->record, sizeof(honest->record));
    return exit_code;
}
