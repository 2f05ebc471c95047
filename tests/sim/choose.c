/* choose.c: see sim.h: what a seed chooses: numbers, the configuration of a run, and messages. */
#include "sim.h"

#include <string.h>

/* Messages are pieces of this, so that none has to be made, and any two differ. */
#define PATTERN_SPREAD 65536
static uint8_t pattern[((size_t)4 << 20) + 2 * PATTERN_SPREAD];

/* Values of metadata are pieces of this. */
#define TEXT_SPREAD 20000
static char text[TEXT_SPREAD + 70000];

void sim_prepare_messages(void) {
    struct random random = {1};
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (uint8_t)random_next(&random);
    }
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(' ' + random_below(&random, '~' - ' ' + 1));
    }
}

uint32_t sim_below(uint32_t bound) {
    return random_below(&world.random, bound);
}

bool sim_chance(unsigned percent) {
    return sim_below(100) < percent;
}

unsigned sim_pick(const unsigned *weights, unsigned count) {
    unsigned sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += weights[i];
    }
    uint32_t at = sim_below(sum);
    unsigned i = 0;
    while (at >= weights[i]) {
        at -= weights[i++];
    }
    return i;
}

/* ---- Messages --------------------------------------------------------------------------------------------------- */

size_t sim_encoded_length(uint32_t length) {
    size_t prefix = length == 0 ? 0 : length < 1u << 7 ? 2 : length < 1u << 14 ? 3 : length < 1u << 21 ? 4 : 5;
    return prefix + length;
}

Sim__Bytes sim_message(const struct sim_call *call, bool is_up, unsigned at, uint32_t length) {
    Sim__Bytes bytes = SIM__BYTES__INIT;
    uint32_t place = (call->number * 2 + is_up) * 7919 + at * 104729;
    bytes.data = (ProtobufCBinaryData){.len = length, .data = pattern + place % PATTERN_SPREAD};
    return bytes;
}

const char *sim_text(const struct sim_call *call, enum sim_list_kind kind, unsigned at) {
    return text + (call->number * 1009 + kind * 4001 + at * 131) % TEXT_SPREAD;
}

/* A message that takes all credit, or all but little. */
static uint32_t choose_rest(size_t credit) {
    size_t spared = YOKE__FRAME_HEADER_SIZE + sim_encoded_length((uint32_t)credit) - credit + sim_below(28);
    return spared < credit ? (uint32_t)(credit - spared) : 0;
}

uint32_t sim_choose_length(unsigned side, const struct yoke__stream *stream) {
    uint32_t limit = world.sides[side].engine.limits.max_message_bytes;
    bool allows_large = world.config.sizes[3] > 0;
    if (stream != NULL && stream->send_credit < (allows_large ? YOKE__CREDIT_INITIAL : 8000) && sim_chance(15)) {
        return choose_rest(stream->send_credit);
    }
    switch (sim_pick(world.config.sizes, 6)) {
    case 0:
        return sim_below(40);
    case 1:
        return sim_below(3000);
    case 2: /* around one fragment, and two */
        return 60000 + sim_below(80000);
    case 3: /* around the largest message that goes whole */
        return YOKE__WHOLE_MAX - 20 + sim_below(40);
    case 4:
        return sim_below(limit < 2500000 ? limit : 2500000);
    default: /* around what is allowed */
        return limit - 12 + sim_below(24);
    }
}

/* ---- The configuration ------------------------------------------------------------------------------------------ */

static uint32_t choose_limit(const uint32_t *choices, unsigned count, unsigned percent) {
    return sim_chance(percent) ? choices[sim_below(count)] : 0;
}

