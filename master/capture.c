/* capture.c: see capture.h. */
#include "master/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 16384

/* In one turn of the loop, so that a worker that prints without end does not have the master to itself. */
#define READS_PER_TURN 4

/* Of a dead worker; more than a pipe usually holds, less than a process that inherited it could print meanwhile. */
#define READS_AT_END 64

#define NS_PER_S UINT64_C(1000000000)

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

static bool is_too_fast(struct yoke__capture *capture) {
    uint64_t second = capture->clock_ns() / NS_PER_S;
    if (second != capture->second) {
        capture->second = second;
        capture->lines_in_second = 0;
    }
    if (capture->lines_in_second == capture->options->max_lines_per_second) {
        return true;
    }
    capture->lines_in_second++;
    return false;
}

/* As a string: what is no text is a question mark. Without memory the line is missing. */
static void remember(struct yoke__capture *capture, const char *line, size_t size) {
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)line[i];
        copy[i] = byte >= ' ' && byte < 127 ? line[i] : byte == '\t' ? '\t' : '?';
    }
    copy[size] = '\0';
    if (capture->last_count == capture->options->last_lines) {
        free(capture->last_lines[0]);
        capture->last_count--;
        memmove(capture->last_lines, capture->last_lines + 1, capture->last_count * sizeof *capture->last_lines);
    }
    capture->last_lines[capture->last_count++] = copy;
}

static void take_line(const char *line, size_t size, bool is_cut, void *user_data) {
    struct yoke__captured_stream *stream = user_data;
    struct yoke__capture *capture = stream->capture;
    const bool is_stderr = stream == &capture->streams[1];
    if (is_stderr) {
        remember(capture, line, size);
    }
    if (is_too_fast(capture)) {
        capture->lost++;
        return;
    }
    const struct yoke__printed printed = {
        .is_stderr = is_stderr, .is_cut = is_cut, .line = line, .size = size, .lost = capture->lost};
    capture->lost = 0;
    capture->take(&printed, capture->user_data);
}

/* ---- Pipes ------------------------------------------------------------------------------------------------------- */

static void close_stream(struct yoke__captured_stream *stream) {
    if (stream->reader.fd >= 0) {
        ev_io_stop(stream->capture->loop, &stream->reader);
        (void)close(stream->reader.fd);
        ev_io_set(&stream->reader, -1, EV_READ);
    }
}

/* Read up to so many times, until there is no more for now. False: nothing will ever follow. */
static bool read_stream(struct yoke__captured_stream *stream, int times) {
    char bytes[READ_BYTES];
    for (int i = 0; i < times; i++) {
        ssize_t size = read(stream->reader.fd, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size < 0 && errno == EAGAIN;
        }
        yoke__lines_feed(&stream->lines, bytes, (size_t)size, take_line, stream);
        if ((size_t)size < sizeof bytes) {
            return true;
        }
    }
    return true;
}

bool yoke__capture_defer(struct yoke__capture *capture, ev_io *watcher) {
    if (capture == NULL || !capture->is_taking) {
        return false;
    }
    ev_io_stop(capture->loop, watcher);
    capture->deferred = watcher;
    return true;
}

/* Whoever takes a line may run the loop. Nothing of this worker is to be read meanwhile. */
static void stop_reading(struct yoke__capture *capture) {
    for (size_t i = 0; i < 2; i++) {
        ev_io_stop(capture->loop, &capture->streams[i].reader);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__captured_stream *stream = watcher->data;
    struct yoke__capture *capture = stream->capture;
    stop_reading(capture);
    /* Nor is it to be buried, before the last line has been taken, too. */
    capture->is_taking = true;
    if ((events & EV_ERROR) != 0 || !read_stream(stream, READS_PER_TURN)) {
        yoke__lines_end(&stream->lines, take_line, stream);
        close_stream(stream);
    }
    capture->is_taking = false;
    for (size_t i = 0; i < 2; i++) {
        if (capture->streams[i].reader.fd >= 0) {
            ev_io_start(loop, &capture->streams[i].reader);
        }
    }
    if (capture->deferred != NULL) {
        ev_io_start(loop, capture->deferred);
        capture->deferred = NULL;
    }
}

void yoke__capture_finish(struct yoke__capture *capture) {
    stop_reading(capture);
    for (size_t i = 0; i < 2; i++) {
        struct yoke__captured_stream *stream = &capture->streams[i];
        if (stream->reader.fd >= 0) {
            (void)read_stream(stream, READS_AT_END);
            yoke__lines_end(&stream->lines, take_line, stream);
            close_stream(stream);
        }
    }
    if (capture->lost > 0) {
        capture->take(&(struct yoke__printed){.line = "", .lost = capture->lost}, capture->user_data);
        capture->lost = 0;
    }
}

size_t yoke__capture_last_lines(const struct yoke__capture *capture, char ***ret_lines) {
    *ret_lines = capture->last_lines;
    return capture->last_count;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static int open_pipe(struct yoke__captured_stream *stream, int *ret_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -errno;
    }
    /* Only ours: the worker is to wait rather than to lose something, as with any pipe. */
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        int error = -errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        return error;
    }
    ev_io_set(&stream->reader, ends[0], EV_READ);
    *ret_end = ends[1];
    return 0;
}

static int open_streams(struct yoke__capture *capture, int ret_ends[2]) {
    int error = 0;
    ret_ends[0] = ret_ends[1] = -1;
    for (size_t i = 0; error == 0 && i < 2; i++) {
        error = yoke__lines_init(&capture->streams[i].lines, capture->options->max_line_bytes);
        error = error != 0 ? error : open_pipe(&capture->streams[i], &ret_ends[i]);
    }
    if (error != 0 && ret_ends[0] >= 0) {
        (void)close(ret_ends[0]);
    }
    return error;
}

int yoke__capture_open(struct ev_loop *loop, const struct yoke_output_options *options, uint64_t (*clock_ns)(void),
                       yoke__printed_taker *take, void *user_data, struct yoke__capture **ret_capture,
                       int ret_ends[2]) {
    struct yoke__capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL) {
        return -ENOMEM;
    }
    *capture = (struct yoke__capture){
        .loop = loop, .options = options, .clock_ns = clock_ns, .take = take, .user_data = user_data};
    for (size_t i = 0; i < 2; i++) {
        capture->streams[i].capture = capture;
        ev_io_init(&capture->streams[i].reader, on_readable, -1, EV_READ);
        capture->streams[i].reader.data = &capture->streams[i];
    }
    capture->last_lines = calloc(options->last_lines, sizeof *capture->last_lines);
    int error = capture->last_lines != NULL ? open_streams(capture, ret_ends) : -ENOMEM;
    if (error != 0) {
        yoke__capture_destroy(capture);
        return error;
    }
    for (size_t i = 0; i < 2; i++) {
        ev_io_start(loop, &capture->streams[i].reader);
    }
    *ret_capture = capture;
    return 0;
}

void yoke__capture_destroy(struct yoke__capture *capture) {
    if (capture == NULL) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        close_stream(&capture->streams[i]);
        yoke__lines_release(&capture->streams[i].lines);
    }
    for (uint32_t i = 0; i < capture->last_count; i++) {
        free(capture->last_lines[i]);
    }
    free(capture->last_lines);
    free(capture);
}
