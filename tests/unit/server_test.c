/* server_test.c: the registry of services, and each reason for which it refuses one. */
#include "rpc/server.h"

#include "harness.h"
#include "memory.h"
#include "random.h"

#include "unit.yoke.h"
#include <errno.h>
#include <string.h>

#define METHODS_MAX 64

/* A service made up by a test: ids count up from `first`. */
struct made {
    struct yoke_service service;
    struct yoke_method methods[METHODS_MAX];
    const struct yoke_method *list[METHODS_MAX];
};

static void make(struct made *made, uint32_t id, uint32_t first_method, size_t method_count) {
    REQUIRE(method_count <= METHODS_MAX);
    for (size_t i = 0; i < method_count; i++) {
        made->methods[i] = (struct yoke_method){.name = "unit.Made/Method", .id = first_method + (uint32_t)i};
        made->list[i] = &made->methods[i];
    }
    made->service =
        (struct yoke_service){.name = "unit.Made", .id = id, .methods = made->list, .method_count = method_count};
}

static void an_empty_server_has_nothing(void) {
    struct yoke_server server = {0};
    CHECK(yoke__server_find(&server, 0) == NULL);
    CHECK(yoke__server_find(&server, unit_echo_now_method.id) == NULL);
    yoke__server_release(&server);
}

static void a_method_leads_to_its_handlers(void) {
    static const struct unit_echo_handlers echo = {0};
    static const struct unit_other_handlers other = {0};
    struct yoke_server server = {0};
    int echo_data;
    int other_data;
    CHECK_INT(unit_echo_serve(&server, &echo, &echo_data), 0);
    CHECK_INT(unit_other_serve(&server, &other, &other_data), 0);
    const struct yoke__route *route = yoke__server_find(&server, unit_echo_later_method.id);
    REQUIRE(route != NULL);
    CHECK(route->method == &unit_echo_later_method);
    CHECK(route->handlers == &echo);
    CHECK(route->user_data == &echo_data);
    route = yoke__server_find(&server, unit_other_call_method.id);
    REQUIRE(route != NULL);
    CHECK(route->method == &unit_other_call_method);
    CHECK(route->handlers == &other);
    CHECK(route->user_data == &other_data);
    CHECK(yoke__server_find(&server, unit_echo_service.id) == NULL);
    CHECK_INT(server.services.service_count, 2);
    CHECK(server.services.services[0] < server.services.services[1]);
    yoke__server_release(&server);
    CHECK(yoke__server_find(&server, unit_echo_later_method.id) == NULL);
}

/* Hundreds of methods with ids that meet in the table; each is found, and no other. */
static void it_grows_and_finds_all(void) {
    static struct made made[100];
    struct yoke_server server = {0};
    for (uint32_t i = 0; i < 100; i++) {
        make(&made[i], 1000 - i, (i + 1) << 12, 1 + i % 20);
        REQUIRE_INT(yoke_server_add(&server, &made[i].service, &made[i], NULL), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t method = 0; method < METHODS_MAX; method++) {
            const struct yoke__route *route = yoke__server_find(&server, ((i + 1) << 12) + method);
            if (method < made[i].service.method_count) {
                REQUIRE(route != NULL);
                CHECK(route->method == &made[i].methods[method]);
                CHECK(route->handlers == &made[i]);
            } else {
                CHECK(route == NULL);
            }
        }
    }
    CHECK(2 * server.count <= server.capacity);
    yoke__server_release(&server);
}

static void the_announced_ids_ascend(void) {
    static struct made made[YOKE_SERVICES_MAX];
    struct random random = {9};
    struct yoke_server server = {0};
    for (uint32_t i = 0; i < YOKE_SERVICES_MAX; i++) {
        make(&made[i], random_next(&random) | 1, 10 + i, 1);
        REQUIRE_INT(yoke_server_add(&server, &made[i].service, NULL, NULL), 0);
        REQUIRE_INT(server.services.service_count, i + 1);
        for (uint32_t at = 1; at <= i; at++) {
            REQUIRE(server.services.services[at - 1] < server.services.services[at]);
        }
    }
    yoke__server_release(&server);
}

/* A refused service changes nothing. */
static void check_refused(struct yoke_server *server, const struct yoke_service *service, int error) {
    const struct yoke_server before = *server;
    CHECK_INT(yoke_server_add(server, service, NULL, NULL), error);
    CHECK_INT(server->count, before.count);
    CHECK_INT(server->services.service_count, before.services.service_count);
    CHECK(memcmp(server->services.services, before.services.services,
                 before.services.service_count * sizeof(*before.services.services)) == 0);
}

