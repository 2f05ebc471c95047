/*
 * retry.h: calls of ours that are made again, because the peer that had them is gone: which ones, how often, after what pause. A
 * channel to several peers has a policy; one to a single peer never makes a call again.
 */
#ifndef YOKE_RPC_RETRY_H
#define YOKE_RPC_RETRY_H

#include <yoke/rpc.h>

/* Retries that may be made besides those that calls have earned; and calls that count, the latest ones. */
#define YOKE__RETRY_EXTRA 10u
#define YOKE__RETRY_CALLS 10000u

/* A zeroed one: nothing is made again. */
struct yoke__retry {
    uint32_t max_attempts; /* of one call, the first counted */
    uint32_t max_request_bytes;
    uint32_t budget_percent;
    uint32_t budget, most; /* in hundredths of a retry */
    uint64_t pause_ns, max_pause_ns;
    uint64_t random;
};

/* Begin with a full budget of extras; the other fields are set. */
void yoke__retry_init(struct yoke__retry *retry, uint64_t seed);

/* A call has been made. */
static inline void yoke__retry_earn(struct yoke__retry *retry) {
    retry->budget += retry->budget_percent;
    if (retry->budget > retry->most) {
        retry->budget = retry->most;
    }
}

/* One is to be made again. False when too many have been. */
bool yoke__retry_spend(struct yoke__retry *retry);

/* How long to wait after so many attempts: by chance up to a bound that doubles. */
uint64_t yoke__retry_pause_ns(struct yoke__retry *retry, uint32_t attempts);

/*
 * The peer of this call, which is on no connection any more, is gone. True when the call will be made again, so that it is not over.
 * `may_be_handled`: the peer may have begun to.
 */
bool yoke__retry_call(struct yoke_call *call, bool may_be_handled);

#endif
