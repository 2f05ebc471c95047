/*
 * The worker. It counts a batch within the handler and so answers one call at a time, in the order in which they came.
 * Its memory is one read buffer, one table of words and room for one reply.
 */
#include "counter.h"

#include "batch.h"
#include "count.h"
#include "treecount.yoke.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)
#define MAX_COMMON 1024

struct counter {
    struct count count;
    uint64_t files;
    struct words *words;
    bool with_words;

    /* What the reply points to. */
    Treecount__FileError errors[BATCH_FILES];
    Treecount__FileError *error_list[BATCH_FILES];
    struct word top[MAX_COMMON];
    Treecount__CommonWord common[MAX_COMMON];
    Treecount__CommonWord *common_list[MAX_COMMON];

    uint8_t buffer[READ_BYTES];
};

/* Like wc, count what can be read of a file that then fails. 0 or an errno value. */
static int count_descriptor(struct counter *counter, int fd) {
    ssize_t got;
    int error = 0;

    while ((got = read(fd, counter->buffer, sizeof(counter->buffer))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            error = errno;
            break;
        }
        count_text(&counter->count, counter->buffer, (size_t)got);
        if (counter->with_words) {
            words_text(counter->words, counter->buffer, (size_t)got);
        }
    }
    count_end_of_file(&counter->count);
    words_end_of_file(counter->words);
    return error;
}

static int count_file(struct counter *counter, const ProtobufCBinaryData *bytes) {
    char path[PATH_MAX];
    if (bytes->len >= sizeof(path)) {
        return ENAMETOOLONG;
    }
    memcpy(path, bytes->data, bytes->len);
    path[bytes->len] = '\0';

    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    counter->files++;
    int error = count_descriptor(counter, fd);
    close(fd);
    return error;
}

static void count_files(struct counter *counter, const Treecount__CountRequest *request, Treecount__CountReply *reply) {
    for (size_t i = 0; i < request->n_paths; i++) {
        int error = count_file(counter, &request->paths[i]);
        if (error != 0) {
            Treecount__FileError *entry = &counter->errors[reply->n_errors];
            treecount__file_error__init(entry);
            entry->file = (uint32_t)i;
            entry->error = error;
            counter->error_list[reply->n_errors++] = entry;
        }
    }
    reply->errors = counter->error_list;
    reply->files = counter->files;
    reply->lines = counter->count.lines;
    reply->words = counter->count.words;
    reply->bytes = counter->count.bytes;
}

static void list_common_words(struct counter *counter, uint32_t max, Treecount__CountReply *reply) {
    size_t count = words_top(counter->words, counter->top, max);
    for (size_t i = 0; i < count; i++) {
        Treecount__CommonWord *entry = &counter->common[i];
        treecount__common_word__init(entry);
        entry->word = counter->top[i].text;
        entry->count = counter->top[i].count;
        counter->common_list[i] = entry;
    }
    reply->common = counter->common_list;
    reply->n_common = count;
}

static void on_count(struct yoke_call *call, const Treecount__CountRequest *request, void *user_data) {
    struct counter *counter = user_data;
    if (request->n_paths > BATCH_FILES || request->top_words > MAX_COMMON) {
        yoke_call_fail(call, YOKE_INVALID_ARGUMENT, "the batch is too large");
        return;
    }

    Treecount__CountReply reply = TREECOUNT__COUNT_REPLY__INIT;
    counter->count = (struct count){0};
    counter->files = 0;
    counter->with_words = request->top_words != 0;
    words_clear(counter->words);
    count_files(counter, request, &reply);
    list_common_words(counter, request->top_words, &reply);
    treecount_counter_count_reply(call, &reply);
}

static const struct treecount_counter_handlers handlers = {.count = on_count};

int counter_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    int exit_code = YOKE_EXIT_BOOT;
    struct counter *counter = calloc(1, sizeof(*counter));
    struct words *words = words_create();

    if (counter != NULL && words != NULL) {
        counter->words = words;
        if (treecount_counter_serve(yoke_worker_server(worker), &handlers, counter) == 0) {
            exit_code = yoke_worker_run(worker);
        }
    }
    words_destroy(words);
    free(counter);
    return exit_code;
}
