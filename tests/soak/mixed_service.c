/* mixed_service.c: see mixed.h: answers calls as they are planned. */
#include "mixed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* Calls that are kept for later are answered within one of these, or when there are more than so many. */
#define TICK_S 0.002
#define KEPT_MAX 64

/* A call that we answer. */
struct mixed_job {
    struct mixed_service *service;
    struct yoke_call *call;
    struct mixed_plan plan;
    uint64_t index;
    bool is_known; /* index and plan are */
    bool is_responding;
    bool is_kept;
    struct mixed_job *previous, *next; /* kept */
    unsigned received, sent;
};

/* ---- Jobs -------------------------------------------------------------------------------------------------------- */

static void keep(struct mixed_job *job) {
    struct mixed_service *service = job->service;
    job->is_kept = true;
    job->previous = service->last_kept;
    *(job->previous != NULL ? &job->previous->next : &service->first_kept) = job;
    service->last_kept = job;
    service->kept_count++;
}

static void unkeep(struct mixed_job *job) {
    struct mixed_service *service = job->service;
    if (!job->is_kept) {
        return;
    }
    *(job->previous != NULL ? &job->previous->next : &service->first_kept) = job->next;
    *(job->next != NULL ? &job->next->previous : &service->last_kept) = job->previous;
    job->previous = job->next = NULL;
    job->is_kept = false;
    service->kept_count--;
}

/* Its call has been answered, and `result` is what that gave. */
static void close_job(struct mixed_job *job, int result) {
    soak_check(result == 0 || result == -ECANCELED || result == -ENOTCONN, "answering call %" PRIu64 " gave %d",
               job->index, result);
    unkeep(job);
    job->service->answered++;
    free(job);
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    struct mixed_job *job = user_data;
    soak_check(yoke_call_is_cancelled(call), "a call that is not cancelled was told to be");
    close_job(job, yoke_call_fail(call, YOKE_CANCELLED, NULL));
}

static void on_writable(struct yoke_call *call, void *user_data);

static struct mixed_job *open_job(struct mixed_service *service, struct yoke_call *call) {
    struct mixed_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        abort();
    }
    job->service = service;
    job->call = call;
    service->opened++;
    yoke_call_set_data(call, job);
    yoke_call_on_writable(call, on_writable, job);
    (void)yoke_call_on_cancel(call, on_cancelled, job);
    return job;
}

/* Its first request says which call it is. */
static void identify(struct mixed_job *job, const Soak__Packet *request) {
    struct mixed_service *service = job->service;
    bool is_upwards = service->direction == &service->book->upwards;
    if (!soak_check(request->upwards == is_upwards && request->index < service->direction->total,
                    "a request of no call: %" PRIu64, request->index)) {
        return;
    }
    job->is_known = true;
    job->index = request->index;
    job->plan = mixed_plan_of(service->book->seed, is_upwards, job->index);
    soak_check(atomic_fetch_add(&service->direction->slots[job->index].handled, 1) == 0,
               "call %" PRIu64 " was handled again", job->index);
}

