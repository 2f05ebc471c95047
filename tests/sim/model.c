/* model.c: see sim.h: what may come of what was accepted: messages, statuses, cancellations, failures. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- Messages --------------------------------------------------------------------------------------------------- */

void sim_check_message(struct sim_call *call, bool is_up, const Sim__Bytes *message) {
    struct sim_flow *flow = is_up ? &call->up : &call->down;
    const struct sim_side *receiver = &world.sides[is_up ? sim_server_side(call) : call->side];
    sim_record(receiver->index, "message", call, (int64_t)message->data.len);
    SIM_CHECK_CALL(call, message != NULL && flow->received < flow->arrived && flow->received < flow->sent);
    SIM_CHECK_CALL(call, !is_up || !flow->end_received);
    SIM_CHECK_CALL(call, is_up || call->must == SIM_NO_CODE);
    bool is_stream = is_up ? sim_streams_up(call) : sim_streams_down(call);
    SIM_CHECK_CALL(call, !is_stream || !flow->held || receiver->ended);
    uint32_t length = flow->lengths[flow->received];
    const Sim__Bytes expected = sim_message(call, is_up, flow->received, length);
    SIM_CHECK_CALL(call, message->data.len == length);
    SIM_CHECK_CALL(call, length == 0 || memcmp(message->data.data, expected.data.data, length) == 0);
    flow->received++;
    world.messages++;
}

/* ---- Statuses --------------------------------------------------------------------------------------------------- */

static bool has_passed(const struct sim_call *call) {
    return (call->deadline_ns != 0 && call->deadline_ns <= world.now_ns) ||
           (call->server_deadline_ns != 0 && call->server_deadline_ns <= world.now_ns);
}

/* Is one of the lists that go with the answer too long? */
static bool is_beyond(const struct sim_call *call, size_t limit) {
    return call->lists[SIM_HEADERS].bytes > limit || call->lists[SIM_TRAILERS].bytes > limit ||
           call->lists[SIM_DETAILS].bytes > limit;
}

/* Why a call can run out of something, by what its status says. */
static bool may_be_exhausted(const struct sim_call *call, const char *message) {
    struct yoke_limits limits[2] = {world.config.limits[0], world.config.limits[1]};
    for (unsigned i = 0; i < 2; i++) {
        limits[i].max_metadata_bytes = world.sides[i].engine.limits.max_metadata_bytes;
    }
    const struct yoke_limits *ours = &limits[call->side];
    const struct yoke_limits *theirs = &limits[sim_server_side(call)];
    const struct {
        const char *text;
        bool is_possible;
    } reasons[] = {
        /* What is too long together is not looked at. */
        {"the request is larger than max_message_bytes",
         call->up.has_oversized || call->lists[SIM_REQUEST].bytes > theirs->max_metadata_bytes},
        {"max_incoming_calls are unanswered", theirs->max_incoming_calls != 0},
        {"max_buffered_bytes of requests", theirs->max_buffered_bytes != 0},
        {"max_queued_bytes wait", theirs->max_queued_bytes != 0},
        {"max_buffered_bytes of unread", theirs->max_buffered_bytes != 0 || ours->max_buffered_bytes != 0},
        {"larger than its receiver allows", call->up.has_oversized || call->down.has_oversized},
        {"larger than max_reply_bytes", call->down.has_oversized || is_beyond(call, ours->max_metadata_bytes)},
        {"larger than max_message_bytes", call->answer_result != 0},
        {"the metadata is larger", call->lists[SIM_REQUEST].bytes > theirs->max_metadata_bytes},
        {"the metadata of the answer", is_beyond(call, ours->max_metadata_bytes)},
        {"there was no room to send", call->has_waited && ours->max_queued_bytes != 0},
        {"out of memory", world.memory_has_failed},
        {"too much memory", world.memory_has_failed},
        {"", world.memory_has_failed},
    };
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
        if (reasons[i].is_possible && strstr(message, reasons[i].text) != NULL) {
            return true;
        }
    }
    return false;
}

/* Is this what the handler said? */
static bool is_answer(const struct sim_call *call, const struct yoke_status *status) {
    if (call->kind == SIM_PING) {
        return status->code == YOKE_OK && call->end_code == YOKE_OK;
    }
    if (!call->answered || call->answer_result != 0 || sim_map_status(call, call->answer_code) != (int)status->code) {
        return false;
    }
    char message[32];
    (void)snprintf(message, sizeof(message), "failure of call %u", call->number);
    const char *expected = status->code == YOKE_OK ? "" : message;
    return strcmp(status->message, expected) == 0 ||
           (status->code == YOKE_ABORTED && strcmp(status->message, "spoiled") == 0) ||
           (world.memory_has_failed && status->message[0] == '\0');
}