static void choose_limits(struct yoke_limits *limits) {
    static const uint32_t messages[] = {1500, 20000, 300000, 1200000};
    static const uint32_t queued[] = {4000, 70000, 500000};
    static const uint32_t buffered[] = {5000, 100000, 3000000};
    static const uint32_t incoming[] = {1, 2, 3, 8};
    static const uint32_t metadata[] = {40, 200, 65536};
    *limits = (struct yoke_limits){
        .max_message_bytes = choose_limit(messages, 4, 40),
        .max_queued_bytes = choose_limit(queued, 3, 20),
        .max_buffered_bytes = choose_limit(buffered, 3, 25),
        .max_incoming_calls = choose_limit(incoming, 4, 20),
        .max_metadata_bytes = choose_limit(metadata, 3, 30),
    };
}

/* Large messages cost time, so most runs have none. */
static void choose_sizes(unsigned *sizes) {
    static const unsigned light[6] = {6, 3, 0, 0, 0, 0};
    static const unsigned middle[6] = {6, 3, 2, 0, 0, 0};
    static const unsigned heavy[6] = {12, 6, 6, 2, 3, 0};
    unsigned choice = sim_below(100);
    memcpy(sizes, choice < 55 ? light : choice < 82 ? middle : heavy, sizeof(light));
    const struct yoke_limits *limits = world.config.limits;
    bool is_small = limits[0].max_message_bytes != 0 && limits[1].max_message_bytes != 0;
    sizes[5] = is_small || choice >= 98;
}

/* From few bytes on, so that also runs without large messages have buffers. */
static void choose_sharing(struct sim_config *config) {
    static const uint32_t least[] = {20, 1000, 65536};
    static const uint32_t most[] = {70000, 200000, 1000000};
    if (sim_chance(50)) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        config->shared_min_bytes[i] = sim_chance(90) ? least[sim_below(3)] : 0;
        config->limits[i].max_shared_bytes = choose_limit(most, 3, 60);
    }
    config->loses_descriptors = sim_chance(30) ? 30 : 0;
}

void sim_choose_config(void) {
    static const size_t capacities[] = {64, 1000, 4096, 65536, 212992, SIM_WIRE_SIZE};
    static const uint32_t pieces[] = {3, 40, 500, 5000, 70000, UINT32_MAX};
    /* The order is that of enum sim_act, then that of the steps in run.c. */
    static const unsigned base[] = {10, 12, 3, 3, 12, 8, 4, 6, 3, 2, 4, 1, /**/ 30, 20, 12, 4, 2, 0};
    struct sim_config *config = &world.config;
    *config = (struct sim_config){0};
    choose_limits(&config->limits[0]);
    if (sim_chance(60)) {
        config->limits[1] = config->limits[0];
    } else {
        choose_limits(&config->limits[1]);
    }
    choose_sizes(config->sizes);
    choose_sharing(config);
    config->steps = 20 + sim_below(sim_chance(20) ? 1200 : 350);
    for (unsigned i = 0; i < sizeof(base) / sizeof(*base); i++) {
        static const unsigned factors[] = {0, 1, 1, 1, 2, 5};
        unsigned factor = factors[sim_below(6)];
        config->weights[i] = base[i] * (factor == 0 && (i == 0 || i >= SIM_ACT_COUNT) ? 1 : factor);
    }
    /* Large messages in tiny pieces would take too long. */
    unsigned least = config->sizes[3] + config->sizes[5] > 0 ? 3 : config->sizes[2] > 0 ? 2 : 0;
    config->wire_capacity = capacities[least + sim_below(6 - least)];
    config->piece_max = pieces[least + sim_below(6 - least)];
    config->eagerness = sim_chance(50) ? 95 : 20;
    config->mischief = sim_chance(50) ? sim_below(60) : 0;
    config->early_flush = sim_chance(70);
    config->one_frame = sim_chance(40);
    config->timeouts = sim_chance(60);
    config->intercepts[0] = sim_chance(30);
    config->intercepts[1] = sim_chance(30);
    config->keeps[0] = sim_chance(50);
    config->keeps[1] = sim_chance(50);
    config->ages = sim_chance(60);
    config->memory_failures = sim_chance(15) ? 1 + sim_below(10) : 0;
    config->cuts = sim_chance(30);
    config->weights[SIM_ACT_COUNT + 5] = config->cuts;
}
