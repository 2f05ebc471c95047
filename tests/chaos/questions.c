/* questions.c: see worker.h: answers to questions: at once, later, after a call to the master, in streams. */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A call that is answered later. */
struct job {
    struct worker *worker;
    struct yoke_call *call;
    ev_timer timer;
    uint32_t slot, serial;
    uint32_t received, sent; /* messages */
    uint32_t replies;        /* that are to be sent, of a stream */
    uint32_t reply_bytes;    /* of a single reply */
    bool is_known;           /* slot and serial are */
    bool is_ended;           /* no more requests come */
    int (*reply)(struct yoke_call *call, const Chaos__Answer *answer);
};

void worker_handles(uint32_t slot, uint32_t serial) {
    if (!chaos_check(slot < CHAOS_SLOTS, "a request of no slot: %u", slot)) {
        return;
    }
    chaos_check(atomic_load(&chaos->slots[slot].serial) == serial, "call %u/%u is handled long after it has ended",
                slot, serial);
    atomic_fetch_add(&chaos->slots[slot].handled, 1);
}

Chaos__Answer worker_answer(const struct worker *worker, uint32_t slot, uint32_t serial, uint32_t number) {
    Chaos__Answer answer = CHAOS__ANSWER__INIT;
    answer.slot = slot;
    answer.serial = serial;
    answer.number = number;
    answer.place = yoke_worker_index(worker->yoke);
    answer.generation = yoke_worker_generation(worker->yoke);
    return answer;
}

static struct job *open_job(struct worker *worker, struct yoke_call *call) {
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        abort();
    }
    job->worker = worker;
    job->call = call;
    return job;
}

static struct job *open_known_job(struct worker *worker, struct yoke_call *call, const Chaos__Question *question) {
    struct job *job = open_job(worker, call);
    job->slot = question->slot;
    job->serial = question->serial;
    job->is_known = true;
    job->replies = question->replies;
    job->reply_bytes = question->reply_bytes;
    return job;
}

static void start_timer(struct job *job, void (*run)(struct ev_loop *loop, ev_timer *timer, int events),
                        uint32_t delay_us) {
    ev_timer_init(&job->timer, run, delay_us / 1e6, delay_us / 1e6);
    job->timer.data = job;
    ev_timer_start(yoke_worker_loop(job->worker->yoke), &job->timer);
}

static void close_job(struct job *job, int error) {
    chaos_check(error == 0 || error == -ECANCELED || error == -ENOTCONN, "answering gave %d", error);
    ev_timer_stop(yoke_worker_loop(job->worker->yoke), &job->timer);
    free(job);
}

/* ---- One reply ------------------------------------------------------------------------------------------------------ */

static int reply(const struct job *job) {
    Chaos__Answer answer = worker_answer(job->worker, job->slot, job->serial, job->received);
    uint8_t *data = job->reply_bytes > 0 ? calloc(1, job->reply_bytes) : NULL;
    answer.data = (ProtobufCBinaryData){.len = data != NULL ? job->reply_bytes : 0, .data = data};
    int error = job->reply(job->call, &answer);
    free(data);
    return error;
}

static void on_delay(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct job *job = timer->data;
    close_job(job, reply(job));
}

/* A call home is part of the call that it is made for, so it ends with it. */
static void on_confirmed(struct yoke_call *call, const struct yoke_status *status, const Chaos__Answer *answer,
                         void *user_data) {
    (void)call;
    (void)answer;
    struct job *job = user_data;
    bool is_excused = yoke_call_is_cancelled(job->call) || atomic_load(&job->worker->note->acts) != 0;
    chaos_check(status->code == YOKE_OK || is_excused, "a call home ended as %s: %s", yoke_code_name(status->code),
                status->message);
    close_job(job, reply(job));
}

static void ask_home(struct job *job, const Chaos__Question *question) {
    int error = chaos_home_confirm(yoke_worker_master(job->worker->yoke), question, NULL, on_confirmed, job);
    if (error != 0) {
        chaos_check(atomic_load(&job->worker->note->acts) != 0, "a call home gave %d", error);
        close_job(job, reply(job));
    }
}

