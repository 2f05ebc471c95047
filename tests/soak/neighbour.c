/* neighbour.c: see neighbour.h. */
#include "neighbour.h"

#include "soak.yoke.h"

#include <stdio.h>
#include <stdlib.h>

#define PAUSE_S 0.001
#define PAYLOAD_SIZE 64

/* Lives in the worker. */
static struct {
    struct neighbour *neighbour;
    struct yoke_worker *worker;
    ev_timer pause;
    enum neighbour_phase phase; /* when the call was made */
    uint64_t started_ns;
} own;

static void on_echo(struct yoke_call *call, const struct yoke_status *status, const Soak__Packet *reply,
                    void *user_data) {
    (void)call;
    (void)user_data;
    uint64_t took_ns = soak_now_ns() - own.started_ns;
    /* A call that is made just as the master says stop may be in vain. */
    bool is_too_late = status->code == YOKE_UNAVAILABLE && atomic_load(&own.neighbour->phase) == PHASE_OVER;
    if (!is_too_late && (status->code != YOKE_OK || reply->data.len != PAYLOAD_SIZE)) {
        atomic_fetch_add(&own.neighbour->failed, 1);
    }
    unsigned count = atomic_load(&own.neighbour->phases[own.phase].count);
    if (!is_too_late && count < NEIGHBOUR_SAMPLES_MAX) {
        own.neighbour->phases[own.phase].samples_ns[count] = took_ns < UINT32_MAX ? (uint32_t)took_ns : UINT32_MAX;
        atomic_store(&own.neighbour->phases[own.phase].count, count + 1);
    }
    ev_timer_set(&own.pause, PAUSE_S, 0.);
    ev_timer_start(yoke_worker_loop(own.worker), &own.pause);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)timer;
    (void)events;
    uint8_t data[PAYLOAD_SIZE] = {0};
    Soak__Packet request = SOAK__PACKET__INIT;
    request.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    own.phase = (enum neighbour_phase)atomic_load(&own.neighbour->phase);
    own.started_ns = soak_now_ns();
    /* An error means that the master has told the worker to stop. */
    (void)soak_load_echo(yoke_worker_master(own.worker), &request, NULL, on_echo, NULL);
}

int neighbour_entry(struct yoke_worker *worker, void *user_data) {
    own.neighbour = user_data;
    own.worker = worker;
    ev_timer_init(&own.pause, on_pause_over, 0., 0.);
    ev_timer_start(yoke_worker_loop(worker), &own.pause);
    return yoke_worker_run(worker);
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double percentile_us(struct neighbour *neighbour, enum neighbour_phase phase, unsigned percent) {
    unsigned count = atomic_load(&neighbour->phases[phase].count);
    uint32_t *samples = neighbour->phases[phase].samples_ns;
    qsort(samples, count, sizeof *samples, compare);
    size_t rank = count > 0 ? (size_t)(count - 1) * percent / 100 : 0;
    return count > 0 ? samples[rank] / 1e3 : 0.;
}

void neighbour_report(struct neighbour *neighbour) {
    static const unsigned percents[] = {50, 99};
    soak_check(atomic_load(&neighbour->failed) == 0, "%u calls of the neighbour failed",
               atomic_load(&neighbour->failed));
    printf("  neighbour: %u calls in peace, %u besides\n", atomic_load(&neighbour->phases[PHASE_QUIET].count),
           atomic_load(&neighbour->phases[PHASE_BUSY].count));
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        double quiet = percentile_us(neighbour, PHASE_QUIET, percents[i]);
        double busy = percentile_us(neighbour, PHASE_BUSY, percents[i]);
        printf("  neighbour: p%u %.1f us in peace, %.1f us besides, ratio %.2f\n", percents[i], quiet, busy,
               quiet > 0. ? busy / quiet : 0.);
    }
}
