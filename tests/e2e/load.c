/* load.c: see load.h. */
#include "load.h"

#include <stdio.h>
#include <string.h>

static void make_one(struct load_lane *lane);

static void go_on(struct load_lane *lane, const struct yoke_status *status, bool is_right) {
    struct load *load = lane->load;
    load->live--;
    if (is_right) {
        load->ok++;
    } else {
        load->bad++;
        snprintf(load->fault, sizeof(load->fault), "%s: %s", yoke_code_name(status->code), status->message);
    }
    if (!load->is_over) {
        make_one(lane);
    }
}

static void on_echo(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                    void *user_data) {
    struct load_lane *lane = user_data;
    (void)call;
    go_on(lane, status,
          reply != NULL && reply->data.len == sizeof(lane->number) &&
              memcmp(reply->data.data, &lane->number, sizeof(lane->number)) == 0);
}

static void on_slow(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                    void *user_data) {
    (void)call;
    go_on(user_data, status, reply != NULL && reply->value == 1);
}

static void make_one(struct load_lane *lane) {
    struct load *load = lane->load;
    struct yoke_channel *channel = yoke_pool_channel(load->lab->pool);
    int error;
    lane->number++;
    if (lane->number % 4 == 0) {
        Probe__Number request = PROBE__NUMBER__INIT;
        request.value = 1;
        error = probe_worker_slow(channel, &request, NULL, on_slow, lane);
    } else {
        Probe__Payload request = PROBE__PAYLOAD__INIT;
        request.data.data = (uint8_t *)&lane->number;
        request.data.len = sizeof(lane->number);
        error = probe_common_echo(channel, &request, NULL, on_echo, lane);
    }
    REQUIRE_INT(error, 0);
    load->made++;
    load->live++;
}

void load_begin(struct load *load, struct lab *lab, unsigned width) {
    REQUIRE(width <= LOAD_WIDTH_MAX);
    *load = (struct load){.lab = lab};
    for (unsigned i = 0; i < width; i++) {
        load->lanes[i] = (struct load_lane){load, i};
        make_one(&load->lanes[i]);
    }
}

void load_end(struct load *load) {
    load->is_over = true;
    LAB_WAIT(load->lab, load->live == 0);
    CHECK_STR(load->fault, "");
    CHECK_INT(load->bad, 0);
    CHECK_INT(load->ok, load->made);
}
