/* The case stream: messages from the worker, in one call; see side.h. */
#include <stdlib.h>

#include "yoke/side.h"

struct reader {
    const struct bench_job *job;
    struct side side;
    struct bench_meter meter;
    bool is_over;
};

static void on_message(struct yoke_call *call, const Bench__Payload *message, void *user_data) {
    (void)call;
    struct reader *reader = user_data;
    if (message->data.len != reader->job->size) {
        die_of_call(&(struct yoke_status){YOKE_OK, ""}, message->data.len, reader->job->size);
    }
    if (bench_meter_tick(&reader->meter)) {
        reader->is_over = true;
        side_break(&reader->side);
    }
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    const struct reader *reader = user_data;
    if (!reader->is_over) {
        die_of_call(status, 0, reader->job->size);
    }
}

int run_stream(const struct bench_job *job, enum way way) {
    struct reader reader = {.job = job};
    Bench__Payload request = make_payload(job);
    side_init(&reader.side, job, way);
    side_spawn(&reader.side, 1, false);
    bench_meter_start(&reader.meter, job);
    int error = bench_echo_stream(yoke_pool_channel(reader.side.pool), &request, NULL, on_message, on_done, &reader);
    if (error) {
        die_of_error("bench_echo_stream", error);
    }
    ev_run(reader.side.loop, 0);
    side_release(&reader.side);
    bench_meter_print(&reader.meter);
    free(request.data.data);
    return EXIT_SUCCESS;
}
