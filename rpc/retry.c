/* retry.c: see retry.h. */
#include "rpc/retry.h"

#include "rpc/cancel.h"
#include "rpc/channel.h"
#include "rpc/draft.h"
#include "rpc/queue.h"
#include "rpc/random.h"
#include "rpc/stream.h"

/* ---- The policy ---------------------------------------------------------------------------------------------------- */

void yoke__retry_init(struct yoke__retry *retry, uint64_t seed) {
    retry->budget = YOKE__RETRY_EXTRA * 100;
    retry->most = retry->budget + YOKE__RETRY_CALLS * retry->budget_percent;
    retry->random = seed;
}

bool yoke__retry_spend(struct yoke__retry *retry) {
    if (retry->budget < 100) {
        return false;
    }
    retry->budget -= 100;
    return true;
}

uint64_t yoke__retry_pause_ns(struct yoke__retry *retry, uint32_t attempts) {
    uint64_t bound_ns = retry->pause_ns;
    for (uint32_t i = 1; i < attempts && bound_ns < retry->max_pause_ns; i++) {
        bound_ns *= 2;
    }
    return yoke__random_below(&retry->random, (bound_ns < retry->max_pause_ns ? bound_ns : retry->max_pause_ns) + 1);
}

/* ---- Calls --------------------------------------------------------------------------------------------------------- */

/* Could it be made again at all, as far as its user has not seen anything of an answer? */
static bool can_repeat(const struct yoke_call *call) {
    const struct yoke__draft *draft = call->draft;
    const struct yoke_channel *channel = draft->channel;
    const struct yoke__engine *engine = call->engine;
    return draft->attempts < channel->retry.max_attempts && channel->expects_peer && !call->headers_passed &&
           !engine->is_ending && !engine->is_mute;
}

bool yoke__retry_call(struct yoke_call *call, bool may_be_handled) {
    struct yoke__draft *draft = call->draft;
    if (draft == NULL) {
        return false;
    }
    draft->may_be_handled |= may_be_handled;
    if (!can_repeat(call) || yoke__deadlines_reserve(&call->engine->deadlines) != 0) {
        return false;
    }
    struct yoke__retry *retry = &draft->channel->retry;
    uint64_t until_ns = 0;
    if (may_be_handled) {
        if (!call->method->is_idempotent) {
            return false;
        }
        until_ns = call->engine->clock_ns() + yoke__retry_pause_ns(retry, draft->attempts);
        if ((call->deadline_ns != 0 && until_ns >= call->deadline_ns) || !yoke__retry_spend(retry)) {
            return false;
        }
    }
    if (call->streaming != NULL) {
        yoke__stream_renew(call);
    }
    if (until_ns != 0) {
        yoke__queue_pause(call, until_ns);
    } else {
        yoke__queue_return(call);
    }
    return true;
}
