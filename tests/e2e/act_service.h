/* act_service.h: probe.Acts, as workers serve it: what the kernel lets them do, and what they print. */
#ifndef YOKE_TESTS_ACT_SERVICE_H
#define YOKE_TESTS_ACT_SERVICE_H

#include "probe.yoke.h"

extern const struct probe_acts_handlers act_handlers;

#endif
