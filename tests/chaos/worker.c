/* worker.c: see worker.h: a worker's life. */
#include "worker.h"

#include "pools.h"

#define ALIVE_S 0.1

static void on_alive(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct worker *self = timer->data;
    atomic_store(&self->note->alive_ns, chaos_now_ns());
}

/* Is it this one's turn to start badly? */
static bool takes_start_act(unsigned pool, enum chaos_act *ret_act) {
    unsigned count = atomic_load(&chaos->start_count[pool]);
    while (count > 0) {
        if (atomic_compare_exchange_weak(&chaos->start_count[pool], &count, count - 1)) {
            *ret_act = (enum chaos_act)atomic_load(&chaos->start_act[pool]);
            return true;
        }
    }
    return false;
}

int worker_entry(struct yoke_worker *worker, void *user_data) {
    unsigned pool = *(const unsigned *)user_data;
    uint64_t id = yoke_worker_id(worker);
    struct worker self = {
        .yoke = worker, .note = chaos_note_of(id), .pool = pool, .blocks = pools_kinds[pool].max_calls_per_worker != 0};
    enum chaos_act act;
    if (takes_start_act(pool, &act)) {
        chaos_note_act(id, act);
        worker_start_badly(act);
    }
    chaos_check(chaos_work_serve(yoke_worker_server(worker), &worker_handlers, &self) == 0, "cannot serve");
    atomic_store(&self.note->alive_ns, chaos_now_ns());
    ev_timer_init(&self.alive, on_alive, ALIVE_S, ALIVE_S);
    self.alive.data = &self;
    ev_timer_start(yoke_worker_loop(worker), &self.alive);
    int exit_code = yoke_worker_run(worker);
    ev_timer_stop(yoke_worker_loop(worker), &self.alive);
    atomic_store(&self.note->is_done, true);
    return exit_code;
}
