/* identity: a worker with settings of its own, that may open no file, and opens one. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void describe(char *text, size_t size) {
    struct rlimit files = {0};
    char directory[100];
    mode_t mask = umask(0);
    umask(mask);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    snprintf(text, size, "umask %03o, %u descriptors, in %s, COLOR is %s", (unsigned)mask, (unsigned)files.rlim_cur,
             getcwd(directory, sizeof directory), getenv("COLOR"));
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    char text[200] = "";
    if (strcmp(job->name, "open") == 0) {
        snprintf(text, sizeof text, "got descriptor %d", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    } else {
        describe(text, sizeof text);
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = text;
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static struct yoke_pool *pool;

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data);

static int run_job(char *name) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(yoke_pool_channel(pool), &job, NULL, on_result, NULL);
}

/* First it describes itself, then it opens a file. */
static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)user_data;
    printf("%s: %s\n", yoke_code_name(status->code), result != NULL ? result->text : "it is dead");
    if (status->code == YOKE_OK) {
        run_job("open");
    }
}

static int start(struct yoke_master *master) {
    static const struct yoke_rlimit rlimits[] = {{RLIMIT_NOFILE, {64, 64}}, {RLIMIT_CORE, {0, 0}}};
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "jail",
        .workers = 1,
        .entry = worker_main,
        .identity = {.rlimits = rlimits,
                     .rlimit_count = 2,
                     .directory = "/",
                     .set_umask = true,
                     .umask = 077,
                     .seccomp = YOKE_SECCOMP_NO_FILES,
                     .environment = (const char *const[]){"COLOR=green", "HOME", NULL}},
    };
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &pool);
    }
    return error == 0 ? run_job("describe") : error;
}

int main(void) {
    return guide_run(NULL, start);
}
