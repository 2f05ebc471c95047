/* status.h: the status page, for which a worker asks the master. */
#ifndef HTTPD_STATUS_H
#define HTTPD_STATUS_H

#include <stdbool.h>

struct connection;

/* connection_show_status() follows, from the loop. False: it does not, because the master cannot be asked. */
bool status_ask(struct connection *connection);

#endif