static void answer(struct worker *worker, struct yoke_call *call, const Chaos__Question *question,
                   int (*stub)(struct yoke_call *call, const Chaos__Answer *answer)) {
    worker_handles(question->slot, question->serial);
    struct job *job = open_known_job(worker, call, question);
    job->reply = stub;
    if (question->ask_home) {
        ask_home(job, question);
    } else if (worker->blocks) {
        (void)usleep(question->delay_us);
        close_job(job, reply(job));
    } else if (question->delay_us > 0) {
        start_timer(job, on_delay, question->delay_us);
    } else {
        close_job(job, reply(job));
    }
}

static void on_ask(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    answer(user_data, call, question, chaos_work_ask_reply);
}

static void on_look(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    answer(user_data, call, question, chaos_work_look_reply);
}

static void on_add(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    answer(user_data, call, question, chaos_work_add_reply);
}

/* ---- Streams of replies --------------------------------------------------------------------------------------------- */

/* One more. Returns what the last one gave. When the peer has to read first, there will be another try. */
static int send_next(struct job *job) {
    const Chaos__Answer answer = worker_answer(job->worker, job->slot, job->serial, job->sent);
    int error = job->reply(job->call, &answer);
    job->sent += error == 0;
    chaos_check(error == 0 || error == -EAGAIN || error == -ECANCELED || error == -ENOTCONN, "sending a reply gave %d",
                error);
    return error;
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct job *job = timer->data;
    if (job->sent == job->replies) {
        close_job(job, yoke_call_finish(job->call));
        return;
    }
    int error = send_next(job);
    if (error == -ECANCELED || error == -ENOTCONN) {
        close_job(job, yoke_call_fail(job->call, YOKE_CANCELLED, NULL));
    }
}

static void stream(struct worker *worker, struct yoke_call *call, const Chaos__Question *question,
                   int (*stub)(struct yoke_call *call, const Chaos__Answer *answer)) {
    worker_handles(question->slot, question->serial);
    struct job *job = open_known_job(worker, call, question);
    job->reply = stub;
    start_timer(job, on_next, question->delay_us + 1);
}

static void on_count(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    stream(user_data, call, question, chaos_work_count_reply);
}

static void on_follow(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    stream(user_data, call, question, chaos_work_follow_reply);
}

/* ---- Streams of requests -------------------------------------------------------------------------------------------- */

static void on_stream_cancelled(struct yoke_call *call, void *user_data) {
    close_job(user_data, yoke_call_fail(call, YOKE_CANCELLED, NULL));
}

static void on_stream(struct yoke_call *call, void *user_data) {
    struct job *job = open_job(user_data, call);
    ev_timer_init(&job->timer, on_delay, 0., 0.);
    yoke_call_set_data(call, job);
    (void)yoke_call_on_cancel(call, on_stream_cancelled, job);
}

static void take(struct job *job, const Chaos__Question *question) {
    if (!job->is_known) {
        worker_handles(question->slot, question->serial);
        job->is_known = true;
        job->slot = question->slot;
        job->serial = question->serial;
    }
    chaos_check(question->slot == job->slot && question->number == job->received, "message %u of a stream came as %u",
                job->received, question->number);
    job->received++;
}

static void on_sum_message(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    (void)user_data;
    take(yoke_call_data(call), question);
}

static void on_sum_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    struct job *job = yoke_call_data(call);
    job->reply = chaos_work_sum_reply;
    close_job(job, reply(job));
}

/* As many messages back as have come. */
static void echo(struct job *job) {
    int error = 0;
    while (error == 0 && job->sent < job->received) {
        error = send_next(job);
    }
    if (error == 0 && job->is_ended) {
        close_job(job, yoke_call_finish(job->call));
    }
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    echo(user_data);
}

static void on_chat(struct yoke_call *call, void *user_data) {
    on_stream(call, user_data);
    struct job *job = yoke_call_data(call);
    job->reply = chaos_work_chat_reply;
    yoke_call_on_writable(call, on_writable, job);
}

static void on_chat_message(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    (void)user_data;
    struct job *job = yoke_call_data(call);
    take(job, question);
    echo(job);
}

static void on_chat_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    struct job *job = yoke_call_data(call);
    job->is_ended = true;
    echo(job);
}

const struct chaos_work_handlers worker_handlers = {
    .ask = on_ask,
    .look = on_look,
    .add = on_add,
    .count = on_count,
    .follow = on_follow,
    .sum = on_stream,
    .sum_message = on_sum_message,
    .sum_end = on_sum_end,
    .chat = on_chat,
    .chat_message = on_chat_message,
    .chat_end = on_chat_end,
    .obey = worker_obey,
};
