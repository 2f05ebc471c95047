/* worker_state.h: what the handlers of the tests' worker share. */
#ifndef YOKE_TESTS_WORKER_STATE_H
#define YOKE_TESTS_WORKER_STATE_H

#include "accept_service.h"
#include "around.h"
#include "common_service.h"
#include "probe_worker.h"
#include "routed_service.h"
#include "stream_service.h"
#include "thread_service.h"

struct worker_state {
    const struct probe_setup *setup;
    struct yoke_worker *worker;
    struct common_service common;
    struct stream_service streams;
    struct thread_service threads;
    struct routed_service routed;
    struct accept_service accepts;
    struct inspection inspection;
    Probe__KeptCalling kept;
    int64_t ticks; /* Ticks that arrived from the master, in order */
};

#endif
