/*
 * cancel.h: calls that end before they are answered: cancelled by their caller, overtaken by their deadline, or because
 * the call that they are part of ends so.
 */
#ifndef YOKE_RPC_CANCEL_H
#define YOKE_RPC_CANCEL_H

#include "rpc/engine.h"

/* A call of ours that is on no connection has ended; its callback will come from yoke__calls_settle(). `message`
 * lives as long as the call. */
void yoke__call_settle(struct yoke_call *call, enum yoke_code verdict, const char *message);

/* End a call of ours here, tell the peer, and settle it. Harmless when it has ended. */
void yoke__call_abandon(struct yoke_call *call, enum yoke_code verdict, const char *message);

/* The answer to this call is not wanted any more: tell its handler, cancel the calls that are part of it. */
void yoke__call_revoke(struct yoke_call *call);

/* End a call of the peer, whose handler need not have heard of it, with an error. */
void yoke__call_break_off(struct yoke_call *call, enum yoke_code code, const char *message);

/* The time so many microseconds from now; the end of time when that is beyond it. */
uint64_t yoke__deadline_after(const struct yoke__engine *engine, uint64_t timeout_us);

/* Give a call that has just begun another deadline. -ENOMEM. */
int yoke__call_set_deadline(struct yoke_call *call, uint64_t deadline_ns);

/* The call is answered: what was part of it goes on alone. */
void yoke__call_release_children(struct yoke_call *call);

/* End what is past its deadline and run the callbacks that are due, from the loop. False when there was nothing to do. */
bool yoke__calls_settle(struct yoke__engine *engine);

/* When yoke__calls_settle() will next have something to do; 0: now; UINT64_MAX: unknown yet. */
uint64_t yoke__calls_due_ns(const struct yoke__engine *engine);

#endif
