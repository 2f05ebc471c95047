/* report.c: see run.h: what is printed. */
#include "run.h"

#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>

void report_show_complaints(struct run *run) {
    unsigned count = atomic_load(&chaos->complaint_count);
    for (; run->complaints_shown < count && run->complaints_shown < CHAOS_COMPLAINTS; run->complaints_shown++) {
        fprintf(stderr, "WRONG after %.3f s, seed %" PRIu64 ": %s\n", (double)(chaos_now_ns() - run->started_ns) / 1e9,
                run->options.seed, chaos->complaints[run->complaints_shown]);
    }
}

void report_state(const struct run *run) {
    for (unsigned i = 0; i < CHAOS_POOLS; i++) {
        struct yoke_pool *pool = run->pools[i];
        const struct watch_pool *watch = &run->watch.pools[i];
        fprintf(stderr, "  pool %s: %u asked, %u places, %u ready, %u alive, %u gone, %zu queued, %u in flight%s%s\n",
                pools_kinds[i].name, run->asked[i], yoke_pool_size(pool), yoke_pool_ready(pool), watch->live,
                watch->gone, yoke_pool_queued(pool), run->accounts.in_flight_of[i],
                watch->is_reloading ? ", reloading" : "", watch->is_uneven ? ", a reload has failed" : "");
    }
    for (unsigned i = 0; i < run->watch.live_count; i++) {
        uint64_t id = run->watch.live[i];
        const struct watch_worker *worker = &run->watch.workers[id];
        fprintf(stderr,
                "  worker %" PRIu64 " (pid %d) of pool %s, place %u, generation %" PRIu64 "%s%s: acts %x, drained %x\n",
                id, (int)worker->pid, pools_kinds[worker->pool].name, worker->place, worker->generation,
                worker->is_ready ? ", ready" : "", worker->is_hung ? ", hung" : "",
                atomic_load(&chaos_note_of(id)->acts), worker->drained);
    }
}

/* How many workers it was done to, or who did it. */
static uint64_t count_workers(const struct run *run, unsigned act) {
    uint64_t count = 0;
    for (uint64_t id = 1; id < CHAOS_WORKERS && run->watch.workers[id].is_started; id++) {
        count += (atomic_load(&chaos->notes[id].acts) & 1u << act) != 0;
    }
    return count;
}

static void print_acts(const struct run *run) {
    printf("\n  %-14s %8s %8s %8s   worst until WorkerDied\n", "act", "done", "missed", "workers");
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        printf("  %-14s %8" PRIu64 " %8" PRIu64 " %8" PRIu64, plan_acts[act].name, run->done[act], run->missed[act],
               count_workers(run, act));
        if (run->watch.worst_death_ns[act] > 0) {
            printf("   %.1f ms", (double)run->watch.worst_death_ns[act] / 1e6);
        }
        printf("\n");
    }
}

static void print_deaths(const struct run *run) {
    const struct watch *watch = &run->watch;
    printf("\n  workers: %" PRIu64 " started, %" PRIu64 " ready, %" PRIu64 " told to stop, %" PRIu64 " restarts\n",
           watch->births, watch->ready, watch->drains, watch->restarts);
    for (unsigned reason = 0; reason < WATCH_REASONS; reason++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&yoke__v1__death_reason__descriptor, (int)reason);
        if (watch->deaths[reason] > 0 && value != NULL) {
            printf("  %-34s %8" PRIu64 "\n", value->name, watch->deaths[reason]);
        }
    }
    uint64_t reloaded = 0, failed = 0, scalings = 0, failures = 0;
    for (unsigned i = 0; i < CHAOS_POOLS; i++) {
        reloaded += watch->pools[i].reloaded;
        failed += watch->pools[i].failed_reloads;
        scalings += watch->pools[i].scalings;
        failures += watch->pools[i].failures;
    }
    printf("  pools: %" PRIu64 " reloaded, %" PRIu64 " reloads failed, %" PRIu64 " scaled, %" PRIu64
           " failed and kept trying\n",
           reloaded, failed, scalings, failures);
    printf(
        "  noticed, at worst: a hang after %.0f ms, a start that takes too long after %.0f ms; ready after %.0f ms\n",
        (double)watch->worst_hang_ns / 1e6, (double)watch->worst_start_ns / 1e6, (double)watch->worst_ready_ns / 1e6);
    printf("  too slow because the machine gave them no time: %" PRIu64 "\n", watch->starved);
}

static void print_calls(const struct run *run) {
    const struct accounts *accounts = &run->accounts;
    printf("\n  calls: %" PRIu64 " begun, %" PRIu64 " refused at once, %u never ended\n", accounts->started,
           accounts->refused, accounts->in_flight);
    for (unsigned method = 0; method < ACCOUNT_METHODS; method++) {
        printf("  %-8s", account_method_name((enum account_method)method));
        for (unsigned code = 0; code <= YOKE_UNAUTHENTICATED; code++) {
            if (accounts->ends[method][code] > 0) {
                printf(" %s %" PRIu64, yoke_code_name((enum yoke_code)code), accounts->ends[method][code]);
            }
        }
        printf("\n");
    }
    printf("  %" PRIu64 " handled again, %" PRIu64 " ended safe to retry; the slowest that went well took %.0f ms\n",
           accounts->again, accounts->safe, (double)accounts->slowest_ns / 1e6);
    printf("  %" PRIu64 " keys compared with where they went before; %" PRIu64 " events; %" PRIu64 " lines, %" PRIu64
           " lost\n",
           run->load.compared, run->watch.noises, run->watch.lines, run->watch.lost_lines);
}

void report_summary(const struct run *run) {
    const struct rest *rest = &run->rest;
    print_acts(run);
    print_deaths(run);
    print_calls(run);
    printf(
        "\n  master: %zu KiB allocated in the first truce, %zu in the last of %u; %zu and %zu resident; %zu descriptors"
        " at most; longest turn of the loop %.1f ms\n",
        rest->heap / 1024, rest->last_heap / 1024, rest->samples, rest->resident / 1024, rest->last_resident / 1024,
        rest->most_fds, (double)rest->longest_turn_ns / 1e6);
    printf("  %u storms in %.1f s, seed %" PRIu64 ": %u things wrong\n", run->storms,
           (double)(chaos_now_ns() - run->started_ns) / 1e9, run->options.seed, atomic_load(&chaos->complaint_count));
}
