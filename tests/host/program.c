/* program.c: the worker of the conversation as a program, for exec mode. */
#include "conversation.h"
#include "faults.h"

#include <unistd.h>

int main(void) {
    faults_begin_executed();
    int result = yoke_worker_main(conversation_worker, NULL, NULL);
    /* Past the leak check of sanitizers, which stops the process and does not bear that it is killed meanwhile. */
    _exit(result >= 0 ? result : 1);
}
