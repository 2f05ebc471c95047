/* scene_around.c: see scene.h: what goes around messages: metadata, details, interceptors, and pings. */
#include "rpc/call.h"
#include "rpc/metadata.h"
#include "scene.h"

#include <errno.h>
#include <string.h>

#define PINGS_MAX 64

static size_t asked, told; /* interceptors: their starts, and their finishes */
static size_t pinged, ponged;
static bool is_channel_intercepted;

/* ---- Lists ----------------------------------------------------------------------------------------------------- */

/* A value: of an entry anything printable, of a detail a unit.Reason. */
static size_t choose_value(uint8_t *out, bool is_detail) {
    size_t length = (size_t)(input_byte(&scene_script) % 64) * 3;
    memset(out, 'v', length);
    if (is_detail && length >= 2 && length < 0x82) {
        out[0] = 0x0a;
        out[1] = (uint8_t)(length - 2);
    }
    return length;
}

static size_t write_entry(uint8_t *out, bool is_detail) {
    static const char *const keys[] = {"key", "key-bin", "k", "yoke-own"};
    const char *key = is_detail ? "unit.Reason" : keys[input_byte(&scene_script) % 4];
    size_t key_length = strlen(key);
    uint8_t *value = out + 5 + key_length + 1;
    const uint32_t length = (uint32_t)choose_value(value, is_detail);
    memcpy(out, &length, sizeof(length));
    out[4] = (uint8_t)key_length;
    memcpy(out + 5, key, key_length + 1);
    value[length] = '\0';
    return YOKE__METADATA_OVERHEAD + key_length + length;
}

size_t around_write_list(uint8_t *out, bool is_detail) {
    uint8_t choice = input_byte(&scene_script);
    size_t length = 0;
    for (unsigned i = choice % 4; i > 0; i--) {
        length += write_entry(out + length, is_detail);
    }
    FUZZ_CHECK(length <= AROUND_LIST_MAX);
    if (choice >= 0xe0 && length > 0) {
        out[input_byte(&scene_script) % length] ^= (uint8_t)(1u << (choice % 8));
    }
    return length;
}

struct yoke_metadata *around_make_list(void) {
    struct yoke_metadata *list;
    uint8_t data[256];
    FUZZ_CHECK(yoke_metadata_create(&list) == 0);
    for (unsigned i = input_byte(&scene_script) % 4; i > 0; i--) {
        size_t length = choose_value(data, false);
        FUZZ_CHECK(yoke_metadata_add_binary(list, "key-bin", data, length) == 0);
    }
    return list;
}

/* Read it all, so that what cannot be read is noticed. */
static void look_at_list(const struct yoke_metadata *list) {
    struct yoke_metadata_entry entry = {0};
    while (yoke_metadata_next(list, &entry)) {
        FUZZ_CHECK(entry.key[0] != '\0' && entry.value[entry.length] == '\0');
        FUZZ_CHECK(yoke_metadata_find(list, entry.key, &(struct yoke_metadata_entry){0}));
    }
}

void around_look(struct yoke_call *call) {
    look_at_list(yoke_call_metadata(call));
    look_at_list(yoke_call_headers(call));
    look_at_list(yoke_call_trailers(call));
    look_at_list(yoke_call_details(call));
    const Unit__Reason *reason;
    for (size_t i = 0; i < 3; i++) {
        int error = unit_reason_detail_get(call, i, &reason);
        FUZZ_CHECK(error == 0 || error == -ENOENT || error == -EBADMSG || error == -ENOMEM);
        FUZZ_CHECK(error != 0 || reason->text != NULL);
    }
}

static void add_entry(const struct yoke_call *call, struct yoke_metadata *list) {
    static const char value[64] = "much of a value";
    int error = yoke_metadata_add_binary(list, "key-bin", value, sizeof(value));
    FUZZ_CHECK(call->is_client ? error == -EPERM || error == -ENOMEM
                               : error == 0 || error == -EPERM || error == -EMSGSIZE);
}

