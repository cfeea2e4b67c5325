#include "net/tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"

static int ours, theirs; /* the ends of one connection */

static int setup(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    theirs = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(theirs, (struct sockaddr *)&address, len), 0);
    ours = accept(listener, NULL, NULL);
    close(listener);
    return ours >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    close(ours);
    close(theirs);
    return 0;
}

static void say(const char *bytes, size_t len)
{
    struct pollfd fd = {.fd = ours, .events = POLLIN};

    assert_int_equal(send(theirs, bytes, len, 0), len);
    assert_int_equal(poll(&fd, 1, -1), 1);
}

static void a_peer_has_an_address(void **state)
{
    char peer[PEER_TEXT_MAX + 1];

    (void)state;
    tcp_peer(ours, peer);
    assert_string_equal(peer, "127.0.0.1");
}

/* A socket for both is told of it in the form of IPv6. */
static void a_peer_by_ipv4_has_an_address_of_that(void **state)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    char peer[PEER_TEXT_MAX + 1];
    int both = socket(AF_INET6, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), fd;

    (void)state;
    assert_int_equal(bind(both, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(both, 1), 0);
    assert_int_equal(getsockname(both, (struct sockaddr *)&address, &len), 0);
    to.sin_port = address.sin6_port;
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
    fd = accept(both, NULL, NULL);
    tcp_peer(fd, peer);
    assert_string_equal(peer, "127.0.0.1");
    close(fd);
    close(client);
    close(both);
}

static void what_came_waits_until_it_is_read(void **state)
{
    char bytes[8];

    (void)state;
    assert_false(tcp_unread(ours));
    assert_int_equal(tcp_bytes_read(ours), 0);
    say("12345", 5);
    assert_true(tcp_unread(ours));
    assert_int_equal(tcp_bytes_read(ours), 0);
    assert_int_equal(recv(ours, bytes, 3, 0), 3);
    assert_true(tcp_unread(ours));
    assert_int_equal(tcp_bytes_read(ours), 3);
    assert_int_equal(recv(ours, bytes, sizeof(bytes), 0), 2);
    assert_false(tcp_unread(ours));
    assert_int_equal(tcp_bytes_read(ours), 5);
    assert_true(tcp_quiet_ms(ours) >= 0);
}

static void an_end_waits_to_be_read(void **state)
{
    struct pollfd fd = {.fd = ours, .events = POLLIN};

    (void)state;
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    assert_int_equal(poll(&fd, 1, -1), 1);
    assert_true(tcp_unread(ours));
}

static void of_no_socket_nothing_is_known(void **state)
{
    char peer[PEER_TEXT_MAX + 1] = "x";

    (void)state;
    tcp_peer(-1, peer);
    assert_string_equal(peer, "");
    assert_int_equal(tcp_quiet_ms(-1), -1);
    assert_int_equal(tcp_bytes_read(-1), 0);
    assert_true(tcp_unread(-1));
}

static void who_has_gone_is_over(void **state)
{
    const struct linger reset = {.l_onoff = 1};
    struct pollfd fd = {.fd = ours, .events = POLLIN};

    (void)state;
    assert_false(tcp_is_over(ours, true));
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    assert_int_equal(poll(&fd, 1, -1), 1);
    assert_true(tcp_is_over(ours, true));
    assert_false(tcp_is_over(ours, false)); /* waits for what we say */
    assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(theirs);
    fd.events = 0;
    assert_int_equal(poll(&fd, 1, -1), 1);
    assert_true(tcp_is_over(ours, false));
    assert_false(tcp_is_over(-1, true));
    theirs = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_peer_has_an_address, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_by_ipv4_has_an_address_of_that, setup, teardown),
        cmocka_unit_test_setup_teardown(what_came_waits_until_it_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_waits_to_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(who_has_gone_is_over, setup, teardown),
        cmocka_unit_test(of_no_socket_nothing_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
