/* kind_main.c: programs that are no workers, for exec mode. */
#include <unistd.h>

int main(void) {
#ifdef KIND_SILENT
    for (;;) {
        pause();
    }
#endif
    return 5;
}
