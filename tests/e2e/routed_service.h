/* routed_service.h: probe.Routed, as workers serve it. */
#ifndef YOKE_TESTS_ROUTED_SERVICE_H
#define YOKE_TESTS_ROUTED_SERVICE_H

#include "probe.yoke.h"

#include <yoke/yoke.h>

struct kept_call {
    struct yoke_call *call;
    int (*answer)(struct yoke_call *call, const Probe__Number *place);
};

struct routed_service {
    struct yoke_worker *worker;
    struct kept_call kept[1024];
    size_t kept_count;
};

/* What the service's functions return. */
int routed_service_serve(struct routed_service *service, struct yoke_worker *worker);

#endif
