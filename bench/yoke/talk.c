/* The cases bidi and streams: messages to and fro on one stream, or on many that take turns; see side.h. */
#include <errno.h>
#include <stdlib.h>

#include "yoke/side.h"

struct talk {
    const struct bench_job *job;
    struct side side;
    struct yoke_call **streams;
    unsigned next; /* whose turn it is */
    unsigned in_flight;
    bool is_refused; /* by the stream whose turn it is, until it is writable */
    bool is_over;
    struct bench_meter meter;
    Bench__Payload request;
};

/* As many messages as there should be in flight, or until one is refused. */
static void send_messages(struct talk *talk) {
    while (!talk->is_refused && talk->in_flight < talk->job->depth) {
        int error = bench_echo_bidi_send(talk->streams[talk->next], &talk->request);
        if (error == -EAGAIN) {
            talk->is_refused = true;
            return;
        }
        if (error) {
            die_of_error("bench_echo_bidi_send", error);
        }
        talk->in_flight++;
        talk->next = talk->next + 1 == talk->job->streams ? 0 : talk->next + 1;
    }
}

static void on_writable(struct yoke_call *call, void *user_data) {
    struct talk *talk = user_data;
    if (talk->is_refused && call == talk->streams[talk->next]) {
        talk->is_refused = false;
        send_messages(talk);
    }
}

static void on_message(struct yoke_call *call, const Bench__Payload *message, void *user_data) {
    (void)call;
    struct talk *talk = user_data;
    if (message->data.len != talk->job->size) {
        die_of_call(&(struct yoke_status){YOKE_OK, ""}, message->data.len, talk->job->size);
    }
    talk->in_flight--;
    if (talk->is_over) {
        return;
    }
    talk->is_over = bench_meter_tick(&talk->meter);
    if (talk->is_over) {
        side_break(&talk->side);
    } else {
        send_messages(talk);
    }
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    const struct talk *talk = user_data;
    if (!talk->is_over) {
        die_of_call(status, 0, talk->job->size);
    }
}

static void open_streams(struct talk *talk) {
    struct yoke_channel *channel = yoke_pool_channel(talk->side.pool);
    for (unsigned i = 0; i < talk->job->streams; i++) {
        int error = bench_echo_bidi(channel, NULL, on_message, on_done, talk, &talk->streams[i]);
        if (error) {
            die_of_error("bench_echo_bidi", error);
        }
        yoke_call_on_writable(talk->streams[i], on_writable, talk);
    }
}

int run_talk(const struct bench_job *job, enum way way) {
    struct talk talk = {.job = job, .request = make_payload(job)};
    talk.streams = calloc(job->streams, sizeof(struct yoke_call *));
    if (!talk.streams) {
        bench_die("calloc");
    }
    side_init(&talk.side, job, way);
    side_spawn(&talk.side, 1, false);
    open_streams(&talk);
    bench_meter_start(&talk.meter, job);
    send_messages(&talk);
    ev_run(talk.side.loop, 0);
    side_release(&talk.side);
    bench_meter_print(&talk.meter);
    free(talk.request.data.data);
    free(talk.streams);
    return EXIT_SUCCESS;
}
