/* worker_main.c: the worker as a program, for exec mode. Usage: chaos_worker POOL BOOK. */
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    /* Sanitizers catch them; here it is about what the signals do. */
    (void)signal(SIGSEGV, SIG_DFL);
    (void)signal(SIGABRT, SIG_DFL);
    if (argc != 3 || !chaos_open_book(argv[2])) {
        fprintf(stderr, "chaos_worker: nobody but chaos starts this\n");
        return EXIT_FAILURE;
    }
    unsigned pool = (unsigned)atoi(argv[1]);
    int result = yoke_worker_main(worker_entry, NULL, &pool);
    if (result < 0) {
        fprintf(stderr, "chaos_worker: yoke_worker_main: %d\n", result);
        return EXIT_FAILURE;
    }
    return result;
}
