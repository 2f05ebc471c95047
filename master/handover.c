/* handover.c: see handover.h. */
#include "master/handover.h"

#include "master/bind.h"
#include "master/listener.h"
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The state begins on a page, so that it is aligned for whatever it is. */
#define ALIGNMENT ((size_t)4096)

/* "socket 1 " or "state SIZE SIZE", and a newline. */
#define LINE_MAX_BYTES (YOKE__ADDRESS_TEXT_MAX + 64)

/* ---- Giving --------------------------------------------------------------------------------------------------------- */

static size_t count_sockets(const struct yoke_master *master) {
    size_t count = 0;
    for (const struct yoke__link *at = master->listeners.next; at != &master->listeners; at = at->next) {
        const struct yoke_listener *listener = YOKE__CONTAINER(at, struct yoke_listener, link);
        for (const struct yoke__link *socket = listener->sockets.next; socket != &listener->sockets;
             socket = socket->next) {
            count++;
        }
    }
    return count;
}

/* Lists the sockets in `text`, which has room, and their descriptors. Returns the text's length. */
static size_t list_sockets(const struct yoke_master *master, char *text, int *sockets) {
    size_t length = 0;
    size_t count = 0;
    for (const struct yoke__link *at = master->listeners.next; at != &master->listeners; at = at->next) {
        const struct yoke_listener *listener = YOKE__CONTAINER(at, struct yoke_listener, link);
        for (const struct yoke__link *of = listener->sockets.next; of != &listener->sockets; of = of->next) {
            sockets[count++] = YOKE__CONTAINER(of, struct yoke__listener_socket, link)->fd;
            length += (size_t)snprintf(text + length, LINE_MAX_BYTES, "socket %d %s\n", listener->reuse_port,
                                       listener->asked.text);
        }
    }
    return length;
}

