/* draft.c: see draft.h. */
#include "rpc/draft.h"

#include <stdlib.h>

#define SMALLEST ((size_t)256)

/* What is kept idle, in all classes together. */
#define IDLE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static size_t capacity_of(unsigned size_class) {
    return SMALLEST << (2 * size_class);
}

static unsigned class_of(size_t length) {
    unsigned size_class = 0;
    while (size_class < YOKE__DRAFT_CLASSES && length > capacity_of(size_class)) {
        size_class++;
    }
    return size_class;
}

/* One with room for so many bytes. */
static struct yoke__draft *get(struct yoke__engine *engine, size_t length) {
    const unsigned size_class = class_of(length);
    if (size_class == YOKE__DRAFT_CLASSES) {
        struct yoke__draft *draft = malloc(sizeof *draft + length);
        if (draft != NULL) {
            draft->size_class = YOKE__DRAFT_CLASSES;
        }
        return draft;
    }
    struct yoke__draft *draft = engine->idle_drafts[size_class];
    if (draft != NULL) {
        engine->idle_drafts[size_class] = draft->next_idle;
        engine->idle_draft_bytes -= capacity_of(size_class);
        return draft;
    }
    draft = malloc(sizeof *draft + capacity_of(size_class));
    if (draft != NULL) {
        draft->size_class = (uint8_t)size_class;
    }
    return draft;
}

struct yoke__draft *yoke__draft_create(struct yoke_call *call, struct yoke_channel *channel,
                                       const struct yoke__body *request, uint64_t key) {
    const size_t length = request != NULL ? request->length : 0;
    struct yoke__draft *draft = get(call->engine, length);
    if (draft == NULL) {
        return NULL;
    }
    draft->channel = channel;
    draft->key = key;
    draft->length = length;
    draft->attempts = 0;
    draft->has_request = request != NULL;
    draft->is_waiting = draft->is_returned = draft->is_pausing = false;
    draft->half_closed = draft->may_be_handled = false;
    if (request != NULL) {
        yoke__body_write(request, draft->bytes);
    }
    call->engine->draft_bytes += length;
    call->draft = draft;
    return draft;
}

void yoke__draft_release(struct yoke_call *call) {
    struct yoke__engine *engine = call->engine;
    struct yoke__draft *draft = call->draft;
    call->draft = NULL;
    engine->draft_bytes -= draft->length;
    const unsigned size_class = draft->size_class;
    if (size_class == YOKE__DRAFT_CLASSES || engine->idle_draft_bytes + capacity_of(size_class) > IDLE_BYTES_MAX) {
        free(draft);
        return;
    }
    draft->next_idle = engine->idle_drafts[size_class];
    engine->idle_drafts[size_class] = draft;
    engine->idle_draft_bytes += capacity_of(size_class);
}

void yoke__drafts_trim(struct yoke__engine *engine) {
    for (unsigned i = 0; i < YOKE__DRAFT_CLASSES; i++) {
        while (engine->idle_drafts[i] != NULL) {
            struct yoke__draft *draft = engine->idle_drafts[i];
            engine->idle_drafts[i] = draft->next_idle;
            free(draft);
        }
    }
    engine->idle_draft_bytes = 0;
}

uint64_t yoke__call_deadline_ns(const struct yoke_call *call) {
    const struct yoke__draft *draft = yoke__draft_of(call);
    return draft != NULL && draft->is_pausing ? draft->deadline_ns : call->deadline_ns;
}
