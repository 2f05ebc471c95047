/* offers.c: see offers.h. */
#include "master/offers.h"

#include "master/bind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct offer {
    struct yoke__link link;
    bool reuse_port;
    int fd;
    char asked[YOKE__ADDRESS_TEXT_MAX]; /* as a listener asked, or is to ask */
    char bound[YOKE__ADDRESS_TEXT_MAX]; /* with the port that the kernel chose; empty: has no text */
};

void yoke__offers_init(struct yoke__offers *offers) {
    yoke__link_init(&offers->list);
}

int yoke__offers_add(struct yoke__offers *offers, const char *address, bool reuse_port, int fd) {
    struct offer *offer = calloc(1, sizeof *offer);
    if (offer == NULL) {
        return -ENOMEM;
    }
    offer->reuse_port = reuse_port;
    offer->fd = fd;
    (void)strncpy(offer->asked, address, sizeof offer->asked - 1);
    if (yoke__bound_address(fd, offer->bound) != 0) {
        offer->bound[0] = '\0';
    }
    yoke__link_append(&offers->list, &offer->link);
    return 0;
}

static void forget(struct offer *offer) {
    yoke__link_remove(&offer->link);
    free(offer);
}

void yoke__offers_release(struct yoke__offers *offers, bool removes_files) {
    while (!yoke__link_is_alone(&offers->list)) {
        struct offer *offer = YOKE__CONTAINER(offers->list.next, struct offer, link);
        struct yoke__address address;
        if (removes_files && yoke__address_parse(offer->asked, &address) == 0 && yoke__address_path(&address) != NULL) {
            (void)unlink(yoke__address_path(&address));
        }
        (void)close(offer->fd);
        forget(offer);
    }
}

static struct offer *find(const struct yoke__offers *offers, const char *address, bool reuse_port, bool by_bound) {
    for (struct yoke__link *at = offers->list.next; at != &offers->list; at = at->next) {
        struct offer *offer = YOKE__CONTAINER(at, struct offer, link);
        if (offer->reuse_port == reuse_port && strcmp(by_bound ? offer->bound : offer->asked, address) == 0) {
            return offer;
        }
    }
    return NULL;
}

int yoke__offers_take(struct yoke__offers *offers, const char *address, bool reuse_port) {
    struct offer *offer = find(offers, address, reuse_port, false);
    if (offer == NULL) {
        offer = find(offers, address, reuse_port, true);
    }
    if (offer == NULL) {
        return -ENOENT;
    }
    int fd = offer->fd;
    forget(offer);
    return fd;
}