static void what_is_there_is_not_added_again(void) {
    static struct made first;
    static struct made same_id;
    static struct made same_method;
    struct yoke_server server = {0};
    make(&first, 1, 100, 3);
    make(&same_id, 1, 200, 30);
    make(&same_method, 2, 98, 3);
    REQUIRE_INT(yoke_server_add(&server, &first.service, NULL, NULL), 0);
    check_refused(&server, &first.service, -EEXIST);
    check_refused(&server, &same_id.service, -EEXIST);
    check_refused(&server, &same_method.service, -EEXIST);
    for (uint32_t i = 0; i < 3; i++) {
        const struct yoke__route *route = yoke__server_find(&server, 100 + i);
        REQUIRE(route != NULL);
        CHECK(route->method == &first.methods[i]);
    }
    CHECK(yoke__server_find(&server, 200) == NULL);
    CHECK(yoke__server_find(&server, 98) == NULL);
    yoke__server_release(&server);
}

static void zero_is_no_id(void) {
    static struct made service;
    static struct made method;
    struct yoke_server server = {0};
    make(&service, 0, 100, 3);
    make(&method, 1, 100, 3);
    method.methods[2].id = 0;
    check_refused(&server, &service.service, -EINVAL);
    check_refused(&server, &method.service, -EINVAL);
    CHECK(yoke__server_find(&server, 100) == NULL);
    yoke__server_release(&server);
}

static void there_is_room_for_128(void) {
    static struct made made[YOKE_SERVICES_MAX + 1];
    struct yoke_server server = {0};
    for (uint32_t i = 0; i < YOKE_SERVICES_MAX; i++) {
        make(&made[i], i + 1, 1000 + i, 1);
        REQUIRE_INT(yoke_server_add(&server, &made[i].service, NULL, NULL), 0);
    }
    make(&made[YOKE_SERVICES_MAX], 5000, 5000, 1);
    check_refused(&server, &made[YOKE_SERVICES_MAX].service, -ENOSPC);
    yoke__server_release(&server);
}

static void what_is_announced_is_fixed(void) {
    static struct made made;
    struct yoke_server server = {0};
    make(&made, 1, 100, 3);
    server.announced = true;
    check_refused(&server, &made.service, -EBUSY);
    yoke__server_release(&server);
}

static void a_service_without_methods_is_one(void) {
    static struct made made;
    struct yoke_server server = {0};
    make(&made, 1, 0, 0);
    CHECK_INT(yoke_server_add(&server, &made.service, NULL, NULL), 0);
    CHECK_INT(server.services.service_count, 1);
    check_refused(&server, &made.service, -EEXIST);
    yoke__server_release(&server);
}

static void want_of_memory_changes_nothing(void) {
    static struct made small;
    static struct made large;
    struct yoke_server server = {0};
    make(&small, 1, 100, 3);
    make(&large, 2, 200, METHODS_MAX);
    memory_fail_from(0);
    check_refused(&server, &small.service, -ENOMEM);
    CHECK(memory_fail_never());
    CHECK_INT(yoke_server_add(&server, &small.service, NULL, NULL), 0);
    memory_fail_from(0);
    check_refused(&server, &large.service, -ENOMEM);
    CHECK(memory_fail_never());
    CHECK(yoke__server_find(&server, 102) != NULL);
    CHECK(yoke__server_find(&server, 200) == NULL);
    CHECK_INT(yoke_server_add(&server, &large.service, NULL, NULL), 0);
    yoke__server_release(&server);
}

static const struct test_case cases[] = {
    {.name = "an empty server has nothing", .run = an_empty_server_has_nothing},
    {.name = "a method leads to its handlers", .run = a_method_leads_to_its_handlers},
    {.name = "it grows and finds all", .run = it_grows_and_finds_all},
    {.name = "the announced ids ascend", .run = the_announced_ids_ascend},
    {.name = "what is there is not added again", .run = what_is_there_is_not_added_again},
    {.name = "zero is no id", .run = zero_is_no_id},
    {.name = "there is room for 128 services", .run = there_is_room_for_128},
    {.name = "what is announced is fixed", .run = what_is_announced_is_fixed},
    {.name = "a service without methods is one", .run = a_service_without_methods_is_one},
    {.name = "want of memory changes nothing", .run = want_of_memory_changes_nothing},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "server", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
