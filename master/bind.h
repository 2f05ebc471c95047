/* bind.h: opens one listening socket. What stands in its way is removed only if it is a Unix socket on which nobody listens. */
#ifndef YOKE_MASTER_BIND_H
#define YOKE_MASTER_BIND_H

#include "master/address.h"

#include <sys/stat.h>

struct yoke__bind_options {
    int backlog;
    mode_t unix_mode;
    bool reuse_port;
};

/* Non-blocking, close-on-exec, and none of the standard descriptors. A negative errno value on failure, and nothing is left. */
int yoke__bind(const struct yoke__address *address, const struct yoke__bind_options *options, int *ret_fd);

/* Is this a descriptor of a stream socket that listens? */
bool yoke__is_listening(int fd);

/* Where it is bound, as text. -EINVAL: neither TCP nor Unix. */
int yoke__bound_address(int fd, char text[YOKE__ADDRESS_TEXT_MAX]);

#endif
