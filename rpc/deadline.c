/* deadline.c: see deadline.h. */
#include "rpc/deadline.h"

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

/* So many later ones at the list's end are passed over: long calls beside many short ones. */
#define LOOK_BACK 4

void yoke__deadlines_release(struct yoke__deadlines *deadlines) {
    free(deadlines->heap);
    *deadlines = (struct yoke__deadlines){0};
}

int yoke__deadlines_grow(struct yoke__deadlines *deadlines) {
    size_t capacity = deadlines->heap_capacity == 0 ? CAPACITY_MIN : 2 * deadlines->heap_capacity;
    struct yoke_call **heap = reallocarray(deadlines->heap, capacity, sizeof(struct yoke_call *));
    if (heap == NULL) {
        return -ENOMEM;
    }
    deadlines->heap = heap;
    deadlines->heap_capacity = capacity;
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
        if (child >= deadlines->heap_count) {
            break;
        }
        if (child + 1 < deadlines->heap_count &&
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

static void remove_from_heap(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    size_t index = call->deadline_index;
    struct yoke_call *last = deadlines->heap[--deadlines->heap_count];
    if (last == call) {
        return;
    }
    if (index > 0 && deadlines->heap[(index - 1) / 2]->deadline_ns > last->deadline_ns) {
        sift_up(deadlines, last, index);
    } else {
        sift_down(deadlines, last, index);
    }
}

/* Where in the list the call's place is: behind which one; NULL: in front. False when that is far from the end. */
static bool find_place(const struct yoke__deadlines *deadlines, const struct yoke_call *call,
                       struct yoke_call **ret_earlier) {
    struct yoke_call *at = deadlines->last;
    for (unsigned i = 0; at != NULL && at->deadline_ns > call->deadline_ns; i++) {
        if (i == LOOK_BACK) {
            return false;
        }
        at = at->earlier;
    }
    *ret_earlier = at;
    return true;
}

static void add_to_list(struct yoke__deadlines *deadlines, struct yoke_call *call, struct yoke_call *earlier) {
    struct yoke_call **from_earlier = earlier != NULL ? &earlier->later : &deadlines->first;
    call->deadline_index = YOKE__DEADLINE_LISTED;
    call->earlier = earlier;
    call->later = *from_earlier;
    *from_earlier = call;
    *(call->later != NULL ? &call->later->earlier : &deadlines->last) = call;
}

static void remove_from_list(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    *(call->earlier != NULL ? &call->earlier->later : &deadlines->first) = call->later;
    *(call->later != NULL ? &call->later->earlier : &deadlines->last) = call->earlier;
}

void yoke__deadlines_add(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    call->is_timed = true;
    deadlines->count++;
    struct yoke_call *earlier;
    if (find_place(deadlines, call, &earlier)) {
        add_to_list(deadlines, call, earlier);
    } else {
        sift_up(deadlines, call, deadlines->heap_count++);
    }
}

void yoke__deadlines_remove(struct yoke__deadlines *deadlines, struct yoke_call *call) {
    if (!call->is_timed) {
        return;
    }
    call->is_timed = false;
    deadlines->count--;
    if (call->deadline_index == YOKE__DEADLINE_LISTED) {
        remove_from_list(deadlines, call);
    } else {
        remove_from_heap(deadlines, call);
    }
}

struct yoke_call *yoke__deadlines_first(const struct yoke__deadlines *deadlines) {
    struct yoke_call *listed = deadlines->first;
    struct yoke_call *heaped = deadlines->heap_count > 0 ? deadlines->heap[0] : NULL;
    if (listed == NULL || heaped == NULL) {
        return listed != NULL ? listed : heaped;
    }
    return heaped->deadline_ns < listed->deadline_ns ? heaped : listed;
}
