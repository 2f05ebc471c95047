/* cancel.c: see cancel.h. */
#include "rpc/cancel.h"

#include "rpc/call.h"
#include "rpc/connection.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/queue.h"
#include "rpc/stream.h"

#include <errno.h>

#define CANCELLED_MESSAGE "the call was cancelled"
#define DEADLINE_MESSAGE "the deadline has passed"

void yoke__call_settle(struct yoke_call *call, enum yoke_code verdict, const char *message) {
    call->verdict = verdict;
    call->verdict_message = message;
    yoke__link_append(&call->engine->settled, &call->link);
}

void yoke__call_abandon(struct yoke_call *call, enum yoke_code verdict, const char *message) {
    struct yoke__connection *connection = call->connection;
    if (yoke__call_is_waiting(call)) {
        yoke__queue_remove(call);
        yoke__call_settle(call, verdict, message);
        return;
    }
    if (connection == NULL) {
        return;
    }
    bool has_ended = !call->is_mapped;
    if (call->is_watched && !has_ended) {
        yoke__watch_give_up(connection, call);
    }
    yoke__connection_remove_call(connection, call);
    if (!has_ended) {
        yoke__connection_send_cancel(connection, call->stream, call->method->id);
    }
    yoke__call_settle(call, verdict, message);
}

/* The first of the calls that are part of `parent`, taken out; NULL when there is none. */
static struct yoke_call *take_child(struct yoke_call *parent) {
    struct yoke__link *first = parent->children.next;
    if (first == &parent->children) {
        return NULL;
    }
    yoke__link_remove(first);
    return YOKE__CONTAINER(first, struct yoke_call, sibling);
}

void yoke__call_release_children(struct yoke_call *call) {
    while (take_child(call) != NULL) {
    }
}

void yoke__call_revoke(struct yoke_call *call) {
    if (call->cancelled) {
        return;
    }
    call->cancelled = true;
    struct yoke_status status = {YOKE_CANCELLED, CANCELLED_MESSAGE};
    yoke__call_finish(call, &status);
    if (call->connection != NULL) {
        /* It goes on counting against max_incoming_calls until it is answered, or a peer that opens and cancels calls
         * could make a handler that answers late hold any number of them. */
        yoke__connection_unmap_call(call->connection, call);
    }
    if (call->streaming != NULL) {
        yoke__stream_void(call->streaming);
    }
    for (struct yoke_call *child = take_child(call); child != NULL; child = take_child(call)) {
        /* A deadline that it has from its parent passes for both at once. */
        uint64_t deadline_ns = yoke__call_deadline_ns(child);
        bool is_late = deadline_ns != 0 && deadline_ns <= child->engine->clock_ns();
        yoke__call_abandon(child, is_late ? YOKE_DEADLINE_EXCEEDED : YOKE_CANCELLED,
                           is_late ? DEADLINE_MESSAGE : CANCELLED_MESSAGE);
    }
    if (call->answered || !call->dispatched) {
        /* Its handler has nothing more to do with it; it only waited for its messages to travel. */
        yoke__call_retire(call);
    } else if (call->on_cancel != NULL && !call->engine->is_mute) {
        yoke__call_enter(call);
        call->on_cancel(call, call->on_cancel_data);
        (void)yoke__call_leave(call);
    }
}

void yoke__call_break_off(struct yoke_call *call, enum yoke_code code, const char *message) {
    struct yoke_status status = {code, message};
    yoke__call_finish(call, &status);
    if (call->streaming != NULL) {
        /* Answering can flush, and no fragment may follow the answer; the last one would even answer again. */
        yoke__stream_detach(call->streaming);
    }
    (void)yoke__connection_answer_error(call->connection, call, status.code, status.message);
    yoke__call_revoke(call);
}

static void expire(struct yoke_call *call) {
    if (call->is_client && call->draft != NULL && call->draft->is_pausing) {
        yoke__queue_resume(call);
        return;
    }
    if (call->is_client) {
        yoke__call_abandon(call, YOKE_DEADLINE_EXCEEDED, DEADLINE_MESSAGE);
        return;
    }
    /* The caller watches the deadline, too, but it need not be alive to do so. */
    yoke__call_break_off(call, YOKE_DEADLINE_EXCEEDED, DEADLINE_MESSAGE);
}