/* Is this its message? There may have been no memory to keep it. */
static bool says(const struct yoke_status *status, const char *text) {
    return strstr(status->message, text) != NULL || (world.memory_has_failed && status->message[0] == '\0');
}

/* As a part of another call that has been cancelled. */
static bool went_with_parent(const struct sim_call *call) {
    const struct sim_call *parent = call->parent;
    return parent != NULL && (parent->server != NULL ? yoke_call_is_cancelled(parent->server) : parent->was_cancelled);
}

/* Could the framework have ended the call so? */
static bool is_possible(const struct sim_call *call, const struct yoke_status *status) {
    const struct sim_side *ours = &world.sides[call->side];
    const struct sim_side *theirs = &world.sides[sim_server_side(call)];
    switch (status->code) {
    case YOKE_CANCELLED:
        return ours->has_given_up || went_with_parent(call);
    case YOKE_DEADLINE_EXCEEDED:
        return has_passed(call);
    case YOKE_RESOURCE_EXHAUSTED:
        return may_be_exhausted(call, status->message);
    case YOKE_UNIMPLEMENTED:
        return call->kind == SIM_MISSING || call->kind == SIM_ABSENT;
    case YOKE_PERMISSION_DENIED:
        return call->refused && says(status, "refused");
    case YOKE_UNAVAILABLE:
        return (ours->ended && says(status, ours->end_message)) ||
               (theirs->has_given_up && says(status, "the process has given up")) ||
               (call->has_waited && says(status, "the peer that the call has waited for")) ||
               ((call->has_waited || world.config.keeps[call->side]) && says(status, "there is no worker")) ||
               (theirs->connection.going_away && !call->dispatched && says(status, "going away"));
    default:
        return false;
    }
}

/* What goes around the messages is there, or as much of it as had been added when something else ended the call. */
static void check_around(const struct sim_call *call, bool is_answered) {
    bool is_whole = is_answered && call->kind != SIM_PING;
    sim_check_list(call, SIM_HEADERS, yoke_call_headers(call->client), is_whole);
    sim_check_list(call, SIM_TRAILERS, yoke_call_trailers(call->client), is_whole);
    if (is_whole && call->answer_code != YOKE_OK) {
        sim_check_details(call);
    }
}

void sim_check_status(const struct sim_call *call, const struct yoke_status *status) {
    const struct sim_flow *down = &call->down;
    if (call->must != SIM_NO_CODE) {
        SIM_CHECK_CALL(call, (int)status->code == call->must);
        return;
    }
    if (is_answer(call, status)) {
        /* All that was sent before is there. */
        SIM_CHECK_CALL(call, down->end_arrived && (call->kind == SIM_PING || call->end_code == call->answer_code));
        SIM_CHECK_CALL(call, down->arrived == down->sent && (call->kind == SIM_PING || down->received == down->sent));
        check_around(call, true);
        return;
    }
    check_around(call, false);
    if (!is_possible(call, status)) {
        sim_fail(__FILE__, __LINE__, "call %u cannot end with %s (%s)", call->number, yoke_code_name(status->code),
                 status->message);
    }
    if (status->code == YOKE_UNAVAILABLE && world.sides[call->side].connection.failure[0] == '\0') {
        /* What came before the connection ended is delivered, but a status that came would have been, too. */
        SIM_CHECK_CALL(call, !down->end_arrived || call->end_code == YOKE_UNAVAILABLE);
        SIM_CHECK_CALL(call, !sim_streams_down(call) || down->received == down->arrived);
    }
}

void sim_check_cancelled(const struct sim_call *call) {
    const struct yoke_limits *limits = &world.config.limits[sim_server_side(call)];
    bool is_broken = call->up.has_oversized || limits->max_buffered_bytes != 0 || world.memory_has_failed;
    SIM_CHECK_CALL(call, call->cancel_arrived || world.sides[sim_server_side(call)].has_given_up || has_passed(call) ||
                             world.sides[sim_server_side(call)].ended || (sim_streams_up(call) && is_broken));
}

void sim_check_failure(const struct sim_side *side) {
    const char *failure = side->connection.failure;
    bool is_unread = world.config.limits[side->index].max_queued_bytes != 0 && strstr(failure, "of answers are queued");
    bool is_memory = world.memory_has_failed && side->connection.is_own_failure && strstr(failure, "out of memory");
    if (!is_unread && !is_memory) {
        sim_fail(__FILE__, __LINE__, "the %s has failed its connection: %s", side->index == 0 ? "master" : "worker",
                 failure);
    }
}
