/*
 * service.h: the test service, and the Control service beside it, for whoever serves: a worker or the master.
 */
#ifndef YOKE_TESTS_CONFORMANCE_SERVICE_H
#define YOKE_TESTS_CONFORMANCE_SERVICE_H

#include "interop.yoke.h"

#include <yoke/rpc.h>

struct ev_loop;

struct service {
    struct ev_loop *loop; /* for responses that are to come later */
    struct yoke_call *held;
    uint32_t live, cancelled, refused, responses;
};

/* Offers both services. `service` must outlive the server. What a stub returned. */
int service_serve(struct service *service, struct yoke_server *server, struct ev_loop *loop);

#endif
