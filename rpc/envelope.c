/* envelope.c: see envelope.h: its life, and what users see of it. */
#include "rpc/envelope.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct yoke__envelope *yoke__envelope_of(struct yoke_call *call) {
    struct yoke__engine *engine = call->engine;
    if (call->envelope != NULL || engine == NULL) {
        return call->envelope;
    }
    struct yoke__envelope *envelope = engine->idle_envelopes;
    if (envelope != NULL) {
        engine->idle_envelopes = envelope->next_idle;
        engine->idle_envelope_count--;
    } else {
        envelope = calloc(1, sizeof *envelope);
        if (envelope == NULL) {
            return NULL;
        }
    }
    const size_t limit = engine->limits.max_metadata_bytes;
    yoke__metadata_reset(&envelope->metadata, limit);
    yoke__metadata_reset(&envelope->headers, limit);
    yoke__metadata_reset(&envelope->trailers, limit);
    yoke__metadata_reset(&envelope->details, limit);
    /* What comes from the peer is not the user's to write, not even before it has come. */
    envelope->metadata.is_sealed = !call->is_client;
    envelope->headers.is_sealed = call->is_client || call->headers_passed;
    envelope->trailers.is_sealed = envelope->details.is_sealed = call->is_client;
    call->envelope = envelope;
    return envelope;
}

void yoke__envelope_destroy(struct yoke__envelope *envelope) {
    yoke__metadata_release(&envelope->metadata);
    yoke__metadata_release(&envelope->headers);
    yoke__metadata_release(&envelope->trailers);
    yoke__metadata_release(&envelope->details);
    free(envelope);
}

void yoke__envelope_release(struct yoke_call *call) {
    struct yoke__envelope *envelope = call->envelope;
    struct yoke__engine *engine = call->engine;
    yoke__engine_put_arena(engine, envelope->details_arena);
    free(envelope->verdict_message);
    call->envelope = NULL;
    if (engine->idle_envelope_count == YOKE__IDLE_ENVELOPES_MAX) {
        yoke__envelope_destroy(envelope);
        return;
    }
    memset(&envelope->on_headers, 0, sizeof *envelope - offsetof(struct yoke__envelope, on_headers));
    envelope->next_idle = engine->idle_envelopes;
    engine->idle_envelopes = envelope;
    engine->idle_envelope_count++;
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

struct yoke_metadata *yoke_call_metadata(struct yoke_call *call) {
    /* An interceptor at the caller's side may write to it. */
    struct yoke__envelope *envelope = call->is_client && call->is_starting ? yoke__envelope_of(call) : call->envelope;
    return envelope != NULL ? &envelope->metadata : NULL;
}

/* Made where the user may still write to it; NULL where there is nothing to read. */
static struct yoke__envelope *answer_envelope(struct yoke_call *call) {
    return yoke__call_is_answerable(call) ? yoke__envelope_of(call) : call->envelope;
}

struct yoke_metadata *yoke_call_headers(struct yoke_call *call) {
    struct yoke__envelope *envelope = answer_envelope(call);
    return envelope != NULL ? &envelope->headers : NULL;
}

struct yoke_metadata *yoke_call_trailers(struct yoke_call *call) {
    struct yoke__envelope *envelope = answer_envelope(call);
    return envelope != NULL ? &envelope->trailers : NULL;
}

int yoke_call_on_headers(struct yoke_call *call, yoke_headers_hook *hook, void *user_data) {
    if (!call->is_client) {
        return -EINVAL;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL) {
        return -ENOMEM;
    }
    envelope->on_headers = hook;
    envelope->on_headers_data = user_data;
    return 0;
}

int yoke_call_set_timeout(struct yoke_call *call, uint64_t timeout_us) {
    if (!call->is_starting) {
        return -EINVAL;
    }
    return yoke__call_set_deadline(call, yoke__deadline_after(call->engine, timeout_us));
}

/* ---- Details of the status --------------------------------------------------------------------------------------- */

int yoke_call_add_detail(struct yoke_call *call, const struct yoke_type *type, const void *detail) {
    if (!yoke__call_is_answerable(call)) {
        return -EINVAL;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL) {
        return -ENOMEM;
    }
    size_t length = type->codec->size(type->descriptor, detail);
    uint8_t *out;
    int error = yoke__metadata_append(&envelope->details, type->name, NULL, length, &out);
    if (error == 0) {
        type->codec->pack(type->descriptor, detail, out);
    }
    return error;
}

int yoke_call_get_detail(struct yoke_call *call, const struct yoke_type *type, size_t index, const void **ret_detail) {
    struct yoke__envelope *envelope = call->envelope;
    struct yoke_metadata_entry entry = {0};
    for (size_t i = 0; i <= index; i++) {
        if (envelope == NULL || !yoke_metadata_find(&envelope->details, type->name, &entry)) {
            return -ENOENT;
        }
    }
    const uint8_t *bytes = (const uint8_t *)entry.value;
    if (envelope->details_arena == NULL) {
        envelope->details_arena = yoke__engine_get_arena(call->engine, envelope->details.length);
        if (envelope->details_arena == NULL) {
            return -ENOMEM;
        }
    }
    return yoke__message_unpack(call->engine, type, envelope->details_arena, bytes, entry.length, ret_detail);
}

const struct yoke_metadata *yoke_call_details(const struct yoke_call *call) {
    return call->envelope != NULL ? &call->envelope->details : NULL;
}
