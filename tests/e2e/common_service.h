/* common_service.h: probe.Common, as masters and workers serve it. Holds up to 8,192 calls unanswered. */
#ifndef YOKE_TESTS_COMMON_SERVICE_H
#define YOKE_TESTS_COMMON_SERVICE_H

#include "probe.yoke.h"

struct held_call {
    struct yoke_call *call;
    const Probe__Payload *request; /* lives as long as the call */
};

struct common_service {
    struct held_call held[8192];
    size_t held_count;
    size_t never_count;
    struct yoke_call *never; /* the last one */
    struct yoke_peer last_peer;
    int last_error; /* of the last reply */
};

extern const struct probe_common_handlers common_handlers; /* user_data: struct common_service */

/* Answers what is held with what it asked. */
void common_release(struct common_service *service, bool reverse);

#endif
