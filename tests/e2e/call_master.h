/* call_master.h: Worker.CallMaster: the worker calls its master and tells how that went. */
#ifndef YOKE_TESTS_CALL_MASTER_H
#define YOKE_TESTS_CALL_MASTER_H

#include "probe.yoke.h"

void call_master(struct yoke_call *call, const Probe__CallMasterRequest *request, void *user_data);

#endif
