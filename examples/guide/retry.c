/* retry: a worker dies of a call that may be made again, the next one of a call that may not. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void read_setting(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    struct yoke_worker *worker = user_data;
    (void)key;
    if (yoke_worker_id(worker) == 1) {
        raise(SIGKILL);
    }
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = "green";
    guide_store_read_reply(call, &setting);
}

static void write_setting(struct yoke_call *call, const Guide__Setting *setting, void *user_data) {
    (void)call;
    (void)setting;
    (void)user_data;
    raise(SIGKILL);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_store_handlers handlers = {.read = read_setting, .write = write_setting};
    return guide_store_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
};

static void on_written(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                       void *user_data) {
    (void)setting;
    struct demo *demo = user_data;
    const char *end = strrchr(status->message, ';'); /* what is before it names the process */
    printf("write: %s%s, %s\n", yoke_code_name(status->code), end != NULL ? end : "",
           yoke_call_is_safe_to_retry(call) ? "safe to retry" : "not safe to retry");
    yoke_master_stop(demo->master);
}

static void on_read(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                    void *user_data) {
    struct demo *demo = user_data;
    printf("read: %s, %s from worker %u\n", yoke_code_name(status->code), setting != NULL ? setting->value : "nothing",
           (unsigned)yoke_call_peer(call)->worker_id);
    Guide__Setting other = GUIDE__SETTING__INIT;
    other.value = "red";
    guide_store_write(yoke_pool_channel(demo->pool), &other, NULL, on_written, demo);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    int error = guide_trace(master);
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "store", .workers = 1, .entry = worker_main,
                                        .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 10}};
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.pool);
    }
    Guide__Key key = GUIDE__KEY__INIT;
    key.name = "color";
    return error == 0 ? guide_store_read(yoke_pool_channel(demo.pool), &key, NULL, on_read, &demo) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
