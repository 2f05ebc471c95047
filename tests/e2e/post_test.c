/* post_test.c: the door for other threads, with many of them, at a master and at a worker; and handlers that use it. */
#include "lab.h"
#include "post_storm.h"

#include <stdlib.h>

#define PER_THREAD 10000

static int post_to_master(void *owner, void (*run)(void *user_data), void *user_data) {
    return yoke_master_post(owner, run, user_data);
}

static void many_threads_post_to_a_master(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct storm storm = {.post = post_to_master, .owner = lab.master, .per_thread = PER_THREAD};
    storm_start(&storm);
    LAB_WAIT(&lab, storm_is_over(&storm));
    CHECK_INT(storm.in_order, STORM_THREADS * PER_THREAD);
    storm_release(&storm);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

/* They have ended, and some of what they posted has not run. */
static void what_has_not_run_by_the_end_never_does(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct storm storm = {.post = post_to_master, .owner = lab.master, .per_thread = 100};
    storm_start(&storm);
    LAB_WAIT(&lab, storm.ran > 0);
    for (unsigned i = 0; i < STORM_THREADS; i++) {
        pthread_join(storm.threads[i], NULL);
    }
    unsigned ran = storm.ran;
    lab_close(&lab);
    CHECK_INT(storm.ran, ran);
    free(storm.drops);
}

static void count_up(void *user_data) {
    (*(unsigned *)user_data)++;
}

static void they_do_not_keep_the_loop_running(void) {
    struct lab lab;
    unsigned count = 0;
    lab_open(&lab, NULL);
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.stopped_count, 1);
    /* It would not return. */
    ev_run(lab.loop, 0);
    CHECK_INT(yoke_master_post(lab.master, count_up, &count), 0);
    CHECK_INT(yoke_master_post(lab.master, NULL, NULL), -EINVAL);
    ev_run(lab.loop, EVRUN_NOWAIT);
    CHECK_INT(count, 1);
    lab_close(&lab);
}

typedef int number_stub(struct yoke_channel *channel, const Probe__Number *request,
                        const struct yoke_call_options *options, probe_threads_work_done *done, void *user_data);

static void call_number(struct lab *lab, number_stub *stub, int64_t value, const struct yoke_call_options *options,
                        struct lab_result *result) {
    Probe__Number request = PROBE__NUMBER__INIT;
    request.value = value;
    *result = (struct lab_result){.lab = lab};
    REQUIRE_INT(stub(lab_channel(lab), &request, options, lab_on_number, result), 0);
}

static void many_threads_post_to_a_worker(void) {
    struct lab lab;
    struct lab_result result;
    lab_open(&lab, NULL);
    call_number(&lab, probe_threads_storm, PER_THREAD, NULL, &result);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, STORM_THREADS * PER_THREAD);
    lab_close(&lab);
}

/* ---- Handlers that leave their work to threads */

#define CALLS 1000

static struct lab_result results[CALLS];

static unsigned count_ended(void) {
    unsigned count = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        count += results[i].count;
    }
    return count;
}

static void stop_and_check_exit(struct lab *lab) {
    yoke_pool_stop(lab->pool);
    LAB_WAIT(lab, lab->stopped_count == 1);
    CHECK_INT(lab->deaths[0].signal, 0);
    CHECK_INT(lab->deaths[0].exit_code, 0);
    CHECK_INT(lab->log_count, 0);
}

static void a_handler_leaves_its_work_to_a_thread(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        call_number(&lab, probe_threads_work, i, NULL, &results[i]);
    }
    LAB_WAIT(&lab, count_ended() == CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK_INT(results[i].number, i + 1);
    }
    stop_and_check_exit(&lab);
    lab_close(&lab);
}

static void cancels_and_deadlines_race_with_the_answers(void) {
    static struct yoke_call *calls[CALLS];
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &calls[i]};
        options.timeout_us = i % 3 == 1 ? 1 + i : 0;
        call_number(&lab, probe_threads_work, i, &options, &results[i]);
        if (i % 10 == 9) {
            ev_run(lab.loop, EVRUN_NOWAIT);
        }
        unsigned old = i - i % 3;
        if (old >= 30 && results[old - 30].count == 0) {
            (void)yoke_call_cancel(calls[old - 30]);
        }
    }
    LAB_WAIT(&lab, count_ended() == CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        REQUIRE_INT(results[i].count, 1);
        if (results[i].code == YOKE_OK) {
            CHECK_INT(results[i].number, i + 1);
        } else {
            CHECK_INT(results[i].code, i % 3 == 0 ? YOKE_CANCELLED : YOKE_DEADLINE_EXCEEDED);
            CHECK(i % 3 != 2);
        }
    }
    lab_check_echo(&lab, lab_channel(&lab));
    stop_and_check_exit(&lab);
    lab_close(&lab);
}

/* It has been told to stop, and is idle but for calls that its threads have. */
static void a_worker_does_not_end_before_its_threads_have_answered(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        call_number(&lab, probe_threads_work, i, NULL, &results[i]);
    }
    stop_and_check_exit(&lab);
    CHECK_INT(count_ended(), CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
    }
    lab_close(&lab);
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(many_threads_post_to_a_master),
    CASE(what_has_not_run_by_the_end_never_does),
    CASE(they_do_not_keep_the_loop_running),
    CASE(many_threads_post_to_a_worker),
    CASE(a_handler_leaves_its_work_to_a_thread),
    CASE(cancels_and_deadlines_race_with_the_answers),
    CASE(a_worker_does_not_end_before_its_threads_have_answered),
    {.name = NULL},
};

LAB_MAIN(cases)
