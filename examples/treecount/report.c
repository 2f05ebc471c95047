/* Reports. What people read has commas and units; the JSON object is one line, its keys are stable. */
#include "report.h"

#include "text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

void report_error(const char *path, const char *why) {
    fputs("treecount: ", stderr);
    text_write_path(stderr, path);
    fprintf(stderr, ": %s\n", why);
}

void report_death(const Yoke__V1__WorkerDied *death) {
    printf("worker %llu (pid %d) died: ", (unsigned long long)death->worker_id, (int)death->pid);
    if (death->signal != 0) {
        printf("signal %d (%s)", (int)death->signal, strsignal(death->signal));
    } else {
        printf("exit code %d", (int)death->exit_code);
    }
    printf(" after %.3f s, with %llu unfinished batch%s\n", (double)death->uptime_us / 1e6,
           (unsigned long long)death->calls_in_flight, death->calls_in_flight == 1 ? "" : "es");
}

static void print_totals(const struct figures *figures) {
    const struct {
        const char *name;
        uint64_t number;
    } totals[] = {
        {"files", figures->files},
        {"lines", figures->lines},
        {"words", figures->words},
        {"bytes", figures->bytes},
    };
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        printf("%-8s %20s\n", totals[i].name, text_number(totals[i].number).text);
    }
}

static void print_workers(const struct figures *figures) {
    printf("\n%6s %8s %8s %12s %18s %8s %8s\n", "worker", "pid", "batches", "files", "bytes", "CPU s", "MiB");
    for (size_t i = 0; i < figures->by_worker_count; i++) {
        const struct worker_figures *worker = &figures->by_worker[i];
        printf("%6llu %8d %8s %12s %18s %8.2f %8.1f%s\n", (unsigned long long)worker->id, (int)worker->pid,
               text_number(worker->batches).text, text_number(worker->files).text, text_number(worker->bytes).text,
               (double)worker->cpu_us / 1e6, (double)worker->max_rss_bytes / (1 << 20), worker->died ? "  died" : "");
    }
}

static void print_common(const struct word *common, size_t count) {
    printf("\nmost common words\n");
    for (size_t i = 0; i < count; i++) {
        printf("  %-*s %14s\n", WORD_MAX_LENGTH, common[i].text, text_number(common[i].count).text);
    }
}

static const char *plural(uint64_t number) {
    return number == 1 ? "" : "s";
}

static void print_summary(const struct figures *figures) {
    printf("\n%u worker%s, %llu death%s, %llu batch%s redone, %llu error%s, %.3f s\n", figures->workers,
           plural(figures->workers), (unsigned long long)figures->deaths, plural(figures->deaths),
           (unsigned long long)figures->redone, figures->redone == 1 ? "" : "es", (unsigned long long)figures->errors,
           plural(figures->errors), figures->seconds);
}

/* The `top` most common words, to be freed; NULL when there is no memory. */
static struct word *top_words(const struct figures *figures, unsigned top, size_t *ret_count) {
    struct word *common = calloc((size_t)top + 1, sizeof(*common));
    if (common != NULL) {
        *ret_count = figures->common == NULL ? 0 : words_top(figures->common, common, top);
    }
    return common;
}

static int flush(void) {
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}

int report_figures(const struct figures *figures, unsigned top) {
    size_t count;
    struct word *common = top_words(figures, top, &count);
    if (common == NULL) {
        return -ENOMEM;
    }

    print_totals(figures);
    print_workers(figures);
    if (count > 0) {
        print_common(common, count);
    }
    print_summary(figures);
    free(common);
    return flush();
}

static struct json_object *common_to_json(const struct word *common, size_t count) {
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        struct json_object *entry = json_object_new_object();
        json_object_object_add(entry, "word", json_object_new_string(common[i].text));
        json_object_object_add(entry, "count", json_object_new_uint64(common[i].count));
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *figures_to_json(const struct figures *figures) {
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"files", figures->files},   {"lines", figures->lines},   {"words", figures->words},
        {"bytes", figures->bytes},   {"errors", figures->errors}, {"workers", figures->workers},
        {"deaths", figures->deaths}, {"redone", figures->redone},
    };
    char seconds[32];
    snprintf(seconds, sizeof(seconds), "%.6f", figures->seconds);

    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        json_object_object_add(object, numbers[i].key, json_object_new_uint64(numbers[i].number));
    }
    json_object_object_add(object, "seconds", json_object_new_double_s(figures->seconds, seconds));
    return object;
}

int report_json(const struct figures *figures, unsigned top) {
    size_t count;
    struct word *common = top_words(figures, top, &count);
    if (common == NULL) {
        return -ENOMEM;
    }

    struct json_object *object = figures_to_json(figures);
    json_object_object_add(object, "common_words", common_to_json(common, count));
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED));
    json_object_put(object);
    free(common);
    return flush();
}
