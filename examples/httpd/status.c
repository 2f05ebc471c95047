/* status.c: see status.h. */
#include "status.h"

#include "connection.h"
#include "httpd.yoke.h"

#include <inttypes.h>

/* A master that does not answer within so long has other worries. */
#define PATIENCE_US 2000000

static void print_page(struct buffer *page, const Httpd__StatusReply *status) {
    buffer_print(page,
                 "master %" PRId32 "\nup %.1f s\nrequests %" PRIu64 "\nper second %" PRIu64 "\n\n"
                 "%8s %8s %6s %11s %10s %12s\n",
                 status->pid, (double)status->uptime_us / 1e6, status->requests, status->requests_per_second, "worker",
                 "pid", "place", "generation", "state", "requests");
    for (size_t i = 0; i < status->n_workers; i++) {
        const Httpd__WorkerStatus *worker = status->workers[i];
        buffer_print(page, "%8" PRIu64 " %8" PRId32 " %6" PRIu32 " %11" PRIu64 " %10.20s %12" PRIu64 "\n", worker->id,
                     worker->pid, worker->place, worker->generation, worker->state, worker->requests);
    }
}

static void on_status(struct yoke_call *call, const struct yoke_status *status, const Httpd__StatusReply *reply,
                      void *user_data) {
    struct connection *connection = user_data;
    struct buffer page = {0};
    (void)call;
    if (status->code == YOKE_OK) {
        print_page(&page, reply);
    }
    bool is_whole = status->code == YOKE_OK && !page.failed;
    connection_show_status(connection, is_whole ? 200 : 503, is_whole ? page.bytes : NULL, page.end);
    buffer_release(&page);
}

bool status_ask(struct connection *connection) {
    const Httpd__StatusRequest request = HTTPD__STATUS_REQUEST__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = PATIENCE_US};
    struct yoke_channel *master = yoke_worker_master(connection->server->worker);
    return httpd_master_status(master, &request, &options, on_status, connection) == 0;
}
