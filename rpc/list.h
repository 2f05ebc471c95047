/*
 * list.h: a circular doubly linked list whose links live inside its elements, so that linking never allocates and
 * unlinking needs no search. An unlinked link points to itself, which makes unlinking twice harmless.
 */
#ifndef YOKE_RPC_LIST_H
#define YOKE_RPC_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct yoke__link {
    struct yoke__link *previous, *next;
};

/* The element of `type` that holds `link` as its `member`. */
#define YOKE__CONTAINER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void yoke__link_init(struct yoke__link *link) {
    link->previous = link->next = link;
}

static inline bool yoke__link_is_alone(const struct yoke__link *link) {
    return link->next == link;
}

static inline void yoke__link_append(struct yoke__link *list, struct yoke__link *link) {
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

static inline void yoke__link_remove(struct yoke__link *link) {
    link->previous->next = link->next;
    link->next->previous = link->previous;
    yoke__link_init(link);
}

#endif
