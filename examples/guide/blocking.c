/* blocking: a master that calls line by line, before its loop runs, and a worker that only asks and never serves. */
#include "guide.yoke.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>

static const struct yoke_call_options in_a_minute = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 60000000};

/* ---- A worker that serves ------------------------------------------------------------------------------------- */

static void square(struct yoke_call *call, const Guide__Number *request, void *user_data) {
    (void)user_data;
    Guide__Number reply = GUIDE__NUMBER__INIT;
    reply.value = request->value * request->value;
    guide_math_square_reply(call, &reply);
}

static void count(struct yoke_call *call, const Guide__Range *range, void *user_data) {
    (void)user_data;
    Guide__Number number = GUIDE__NUMBER__INIT;
    for (number.value = range->first; number.value <= range->last; number.value++) {
        guide_math_count_reply(call, &number);
    }
    yoke_call_finish(call);
}

static int serve(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_math_handlers handlers = {.square = square, .count = count};
    return guide_math_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- A worker that asks --------------------------------------------------------------------------------------- */

static int ask(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static char *const names[] = {"greeting", "farewell"};
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Guide__Setting *setting;
    int result = 0;
    for (size_t i = 0; i < 2 && result >= 0; i++) {
        Guide__Key key = GUIDE__KEY__INIT;
        key.name = names[i];
        result = guide_settings_get_sync(yoke_worker_master(worker), &key, &in_a_minute, &sync, &setting);
        if (result == 0) {
            printf("%s: %s\n", key.name, setting->value);
        } else if (result > 0) {
            printf("%s: %s, %s\n", key.name, yoke_code_name(sync.status.code), sync.status.message);
        }
    }
    yoke_sync_release(&sync);
    return result < 0;
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)user_data;
    if (key->name[0] != 'g') {
        yoke_call_fail(call, YOKE_NOT_FOUND, "there is no such setting");
        return;
    }
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = "Good morning";
    guide_settings_get_reply(call, &setting);
}

/* The sum of the squares of a stream of numbers. */
static int sum_squares(struct yoke_channel *channel, int64_t *ret_sum) {
    struct yoke_sync numbers = {YOKE_SYNC_INIT}, squares = {YOKE_SYNC_INIT};
    const Guide__Number *number, *squared;
    Guide__Range range = GUIDE__RANGE__INIT;
    range.first = 5;
    range.last = 7;
    int64_t sum = 0;
    int result = guide_math_count_sync(channel, &range, &in_a_minute, &numbers);
    while (result == 0 && (result = guide_math_count_next(&numbers, &number)) == 0 && number != NULL) {
        result = guide_math_square_sync(channel, number, &in_a_minute, &squares, &squared);
        if (result == 0) {
            sum += squared->value;
        }
    }
    yoke_sync_release(&numbers);
    yoke_sync_release(&squares);
    if (result == 0) {
        *ret_sum = sum;
    }
    return result;
}

static int start(struct yoke_master *master) {
    static const struct guide_settings_handlers handlers = {.get = get};
    struct yoke_pool_options math = {YOKE_POOL_OPTIONS_INIT, .name = "math", .workers = 1, .entry = serve};
    struct yoke_pool_options asking = {YOKE_POOL_OPTIONS_INIT, .name = "asking", .workers = 1, .entry = ask};
    struct yoke_pool *pool;
    int64_t sum = 0;

    int error = guide_settings_serve(yoke_master_server(master), &handlers, NULL);
    if (error == 0) {
        error = yoke_pool_create(master, &math, &pool);
    }
    if (error == 0) {
        int result = sum_squares(yoke_pool_channel(pool), &sum);
        printf("the squares of 5 to 7: %d\n", (int)sum);
        error = result > 0 ? -EPROTO : result; /* a status is no errno value */
        yoke_pool_stop(pool);
    }
    return error == 0 ? yoke_pool_create(master, &asking, &pool) : error; /* whose worker ends by itself */
}

int main(void) {
    return guide_run(NULL, start);
}
