/* See machine.h. */
#include "runner/machine.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* The first "model name" of /proc/cpuinfo. */
static void read_cpu(char *ret_model, size_t capacity) {
    snprintf(ret_model, capacity, "unknown CPU");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) {
        return;
    }
    char line[512];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(ret_model, capacity, "%s", colon + 2);
            break;
        }
    }
    fclose(file);
}

void machine_read(struct machine *machine) {
    read_cpu(machine->cpu, sizeof machine->cpu);
    struct utsname kernel;
    uname(&kernel);
    snprintf(machine->kernel, sizeof machine->kernel, "%s", kernel.release);
    time_t now = time(NULL);
    struct tm day;
    strftime(machine->date, sizeof machine->date, "%Y-%m-%d", gmtime_r(&now, &day));
    cpu_set_t cpus;
    machine->usable_cpus = sched_getaffinity(0, sizeof cpus, &cpus) ? 0 : CPU_COUNT(&cpus);
    if (getloadavg(&machine->load, 1) != 1) {
        machine->load = -1;
    }
}

void machine_print(FILE *out, const struct machine *machine) {
    fprintf(out, "machine: %s, %d CPUs usable, Linux %s; load %.2f at the start; no process is pinned\n", machine->cpu,
            machine->usable_cpus, machine->kernel, machine->load);
    fprintf(out, "compiler: %s\n", BENCH_COMPILER);
}
