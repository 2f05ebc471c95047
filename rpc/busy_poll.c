/* busy_poll.c: see busy_poll.h. */
#include "rpc/busy_poll.h"

void yoke__busy_poll_init(struct yoke__busy_poll *poll, uint32_t patience_us) {
    *poll = (struct yoke__busy_poll){
        .patience_ns = (uint64_t)patience_us * 1000, .trust = YOKE__BUSY_POLL_TRUST, .caution = 1};
}

static void succeed(struct yoke__busy_poll *poll) {
    poll->trust = YOKE__BUSY_POLL_TRUST;
    poll->caution = 1;
}

static void fail(struct yoke__busy_poll *poll) {
    poll->is_polling = false;
    if (--poll->trust == 0) {
        poll->short_waits = 0;
        poll->caution = poll->caution < YOKE__BUSY_POLL_CAUTION_MAX ? poll->caution * 2 : YOKE__BUSY_POLL_CAUTION_MAX;
    }
}

/* A wait that was slept through would have been worth looking out for. */
static void regain(struct yoke__busy_poll *poll) {
    poll->short_waits++;
    if (poll->short_waits >= poll->caution) {
        poll->trust = 1;
    }
}

void yoke__busy_poll_received(struct yoke__busy_poll *poll, uint64_t now_ns) {
    poll->has_traffic = true;
    if (!poll->is_waiting) {
        return;
    }
    poll->is_waiting = false;
    if (poll->is_polling) {
        poll->is_polling = false;
        succeed(poll);
    } else if (poll->trust == 0 && now_ns - poll->began_ns <= poll->patience_ns + YOKE__BUSY_POLL_WAKING_NS) {
        regain(poll);
    }
}

void yoke__busy_poll_sent(struct yoke__busy_poll *poll) {
    poll->has_traffic = true;
}

static void begin(struct yoke__busy_poll *poll, uint64_t now_ns) {
    if (poll->is_polling) {
        /* Nothing came before we sent more. Otherwise who only sends, and often, would look out for ever. */
        fail(poll);
    }
    poll->has_traffic = false;
    poll->began_ns = now_ns;
    poll->is_waiting = true;
    poll->is_polling = poll->trust > 0;
}

bool yoke__busy_poll_wants(struct yoke__busy_poll *poll, uint64_t now_ns) {
    if (poll->has_traffic) {
        begin(poll, now_ns);
    }
    if (poll->is_polling && now_ns - poll->began_ns >= poll->patience_ns) {
        poll->is_waiting = false;
        fail(poll);
    }
    return poll->is_polling;
}
