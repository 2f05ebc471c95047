/* routed_caller.c: see routed_caller.h. */
#include "routed_caller.h"

static unsigned ends;

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                    void *user_data) {
    struct routed *routed = user_data;
    routed->is_safe = yoke_call_is_safe_to_retry(call);
    routed->order = ++ends;
    lab_on_number(call, status, reply, &routed->result);
}

int routed_call(struct lab *lab, routed_stub *stub, struct yoke_channel *channel, const char *key,
                const struct yoke_call_options *options, struct routed *routed) {
    Probe__Keyed request = PROBE__KEYED__INIT;
    struct yoke_call_options with_call = {YOKE_CALL_OPTIONS_INIT};
    request.key = (char *)(uintptr_t)key;
    if (options != NULL) {
        with_call = *options;
    }
    *routed = (struct routed){.result = {.lab = lab}};
    with_call.ret_call = &routed->call;
    return stub(channel != NULL ? channel : yoke_pool_channel(lab->pool), &request, &with_call, on_done, routed);
}

int64_t routed_where(struct lab *lab, const char *key) {
    struct routed routed;
    REQUIRE_INT(routed_call(lab, probe_routed_where, NULL, key, NULL, &routed), 0);
    LAB_WAIT(lab, routed.result.count > 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_OK);
    return routed.result.number;
}

void routed_let_go(struct lab *lab, unsigned place) {
    struct lab_result result = {0};
    struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab->pool, place));
    REQUIRE_INT(lab_call_number(lab, probe_routed_let_go, channel, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
}

void routed_wait_kept(struct lab *lab, unsigned count) {
    LAB_WAIT(lab, lab->noticed_count >= count);
    CHECK_INT(lab->noticed_count, count);
}

void routed_kill(struct lab *lab, unsigned place) {
    unsigned deaths = lab->death_count;
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab->pool, place), SIGKILL), 0);
    LAB_WAIT(lab, lab->death_count == deaths + 1);
}

void routed_open(struct lab *lab, unsigned workers, bool restart, const struct yoke_pool_options *pool) {
    lab_open(lab, &(struct lab_options){.workers = workers, .restart = restart, .restart_pause_ms = 1, .pool = pool});
}
