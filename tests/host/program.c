/* program.c: the worker of the conversation as a program, for exec mode. */
#include "conversation.h"
#include "faults.h"

int main(void) {
    faults_begin_executed();
    int result = yoke_worker_main(conversation_worker, NULL, NULL);
    return result >= 0 ? result : 1;
}
