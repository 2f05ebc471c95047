/*
 * intercept.h: interceptors: hooks that a channel's or a server's owner puts around each call. The ones registered first
 * are outermost: they start first and finish last.
 */
#ifndef YOKE_RPC_INTERCEPT_H
#define YOKE_RPC_INTERCEPT_H

#include <yoke/rpc.h>

/* The interceptors of one channel or server. Only ever grows. */
struct yoke__chain {
    size_t count;
    struct {
        struct yoke_interceptor interceptor;
        void *user_data;
    } links[YOKE_INTERCEPTORS_MAX];
};

/* Errors as yoke_channel_intercept(). */
int yoke__chain_add(struct yoke__chain *chain, const struct yoke_interceptor *interceptor, void *user_data);

/*
 * Ask each interceptor whether the call may begin. `status` is OK first; when it is not any more, the call is refused and
 * the rest is not asked.
 */
void yoke__chain_start(const struct yoke__chain *chain, struct yoke_call *call, struct yoke_status *status);

#endif
