/* oom_test.c: what cgroups say of processes killed for want of memory, in trees of files made for the purpose. */
#include "master/oom.h"

#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define S UINT64_C(1000000)

static char root[] = "/tmp/yoke-oom-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void finish(void) {
    CHECK_INT(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Write a file below the root, and the directories on the way to it. */
static void put(const char *name, const char *content) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
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

static void init(struct yoke__oom *oom) {
    char cgroup[PATH_MAX];
    char mount[PATH_MAX];
    snprintf(cgroup, sizeof cgroup, "%s/cgroup", root);
    snprintf(mount, sizeof mount, "%s/mount", root);
    yoke__oom_init(oom, cgroup, mount);
}

static void start(const char *cgroup) {
    REQUIRE(mkdtemp(root) != NULL);
    put("cgroup", cgroup);
}

static void set_v2(unsigned count) {
    char text[200];
    snprintf(text, sizeof text, "low 0\nhigh 9\nmax 9\noom 9\noom_kill %u\noom_group_kill 7\n", count);
    put("mount/app/memory.events", text);
}

static void a_risen_count_is_claimed_once(void) {
    struct yoke__oom oom;
    start("0::/app\n");
    set_v2(3);
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
    set_v2(4);
    CHECK(yoke__oom_claim(&oom, 11 * S));
    CHECK(!yoke__oom_claim(&oom, 11 * S));
    finish();
}

static void two_that_are_killed_together_are_both_found(void) {
    struct yoke__oom oom;
    start("0::/app\n");
    set_v2(0);
    init(&oom);
    set_v2(2);
    CHECK(yoke__oom_claim(&oom, 10 * S));
    CHECK(yoke__oom_claim(&oom, 10 * S + S / 2));
    CHECK(!yoke__oom_claim(&oom, 10 * S + S / 2));
    finish();
}

static void a_kill_of_somebody_else_is_forgotten(void) {
    struct yoke__oom oom;
    start("0::/app\n");
    set_v2(0);
    init(&oom);
    set_v2(2);
    CHECK(yoke__oom_claim(&oom, 10 * S));
    CHECK(!yoke__oom_claim(&oom, 12 * S));
    finish();
}

static void version_one_is_understood(void) {
    struct yoke__oom oom;
    start("9:cpu,cpuacct:/other\n4:hugetlb,memory:/app\n0::/\n");
    put("mount/memory/app/memory.oom_control", "oom_kill_disable 5\nunder_oom 0\noom_kill 1\n");
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
    put("mount/memory/app/memory.oom_control", "oom_kill_disable 5\nunder_oom 0\noom_kill 2\n");
    CHECK(yoke__oom_claim(&oom, 10 * S));
    finish();
}

static void a_container_sees_its_own_cgroup_at_the_root(void) {
    struct yoke__oom oom;
    start("0::/docker/1234\n");
    put("mount/memory.events", "oom_kill 1\n");
    init(&oom);
    put("mount/memory.events", "oom_kill 2\n");
    CHECK(yoke__oom_claim(&oom, 10 * S));
    finish();
}

static void without_a_file_that_counts_nothing_is_claimed(void) {
    struct yoke__oom oom;
    start("nonsense\n\n4:memory2:/app\n0::/app\n");
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
    put("mount/app/memory.events", "oom 3\noom_kill_disable 3\n");
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
    put("mount/app/memory.events", "");
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
    finish();
    init(&oom);
    CHECK(!yoke__oom_claim(&oom, 10 * S));
}

static const struct test_case cases[] = {
    {.name = "a risen count is claimed once", .run = a_risen_count_is_claimed_once},
    {.name = "two that are killed together are both found", .run = two_that_are_killed_together_are_both_found},
    {.name = "a kill of somebody else is forgotten", .run = a_kill_of_somebody_else_is_forgotten},
    {.name = "version one is understood", .run = version_one_is_understood},
    {.name = "a container sees its own cgroup at the root", .run = a_container_sees_its_own_cgroup_at_the_root},
    {.name = "without a file that counts, nothing is claimed", .run = without_a_file_that_counts_nothing_is_claimed},
    {.name = NULL},
};

static const struct test_suite suites[] = {{"oom", cases, NULL}, {.name = NULL}};

int main(int argc, char **argv) {
    return test_main(argc, argv, suites);
}
