/* around_test.c: metadata, details and interceptors, between masters and real workers, in both directions. */
#include "around.h"
#include "lab.h"

#include <string.h>

static struct around_interceptor pool_caller = {.name = "P"}, child_caller = {.name = "C"}, server = {.name = "m"};

/* A master that serves Around, with an interceptor if its workers have some, and one worker. */
static void open_lab(struct lab *lab, enum probe_scenario scenario) {
    const struct lab_options options = {.scenario = scenario};
    lab_open_master(lab, &options);
    struct yoke_server *own = yoke_master_server(lab->master);
    REQUIRE_INT(probe_around_serve(own, &around_handlers, NULL), 0);
    if (scenario == PROBE_INTERCEPT) {
        REQUIRE_INT(yoke_server_intercept(own, &around_server_interceptor, &server), 0);
    }
    REQUIRE_INT(lab_create_pool(lab, &options, &lab->pool), 0);
    LAB_WAIT(lab, lab->ready_count == 1);
    if (scenario == PROBE_INTERCEPT) {
        struct yoke_channel *pool = yoke_pool_channel(lab->pool);
        REQUIRE_INT(yoke_channel_intercept(pool, &around_caller_interceptor, &pool_caller), 0);
        REQUIRE_INT(yoke_channel_intercept(lab_channel(lab), &around_caller_interceptor, &child_caller), 0);
    }
}

static void reflect(struct lab *lab, struct yoke_channel *channel, const Probe__AroundRequest *request,
                    struct around_call *call) {
    *call = (struct around_call){0};
    around_call_start(call, channel, request);
    REQUIRE_INT(call->result.error, 0);
    LAB_WAIT(lab, call->result.done > 0);
}

struct told {
    unsigned count;
    int code, error;
    char headers[256], trailers[256], message[256], reason[256];
    bool is_raw_kept;
    unsigned header_hooks;
};

static void on_told(struct yoke_call *call, const struct yoke_status *status, const Probe__AroundResult *reply,
                    void *user_data) {
    struct told *told = user_data;
    (void)call;
    told->count++;
    CHECK_STR(yoke_code_name(status->code), "OK");
    if (reply != NULL) {
        told->code = reply->code;
        told->error = reply->error;
        told->is_raw_kept = reply->is_raw_kept;
        told->header_hooks = reply->header_hooks;
        (void)snprintf(told->headers, sizeof(told->headers), "%s", reply->headers);
        (void)snprintf(told->trailers, sizeof(told->trailers), "%s", reply->trailers);
        (void)snprintf(told->message, sizeof(told->message), "%s", reply->message);
        (void)snprintf(told->reason, sizeof(told->reason), "%s", reply->reason);
    }
}

/* The worker makes the call to its master. */
static void reflect_from_worker(struct lab *lab, const Probe__AroundRequest *request, struct told *told) {
    *told = (struct told){0};
    REQUIRE_INT(probe_worker_reflect_master(lab_channel(lab), request, NULL, on_told, told), 0);
    LAB_WAIT(lab, told->count > 0);
    CHECK_INT(told->error, 0);
}

static char *two[] = {(char[]){"a"}, (char[]){"b c"}};

static void metadata_travels_to_workers(void) {
    struct lab lab;
    struct around_call call;
    Probe__AroundRequest request = PROBE__AROUND_REQUEST__INIT;
    open_lab(&lab, PROBE_SERVE);
    request.trace = two;
    request.n_trace = 2;
    reflect(&lab, lab_channel(&lab), &request, &call);
    CHECK_INT(call.result.code, YOKE_OK);
    CHECK_STR(call.headers, "a|b c|");
    CHECK(call.result.is_raw_kept);
    CHECK_INT(call.result.header_hooks, 1);
    CHECK_STR(call.trailers, "");
    CHECK_STR(call.reason, "");
    request.fail = true;
    reflect(&lab, yoke_pool_channel(lab.pool), &request, &call);
    CHECK_INT(call.result.code, YOKE_ABORTED);
    CHECK_STR(call.message, "it shall fail");
    CHECK_STR(call.headers, "a|b c|");
    CHECK_STR(call.reason, "because");
    lab_close(&lab);
}

static void metadata_travels_to_the_master(void) {
    struct lab lab;
    struct told told;
    Probe__AroundRequest request = PROBE__AROUND_REQUEST__INIT;
    open_lab(&lab, PROBE_SERVE);
    request.trace = two;
    request.n_trace = 2;
    reflect_from_worker(&lab, &request, &told);
    CHECK_INT(told.code, YOKE_OK);
    CHECK_STR(told.headers, "a|b c|");
    CHECK(told.is_raw_kept);
    CHECK_INT(told.header_hooks, 1);
    request.fail = true;
    reflect_from_worker(&lab, &request, &told);
    CHECK_INT(told.code, YOKE_ABORTED);
    CHECK_STR(told.reason, "because");
    lab_close(&lab);
}

