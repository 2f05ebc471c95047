/* yoke/yoke.h: all of Yoke. */
#ifndef YOKE_YOKE_H
#define YOKE_YOKE_H

#include <yoke/master.h>
#include <yoke/rpc.h>
#include <yoke/worker.h>

#endif
