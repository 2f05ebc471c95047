/* The frame of a bench program; see bench.h. */
#include "common/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How long a program may hang beyond its time before SIGALRM ends it. */
#define HANG_SECONDS 20

/* Enough for the largest case. Not all that there may be: there are libraries that go through them all. */
#define DESCRIPTORS 16384

void bench_die(const char *what) {
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(EXIT_FAILURE);
}

unsigned char *bench_payload(size_t size) {
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes) {
        bench_die("malloc");
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)('a' + i % 26);
    }
    return bytes;
}

/* A master has a few descriptors for each worker; the usual soft limit, 1024, is meant for select(). */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        bench_die("getrlimit");
    }
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        bench_die("setrlimit");
    }
}

int bench_main(int argc, char **argv, const char *version, int (*run)(const struct bench_job *job)) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(version);
        return EXIT_SUCCESS;
    }
    struct bench_job job;
    if (argc < 2 || !bench_job_parse(&job, argv + 1)) {
        fprintf(stderr, "usage: %s case=CASE [NAME=VALUE…] | --version\n", program_invocation_short_name);
        return EXIT_FAILURE;
    }
    alarm((unsigned)(job.seconds * 2) + HANG_SECONDS);
    raise_descriptor_limit();
    return run(&job);
}
