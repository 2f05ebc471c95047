/* address.h: where to listen, as text and as the kernel has it. Pure: looks nothing up and opens nothing. */
#ifndef YOKE_MASTER_ADDRESS_H
#define YOKE_MASTER_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* The longest is "systemd:" and a name of 255 bytes. */
#define YOKE__ADDRESS_TEXT_MAX 272

enum yoke__address_kind { YOKE__ADDRESS_TCP, YOKE__ADDRESS_UNIX, YOKE__ADDRESS_SYSTEMD };

struct yoke__address {
    enum yoke__address_kind kind;
    bool is_dual; /* "*": IPv6 and IPv4 */
    struct sockaddr_storage socket;
    socklen_t length; /* of `socket`; 0 for systemd's */

    /* The one form of this address: what is equal is written equally. */
    char text[YOKE__ADDRESS_TEXT_MAX];
};

/* Read the form that yoke/master.h describes. -EINVAL: it is none. */
int yoke__address_parse(const char *text, struct yoke__address *ret_address);

/* The text of where a socket is bound; `is_dual`: one for IPv6 serves IPv4 as well. -EINVAL: neither TCP nor Unix. */
int yoke__address_format(const struct sockaddr_storage *socket, socklen_t length, bool is_dual,
                         char text[YOKE__ADDRESS_TEXT_MAX]);

/* The path of the file that is this Unix socket; NULL: there is none. */
const char *yoke__address_path(const struct yoke__address *address);

#endif