/* Each channel has its own; a pool's are not those of its children. */
static void interceptors_go_around_calls_to_workers(void) {
    struct lab lab;
    struct around_call call;
    Probe__AroundRequest request = PROBE__AROUND_REQUEST__INIT;
    open_lab(&lab, PROBE_INTERCEPT);
    request.trace = two;
    request.n_trace = 1;
    reflect(&lab, yoke_pool_channel(lab.pool), &request, &call);
    CHECK_STR(call.headers, "a|P|");
    CHECK_STR(call.trailers, "w2|w1|");
    reflect(&lab, lab_channel(&lab), &request, &call);
    CHECK_STR(call.headers, "a|C|");
    request.fail = true;
    reflect(&lab, yoke_pool_channel(lab.pool), &request, &call);
    CHECK_INT(call.result.code, YOKE_DATA_LOSS);
    CHECK_STR(call.message, "it shall fail");
    CHECK_STR(call.reason, "because");
    CHECK_STR(yoke_code_name(pool_caller.code), "DATA_LOSS");
    request.refuse = (char[]){"not you"};
    reflect(&lab, lab_channel(&lab), &request, &call);
    CHECK_INT(call.result.code, YOKE_PERMISSION_DENIED);
    CHECK_STR(call.message, "not you");
    CHECK_STR(call.headers, "");
    CHECK_STR(call.trailers, "w1|"); /* w2 was not asked */
    CHECK_INT(pool_caller.started, 2);
    CHECK_INT(pool_caller.finished, 2);
    CHECK_INT(child_caller.started, 2);
    CHECK_INT(child_caller.finished, 2);
    CHECK_STR(yoke_code_name(child_caller.code), "PERMISSION_DENIED");
    CHECK_INT(server.started, 0);
    lab_close(&lab);
}

static void interceptors_go_around_calls_to_the_master(void) {
    struct lab lab;
    struct told told;
    Probe__AroundRequest request = PROBE__AROUND_REQUEST__INIT;
    open_lab(&lab, PROBE_INTERCEPT);
    reflect_from_worker(&lab, &request, &told);
    CHECK_STR(told.headers, "W|");
    CHECK_STR(told.trailers, "m|");
    CHECK_INT(server.finished, 1);
    request.fail = true;
    reflect_from_worker(&lab, &request, &told);
    CHECK_INT(told.code, YOKE_DATA_LOSS);
    CHECK_STR(told.reason, "because");
    request.refuse = (char[]){"not you"};
    reflect_from_worker(&lab, &request, &told);
    CHECK_INT(told.code, YOKE_PERMISSION_DENIED);
    CHECK_STR(told.message, "not you");
    CHECK_STR(told.trailers, "m|");
    CHECK_INT(server.started, 3);
    CHECK_INT(server.finished, 3);
    lab_close(&lab);
}

/* Whoever is asked when a call begins hears of its end, also when the worker dies, or the master is destroyed. */
static void interceptors_hear_of_deaths(void) {
    struct lab lab;
    struct lab_result held = {0};
    struct lab_result last = {0};
    struct lab_master_call asked = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    open_lab(&lab, PROBE_INTERCEPT);
    request.method = (char[]){"Hold"};
    REQUIRE_INT(lab_call_master(&lab, yoke_pool_channel(lab.pool), &request, &asked), 0);
    LAB_WAIT(&lab, lab.common.held_count == 1);
    REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), "x", 1, &held), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&held, YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&asked.result, YOKE_UNAVAILABLE);
    CHECK_INT(child_caller.finished, 1);
    CHECK_STR(yoke_code_name(child_caller.code), "UNAVAILABLE");
    CHECK_INT(pool_caller.finished, 1);
    CHECK_INT(server.finished, 1);
    CHECK_STR(yoke_code_name(server.code), "CANCELLED");
    /* A stub that fails behind them. */
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &last), -ENOTCONN);
    CHECK_INT(child_caller.started, 2);
    CHECK_INT(child_caller.finished, 2);
    common_release(&lab.common, false);
    CHECK_INT(server.finished, 1);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "metadata travels to workers", .run = metadata_travels_to_workers},
    {.name = "metadata travels to the master", .run = metadata_travels_to_the_master},
    {.name = "interceptors go around calls to workers", .run = interceptors_go_around_calls_to_workers},
    {.name = "interceptors go around calls to the master", .run = interceptors_go_around_calls_to_the_master},
    {.name = "interceptors hear of deaths", .run = interceptors_hear_of_deaths},
    {.name = NULL},
};

LAB_MAIN(cases)
