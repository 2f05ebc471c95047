/* caller.c: see caller.h. */
#include "caller.h"

#include <errno.h>
#include <ev.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const method_names[] = {
    [EMPTY_CALL] = "EmptyCall",
    [UNARY_CALL] = "UnaryCall",
    [STREAMING_OUTPUT_CALL] = "StreamingOutputCall",
    [STREAMING_INPUT_CALL] = "StreamingInputCall",
    [FULL_DUPLEX_CALL] = "FullDuplexCall",
    [HALF_DUPLEX_CALL] = "HalfDuplexCall",
    [UNIMPLEMENTED_CALL] = "UnimplementedCall",
    [UNIMPLEMENTED_SERVICE_CALL] = "UnimplementedService/UnimplementedCall",
    [CONTROL_STATE] = "Control/State",
    [CONTROL_RELEASE] = "Control/Release",
};

/* ---- The report */

void report(struct caller *caller, const char *file, unsigned line, const char *format, ...) {
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *name = strrchr(file, '/');
    size_t room = sizeof(caller->report) - caller->report_length;
    int length = snprintf(caller->report + caller->report_length, room, "%s:%u: %s\n", name != NULL ? name + 1 : file,
                          line, text);
    /* What does not fit any more is cut: the first lines say the most. */
    caller->report_length += (size_t)length < room ? (size_t)length : room - 1;
}

void expect(struct caller *caller, bool holds, const char *what, const char *file, unsigned line) {
    if (!holds) {
        report(caller, file, line, "%s", what);
    }
}

void expect_int(struct caller *caller, long long actual, long long expected, const char *what, const char *file,
                unsigned line) {
    if (actual != expected) {
        report(caller, file, line, "%s is %lld, not %lld", what, actual, expected);
    }
}

void expect_str(struct caller *caller, const char *actual, const char *expected, const char *what, const char *file,
                unsigned line) {
    if (strcmp(actual, expected) != 0) {
        report(caller, file, line, "%s is \"%s\", not \"%s\"", what, actual, expected);
    }
}

/* ---- The caller */

void caller_init(struct caller *caller, const struct driver *driver, struct yoke_channel *channel,
                 struct ev_loop *loop) {
    *caller = (struct caller){.driver = driver, .channel = channel, .loop = loop};
}

bool caller_turn(struct caller *caller) {
    /* A last turn may be what ends the wait, so an idle loop is wrong only when it was idle before. */
    bool was_idle = caller->is_idle;
    caller->is_idle = ev_run(caller->loop, EVRUN_ONCE) == 0;
    if (was_idle && caller->is_idle) {
        report(caller, __FILE__, __LINE__, "nothing is left to wait for");
        return false;
    }
    return true;
}

static void check_made(struct made *made) {
    if (made->ends == 0 && made->call != NULL) {
        report(made->caller, __FILE__, __LINE__, "a %s was left without its end", method_names[made->method]);
        made->caller->driver->cancel(made);
        await_end(made);
    }
    if (made->ends != 1) {
        report(made->caller, __FILE__, __LINE__, "a %s ended %u times", method_names[made->method], made->ends);
    }
    if (made->late > 0) {
        report(made->caller, __FILE__, __LINE__, "%u replies came after the end of a %s", made->late,
               method_names[made->method]);
    }
    if (made->taken < made->count && made->code == YOKE_OK) {
        report(made->caller, __FILE__, __LINE__, "a %s had %zu more replies than were expected",
               method_names[made->method], made->count - made->taken);
    }
}

void caller_finish(struct caller *caller) {
    /* Cancellations are told to the handlers later than the next call is answered. */
    while (caller->report_length == 0 && server_state(caller).live > 0) {
    }
    for (struct made *made = caller->newest; made != NULL; made = made->older) {
        check_made(made);
    }
    while (caller->newest != NULL) {
        struct made *made = caller->newest;
        caller->newest = made->older;
        caller->driver->release(made);
        yoke_metadata_destroy(made->headers);
        yoke_metadata_destroy(made->trailers);
        free(made->replies);
        free(made);
    }
}

/* ---- What drivers tell */

void made_add_reply(struct made *made, const struct reply *reply) {
    made->late += made->ends > 0;
    made->replies = reallocarray(made->replies, made->count + 1, sizeof(*made->replies));
    if (made->replies == NULL) {
        abort();
    }
    made->replies[made->count++] = *reply;
}

/* The entry's value is a string, unless its key says that it is binary. */
static void add_entry(struct yoke_metadata *list, const char *key, const void *value, size_t length) {
    size_t key_length = strlen(key);
    bool is_binary = key_length >= 4 && strcmp(key + key_length - 4, "-bin") == 0;
    int error = is_binary ? yoke_metadata_add_binary(list, key, value, length) : yoke_metadata_add(list, key, value);
    if (error != 0) {
        abort();
    }
}

static struct yoke_metadata *new_list(void) {
    struct yoke_metadata *list;
    if (yoke_metadata_create(&list) != 0) {
        abort();
    }
    return list;
}

static struct yoke_metadata *copy_list(const struct yoke_metadata *list) {
    struct yoke_metadata *copy = new_list();
    struct yoke_metadata_entry entry = {0};
    while (yoke_metadata_next(list, &entry)) {
        add_entry(copy, entry.key, entry.value, entry.length);
    }
    return copy;
}

