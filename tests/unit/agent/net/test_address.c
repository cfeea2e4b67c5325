#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

/* This machine has IPv6; knows it, as a container without an address of it does. */
static bool ipv6, ipv6_known;

static int look(void **state)
{
    struct address loopback = {.text = "::1", .ipv6 = true}, any = {.ipv6 = true};

    (void)state;
    ipv6 = address_free(&loopback, 0);
    ipv6_known = address_free(&any, 0);
    return 0;
}

static struct addresses find(const char *host)
{
    struct addresses found;
    struct studio_error error = {0};

    if (addresses_find(host, 0, false, &found, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    return found;
}

static void localhost_is_both(void **state)
{
    struct addresses found = find("localhost");

    (void)state;
    assert_int_equal(found.count, ipv6 ? 2 : 1);
    assert_string_equal(found.list[0].text, "127.0.0.1");
    assert_false(found.list[0].ipv6);
    if (ipv6) {
        assert_string_equal(found.list[1].text, "::1");
        assert_true(found.list[1].ipv6);
    }
}

static void every_address(void **state)
{
    static const char *const hosts[] = {"*", "::"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct addresses found = find(hosts[i]);
        assert_int_equal(found.count, 1);
        assert_string_equal(found.list[0].text, "");
        assert_int_equal(found.list[0].ipv6, ipv6_known);
    }
    assert_false(find("0.0.0.0").list[0].ipv6);
    assert_string_equal(find("0.0.0.0").list[0].text, "");
}

static void one_address(void **state)
{
    struct addresses found = find("127.0.0.1");

    (void)state;
    assert_int_equal(found.count, 1);
    assert_string_equal(found.list[0].text, "127.0.0.1");
    assert_false(found.list[0].ipv6);
    if (!ipv6)
        return;
    found = find("::1");
    assert_string_equal(found.list[0].text, "::1");
    assert_true(found.list[0].ipv6);
}

static void expect_error(const char *host, uint16_t port, const char *part)
{
    struct addresses found;
    struct studio_error error = {0};

    assert_int_equal(addresses_find(host, port, false, &found, &error), STUDIO_ERR_ADDRESS);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, error.text);
}

static void an_address_of_another_machine(void **state)
{
    (void)state;
    expect_error("192.0.2.1", 0, "cannot listen on 192.0.2.1");
}

/* A socket of somebody else on a port of the system's choice. */
static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void a_port_in_use_is_named_with_what_to_do(void **state)
{
    struct address local = {.text = "127.0.0.1"};
    char *part;
    uint16_t port;
    int fd = listen_somewhere(&port);

    (void)state;
    assert_false(address_free(&local, port));
    assert_int_equal(errno, EADDRINUSE);
    part = test_printf("port %u on localhost is in use; `ss -ltnp 'sport = :%u'`", port, port);
    expect_error("localhost", port, part);
    free(part);
    close(fd);
    assert_true(address_free(&local, port));
}

static void an_address_that_is_none(void **state)
{
    struct address broken = {.text = "1.2.3"}, broken6 = {.text = "fe80::1%eth0", .ipv6 = true};

    (void)state;
    assert_false(address_free(&broken, 0));
    assert_int_equal(errno, EADDRNOTAVAIL);
    assert_false(address_free(&broken6, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(localhost_is_both),
        cmocka_unit_test(every_address),
        cmocka_unit_test(one_address),
        cmocka_unit_test(an_address_of_another_machine),
        cmocka_unit_test(a_port_in_use_is_named_with_what_to_do),
        cmocka_unit_test(an_address_that_is_none),
    };

    return cmocka_run_group_tests(tests, look, NULL);
}
