/* broadcast_test.c: calls to every worker of a pool. */
#include "routed_caller.h"

#define WORKERS 16

struct answers {
    struct lab *lab;
    unsigned count, ok, unavailable, cancelled;
    bool has_answered[WORKERS];
    uint64_t sum_of_ids;
    bool is_safe;
};

static void on_answer(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                      void *user_data) {
    struct answers *answers = user_data;
    answers->count++;
    answers->cancelled += status->code == YOKE_CANCELLED;
    if (status->code == YOKE_UNAVAILABLE) {
        answers->unavailable++;
        answers->is_safe = yoke_call_is_safe_to_retry(call);
    }
    if (status->code == YOKE_OK) {
        answers->ok++;
        answers->sum_of_ids += yoke_call_peer(call)->worker_id;
        REQUIRE(reply->value >= 0 && reply->value < WORKERS);
        CHECK(!answers->has_answered[reply->value]);
        answers->has_answered[reply->value] = true;
        CHECK_INT(yoke_call_peer(call)->pid,
                  yoke_child_pid(yoke_pool_child(answers->lab->pool, (unsigned)reply->value)));
    }
}

static int call_all(struct lab *lab, struct yoke_channel *channel, const struct yoke_call_options *options,
                    struct answers *answers) {
    Probe__Keyed request = PROBE__KEYED__INIT;
    request.key = (char[]){"all"};
    *answers = (struct answers){.lab = lab};
    return probe_routed_where_all(channel, &request, options, on_answer, answers);
}

static void everybody_answers(void) {
    struct lab lab;
    struct answers answers;
    lab_open(&lab, &(struct lab_options){.workers = WORKERS});
    CHECK_INT(call_all(&lab, yoke_pool_channel(lab.pool), NULL, &answers), WORKERS);
    CHECK_INT(answers.count, 0);
    LAB_WAIT(&lab, answers.count == WORKERS);
    CHECK_INT(answers.ok, WORKERS);
    CHECK(answers.sum_of_ids == WORKERS * (WORKERS + 1) / 2);
    lab_close(&lab);
}

static void a_dead_one_is_unavailable(void) {
    struct lab lab;
    struct answers answers;
    lab_open(&lab, &(struct lab_options){.workers = WORKERS});
    routed_kill(&lab, 5);
    CHECK_INT(call_all(&lab, yoke_pool_channel(lab.pool), NULL, &answers), WORKERS);
    LAB_WAIT(&lab, answers.count == WORKERS);
    CHECK_INT(answers.ok, WORKERS - 1);
    CHECK_INT(answers.unavailable, 1);
    CHECK(answers.is_safe && !answers.has_answered[5]);
    lab_close(&lab);
}

/* Its call is lost with it; nothing is made again. */
static void one_that_dies_meanwhile_is_unavailable(void) {
    struct lab lab;
    struct answers answers;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGSTOP), 0);
    CHECK_INT(call_all(&lab, yoke_pool_channel(lab.pool), NULL, &answers), 4);
    LAB_WAIT(&lab, answers.count == 3);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, answers.count == 4);
    CHECK_INT(answers.ok, 3);
    CHECK_INT(answers.unavailable, 1);
    CHECK(!answers.is_safe);
    lab_close(&lab);
}

static void one_that_starts_is_unavailable(void) {
    struct lab lab;
    struct answers answers;
    lab_open_master(&lab, &(struct lab_options){0});
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 3}, &lab.pool), 0);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    CHECK_INT(call_all(&lab, yoke_pool_channel(lab.pool), &options, &answers), 3);
    LAB_WAIT(&lab, answers.count == 3);
    CHECK_INT(answers.unavailable, 3);
    LAB_WAIT(&lab, lab.ready_count == 3);
    lab_close(&lab);
}

static void it_is_a_call_like_others_otherwise(void) {
    struct lab lab;
    struct answers answers;
    struct yoke_call *call;
    lab_open(&lab, &(struct lab_options){.workers = 2, .limits = {.max_message_bytes = 100}});
    struct yoke_channel *channel = yoke_pool_channel(lab.pool);
    CHECK_INT(call_all(&lab, channel, &(struct yoke_call_options){YOKE_CALL_OPTIONS_INIT, .ret_call = &call}, &answers),
              -EINVAL);
    CHECK_INT(call_all(&lab, channel, &(struct yoke_call_options){0}, &answers), -EINVAL);
    Probe__Keyed large = PROBE__KEYED__INIT;
    uint8_t data[200] = {0};
    large.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    CHECK_INT(probe_routed_where_all(channel, &large, NULL, on_answer, &answers), -EMSGSIZE);
    /* One worker's channel has one peer. */
    CHECK_INT(call_all(&lab, lab_channel(&lab), NULL, &answers), 1);
    LAB_WAIT(&lab, answers.count == 1);
    CHECK_INT(answers.ok, 1);
    /* The timeout is each one's. */
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGSTOP), 0);
    const struct yoke_call_options timed = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 100000};
    CHECK_INT(call_all(&lab, channel, &timed, &answers), 2);
    LAB_WAIT(&lab, answers.count == 2);
    CHECK(answers.ok <= 1 && answers.unavailable == 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    yoke_pool_stop(lab.pool);
    CHECK_INT(call_all(&lab, channel, NULL, &answers), -ENOTCONN);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(answers.count, 0);
    lab_close(&lab);
}

static void destroying_the_master_ends_them_all(void) {
    struct lab lab;
    struct answers answers;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    CHECK_INT(call_all(&lab, yoke_pool_channel(lab.pool), NULL, &answers), 4);
    lab_close(&lab);
    CHECK_INT(answers.count, 4);
    CHECK_INT(answers.unavailable, 4);
}

static const struct test_case cases[] = {
    {.name = "everybody answers", .run = everybody_answers},
    {.name = "a dead one is UNAVAILABLE", .run = a_dead_one_is_unavailable},
    {.name = "one that dies meanwhile is UNAVAILABLE", .run = one_that_dies_meanwhile_is_unavailable},
    {.name = "one that starts is UNAVAILABLE", .run = one_that_starts_is_unavailable},
    {.name = "it is a call like others otherwise", .run = it_is_a_call_like_others_otherwise},
    {.name = "destroying the master ends them all", .run = destroying_the_master_ends_them_all},
    {.name = NULL},
};

LAB_MAIN(cases)