uint64_t yoke__deadline_after(const struct yoke__engine *engine, uint64_t timeout_us) {
    uint64_t now_ns = engine->clock_ns();
    return timeout_us < (UINT64_MAX - now_ns) / 1000 ? now_ns + timeout_us * 1000 : UINT64_MAX;
}

int yoke__call_set_deadline(struct yoke_call *call, uint64_t deadline_ns) {
    struct yoke__deadlines *deadlines = &call->engine->deadlines;
    if (call->is_mapped) {
        yoke__deadlines_remove(deadlines, call);
        if (yoke__deadlines_reserve(deadlines) != 0) {
            return -ENOMEM;
        }
    }
    call->deadline_ns = deadline_ns;
    if (call->is_mapped) {
        yoke__deadlines_add(deadlines, call);
    }
    return 0;
}

static bool expire_due(struct yoke__engine *engine) {
    struct yoke_call *first = yoke__deadlines_first(&engine->deadlines);
    if (first == NULL) {
        return false;
    }
    bool has_expired = false;
    uint64_t now_ns = engine->clock_ns();
    while (first != NULL && first->deadline_ns <= now_ns) {
        expire(first);
        has_expired = true;
        first = yoke__deadlines_first(&engine->deadlines);
    }
    return has_expired;
}

/* Up to the last one that is there now, so that a callback that is due again at once cannot keep the loop from turning. */
static void wake_due(struct yoke__engine *engine) {
    const struct yoke__link *last = engine->wakeups.previous;
    bool is_last = false;
    while (!is_last && !yoke__link_is_alone(&engine->wakeups)) {
        struct yoke__stream *stream = YOKE__CONTAINER(engine->wakeups.next, struct yoke__stream, wakeup);
        is_last = &stream->wakeup == last;
        yoke__link_remove(&stream->wakeup);
        yoke__stream_wake(stream);
    }
}

bool yoke__calls_settle(struct yoke__engine *engine) {
    bool has_run = expire_due(engine);
    if (!yoke__link_is_alone(&engine->due_channels)) {
        yoke__channels_attend_due(engine);
        has_run = true;
    }
    has_run |= !yoke__link_is_alone(&engine->wakeups) || !yoke__link_is_alone(&engine->settled);
    wake_due(engine);
    /* Up to the last one that is there now: a callback that tries again in vain must not keep the loop from turning. */
    const struct yoke__link *last = engine->settled.previous;
    bool is_last = false;
    while (!is_last && !yoke__link_is_alone(&engine->settled)) {
        struct yoke_call *call = YOKE__CONTAINER(engine->settled.next, struct yoke_call, link);
        is_last = &call->link == last;
        yoke__link_remove(&call->link);
        yoke__call_complete(call, call->verdict, call->verdict_message, NULL);
    }
    return has_run;
}

uint64_t yoke__calls_due_ns(const struct yoke__engine *engine) {
    if (!yoke__link_is_alone(&engine->settled) || !yoke__link_is_alone(&engine->wakeups) ||
        !yoke__link_is_alone(&engine->due_channels)) {
        return 0;
    }
    const struct yoke_call *first = yoke__deadlines_first(&engine->deadlines);
    return first != NULL ? first->deadline_ns : UINT64_MAX;
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

int yoke_call_cancel(struct yoke_call *call) {
    if (!call->is_client) {
        return -EINVAL;
    }
    if (call->connection == NULL && !yoke__call_is_waiting(call)) {
        return -EALREADY;
    }
    yoke__call_abandon(call, YOKE_CANCELLED, CANCELLED_MESSAGE);
    return 0;
}

bool yoke_call_is_cancelled(const struct yoke_call *call) {
    return call->cancelled || call->verdict == YOKE_CANCELLED;
}

int yoke_call_on_cancel(struct yoke_call *call, yoke_cancel_hook *hook, void *user_data) {
    if (!yoke__call_is_answerable(call)) {
        return -EINVAL;
    }
    call->on_cancel = hook;
    call->on_cancel_data = user_data;
    return 0;
}

uint64_t yoke_call_remaining_us(const struct yoke_call *call) {
    const uint64_t deadline_ns = yoke__call_deadline_ns(call);
    if (deadline_ns == 0) {
        return UINT64_MAX;
    }
    if (call->engine == NULL) {
        return 0;
    }
    uint64_t now_ns = call->engine->clock_ns();
    return deadline_ns > now_ns ? (deadline_ns - now_ns) / 1000 : 0;
}
