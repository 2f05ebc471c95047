/* conversation.c: see conversation.h. Nothing in here allocates, so that what fails is Yoke's. */
#include "conversation.h"

#include "probe.yoke.h"

#include "harness.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* More than goes in one frame. */
#define LARGE_SIZE (1200u * 1024u)

/* What goes in shared memory from the second time on, both ways. */
#define SHARED_SIZE (65u * 1024u)

/* A worker that was not told to stop, because that failed, gets so long. */
#define STOP_TIMEOUT_MS 10

/* One that does not come to be ready, because that failed. */
#define START_TIMEOUT_MS 5000

static uint8_t large[LARGE_SIZE];

/* ---- What both sides serve */

static void echo(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    (void)user_data;
    (void)probe_common_echo_reply(call, request);
}

static void give_up(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void never(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    (void)user_data;
    (void)yoke_call_on_cancel(call, give_up, NULL);
}

static void count(struct yoke_call *call, const Probe__StreamPlan *request, void *user_data) {
    const Probe__Payload reply = PROBE__PAYLOAD__INIT;
    int error = 0;
    (void)user_data;
    for (uint32_t i = 0; i < request->reply && error == 0; i++) {
        error = probe_streams_count_reply(call, &reply);
    }
    if (error == 0) {
        (void)yoke_call_finish(call);
    } else {
        (void)yoke_call_fail(call, YOKE_ABORTED, "a message was not accepted");
    }
}

static void open_stream(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_on_cancel(call, give_up, NULL);
}

static void sum_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    (void)call;
    (void)message;
    (void)user_data;
}

static void sum_end(struct yoke_call *call, void *user_data) {
    const Probe__Number reply = PROBE__NUMBER__INIT;
    (void)user_data;
    (void)probe_streams_sum_reply(call, &reply);
}

static void chat_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    (void)user_data;
    if (probe_streams_chat_reply(call, message) != 0) {
        (void)yoke_call_fail(call, YOKE_ABORTED, "a message was not accepted");
    }
}

static void chat_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_finish(call);
}

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
}

static int serve(struct yoke_server *server, const struct probe_common_handlers *common, void *user_data) {
    static const struct probe_streams_handlers streams = {.count = count,
                                                          .sum = open_stream,
                                                          .sum_message = sum_message,
                                                          .sum_end = sum_end,
                                                          .chat = open_stream,
                                                          .chat_message = chat_message,
                                                          .chat_end = chat_end};
    int error = probe_common_serve(server, common, user_data);
    return error != 0 ? error : probe_streams_serve(server, &streams, NULL);
}

/* ---- The worker */

/* The call that Hold has made to the master. */
struct nested {
    struct yoke_call *call;
    unsigned ends;
};

static void on_nested(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                      void *user_data) {
    struct nested *nested = user_data;
    (void)call;
    if (nested->ends++ != 0) {
        abort();
    }
    if (status->code == YOKE_OK) {
        (void)probe_common_hold_reply(nested->call, reply);
    } else {
        (void)yoke_call_fail(nested->call, YOKE_ABORTED, status->message);
    }
}

static void hold(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    static struct nested nested;
    const Probe__Tick tick = PROBE__TICK__INIT;
    nested = (struct nested){.call = call};
    (void)probe_tick_emit(user_data, &tick);
    if (probe_common_echo(user_data, request, NULL, on_nested, &nested) != 0) {
        (void)yoke_call_fail(call, YOKE_ABORTED, "the master cannot be called");
    }
}

