/* draft.c: see draft.h. */
#include "rpc/draft.h"

#include <stdlib.h>
#include <string.h>

/* What is kept idle, in all classes but the smallest together. */
#define IDLE_BYTES_MAX ((size_t)4 * 1024 * 1024)

static size_t capacity_of(unsigned size_class) {
    return (size_t)YOKE__DRAFT_SMALL << (2 * size_class);
}

static struct yoke__draft *allocate(unsigned size_class, size_t capacity) {
    struct yoke__draft *draft = malloc(sizeof *draft + capacity);
    if (draft != NULL) {
        draft->size_class = (uint8_t)size_class;
    }
    return draft;
}

static struct yoke__draft *get_small(struct yoke__engine *engine) {
    struct yoke__draft *draft = engine->idle_drafts[0];
    if (draft == NULL) {
        return allocate(0, YOKE__DRAFT_SMALL);
    }
    engine->idle_drafts[0] = draft->next_idle;
    return draft;
}

/* One with room for so many bytes, which are too many for a small one. */
static struct yoke__draft *get_large(struct yoke__engine *engine, size_t length) {
    unsigned size_class = 1;
    while (size_class < YOKE__DRAFT_CLASSES && length > capacity_of(size_class)) {
        size_class++;
    }
    struct yoke__draft *draft = size_class < YOKE__DRAFT_CLASSES ? engine->idle_drafts[size_class] : NULL;
    if (draft != NULL) {
        engine->idle_drafts[size_class] = draft->next_idle;
        engine->idle_draft_bytes -= capacity_of(size_class);
    } else {
        draft = allocate(size_class, size_class < YOKE__DRAFT_CLASSES ? capacity_of(size_class) : length);
    }
    engine->draft_bytes += draft != NULL ? length : 0;
    return draft;
}

struct yoke__draft *yoke__draft_create(struct yoke_call *call, struct yoke_channel *channel,
                                       const struct yoke__body *request, uint64_t key) {
    const size_t length = request != NULL ? request->length : 0;
    struct yoke__draft *draft = length <= YOKE__DRAFT_SMALL ? get_small(call->engine) : get_large(call->engine, length);
    if (draft == NULL) {
        return NULL;
    }
    draft->channel = channel;
    draft->key = key;
    draft->length = length;
    memset(&draft->attempts, 0, sizeof *draft - offsetof(struct yoke__draft, attempts));
    if (request != NULL) {
        draft->has_request = true;
        yoke__body_write(request, draft->bytes);
    }
    call->draft = draft;
    return draft;
}

/* Take back one that is not small. */
static void put_large(struct yoke__engine *engine, struct yoke__draft *draft) {
    const unsigned size_class = draft->size_class;
    engine->draft_bytes -= draft->length;
    if (size_class == YOKE__DRAFT_CLASSES || engine->idle_draft_bytes + capacity_of(size_class) > IDLE_BYTES_MAX) {
        free(draft);
        return;
    }
    draft->next_idle = engine->idle_drafts[size_class];
    engine->idle_drafts[size_class] = draft;
    engine->idle_draft_bytes += capacity_of(size_class);
}

void yoke__draft_release(struct yoke_call *call) {
    struct yoke__engine *engine = call->engine;
    struct yoke__draft *draft = call->draft;
    call->draft = NULL;
    if (draft->size_class == 0) {
        draft->next_idle = engine->idle_drafts[0];
        engine->idle_drafts[0] = draft;
    } else {
        put_large(engine, draft);
    }
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
