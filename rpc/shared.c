/* shared.c: see shared.h. */
#include "rpc/shared.h"

#include "rpc/connection.h"
#include "rpc/lend.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

/* So that whoever has it mapped can rely on its size: pages that go would kill the process that reads them. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Sizes are multiples of this, and of a sixteenth of themselves, so that one fits messages of about the same length. */
#define SIZE_STEP_MIN 65536u

bool yoke__shared_is_safe(const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    int mode = fgetc(file);
    (void)fclose(file);
    return mode == '0' || mode == '1';
}

size_t yoke__shared_size(size_t length) {
    const size_t size = YOKE__HEADROOM + length;
    size_t step = SIZE_STEP_MIN;
    while (step < size / 16) {
        step *= 2;
    }
    return (size + step - 1) / step * step;
}

uint8_t *yoke__shared_map(int fd, size_t size, enum yoke__access own) {
    int protection = own == YOKE__ACCESS_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    void *bytes = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        return NULL;
    }
    /* A worker forked later has nothing to do with this one's messages. */
    if (madvise(bytes, size, MADV_DONTFORK) != 0) {
        (void)munmap(bytes, size);
        return NULL;
    }
    return bytes;
}

void yoke__shared_unmap(const uint8_t *bytes, size_t size) {
    (void)munmap((void *)(uintptr_t)bytes, size);
}

/* A file that is made longer than this limit costs the process a SIGXFSZ, and memory is a file here. */
static bool is_within_file_limit(size_t size) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && (limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur);
}