static void add_detail(struct yoke_call *call) {
    Unit__Reason reason = UNIT__REASON__INIT;
    char text[] = "a reason that takes some room";
    reason.text = text;
    int error = unit_reason_detail_add(call, &reason);
    FUZZ_CHECK(call->is_client ? error == -EINVAL : error == 0 || error == -EMSGSIZE);
}

void around_decorate(struct yoke_call *call) {
    switch (input_byte(&scene_script) % 4) {
    case 0:
        add_entry(call, yoke_call_headers(call));
        break;
    case 1:
        add_entry(call, yoke_call_trailers(call));
        break;
    case 2:
        add_detail(call);
        break;
    default: {
        int error = yoke_call_send_headers(call);
        FUZZ_CHECK((error == -EINVAL) == call->is_client);
        FUZZ_CHECK(error == 0 || error == -EINVAL || error == -EALREADY || error == -ENOTCONN || error == -ECANCELED);
        break;
    }
    }
}

/* ---- Interceptors ---------------------------------------------------------------------------------------------- */

static void on_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(status->code == YOKE_OK && *call_data == NULL);
    *call_data = call;
    asked++;
    uint8_t choice = input_byte(&scene_script);
    switch (choice % 8) {
    case 0:
        *status = (struct yoke_status){(enum yoke_code)(choice / 8), "the script refuses"};
        break;
    case 1:
        FUZZ_CHECK(yoke_call_set_timeout(call, 1000u * (choice / 8)) == 0);
        break;
    case 2:
        (void)yoke_metadata_add(yoke_call_metadata(call), "key", "of an interceptor");
        break;
    case 3:
        scene_act_in_callback();
        break;
    case 4:
        (void)yoke_metadata_remove(yoke_call_metadata(call), "key-bin");
        break;
    default:
        break;
    }
}

/* It may do what it likes, but for ending the call itself. */
static void on_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(*call_data == call && status->message != NULL);
    told++;
    uint8_t choice = input_byte(&scene_script);
    switch (choice % 8) {
    case 0:
        *status = (struct yoke_status){(enum yoke_code)(choice / 8), "the script changes it"};
        break;
    case 1:
        around_decorate(call);
        break;
    case 2:
        user_make_call(NULL);
        break;
    case 3:
        if (scene_made_count > 0) {
            user_use_made(&scene_made[(choice / 8) % scene_made_count]);
        }
        break;
    default:
        break;
    }
}

void around_reset(bool intercepts_server, bool intercepts_channel) {
    static const struct yoke_interceptor both = {.start = on_start, .finish = on_finish};
    asked = told = pinged = ponged = 0;
    is_channel_intercepted = intercepts_channel;
    for (unsigned i = 0; i < 2; i++) {
        FUZZ_CHECK(!intercepts_server || yoke_server_intercept(&scene_machine.server, &both, NULL) == 0);
        FUZZ_CHECK(!intercepts_channel || yoke_channel_intercept(machine_channel(&scene_machine), &both, NULL) == 0);
    }
}

bool around_intercepts_channel(void) {
    return is_channel_intercepted;
}

/* ---- Pings ----------------------------------------------------------------------------------------------------- */

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    (void)status;
    (void)answer_us;
    (void)user_data;
    ponged++;
    scene_act_in_callback();
}

void around_ping(void) {
    if (pinged == PINGS_MAX) {
        return;
    }
    uint64_t timeout_us = 1000u * (input_byte(&scene_script) % 16);
    int error = yoke_channel_ping(machine_channel(&scene_machine), timeout_us, on_pong, NULL);
    FUZZ_CHECK(error == 0 || error == -ENOTCONN || error == -ENOBUFS);
    pinged += error == 0;
}

size_t around_pings_live(void) {
    return pinged - ponged;
}

void around_check_end(void) {
    FUZZ_CHECK(asked == told);
    FUZZ_CHECK(pinged == ponged);
}
