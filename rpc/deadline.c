/* deadline.c: see deadline.h. */
#include "rpc/deadline.h"

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

void yoke__deadlines_release(struct yoke__deadlines *deadlines) {
    free(deadlines->heap);
    *deadlines = (struct yoke__deadlines){0};
}

int yoke__deadlines_grow(struct yoke__deadlines *deadlines) {
    size_t capacity = deadlines->capacity == 0 ? CAPACITY_MIN : 2 * deadlines->capacity;
    struct yoke_call **heap = reallocarray(deadlines->heap, capacity, sizeof(struct yoke_call *));
    if (heap == NULL) {
        return -ENOMEM;
    }
    deadlines->heap = heap;
    deadlines->capacity = capacity;
    return 0;
}

static void place(struct yoke__deadlines *deadlines, struct yoke_call *call, size_t index) {
    deadlines->heap[index] = call;
    call->deadline_index = index;
}

/* Move `call`, to be placed at `index`, up to where its parent is not later. */
static void sift_up(struct yoke__deadlines *deadlines, struct yoke_call *call, size_t index) {
    while (index > 0) {
        struct yoke_call *parent = deadlines->heap[(index - 1) / 2];
        if (parent->deadline_ns <= call->deadline_ns) {
            break;
        }
        place(deadlines, parent, index);
        index = (index - 1) / 2;
    }
    place(deadlines, call, index);
}

/* Move `call`, to be placed at `index`, down to where its children are not earlier. */
static void sift_down(struct yoke__deadlines *deadlines, struct yoke_call *call, size_t index) {
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= deadlines->count) {
            break;
        }
        if (child + 1 < deadlines->count &&
            deadlines->heap[child + 1]->deadline_ns < deadlines->heap[child]->deadline_ns) {
            child++;
        }
        if (call->deadline_ns <= deadlines->heap[child]->deadline_ns) {
            break;
        }
        place(deadlines, deadlines->heap[child], index);
        index = child;
    }
    place(deadlines, call, index);
}

void yoke__deadlines_add(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    call->is_timed = true;
    sift_up(deadlines, call, deadlines->count++);
}

void yoke__deadlines_remove(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    if (!call->is_timed) {
        return;
    }
    call->is_timed = false;
    size_t index = call->deadline_index;
    struct yoke_call *last = deadlines->heap[--deadlines->count];
    if (last == call) {
        return;
    }
    if (index > 0 && deadlines->heap[(index - 1) / 2]->deadline_ns > last->deadline_ns) {
        sift_up(deadlines, last, index);
    } else {
        sift_down(deadlines, last, index);
    }
}

struct yoke_call *yoke__deadlines_first(const struct yoke__deadlines *deadlines) {
    return deadlines->count > 0 ? deadlines->heap[0] : NULL;
}
