/* watch.c: see watch.h. */
#include "rpc/watch.h"

#include "rpc/call.h"
#include "rpc/connection.h"

static struct yoke_call *call_of(const struct yoke__link *link) {
    return YOKE__CONTAINER(link, struct yoke_call, watch);
}

static uint64_t due_after(uint64_t now_ns, uint64_t timeout_us) {
    return timeout_us < (UINT64_MAX - now_ns) / 1000 ? now_ns + timeout_us * 1000 : UINT64_MAX;
}

void yoke__watch_init(struct yoke__connection *connection) {
    connection->watch.told_ns = UINT64_MAX;
    yoke__link_init(&connection->watched);
}

void yoke__watch_add(struct yoke__connection *connection, struct yoke_call *call) {
    const uint64_t now_ns = call->engine->clock_ns();
    call->sent_ns = now_ns;
    call->handler_due_ns = due_after(now_ns, call->handler_timeout_us);
    call->is_watched = true;
    yoke__link_append(&connection->watched, &call->watch);
    if (call->handler_due_ns < connection->watch.told_ns) {
        connection->watch.told_ns = call->handler_due_ns;
        if (connection->hooks->watching != NULL) {
            connection->hooks->watching(connection);
        }
    }
}

void yoke__watch_remove(struct yoke_call *call) {
    call->is_watched = false;
    yoke__link_remove(&call->watch);
}

void yoke__watch_give_up(struct yoke__connection *connection, const struct yoke_call *call) {
    struct yoke__watch *watch = &connection->watch;
    if (watch->given_up.method == NULL || call->handler_due_ns < watch->given_up_due_ns) {
        watch->given_up = (struct yoke__overdue){call->method, call->sent_ns};
        watch->given_up_due_ns = call->handler_due_ns;
    }
}

bool yoke__connection_overdue(const struct yoke__connection *connection, uint64_t now_ns,
                              struct yoke__overdue *ret_overdue) {
    uint64_t due_ns = UINT64_MAX;
    if (connection->watch.given_up.method != NULL && connection->watch.given_up_due_ns <= now_ns) {
        due_ns = connection->watch.given_up_due_ns;
        *ret_overdue = connection->watch.given_up;
    }
    for (const struct yoke__link *at = connection->watched.next; at != &connection->watched; at = at->next) {
        const struct yoke_call *call = call_of(at);
        if (call->handler_due_ns <= now_ns && call->handler_due_ns < due_ns) {
            due_ns = call->handler_due_ns;
            *ret_overdue = (struct yoke__overdue){call->method, call->sent_ns};
        }
    }
    return due_ns != UINT64_MAX;
}

uint64_t yoke__connection_overdue_ns(struct yoke__connection *connection) {
    uint64_t due_ns = connection->watch.given_up.method != NULL ? connection->watch.given_up_due_ns : UINT64_MAX;
    for (const struct yoke__link *at = connection->watched.next; at != &connection->watched; at = at->next) {
        const struct yoke_call *call = call_of(at);
        due_ns = call->handler_due_ns < due_ns ? call->handler_due_ns : due_ns;
    }
    connection->watch.told_ns = due_ns;
    return due_ns;
}

void yoke__connection_excuse(struct yoke__connection *connection, uint64_t now_ns) {
    struct yoke__watch *watch = &connection->watch;
    if (watch->given_up.method != NULL && watch->given_up_due_ns <= now_ns) {
        watch->given_up.method = NULL;
    }
    for (const struct yoke__link *at = connection->watched.next; at != &connection->watched; at = at->next) {
        struct yoke_call *call = call_of(at);
        if (call->handler_due_ns <= now_ns) {
            call->handler_due_ns = due_after(now_ns, call->handler_timeout_us);
        }
    }
}