int yoke__shared_create(size_t size, enum yoke__access own, uint8_t **ret_bytes) {
    int fd = is_within_file_limit(size) ? memfd_create("yoke-buffer", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    if (fd < 0) {
        return -1;
    }
    uint8_t *bytes = ftruncate(fd, (off_t)size) == 0 ? yoke__shared_map(fd, size, own) : NULL;
    /* What only we may write to can be mapped for writing by nobody else from here on. */
    int seals = own == YOKE__ACCESS_WRITE ? SEALS | F_SEAL_FUTURE_WRITE : SEALS;
    if (bytes == NULL || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        if (bytes != NULL) {
            yoke__shared_unmap(bytes, size);
        }
        (void)close(fd);
        return -1;
    }
    *ret_bytes = bytes;
    return fd;
}

bool yoke__shared_is_sealed(int fd, size_t size) {
    struct statfs file_system;
    struct stat file;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS && fstatfs(fd, &file_system) == 0 &&
           file_system.f_type == TMPFS_MAGIC && fstat(fd, &file) == 0 && (uint64_t)file.st_size >= size;
}

size_t yoke__shared_limit(const struct yoke__connection *connection) {
    const size_t own = connection->borrowed.limit;
    const size_t peers = connection->peer_services.shared_bytes;
    return own < peers ? own : peers;
}

bool yoke__shared_send_buffer(struct yoke__connection *connection, unsigned number, unsigned flags, size_t size,
                              int fd) {
    const struct yoke__frame frame = {
        .length = YOKE__BUFFER_SIZE, .type = YOKE__FRAME_BUFFER, .flags = (uint8_t)flags, .aux = (uint16_t)number};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
    if (payload == NULL) {
        return false;
    }
    const uint32_t wire_size = htole32((uint32_t)size);
    memcpy(payload, &wire_size, sizeof wire_size);
    if (fd >= 0) {
        connection->passing = (struct yoke__passing){fd, connection->output.queued};
    }
    yoke__connection_queue(connection, YOKE__BUFFER_SIZE);
    return true;
}

void yoke__shared_send_release(struct yoke__connection *connection, unsigned number, unsigned flags) {
    const struct yoke__frame frame = {.type = YOKE__FRAME_RELEASE, .flags = (uint8_t)flags, .aux = (uint16_t)number};
    if (!connection->unreachable && yoke__connection_reserve(connection, &frame) != NULL) {
        yoke__connection_queue(connection, 0);
        yoke__connection_attention(connection);
    }
}

void yoke__close_unwanted(int fd) {
    const struct linger none = {0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    (void)close(fd);
}

bool yoke__shared_take_descriptor(struct yoke__connection *connection, int fd) {
    if (connection->is_parent || connection->borrowed.limit == 0 ||
        connection->borrowed.descriptor != YOKE__DESCRIPTOR_NONE) {
        return false;
    }
    connection->borrowed.descriptor = fd;
    return true;
}

void yoke__shared_lose_descriptor(struct yoke__connection *connection) {
    (void)yoke__shared_take_descriptor(connection, YOKE__DESCRIPTOR_LOST);
}

size_t yoke__shared_room(size_t available, size_t room) {
    const size_t size = YOKE__FRAME_HEADER_SIZE + YOKE__BUFFER_SIZE;
    const size_t missing = available < size ? size - available : room;
    return missing < room ? missing : room;
}

/* The master has made a buffer. Without its descriptor, which the kernel keeps from a process that can have no more, or memory
 * to map it, it is declined. */
static void accept_buffer(struct yoke__connection *connection, unsigned number, unsigned flags, int fd, size_t size) {
    bool is_upward = (flags & YOKE__FLAG_UPWARD) != 0;
    uint8_t *bytes = fd >= 0 ? yoke__shared_map(fd, size, is_upward ? YOKE__ACCESS_WRITE : YOKE__ACCESS_READ) : NULL;
    bool is_taken = bytes != NULL && (is_upward ? yoke__lend_add(connection, number, bytes, size)
                                                : yoke__borrow_add(connection, number, bytes, size));
    if (bytes != NULL && !is_taken) {
        yoke__shared_unmap(bytes, size);
    }
    if (!is_taken) {
        yoke__shared_send_release(connection, number, flags | YOKE__FLAG_DECLINED);
    } else if (!is_upward) {
        yoke__shared_send_release(connection, number, 0);
    }
}

void yoke__shared_receive_buffer(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload) {
    uint32_t size;
    memcpy(&size, payload, sizeof size);
    size = le32toh(size);
    bool is_upward = (frame->flags & YOKE__FLAG_UPWARD) != 0;
    if (size == 0) {
        if (is_upward || !yoke__borrow_is_free(connection, frame->aux)) {
            yoke__connection_fail(connection, "BUFFER takes number %u away, which is in use", (unsigned)frame->aux);
            return;
        }
        yoke__borrow_remove(connection, frame->aux);
        return;
    }
    int fd = connection->borrowed.descriptor;
    connection->borrowed.descriptor = YOKE__DESCRIPTOR_NONE;
    size_t used = is_upward ? yoke__lend_total(connection) : connection->borrowed.total;
    if (is_upward ? yoke__lend_has(connection, frame->aux) : connection->borrowed.loans[frame->aux] != NULL) {
        yoke__connection_fail(connection, "BUFFER gives number %u again", (unsigned)frame->aux);
    } else if (size > connection->borrowed.limit - used) {
        yoke__connection_fail(connection, "BUFFER gives %" PRIu32 " bytes, beyond max_shared_bytes", size);
    } else if (fd >= 0 && !yoke__shared_is_sealed(fd, size)) {
        yoke__connection_fail(connection, "BUFFER comes with a descriptor that is no sealed memory of its size");
    } else {
        accept_buffer(connection, frame->aux, frame->flags, fd, size);
    }
    if (fd >= 0) {
        yoke__close_unwanted(fd);
    }
}

void yoke__shared_receive_release(struct yoke__connection *connection, const struct yoke__frame *frame) {
    bool is_declined = (frame->flags & YOKE__FLAG_DECLINED) != 0;
    if (connection->is_parent && (frame->flags & YOKE__FLAG_UPWARD) != 0) {
        connection->borrowed.is_declined |= is_declined;
        yoke__borrow_remove(connection, frame->aux);
    } else {
        yoke__lend_return(connection, frame->aux, is_declined);
    }
}
