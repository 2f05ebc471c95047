/*
 * event.h: the subscriptions of a process and the delivery of events to them. An event that arrives as bytes is decoded
 * once, and only when somebody subscribed to it.
 */
#ifndef YOKE_RPC_EVENT_H
#define YOKE_RPC_EVENT_H

#include "rpc/codec.h"
#include "rpc/engine.h"
#include "rpc/list.h"

struct yoke_events {
    struct yoke__engine *engine;
    struct yoke__link topics;
};

/* Is this an event of Yoke's own, such as a worker's death? These never come from a peer, who could lie. */
bool yoke__event_is_own(const struct yoke_event_type *type);

void yoke__events_init(struct yoke_events *events, struct yoke__engine *engine);
void yoke__events_release(struct yoke_events *events);

/* Hand an event of this process itself to its subscribers. */
void yoke__events_deliver(struct yoke_events *events, const struct yoke_event_type *type, const struct yoke_peer *peer,
                          const void *event);

/* Decode an event from a peer and hand it to its subscribers. Without any, the bytes are ignored. */
void yoke__events_receive(struct yoke_events *events, uint32_t id, const struct yoke_peer *peer,
                          const struct yoke__parcel *parcel);

#endif
