/* event.c: see event.h. */
#include "rpc/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The subscribers of one event type. Kept while it has any or is being delivered. */
struct topic {
    struct yoke__link link;
    const struct yoke_event_type *type;
    bool is_own;
    struct yoke__link subscriptions;
    unsigned deliveries; /* > 0 while handlers run: then subscriptions are only marked as ended */
    bool has_ended;      /* some are marked so */
};

struct subscription {
    struct yoke__link link;
    yoke_function *handler; /* NULL: ended during a delivery */
    void *user_data;
};

bool yoke__event_is_own(const struct yoke_event_type *type) {
    static const char package[] = "yoke.v1.";
    return strncmp(type->type->name, package, sizeof package - 1) == 0;
}

void yoke__events_init(struct yoke_events *events, struct yoke__engine *engine) {
    events->engine = engine;
    yoke__link_init(&events->topics);
}

static void free_subscription(struct subscription *subscription) {
    yoke__link_remove(&subscription->link);
    free(subscription);
}

static void free_topic(struct topic *topic) {
    yoke__link_remove(&topic->link);
    free(topic);
}

void yoke__events_release(struct yoke_events *events) {
    while (!yoke__link_is_alone(&events->topics)) {
        struct topic *topic = YOKE__CONTAINER(events->topics.next, struct topic, link);
        while (!yoke__link_is_alone(&topic->subscriptions)) {
            free_subscription(YOKE__CONTAINER(topic->subscriptions.next, struct subscription, link));
        }
        free_topic(topic);
    }
}

static struct topic *find_topic(const struct yoke_events *events, uint32_t id) {
    for (struct yoke__link *at = events->topics.next; at != &events->topics; at = at->next) {
        struct topic *topic = YOKE__CONTAINER(at, struct topic, link);
        if (topic->type->id == id) {
            return topic;
        }
    }
    return NULL;
}

static struct subscription *find_subscription(const struct topic *topic, yoke_function *handler,
                                              const void *user_data) {
    for (struct yoke__link *at = topic->subscriptions.next; at != &topic->subscriptions; at = at->next) {
        struct subscription *subscription = YOKE__CONTAINER(at, struct subscription, link);
        if (subscription->handler == handler && subscription->user_data == user_data) {
            return subscription;
        }
    }
    return NULL;
}

/* Free what ended, unless during a delivery, and the topic when nobody is left. */
static void sweep_topic(struct topic *topic) {
    if (topic->deliveries > 0) {
        return;
    }
    topic->has_ended = false;
    for (struct yoke__link *at = topic->subscriptions.next, *next; at != &topic->subscriptions; at = next) {
        struct subscription *subscription = YOKE__CONTAINER(at, struct subscription, link);
        next = at->next;
        if (subscription->handler == NULL) {
            free_subscription(subscription);
        }
    }
    if (yoke__link_is_alone(&topic->subscriptions)) {
        free_topic(topic);
    }
}

static struct topic *add_topic(struct yoke_events *events, const struct yoke_event_type *type) {
    struct topic *topic = calloc(1, sizeof *topic);
    if (topic != NULL) {
        topic->type = type;
        topic->is_own = yoke__event_is_own(type);
        yoke__link_init(&topic->subscriptions);
        yoke__link_append(&events->topics, &topic->link);
    }
    return topic;
}

int yoke_events_on(struct yoke_events *events, const struct yoke_event_type *type, yoke_function *handler,
                   void *user_data) {
    if (handler == NULL || type->id == 0) {
        return -EINVAL;
    }
    struct topic *topic = find_topic(events, type->id);
    if (topic != NULL &&
        (strcmp(topic->type->type->name, type->type->name) != 0 || find_subscription(topic, handler, user_data))) {
        return -EEXIST;
    }
    if (topic == NULL) {
        topic = add_topic(events, type);
        if (topic == NULL) {
            return -ENOMEM;
        }
    }
    struct subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL) {
        sweep_topic(topic);
        return -ENOMEM;
    }
    subscription->handler = handler;
    subscription->user_data = user_data;
    yoke__link_append(&topic->subscriptions, &subscription->link);
    return 0;
}

int yoke_events_off(struct yoke_events *events, const struct yoke_event_type *type, yoke_function *handler,
                    void *user_data) {
    struct topic *topic = find_topic(events, type->id);
    struct subscription *subscription = topic != NULL ? find_subscription(topic, handler, user_data) : NULL;
    if (handler == NULL || subscription == NULL) {
        return -ENOENT;
    }
    subscription->handler = NULL;
    topic->has_ended = true;
    sweep_topic(topic);
    return 0;
}

static void deliver_to_topic(struct yoke__engine *engine, struct topic *topic, const struct yoke_peer *peer,
                             const void *event) {
    /* Who subscribes during the delivery gets the next event. */
    const struct yoke__link *last = topic->subscriptions.previous;
    topic->deliveries++;
    engine->callback_depth++;
    for (struct yoke__link *at = topic->subscriptions.next; at != &topic->subscriptions; at = at->next) {
        struct subscription *subscription = YOKE__CONTAINER(at, struct subscription, link);
        if (subscription->handler != NULL) {
            topic->type->deliver(subscription->handler, peer, event, subscription->user_data);
        }
        if (at == last) {
            break;
        }
    }
    engine->callback_depth--;
    topic->deliveries--;
    if (topic->has_ended) {
        sweep_topic(topic);
    }
}

void yoke__events_deliver(struct yoke_events *events, const struct yoke_event_type *type, const struct yoke_peer *peer,
                          const void *event) {
    struct topic *topic = find_topic(events, type->id);
    if (topic != NULL) {
        deliver_to_topic(events->engine, topic, peer, event);
    }
}

void yoke__events_receive(struct yoke_events *events, uint32_t id, const struct yoke_peer *peer,
                          const struct yoke__parcel *parcel) {
    struct topic *topic = find_topic(events, id);
    if (topic == NULL) {
        return;
    }
    if (topic->is_own) {
        yoke__engine_log(events->engine, YOKE_LOG_WARNING, "event %s from pid %d dropped: it is not a peer's to send",
                         topic->type->type->name, (int)peer->pid);
        return;
    }
    struct yoke_arena *arena;
    const void *event;
    enum yoke_code code = yoke__message_decode(events->engine, topic->type->type, parcel, &arena, &event);
    if (code != YOKE_OK) {
        yoke__engine_log(events->engine, YOKE_LOG_WARNING, "event %s from pid %d dropped: it could not be decoded (%s)",
                         topic->type->type->name, (int)peer->pid, yoke_code_name(code));
        return;
    }
    deliver_to_topic(events->engine, topic, peer, event);
    yoke__engine_put_arena(events->engine, arena);
}