static int write_at(int fd, const void *bytes, size_t size, size_t offset) {
    const char *next = bytes;
    while (size > 0) {
        ssize_t written = pwrite(fd, next, size, (off_t)offset);
        if (written < 0 && errno != EINTR) {
            return -errno;
        }
        if (written > 0) {
            next += written;
            offset += (size_t)written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int write_file(const char *text, size_t length, const void *state, size_t size, size_t offset, int *ret_fd) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < offset + size) {
        /* To find out otherwise costs a signal. */
        return -EFBIG;
    }
    int fd = memfd_create("yoke-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return -errno;
    }
    int error = write_at(fd, text, length, 0);
    error = error != 0 ? error : write_at(fd, state, size, offset);
    if (error == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        error = -errno;
    }
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

int yoke__handover_make(struct yoke_master *master, const void *state, size_t size,
                        struct yoke__handover *ret_handover) {
    struct yoke__handover handover = {.count = count_sockets(master)};
    char *text = malloc((handover.count + 1) * LINE_MAX_BYTES);
    handover.sockets = calloc(handover.count + 1, sizeof *handover.sockets);
    int error = text != NULL && handover.sockets != NULL ? 0 : -ENOMEM;
    if (error == 0) {
        size_t length = list_sockets(master, text, handover.sockets);
        size_t offset = (length + LINE_MAX_BYTES + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        length += (size_t)snprintf(text + length, LINE_MAX_BYTES, "state %zu %zu\n", offset, size);
        error = write_file(text, length, state, size, offset, &handover.file);
    }
    free(text);
    if (error != 0) {
        free(handover.sockets);
        return error;
    }
    *ret_handover = handover;
    return 0;
}

void yoke__handover_release(struct yoke__handover *handover) {
    (void)close(handover->file);
    free(handover->sockets);
}

/* ---- Taking --------------------------------------------------------------------------------------------------------- */

/* Is the other end of the talk with this process? Whoever made the pair is known to the kernel. */
static bool is_talk_with(pid_t pid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(YOKE__HANDOVER_TALK, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == pid;
}

/* A file that cannot change any more; else reading it could kill us. */
static bool map_file(struct yoke__legacy *legacy) {
    struct stat file;
    int seals = fcntl(YOKE__HANDOVER_FILE, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(YOKE__HANDOVER_FILE, &file) != 0 || file.st_size <= 0) {
        return false;
    }
    void *map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, YOKE__HANDOVER_FILE, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    legacy->map = map;
    legacy->map_size = (size_t)file.st_size;
    return true;
}

/* The next line, without its newline, at *at. False: there is none, or it is too long. */
static bool next_line(const struct yoke__legacy *legacy, size_t *at, char line[LINE_MAX_BYTES]) {
    size_t left = legacy->map_size - *at;
    const char *begin = legacy->map + *at;
    const char *end = memchr(begin, '\n', left < LINE_MAX_BYTES ? left : LINE_MAX_BYTES);
    if (end == NULL) {
        return false;
    }
    size_t length = (size_t)(end - begin);
    memcpy(line, begin, length);
    line[length] = '\0';
    *at += length + 1;
    return true;
}

/* "socket REUSE_PORT ADDRESS" */
static bool read_socket(const char *line, int fd, struct yoke__address *ret_address, bool *ret_reuse_port) {
    static const char prefix[] = "socket ";
    const size_t length = sizeof prefix - 1;
    if (strncmp(line, prefix, length) != 0 || (line[length] != '0' && line[length] != '1') || line[length + 1] != ' ') {
        return false;
    }
    *ret_reuse_port = line[length] == '1';
    return yoke__address_parse(line + length + 2, ret_address) == 0 && yoke__is_listening(fd);
}

static bool read_state(const char *line, struct yoke__legacy *legacy) {
    size_t offset;
    size_t size;
    int end = 0;
    if (sscanf(line, "state %zu %zu%n", &offset, &size, &end) != 2 || line[end] != '\0' ||
        size > YOKE__HANDOVER_STATE_MAX ||
        (size > 0 && (offset > legacy->map_size || size > legacy->map_size - offset))) {
        return false;
    }
    legacy->state = size > 0 ? legacy->map + offset : NULL;
    legacy->state_size = size;
    return true;
}

/* All lines, in two rounds: what they say is checked before anything is taken. -EBADMSG, -ENOMEM. */
static int read_lines(struct yoke__legacy *legacy, unsigned count, struct yoke__offers *offers) {
    char line[LINE_MAX_BYTES];
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        struct yoke__address address;
        bool reuse_port;
        int fd = YOKE__HANDOVER_SOCKETS + (int)i;
        if (!next_line(legacy, &at, line) || !read_socket(line, fd, &address, &reuse_port)) {
            return -EBADMSG;
        }
        int error = offers != NULL ? yoke__offers_add(offers, address.text, reuse_port, fd) : 0;
        if (error != 0) {
            return error;
        }
    }
    return next_line(legacy, &at, line) && read_state(line, legacy) ? 0 : -EBADMSG;
}

static void close_on_exec(unsigned count) {
    for (int fd = YOKE__HANDOVER_TALK; fd < YOKE__HANDOVER_SOCKETS + (int)count; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

int yoke__legacy_take(struct yoke__offers *offers, struct yoke__legacy *ret_legacy) {
    struct yoke__legacy legacy = {.pid = 0};
    const char *variable = getenv(YOKE__UPGRADE_VARIABLE);
    unsigned count = 0;
    int pid = 0;
    int end = 0;
    *ret_legacy = legacy;
    bool is_true = variable != NULL && sscanf(variable, "1:%d:%u%n", &pid, &count, &end) == 2 &&
                   variable[end] == '\0' && pid > 0 && count < (unsigned)sysconf(_SC_OPEN_MAX) && is_talk_with(pid) &&
                   map_file(&legacy);
    if (variable != NULL) {
        (void)unsetenv(YOKE__UPGRADE_VARIABLE);
    }
    if (!is_true) {
        return 0;
    }
    int error = read_lines(&legacy, count, NULL);
    if (error == 0) {
        close_on_exec(count);
        error = read_lines(&legacy, count, offers);
    }
    if (error != 0) {
        yoke__legacy_release(&legacy);
        return error == -EBADMSG ? 0 : error;
    }
    (void)close(YOKE__HANDOVER_FILE);
    legacy.pid = pid;
    *ret_legacy = legacy;
    return 0;
}

void yoke__legacy_release(struct yoke__legacy *legacy) {
    if (legacy->map != NULL) {
        (void)munmap((void *)(uintptr_t)legacy->map, legacy->map_size);
    }
    *legacy = (struct yoke__legacy){.pid = 0};
}