static void take_request(struct mixed_job *job, const Soak__Packet *request) {
    struct mixed_book *book = job->service->book;
    if (!job->is_known) {
        identify(job, request);
    }
    soak_check(request->index == job->index, "call %" PRIu64 " got a request of %" PRIu64, job->index, request->index);
    soak_check(job->received < job->plan.requests, "call %" PRIu64 " got too many requests", job->index);
    atomic_fetch_add(&book->bytes, mixed_check(&job->plan, false, job->received, request));
    atomic_fetch_add(&book->messages, 1);
    job->received++;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

static Soak__Packet reply_of(const struct mixed_job *job, unsigned number) {
    Soak__Packet packet = SOAK__PACKET__INIT;
    packet.index = job->index;
    packet.upwards = job->service->direction == &job->service->book->upwards;
    packet.number = number;
    packet.data = mixed_data(&job->plan, true, number);
    return packet;
}

static int send_one(struct mixed_job *job) {
    const Soak__Packet packet = reply_of(job, job->sent);
    return job->plan.kind == MIXED_DOWN ? soak_mixed_down_reply(job->call, &packet)
                                        : soak_mixed_both_reply(job->call, &packet);
}

/* Send replies as long as they are taken, up to `limit` of them; then finish, if these are all. */
static void send_replies(struct mixed_job *job, unsigned limit, bool is_all) {
    int error = 0;
    while (job->sent < limit && (error = send_one(job)) == 0) {
        job->sent++;
    }
    soak_check(error == 0 || error == -EAGAIN || error == -ENOTCONN, "sending reply %u of call %" PRIu64 " gave %d",
               job->sent, job->index, error);
    if (error == 0 && is_all) {
        close_job(job, yoke_call_finish(job->call));
    }
}

static void respond(struct mixed_job *job) {
    const Soak__Packet reply = reply_of(job, 0);
    job->is_responding = true;
    switch (job->plan.kind) {
    case MIXED_UNARY:
        close_job(job, soak_mixed_unary_reply(job->call, &reply));
        break;
    case MIXED_UP:
        close_job(job, soak_mixed_up_reply(job->call, &reply));
        break;
    default:
        send_replies(job, job->plan.replies, true);
        break;
    }
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    struct mixed_job *job = user_data;
    if (job->is_responding) {
        send_replies(job, job->plan.replies, true);
    }
}

/* All requests have come. */
static void act(struct mixed_job *job) {
    soak_check(job->received == job->plan.requests, "call %" PRIu64 " ended after %u requests of %u", job->index,
               job->received, job->plan.requests);
    switch (job->plan.act) {
    case ACT_ANSWER:
        respond(job);
        break;
    case ACT_ANSWER_LATER:
        if (job->plan.is_deaf) {
            (void)yoke_call_on_cancel(job->call, NULL, NULL);
        }
        keep(job);
        if (job->service->kept_count > KEPT_MAX) {
            struct mixed_job *first = job->service->first_kept;
            unkeep(first);
            respond(first);
        }
        break;
    case ACT_KEEP:
        break;
    default:
        close_job(job, yoke_call_fail(job->call, job->plan.code, MIXED_FAILURE));
        break;
    }
}

/* ---- The handlers ------------------------------------------------------------------------------------------------ */

static void on_single(struct yoke_call *call, const Soak__Packet *request, void *user_data) {
    struct mixed_job *job = open_job(user_data, call);
    take_request(job, request);
    act(job);
}

static void on_stream(struct yoke_call *call, void *user_data) {
    (void)open_job(user_data, call);
}

static void on_stream_message(struct yoke_call *call, const Soak__Packet *request, void *user_data) {
    (void)user_data;
    struct mixed_job *job = yoke_call_data(call);
    take_request(job, request);
    if (job->plan.act == ACT_FAIL_EARLY) {
        close_job(job, yoke_call_fail(call, job->plan.code, MIXED_FAILURE));
    } else if (job->plan.kind == MIXED_BOTH && job->plan.act == ACT_ANSWER) {
        /* One reply to each request, as long as there are replies. */
        unsigned limit = job->received < job->plan.replies ? job->received : job->plan.replies;
        send_replies(job, limit, false);
    }
}

static void on_stream_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    act(yoke_call_data(call));
}

const struct soak_mixed_handlers mixed_handlers = {
    .unary = on_single,
    .down = on_single,
    .up = on_stream,
    .up_message = on_stream_message,
    .up_end = on_stream_end,
    .both = on_stream,
    .both_message = on_stream_message,
    .both_end = on_stream_end,
};

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct mixed_service *service = timer->data;
    for (unsigned left = service->kept_count; left > 0 && service->first_kept != NULL; left--) {
        struct mixed_job *first = service->first_kept;
        unkeep(first);
        respond(first);
    }
}

void mixed_service_start(struct mixed_service *service, struct ev_loop *loop) {
    ev_timer_init(&service->tick, on_tick, TICK_S, TICK_S);
    service->tick.data = service;
    ev_timer_start(loop, &service->tick);
}

void mixed_service_stop(struct mixed_service *service, struct ev_loop *loop) {
    ev_timer_stop(loop, &service->tick);
    soak_check(service->opened == service->answered, "%" PRIu64 " calls were handled, %" PRIu64 " were let go of",
               service->opened, service->answered);
}
