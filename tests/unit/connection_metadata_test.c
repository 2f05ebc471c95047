/* connection_metadata_test.c: what travels around the messages of a call: metadata, and the details of a status. */
#include "harness.h"
#include "machine.h"
#include "rpc/call.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    machine_release(&master);
    machine_release(&worker);
}

/* The values of a key, one behind the other with a bar between. */
static const char *values(const struct yoke_metadata *metadata, const char *key) {
    static char text[256];
    struct yoke_metadata_entry entry = {0};
    text[0] = '\0';
    while (yoke_metadata_find(metadata, key, &entry)) {
        strncat(text, entry.value, sizeof(text) - strlen(text) - 1);
        strncat(text, "|", sizeof(text) - strlen(text) - 1);
    }
    return text;
}

/* What a callback saw of its call. */
struct seen {
    unsigned done;
    enum yoke_code code;
    char headers[64], trailers[64], reason[64];
    int second_reason; /* what looking for one gave */
    unsigned header_hooks;
};

static void on_headers(struct yoke_call *call, void *user_data) {
    struct seen *seen = user_data;
    seen->header_hooks++;
    CHECK_STR(values(yoke_call_headers(call), "h"), "1|2|");
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                    void *user_data) {
    (void)reply;
    struct seen *seen = user_data;
    seen->done++;
    seen->code = status->code;
    (void)snprintf(seen->headers, sizeof(seen->headers), "%s", values(yoke_call_headers(call), "h"));
    (void)snprintf(seen->trailers, sizeof(seen->trailers), "%s", values(yoke_call_trailers(call), "t-bin"));
    const Unit__Reason *reason = NULL;
    if (unit_reason_detail_get(call, 0, &reason) == 0) {
        (void)snprintf(seen->reason, sizeof(seen->reason), "%s", reason->text);
    }
    seen->second_reason = unit_reason_detail_get(call, 1, &reason);
}

static void decorate(struct yoke_call *call) {
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "h", "1"), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "other", "x"), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "h", "2"), 0);
    CHECK_INT(yoke_metadata_add_binary(yoke_call_trailers(call), "t-bin", "\x01\x02", 2), 0);
}

static void act(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    CHECK_STR(values(yoke_call_metadata(call), "key"), "a|b|");
    CHECK_INT(yoke_metadata_add(yoke_call_metadata(call), "key", "c"), -EPERM);
    decorate(call);
    if (request->data.len == 0) {
        CHECK_INT(unit_echo_as_reply(call, request), 0);
        return;
    }
    Unit__Reason reason = UNIT__REASON__INIT;
    reason.text = (char *)(uintptr_t) "because";
    CHECK_INT(unit_reason_detail_add(call, &reason), 0);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "no"), 0);
}

static void call_as(const char *data, struct seen *seen) {
    struct yoke_metadata *metadata;
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "a"), 0);
    CHECK_INT(yoke_metadata_add(metadata, "key", "b"), 0);
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata, .ret_call = &call};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data.data = (uint8_t *)(uintptr_t)data;
    request.data.len = strlen(data);
    REQUIRE_INT(unit_echo_as(machine_channel(&master), &request, &options, on_done, seen), 0);
    yoke_metadata_destroy(metadata);
    CHECK_INT(yoke_call_on_headers(call, on_headers, seen), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(seen->done, 1);
    CHECK_INT(seen->header_hooks, 1);
    CHECK_STR(seen->headers, "1|2|");
    CHECK_STR(seen->trailers, "\x01\x02|");
}

static void metadata_travels_with_each_part_of_a_call(void) {
    start();
    worker.act = act;
    struct seen ok = {0};
    call_as("", &ok);
    CHECK_INT(ok.code, YOKE_OK);
    CHECK_INT(ok.second_reason, -ENOENT);
    struct seen failed = {0};
    call_as("fail", &failed);
    CHECK_INT(failed.code, YOKE_ABORTED);
    CHECK_STR(failed.reason, "because");
    CHECK_INT(failed.second_reason, -ENOENT);
    finish();
}

static const struct test_case cases[] = {
    {.name = "metadata travels with each part of a call", .run = metadata_travels_with_each_part_of_a_call},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"connection: metadata", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
