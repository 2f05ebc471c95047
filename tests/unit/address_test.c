/* address_test.c: the forms of addresses to listen on, good and bad. */
#include "master/address.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define LONGEST_PATH \
    "/7890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012"

static void good_forms_are_read_and_written_in_one_form(void) {
    static const struct {
        const char *text, *form;
        enum yoke__address_kind kind;
        int family;
        bool is_dual;
    } rows[] = {
        {"tcp:127.0.0.1:8080", "tcp:127.0.0.1:8080", YOKE__ADDRESS_TCP, AF_INET, false},
        {"tcp:0.0.0.0:0", "tcp:0.0.0.0:0", YOKE__ADDRESS_TCP, AF_INET, false},
        {"tcp:127.0.0.1:00080", "tcp:127.0.0.1:80", YOKE__ADDRESS_TCP, AF_INET, false},
        {"tcp:255.255.255.255:65535", "tcp:255.255.255.255:65535", YOKE__ADDRESS_TCP, AF_INET, false},
        {"tcp:[::1]:8080", "tcp:[::1]:8080", YOKE__ADDRESS_TCP, AF_INET6, false},
        {"tcp:[::]:8080", "tcp:[::]:8080", YOKE__ADDRESS_TCP, AF_INET6, false},
        {"tcp:[0:0::01]:8080", "tcp:[::1]:8080", YOKE__ADDRESS_TCP, AF_INET6, false},
        {"tcp:[1111:2222:3333:4444:5555:6666:7777:8888]:1", "tcp:[1111:2222:3333:4444:5555:6666:7777:8888]:1",
         YOKE__ADDRESS_TCP, AF_INET6, false},
        {"tcp:[::ffff:1.2.3.4]:9", "tcp:[::ffff:1.2.3.4]:9", YOKE__ADDRESS_TCP, AF_INET6, false},
        {"tcp:*:8080", "tcp:*:8080", YOKE__ADDRESS_TCP, AF_INET6, true},
        {"unix:/run/app.sock", "unix:/run/app.sock", YOKE__ADDRESS_UNIX, AF_UNIX, false},
        {"unix:" LONGEST_PATH, "unix:" LONGEST_PATH, YOKE__ADDRESS_UNIX, AF_UNIX, false},
        {"unix:/with:colon and space", "unix:/with:colon and space", YOKE__ADDRESS_UNIX, AF_UNIX, false},
        {"unix:@app", "unix:@app", YOKE__ADDRESS_UNIX, AF_UNIX, false},
        {"systemd:http", "systemd:http", YOKE__ADDRESS_SYSTEMD, AF_UNSPEC, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct yoke__address address;
        REQUIRE_INT(yoke__address_parse(rows[i].text, &address), 0);
        CHECK_STR(address.text, rows[i].form);
        CHECK_INT(address.kind, rows[i].kind);
        CHECK_INT(address.socket.ss_family, rows[i].family);
        CHECK_INT(address.is_dual, rows[i].is_dual);
        struct yoke__address again;
        REQUIRE_INT(yoke__address_parse(address.text, &again), 0);
        CHECK(memcmp(&address, &again, sizeof address) == 0);
    }
}

static void bad_forms_are_refused(void) {
    static const char *const rows[] = {
        "",
        "tcp",
        "tcp:",
        "tcp::80",
        "tcp:80",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:",
        "tcp:127.0.0.1:65536",
        "tcp:127.0.0.1:123456",
        "tcp:127.0.0.1:+80",
        "tcp:127.0.0.1:-1",
        "tcp:127.0.0.1: 80",
        "tcp:127.0.0.1:80 ",
        "tcp:127.0.0.1:8x",
        "tcp:127.1:80",
        "tcp:127.0.0.256:80",
        "tcp:localhost:80",
        "tcp:**:80",
        "tcp:::1:80",
        "tcp:[::1]",
        "tcp:[::1:80",
        "tcp:[]:80",
        "tcp:[:80",
        "tcp:[*]:80",
        "tcp:[127.0.0.1]:80",
        "tcp:[fe80::1%eth0]:80",
        "tcp:[1111:2222:3333:4444:5555:6666:7777:88888888888888888888888888]:1",
        "TCP:127.0.0.1:80",
        "udp:127.0.0.1:80",
        "127.0.0.1:80",
        "/run/app.sock",
        "unix:",
        "unix:/",
        "unix:@",
        "unix:app.sock",
        "unix:./app.sock",
        "unix:" LONGEST_PATH "x",
        "systemd:",
        "systemd:a:b",
        "systemd:a b",
        "systemd:a\n",
        "systemd:\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct yoke__address address = {.text = "untouched"};
        int error = yoke__address_parse(rows[i], &address);
        if (error != -EINVAL) {
            printf("%s was read as %s\n", rows[i], address.text);
        }
        CHECK_INT(error, -EINVAL);
        CHECK_STR(address.text, "untouched");
    }
}

static void names_of_systemd_have_a_longest_length(void) {
    char text[300] = "systemd:";
    struct yoke__address address;
    memset(text + 8, 'n', 255);
    REQUIRE_INT(yoke__address_parse(text, &address), 0);
    CHECK_STR(address.text, text);
    text[8 + 255] = 'n';
    CHECK_INT(yoke__address_parse(text, &address), -EINVAL);
}

static void tcp_addresses_are_what_the_kernel_takes(void) {
    struct yoke__address address;
    REQUIRE_INT(yoke__address_parse("tcp:127.0.0.1:8080", &address), 0);
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address.socket;
    CHECK_INT(address.length, sizeof *v4);
    CHECK_INT(ntohs(v4->sin_port), 8080);
    CHECK_INT(ntohl(v4->sin_addr.s_addr), INADDR_LOOPBACK);
    REQUIRE_INT(yoke__address_parse("tcp:[::1]:65535", &address), 0);
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address.socket;
    CHECK_INT(address.length, sizeof *v6);
    CHECK_INT(ntohs(v6->sin6_port), 65535);
    CHECK(IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

static void only_paths_are_files(void) {
    struct yoke__address address;
    const struct sockaddr_un *unix = (const struct sockaddr_un *)&address.socket;
    REQUIRE_INT(yoke__address_parse("unix:/run/a", &address), 0);
    CHECK_STR(yoke__address_path(&address), "/run/a");
    CHECK_INT(address.length, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/a");
    REQUIRE_INT(yoke__address_parse("unix:@ab", &address), 0);
    CHECK(yoke__address_path(&address) == NULL);
    CHECK_INT(unix->sun_path[0], 0);
    CHECK_INT(address.length, offsetof(struct sockaddr_un, sun_path) + 3);
    REQUIRE_INT(yoke__address_parse("tcp:*:1", &address), 0);
    CHECK(yoke__address_path(&address) == NULL);
}

static void other_sockets_have_no_text(void) {
    char text[YOKE__ADDRESS_TEXT_MAX];
    const struct sockaddr_storage other = {.ss_family = AF_PACKET};
    const struct sockaddr_storage unix = {.ss_family = AF_UNIX};
    CHECK_INT(yoke__address_format(&other, sizeof other, false, text), -EINVAL);
    /* One that is not bound. */
    CHECK_INT(yoke__address_format(&unix, sizeof(sa_family_t), false, text), -EINVAL);
}

static const struct test_case cases[] = {
    {.name = "good forms are read, and written in one form", .run = good_forms_are_read_and_written_in_one_form},
    {.name = "bad forms are refused", .run = bad_forms_are_refused},
    {.name = "names of systemd have a longest length", .run = names_of_systemd_have_a_longest_length},
    {.name = "TCP addresses are what the kernel takes", .run = tcp_addresses_are_what_the_kernel_takes},
    {.name = "only paths are files", .run = only_paths_are_files},
    {.name = "other sockets have no text", .run = other_sockets_have_no_text},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"address", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