int conversation_worker(struct yoke_worker *worker, void *user_data) {
    static const struct probe_common_handlers common = {.echo = echo, .hold = hold, .never = never};
    (void)user_data;
    if (serve(yoke_worker_server(worker), &common, yoke_worker_master(worker)) != 0 ||
        probe_tick_on(yoke_worker_events(worker), on_tick, NULL) != 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master's calls */

/* Until the condition holds, or nothing is left that could make it hold. */
#define WAIT(conversation, condition)                                                             \
    while (!(condition) && !(conversation)->is_stuck) {                                           \
        (conversation)->is_stuck = ev_run((conversation)->loop, EVRUN_ONCE) == 0 && !(condition); \
    }

/* One call: its place in the record goes with it. */
struct place {
    struct conversation *conversation;
    unsigned number;
};

static struct place places[CONVERSATION_CALLS_MAX];

static struct place *take_place(struct conversation *conversation) {
    struct place *place = &places[conversation->made];
    *place = (struct place){conversation, conversation->made};
    return place;
}

/* The call was accepted, if there was no error. */
static void made(struct conversation *conversation, int error) {
    conversation->made += error == 0;
}

static void end(struct place *place, const struct yoke_status *status) {
    struct conversation *conversation = place->conversation;
    conversation->calls[place->number].count++;
    conversation->calls[place->number].code = status->code;
    conversation->completed++;
}

static void on_payload(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                       void *user_data) {
    (void)call;
    (void)reply;
    end(user_data, status);
}

static void on_number(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                      void *user_data) {
    (void)call;
    (void)reply;
    end(user_data, status);
}

static void on_empty(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                     void *user_data) {
    (void)call;
    (void)reply;
    end(user_data, status);
}

static void on_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    (void)call;
    (void)message;
    (void)user_data;
}

static void on_stream(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    end(user_data, status);
}

static void make_unary(struct conversation *conversation, struct yoke_channel *channel) {
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    made(conversation, probe_common_hold(channel, &payload, NULL, on_payload, take_place(conversation)));
    payload.data.data = large;
    payload.data.len = LARGE_SIZE;
    made(conversation, probe_common_echo(channel, &payload, NULL, on_payload, take_place(conversation)));
}

/* One after the other: the master asks the worker, which asks the master. */
static void talk_in_memory(struct conversation *conversation, struct yoke_channel *channel) {
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    payload.data.data = large;
    payload.data.len = SHARED_SIZE;
    for (unsigned i = 0; i < CONVERSATION_SHARED_CALLS; i++) {
        made(conversation, probe_common_hold(channel, &payload, NULL, on_payload, take_place(conversation)));
        WAIT(conversation, conversation->completed >= conversation->made);
    }
}

static void make_cancelled(struct conversation *conversation, struct yoke_channel *channel) {
    struct yoke_call *call = NULL;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    int error = probe_common_never(channel, &empty, &options, on_empty, take_place(conversation));
    made(conversation, error);
    if (error == 0) {
        (void)yoke_call_cancel(call);
    }
}

/* What is not accepted is left out: a stream may be shorter, but it ends. */
static void make_streams(struct conversation *conversation, struct yoke_channel *channel) {
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    const Probe__Payload payload = PROBE__PAYLOAD__INIT;
    struct yoke_call *sum = NULL;
    struct yoke_call *chat = NULL;
    plan.reply = 3;
    made(conversation, probe_streams_count(channel, &plan, NULL, on_message, on_stream, take_place(conversation)));
    made(conversation, probe_streams_sum(channel, NULL, on_number, take_place(conversation), &sum));
    made(conversation, probe_streams_chat(channel, NULL, on_message, on_stream, take_place(conversation), &chat));
    for (unsigned i = 0; i < 3; i++) {
        (void)(sum == NULL || probe_streams_sum_send(sum, &payload));
        (void)(chat == NULL || probe_streams_chat_send(chat, &payload));
    }
    if (sum != NULL && yoke_call_half_close(sum) != 0) {
        (void)yoke_call_cancel(sum);
    }
    if (chat != NULL && yoke_call_half_close(chat) != 0) {
        (void)yoke_call_cancel(chat);
    }
}

/* ---- The master */

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    struct conversation *conversation = user_data;
    (void)peer;
    if (conversation->worker_count < CONVERSATION_WORKERS_MAX) {
        conversation->workers[conversation->worker_count].pid = event->pid;
        conversation->workers[conversation->worker_count].started++;
    }
    conversation->worker_count++;
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    struct conversation *conversation = user_data;
    (void)peer;
    for (unsigned i = 0; i < CONVERSATION_WORKERS_MAX; i++) {
        conversation->workers[i].died += conversation->workers[i].pid == event->pid;
    }
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    struct conversation *conversation = user_data;
    (void)peer;
    (void)event;
    conversation->stopped++;
}

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    struct conversation *conversation = user_data;
    (void)peer;
    conversation->reloaded++;
    conversation->was_renewed = event->replaced == 2;
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    struct conversation *conversation = user_data;
    (void)peer;
    (void)event;
    conversation->reloaded++;
}

