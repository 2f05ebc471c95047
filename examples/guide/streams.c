/* streams: replies that stream, requests that stream, and both. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* One request, many replies. So few cannot meet -EAGAIN. */
static void count(struct yoke_call *call, const Guide__Range *range, void *user_data) {
    (void)user_data;
    Guide__Number number = GUIDE__NUMBER__INIT;
    for (number.value = range->first; number.value <= range->last; number.value++) {
        guide_math_count_reply(call, &number);
    }
    yoke_call_finish(call);
}

/* Whatever a handler keeps for a call has two ends: the answer, and the cancellation. */
static void forget_sum(struct yoke_call *call, void *user_data) {
    free(user_data);
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

/* Many requests: the call has begun. */
static void begin_sum(struct yoke_call *call, void *user_data) {
    (void)user_data;
    int64_t *sum = calloc(1, sizeof *sum);
    if (sum == NULL) {
        yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    yoke_call_set_data(call, sum);
    yoke_call_on_cancel(call, forget_sum, sum);
}

static void sum_message(struct yoke_call *call, const Guide__Number *number, void *user_data) {
    (void)user_data;
    *(int64_t *)yoke_call_data(call) += number->value;
}

/* The last request has been given: the caller has half-closed. */
static void sum_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    int64_t *sum = yoke_call_data(call);
    Guide__Number reply = GUIDE__NUMBER__INIT;
    reply.value = *sum;
    free(sum);
    guide_math_sum_reply(call, &reply);
}

static void running_sum_message(struct yoke_call *call, const Guide__Number *number, void *user_data) {
    sum_message(call, number, user_data);
    Guide__Number reply = GUIDE__NUMBER__INIT;
    reply.value = *(int64_t *)yoke_call_data(call);
    guide_math_running_sum_reply(call, &reply);
}

static void running_sum_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    free(yoke_call_data(call));
    yoke_call_finish(call);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_math_handlers handlers = {
        .count = count,
        .sum = begin_sum,
        .sum_message = sum_message,
        .sum_end = sum_end,
        .running_sum = begin_sum,
        .running_sum_message = running_sum_message,
        .running_sum_end = running_sum_end,
    };
    return guide_math_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

/* One reply, which comes with the end. */
static void on_sum(struct yoke_call *call, const struct yoke_status *status, const Guide__Number *sum,
                   void *user_data) {
    (void)user_data;
    int value = status->code == YOKE_OK ? (int)sum->value : 0;
    printf("%s: %s, %d\n", yoke_call_method(call), yoke_code_name(status->code), value);
}

/* One of many replies; and their end. */
static void on_number(struct yoke_call *call, const Guide__Number *number, void *user_data) {
    (void)user_data;
    printf("%s: %d\n", yoke_call_method(call), (int)number->value);
}

static void on_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)user_data;
    printf("%s: %s\n", yoke_call_method(call), yoke_code_name(status->code));
}

static int send_numbers(struct yoke_call *call, int (*send)(struct yoke_call *call, const Guide__Number *number)) {
    int error = 0;
    Guide__Number number = GUIDE__NUMBER__INIT;
    for (number.value = 1; number.value <= 4 && error == 0; number.value++) {
        error = send(call, &number);
    }
    return error == 0 ? yoke_call_half_close(call) : error;
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    struct yoke_call *sum, *running_sum;
    Guide__Range range = GUIDE__RANGE__INIT;
    range.first = 5;
    range.last = 7;

    int error = yoke_pool_create(master, &options, &pool);
    if (error < 0) {
        return error;
    }
    struct yoke_channel *channel = yoke_pool_channel(pool);
    error = guide_math_count(channel, &range, NULL, on_number, on_end, NULL);
    if (error == 0) {
        error = guide_math_sum(channel, NULL, on_sum, NULL, &sum);
    }
    if (error == 0) {
        error = send_numbers(sum, guide_math_sum_send);
    }
    if (error == 0) {
        error = guide_math_running_sum(channel, NULL, on_number, on_end, NULL, &running_sum);
    }
    if (error == 0) {
        error = send_numbers(running_sum, guide_math_running_sum_send);
    }
    yoke_master_stop(master); /* when these calls have ended */
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
