/* cpus_test.c: how many CPUs cgroups allow, in trees of files made for the purpose. */
#include "rpc/cpus.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yoke/master.h>

static char root[] = "/tmp/yoke-cpus-XXXXXX";

static void start(void) {
    REQUIRE(mkdtemp(root) != NULL);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void finish(void) {
    CHECK_INT(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static const char *path_of(const char *name) {
    static char path[PATH_MAX];
    REQUIRE((size_t)snprintf(path, sizeof(path), "%s/%s", root, name) < sizeof(path));
    return path;
}

/* Write a file below the root, and the directories on the way to it. */
static void put(const char *name, const char *content) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s", path_of(name));
    for (char *slash = strchr(path + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        REQUIRE(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    REQUIRE(fputs(content, file) >= 0);
    REQUIRE_INT(fclose(file), 0);
}

static unsigned cpus(void) {
    char cgroup[PATH_MAX];
    (void)snprintf(cgroup, sizeof(cgroup), "%s", path_of("cgroup"));
    return yoke__cgroup_cpus(cgroup, path_of("mount"));
}

/* ---- Version 2 --------------------------------------------------------------------------------------------------- */

static void a_quota_is_rounded_up(void) {
    static const struct {
        const char *content;
        unsigned cpus;
    } table[] = {
        {"max 100000\n", 0},
        {"100000 100000\n", 1},
        {"50000 100000\n", 1},
        {"1 100000\n", 1},
        {"100001 100000\n", 2},
        {"250000 100000\n", 3},
        {"400000 100000\n", 4},
        {"6400000 100000\n", 64},
        {"50000 10000\n", 5},
        {"", 0},
        {"max\n", 0},
        {"100000\n", 0},
        {"nonsense\n", 0},
        {"-1 100000\n", 0},
        {"0 100000\n", 0},
        {"100000 0\n", 0},
        {"100000 -5\n", 0},
        {"9223372036854775807 1\n", UINT_MAX},
        {"200000 100000 and more\n", 2},
        {"200000 100000", 2},
    };
    start();
    put("cgroup", "0::/here\n");
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        put("mount/here/cpu.max", table[i].content);
        test_check_int(cpus(), table[i].cpus, table[i].content, __FILE__, __LINE__, false);
    }
    finish();
}

static void the_least_of_all_ancestors_counts(void) {
    start();
    put("cgroup", "0::/a/b/c\n");
    put("mount/a/b/c/cpu.max", "max 100000\n");
    CHECK_INT(cpus(), 0);
    put("mount/a/cpu.max", "300000 100000\n");
    CHECK_INT(cpus(), 3);
    put("mount/a/b/cpu.max", "800000 100000\n");
    CHECK_INT(cpus(), 3);
    put("mount/a/b/c/cpu.max", "200000 100000\n");
    CHECK_INT(cpus(), 2);
    put("mount/cpu.max", "100000 100000\n");
    CHECK_INT(cpus(), 1);
    /* What is above the mount is not asked. */
    put("mount/cpu.max", "max 100000\n");
    put("cpu.max", "100000 100000\n");
    CHECK_INT(cpus(), 2);
    finish();
}

static void a_process_at_the_root_has_the_roots(void) {
    start();
    put("cgroup", "0::/\n");
    CHECK_INT(cpus(), 0);
    put("mount/cpu.max", "500000 100000\n");
    CHECK_INT(cpus(), 5);
    finish();
}

/* ---- Version 1 --------------------------------------------------------------------------------------------------- */

static void version_1_has_two_files(void) {
    start();
    put("cgroup", "5:memory:/elsewhere\n4:cpu,cpuacct:/here\n3:cpuset:/there\n");
    put("mount/cpu/here/cpu.cfs_quota_us", "-1\n");
    CHECK_INT(cpus(), 0);
    put("mount/cpu/here/cpu.cfs_quota_us", "150000\n");
    CHECK_INT(cpus(), 0);
    put("mount/cpu/here/cpu.cfs_period_us", "100000\n");
    CHECK_INT(cpus(), 2);
    put("mount/cpu/cpu.cfs_quota_us", "50000\n");
    put("mount/cpu/cpu.cfs_period_us", "100000\n");
    CHECK_INT(cpus(), 1);
    finish();
}

static void only_the_cpu_controller_counts(void) {
    static const struct {
        const char *controllers;
        unsigned cpus;
    } table[] = {
        {"cpu", 3},  {"cpuacct,cpu", 3}, {"cpu,cpuacct", 3}, {"a,cpu,b", 3}, {"cpuset", 0},
        {"xcpu", 0}, {"cpuacct", 0},     {"name=cpu", 0},    {",cpu", 3},    {",", 0},
    };
    start();
    put("mount/cpu/here/cpu.cfs_quota_us", "300000\n");
    put("mount/cpu/here/cpu.cfs_period_us", "100000\n");
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char line[100];
        (void)snprintf(line, sizeof(line), "4:%s:/here\n", table[i].controllers);
        put("cgroup", line);
        test_check_int(cpus(), table[i].cpus, table[i].controllers, __FILE__, __LINE__, false);
    }
    finish();
}

static void both_versions_at_once(void) {
    start();
    put("cgroup", "4:cpu,cpuacct:/here\n0::/there\n");
    put("mount/cpu/here/cpu.cfs_quota_us", "300000\n");
    put("mount/cpu/here/cpu.cfs_period_us", "100000\n");
    put("mount/there/cpu.max", "200000 100000\n");
    CHECK_INT(cpus(), 2);
    put("mount/there/cpu.max", "700000 100000\n");
    CHECK_INT(cpus(), 3);
    finish();
}

/* ---- What is not as it should be --------------------------------------------------------------------------------- */

static void what_is_missing_or_odd_sets_no_quota(void) {
    start();
    CHECK_INT(cpus(), 0);
    static const char *const odd[] = {
        "",
        "\n",
        "0\n",
        "0:\n",
        "0::\n",
        "::::\n",
        "no colons at all\n",
        "0::/not/there\n",
        "0::not absolute\n",
        "0::/..\n",
    };
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        put("cgroup", odd[i]);
        test_check_int(cpus(), 0, odd[i], __FILE__, __LINE__, false);
    }
    /* A path that is longer than paths are, and then a line that counts. */
    static char part[3 * PATH_MAX];
    static char lines[4 * PATH_MAX];
    memset(part, 'x', sizeof(part) - 1);
    (void)snprintf(lines, sizeof(lines), "0::/%s\n0::/here\n", part);
    put("cgroup", lines);
    put("mount/here/cpu.max", "200000 100000\n");
    CHECK_INT(cpus(), 2);
    finish();
}

static void the_whole_answer_is_at_least_one(void) {
    cpu_set_t set;
    REQUIRE_INT(sched_getaffinity(0, sizeof(set), &set), 0);
    CHECK(yoke_usable_cpus() >= 1);
    CHECK(yoke_usable_cpus() <= (unsigned)CPU_COUNT(&set));
    /* Bound to one CPU there is one. */
    size_t first = 0;
    while (!CPU_ISSET(first, &set)) {
        first++;
    }
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    REQUIRE_INT(sched_setaffinity(0, sizeof(set), &set), 0);
    CHECK_INT(yoke_usable_cpus(), 1);
}

static const struct test_case cases[] = {
    {.name = "a quota is rounded up", .run = a_quota_is_rounded_up},
    {.name = "the least of all ancestors counts", .run = the_least_of_all_ancestors_counts},
    {.name = "a process at the root has the root's", .run = a_process_at_the_root_has_the_roots},
    {.name = "version 1 has two files", .run = version_1_has_two_files},
    {.name = "only the cpu controller counts", .run = only_the_cpu_controller_counts},
    {.name = "both versions at once", .run = both_versions_at_once},
    {.name = "what is missing or odd sets no quota", .run = what_is_missing_or_odd_sets_no_quota},
    {.name = "the whole answer is at least one", .run = the_whole_answer_is_at_least_one},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "cpus", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