static int open_master(struct conversation *conversation) {
    static const struct probe_common_handlers common = {.echo = echo, .never = never};
    conversation->loop = ev_loop_new(EVFLAG_AUTO);
    if (conversation->loop == NULL) {
        return -ENOMEM;
    }
    int error = yoke_master_create(conversation->loop, NULL, &conversation->master);
    if (error != 0) {
        return error;
    }
    struct yoke_events *events = yoke_master_events(conversation->master);
    error = serve(yoke_master_server(conversation->master), &common, NULL);
    error = error != 0 ? error : probe_tick_on(events, on_tick, NULL);
    error = error != 0 ? error : yoke_v1_worker_started_on(events, on_started, conversation);
    error = error != 0 ? error : yoke_v1_worker_died_on(events, on_died, conversation);
    error = error != 0 ? error : yoke_v1_pool_reloaded_on(events, on_reloaded, conversation);
    error = error != 0 ? error : yoke_v1_pool_reload_failed_on(events, on_reload_failed, conversation);
    return error != 0 ? error : yoke_v1_pool_stopped_on(events, on_stopped, conversation);
}

static int open_pool(struct conversation *conversation, const struct conversation_options *options) {
    char path[PATH_MAX];
    struct yoke_pool_options pool = {YOKE_POOL_OPTIONS_INIT, .name = "host", .workers = options->workers,
                                     .start_ms = START_TIMEOUT_MS, .stop = {.drain_ms = STOP_TIMEOUT_MS}};
    if (options->furnished) {
        /* The leak check of sanitizers traces the process, which the profile refuses. */
        static const char *const environment[] = {"ASAN_OPTIONS=detect_leaks=0", "HOME", NULL};
        pool.identity = (struct yoke_identity_options){
            .nice = 1, .directory = "/", .seccomp = YOKE_SECCOMP_WORKER, .environment = environment, .title = "host"};
        pool.output.mode = YOKE_OUTPUT_EVENTS;
    }
    snprintf(path, sizeof(path), "%s/host_program", test_program_dir());
    if (options->exec) {
        pool.path = path;
    } else {
        pool.entry = conversation_worker;
    }
    return yoke_pool_create(conversation->master, &pool, &conversation->pool);
}

static void talk(struct conversation *conversation, const struct conversation_options *options) {
    const Probe__Tick tick = PROBE__TICK__INIT;
    struct yoke_channel *channel = yoke_pool_channel(conversation->pool);
    for (unsigned i = 0; i < options->workers; i++) {
        make_unary(conversation, yoke_child_channel(yoke_pool_child(conversation->pool, i)));
    }
    make_streams(conversation, channel);
    make_cancelled(conversation, channel);
    (void)yoke_channel_emit(channel, &probe_tick_event, &tick);
    WAIT(conversation, conversation->completed >= conversation->made);
    talk_in_memory(conversation, yoke_child_channel(yoke_pool_child(conversation->pool, 0)));
    if (options->kill) {
        struct yoke_child *first = yoke_pool_child(conversation->pool, 0);
        make_unary(conversation, yoke_child_channel(first));
        if (yoke_child_kill(first, SIGKILL) == 0) {
            WAIT(conversation, yoke_child_state(first) == YOKE_CHILD_DEAD);
        }
    }
}

static void renew(struct conversation *conversation) {
    struct yoke_pool *pool = conversation->pool;
    bool has_grown = yoke_pool_scale(pool, 2) == 0;
    if (yoke_pool_reload(pool) == 0) {
        WAIT(conversation, conversation->reloaded == 1);
    }
    conversation->was_renewed &= has_grown && yoke_pool_scale(pool, 1) == 0;
}

void converse(struct conversation *conversation, const struct conversation_options *options) {
    *conversation = (struct conversation){0};
    conversation->error = open_master(conversation);
    if (conversation->error == 0) {
        conversation->error = open_pool(conversation, options);
    }
    if (conversation->error == 0) {
        if (options->renew) {
            renew(conversation);
        } else {
            talk(conversation, options);
        }
        yoke_master_stop(conversation->master);
        WAIT(conversation, conversation->stopped > 0);
    }
    (void)yoke_master_destroy(conversation->master);
    if (conversation->loop != NULL) {
        ev_loop_destroy(conversation->loop);
    }
}
