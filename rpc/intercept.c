/* intercept.c: see intercept.h. */
#include "rpc/intercept.h"

#include "rpc/call.h"
#include "rpc/engine.h"

#include <errno.h>

int yoke__chain_add(struct yoke__chain *chain, const struct yoke_interceptor *interceptor, void *user_data) {
    if (interceptor->start == NULL && interceptor->finish == NULL) {
        return -EINVAL;
    }
    if (chain->count == YOKE_INTERCEPTORS_MAX) {
        return -ENOSPC;
    }
    chain->links[chain->count].interceptor = *interceptor;
    chain->links[chain->count].user_data = user_data;
    chain->count++;
    return 0;
}

/* Hooks may hand on anything; what is no code, or lacks its message, is put right. */
static void tidy(struct yoke_status *status) {
    if ((unsigned)status->code > YOKE_UNAUTHENTICATED) {
        status->code = YOKE_UNKNOWN;
    }
    if (status->message == NULL || status->code == YOKE_OK) {
        status->message = "";
    }
}

void yoke__chain_start(const struct yoke__chain *chain, struct yoke_call *call, struct yoke_status *status) {
    call->chain = chain;
    call->is_starting = true;
    const size_t count = chain->count;
    for (size_t i = 0; i < count && status->code == YOKE_OK && !call->answered && !call->cancelled; i++) {
        call->started = (uint8_t)(i + 1);
        call->call_data[i] = NULL;
        if (chain->links[i].interceptor.start != NULL) {
            chain->links[i].interceptor.start(call, status, &call->call_data[i], chain->links[i].user_data);
        }
        tidy(status);
    }
    call->is_starting = false;
}

void yoke__chain_finish(struct yoke_call *call, struct yoke_status *status) {
    if (call->engine->is_mute) {
        return;
    }
    const struct yoke__chain *chain = call->chain;
    call->engine->callback_depth++;
    call->is_finishing = true;
    while (call->started > 0) {
        size_t i = --call->started;
        bool was_ok = status->code == YOKE_OK;
        if (chain->links[i].interceptor.finish != NULL) {
            chain->links[i].interceptor.finish(call, status, &call->call_data[i], chain->links[i].user_data);
        }
        tidy(status);
        if (!was_ok && status->code == YOKE_OK) {
            /* There is no reply to go with it. */
            *status = (struct yoke_status){YOKE_UNKNOWN, "an interceptor made an error OK"};
        }
    }
    call->is_finishing = false;
    call->engine->callback_depth--;
}