struct yoke_metadata *metadata_of(const struct call_setup *setup) {
    struct yoke_metadata *list = setup->metadata_count > 0 ? new_list() : NULL;
    for (size_t i = 0; i < setup->metadata_count; i++) {
        add_entry(list, setup->metadata[i].key, setup->metadata[i].value, setup->metadata[i].length);
    }
    return list;
}

void made_add_end(struct made *made, struct yoke_call *call, const struct yoke_status *status) {
    if (call != NULL && made->ends == 0) {
        made->headers = copy_list(yoke_call_headers(call));
        made->trailers = copy_list(yoke_call_trailers(call));
        describe_details(call, made->details, sizeof(made->details));
    }
    made->call = NULL;
    made->ends++;
    made->code = status->code;
    snprintf(made->message, sizeof(made->message), "%s", status->message);
}

/* ---- What cases do */

struct made *start_with(struct caller *caller, enum method method, const struct request *request,
                        const struct call_setup *setup) {
    static const struct call_setup defaults;
    struct made *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        abort();
    }
    made->caller = caller;
    made->method = method;
    made->older = caller->newest;
    caller->newest = made;
    int error = caller->driver->start(made, request, setup != NULL ? setup : &defaults);
    if (error != 0) {
        report(caller, __FILE__, __LINE__, "%s could not be called: %s", method_names[method], strerror(-error));
        made_add_end(made, NULL, &(struct yoke_status){YOKE_UNKNOWN, "the call was not made"});
    }
    return made;
}

struct made *start(struct caller *caller, enum method method, const struct request *request) {
    return start_with(caller, method, request, NULL);
}

bool send_request(struct made *made, const struct request *request) {
    for (;;) {
        unsigned told_before = made->told;
        int error = made->ends == 0 ? made->caller->driver->send(made, request) : -ECANCELED;
        if (error != -EAGAIN) {
            return error == 0;
        }
        made->caller->driver->await_room(made, told_before);
    }
}

const struct reply *next_reply(struct made *made) {
    if (made->taken == made->count) {
        made->caller->driver->await_reply(made);
    }
    return made->taken < made->count ? &made->replies[made->taken++] : NULL;
}

void half_close(struct made *made) {
    int error = made->ends == 0 ? made->caller->driver->half_close(made) : 0;
    if (error != 0) {
        report(made->caller, __FILE__, __LINE__, "%s could not be half-closed: %s", method_names[made->method],
               strerror(-error));
    }
}

void await_end(struct made *made) {
    if (made->ends == 0) {
        made->caller->driver->await_end(made);
    }
}

struct reply server_state(struct caller *caller) {
    const struct request none = {0};
    struct made *made = start(caller, CONTROL_STATE, &none);
    const struct reply *reply = next_reply(made);
    EXPECT_END(made, YOKE_OK, NULL);
    return reply != NULL ? *reply : (struct reply){0};
}

void expect_neighbour(struct caller *caller) {
    const struct request none = {0};
    struct made *made = start(caller, EMPTY_CALL, &none);
    EXPECT_BODY(made, 0);
    EXPECT_END(made, YOKE_OK, NULL);
}

void expect_end(struct made *made, enum yoke_code code, const char *message, const char *file, unsigned line) {
    await_end(made);
    if (made->code != code) {
        report(made->caller, file, line, "%s ended as %s, not %s: %s", method_names[made->method],
               yoke_code_name(made->code), yoke_code_name(code), made->message);
    } else if (message != NULL && strcmp(made->message, message) != 0) {
        report(made->caller, file, line, "the status of %s says \"%s\", not \"%s\"", method_names[made->method],
               made->message, message);
    }
}

void expect_body(struct made *made, size_t size, const char *file, unsigned line) {
    const struct reply *reply = next_reply(made);
    if (reply == NULL) {
        report(made->caller, file, line, "%s ended, as %s: %s, before its reply of %zu bytes",
               method_names[made->method], yoke_code_name(made->code), made->message, size);
    } else if (reply->body != size) {
        report(made->caller, file, line, "a reply of %s has %zu bytes, not %zu", method_names[made->method],
               reply->body, size);
    } else if (!reply->is_intact) {
        report(made->caller, file, line, "a reply of %s, of %zu bytes, is not as it was sent",
               method_names[made->method], size);
    }
}

void expect_no_reply(struct made *made, const char *file, unsigned line) {
    const struct reply *reply = next_reply(made);
    if (reply != NULL) {
        report(made->caller, file, line, "a reply of %s, of %zu bytes, came where none was due",
               method_names[made->method], reply->body);
    }
}

void expect_entry(struct made *made, const struct yoke_metadata *list, size_t index, const struct pair *expected,
                  const char *file, unsigned line) {
    struct yoke_metadata_entry entry = {0};
    bool is_there = yoke_metadata_find(list, expected->key, &entry);
    while (is_there && index > 0) {
        is_there = yoke_metadata_find(list, expected->key, &entry);
        index--;
    }
    if (is_there != (expected->value != NULL)) {
        report(made->caller, file, line, "%s: %s is %s", method_names[made->method], expected->key,
               is_there ? "there once too often" : "not there");
    } else if (is_there &&
               (entry.length != expected->length || memcmp(entry.value, expected->value, entry.length) != 0)) {
        report(made->caller, file, line, "%s: the value of %s, %zu bytes, is not what was sent, %zu bytes",
               method_names[made->method], expected->key, entry.length, expected->length);
    }
}
