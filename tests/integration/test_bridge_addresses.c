/* test_bridge_addresses.c - a broker's name with several addresses, addresses of IPv6: the bridge with an
 * agent in memory. */
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include "support/certs.h"
#include "support/mounts.h"
#include "support/port.h"
#include "support/tmpdir.h"

#include "integration/bridge_rig.h"

enum { FILLERS = 4 };

static bool names_known;

/* Gives no answer at all at 127.0.0.2: its queue of connections is full. */
static struct {
    int listener, fillers[FILLERS];
} silent;

static void silent_start(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int yes = 1;

    assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &address.sin_addr), 1);
    silent.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(silent.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    assert_int_equal(bind(silent.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(silent.listener, 0), 0);
    for (size_t i = 0; i < FILLERS; i++) {
        silent.fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(silent.fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
}

static void silent_stop(void)
{
    close(silent.listener);
    for (size_t i = 0; i < FILLERS; i++)
        close(silent.fillers[i]);
}

static void expect_mirror(const char *uri, const char *ca_file)
{
    struct bridge_config config = tls_config(uri, ca_file);

    start(&config);
    wait_connected(uri, 1);
    commit(10);
    wait_acked(10);
    stop();
}

/* One of them answers nothing, one refuses, and with TLS the certificate is for the name. */
static void every_address_of_a_name_is_tried(void **state)
{
    const char *cert = cert_create(tmpdir_create(), "broker.pem", "DNS:many.test");
    struct broker_options options = {.extra = NULL};
    struct broker *broker;
    struct port port;
    char *extra, *plain, *tls;

    (void)state;
    if (!names_known)
        skip(); /* no names of our own on this machine */
    port_reserve(&port);
    extra = test_printf("listener %u 127.0.0.1\ncertfile %s\nkeyfile %s.key\n", port.number, cert,
                        cert);
    options.extra = extra;
    broker = broker_create(&options);
    plain = test_printf("mqtt://many.test:%u", broker_port(broker));
    tls = test_printf("mqtts://many.test:%u", port.number);
    silent_start(broker_port(broker));
    expect_mirror(plain, NULL);
    silent_stop();
    silent_start(port.number);
    expect_mirror(tls, cert);
    broker_stop(broker);
    silent_stop();
    expect_said(tls_config(tls, cert), "nobody listens at that port");
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(plain);
    free(tls);
}

/* --- one that takes connections, and that is all ---------------------------------------------- */

/* The address of the name that would be tried first, or the other one. */
static void address_of(const char *name, bool first, struct sockaddr_in *out)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;

    assert_int_equal(getaddrinfo(name, NULL, &hints, &list), 0);
    assert_non_null(list->ai_next);
    memcpy(out, (first ? list : list->ai_next)->ai_addr, sizeof(*out));
    freeaddrinfo(list);
}

static int listen_at(struct sockaddr_in address, uint16_t port)
{
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    address.sin_port = htons(port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static unsigned connections_of(int listener)
{
    unsigned count = 0;

    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; count++)
        close(fd);
    return count;
}

/* The publishing connection learns it, for that of the commands as well. */
static void one_that_says_nothing_is_passed_over(void **state)
{
    struct broker_options options = {.extra = NULL};
    struct sockaddr_in first, second;
    struct broker *broker;
    struct port port;
    char *extra, *uri, number[INET_ADDRSTRLEN];
    int mute;

    (void)state;
    if (!names_known)
        skip(); /* no names of our own on this machine */
    address_of("two.test", true, &first);
    address_of("two.test", false, &second);
    port_reserve(&port);
    inet_ntop(AF_INET, &second.sin_addr, number, sizeof(number));
    extra = test_printf("listener %u %s\n", port.number, number);
    options.extra = extra;
    broker = broker_create(&options);
    mute = listen_at(first, port.number);
    uri = test_printf("mqtt://two.test:%u", port.number);
    expect_said(config_for(uri), "taking commands from");
    assert_int_equal(connections_of(mute), 1);
    close(mute);
    broker_destroy(broker);
    port_release(&port);
    free(extra);
    free(uri);
}

static void addresses_of_ipv6(void **state)
{
    const char *dir = tmpdir_create();
    const char *cert = cert_create(dir, "broker.pem", "DNS:localhost,IP:::1");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost,IP:127.0.0.1");
    struct broker_options options = {.extra = NULL};
    struct broker *broker;
    struct port ports[3];
    char *extra, *plain, *tls, *wrong;

    (void)state;
    for (size_t i = 0; i < 3; i++)
        port_reserve(&ports[i]);
    if (ports[0].fd6 < 0)
        skip(); /* no IPv6 on this machine */
    extra =
        test_printf("listener %u ::1\n"
                    "listener %u ::1\ncertfile %s\nkeyfile %s.key\n"
                    "listener %u ::1\ncertfile %s\nkeyfile %s.key\n",
                    ports[0].number, ports[1].number, cert, cert, ports[2].number, other, other);
    options.extra = extra;
    broker = broker_create(&options);
    plain = test_printf("mqtt://[::1]:%u", ports[0].number);
    tls = test_printf("mqtts://[::1]:%u", ports[1].number);
    wrong = test_printf("mqtts://[::1]:%u", ports[2].number);
    expect_mirror(plain, NULL);
    expect_mirror(tls, cert);
    expect_said(tls_config(wrong, other), "its certificate is for another name");
    broker_destroy(broker);
    for (size_t i = 0; i < 3; i++)
        port_release(&ports[i]);
    free(extra);
    free(plain);
    free(tls);
    free(wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_of_a_name_is_tried),
        cmocka_unit_test(one_that_says_nothing_is_passed_over),
        cmocka_unit_test(addresses_of_ipv6),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    names_known = mounts_hosts("127.0.0.1 localhost\n"
                               "127.0.0.2 many.test\n"
                               "::1 many.test\n"
                               "127.0.0.1 many.test\n"
                               "127.0.0.2 two.test\n"
                               "127.0.0.1 two.test\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
