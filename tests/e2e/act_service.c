/* act_service.c: see act_service.h. */
#include "act_service.h"

#include "try_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The request's data as a string of its own. */
static char *text_of(const Probe__Payload *request) {
    char *text = calloc(1, request->data.len + 1);
    if (text == NULL) {
        abort();
    }
    if (request->data.len > 0) {
        memcpy(text, request->data.data, request->data.len);
    }
    return text;
}

static void get_environment(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    (void)user_data;
    char *name = text_of(request);
    const char *value = getenv(name);
    free(name);
    if (value == NULL) {
        yoke_call_fail(call, YOKE_NOT_FOUND, NULL);
        return;
    }
    Probe__Payload reply = PROBE__PAYLOAD__INIT;
    reply.data.data = (uint8_t *)(uintptr_t)value;
    reply.data.len = strlen(value);
    probe_acts_get_environment_reply(call, &reply);
}

static void open_file(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    (void)user_data;
    char *path = text_of(request);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = fd >= 0 ? 0 : -errno;
    close(fd);
    free(path);
    probe_acts_open_reply(call, &reply);
}

static void try(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    (void)user_data;
    char *name = text_of(request);
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = try_call(name);
    free(name);
    probe_acts_try_reply(call, &reply);
}

static void print(struct yoke_call *call, const Probe__PrintRequest *request, void *user_data) {
    (void)user_data;
    FILE *stream = request->to_stderr ? stderr : stdout;
    for (uint32_t i = 0; i <= request->repeat; i++) {
        fwrite(request->data.data, 1, request->data.len, stream);
    }
    if (request->die) {
        fflush(stream);
        raise(SIGKILL);
    }
    const Google__Protobuf__Empty reply = GOOGLE__PROTOBUF__EMPTY__INIT;
    probe_acts_print_reply(call, &reply);
}

static void leave_child(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)user_data;
    if (fork() == 0) {
        close_range(STDERR_FILENO + 1, ~0U, 0);
        for (;;) {
            pause();
        }
    }
    probe_acts_leave_child_reply(call, request);
}

const struct probe_acts_handlers act_handlers = {
    .get_environment = get_environment,
    .open = open_file,
    .try = try,
    .print = print,
    .leave_child = leave_child,
};
