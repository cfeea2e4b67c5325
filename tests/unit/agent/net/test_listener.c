#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/port.h"
#include "support/tmpdir.h"

static struct listeners listeners;
static struct studio_error error;

static enum studio_err open_at(const char *text)
{
    struct listen_list list;

    assert_null(listen_parse(text, false, &list));
    return listeners_open(&list, NULL, &listeners, &error);
}

static int teardown(void **state)
{
    (void)state;
    listeners_close(&listeners);
    return 0;
}

/* Takes one who waits; -1: nobody does. */
static int take(size_t i)
{
    int fd = -1;
    enum listener_accepted accepted = listener_accept(&listeners.list[i], &fd);

    assert_int_not_equal(accepted, LISTENER_FAILED);
    return accepted == LISTENER_SOCKET ? fd : -1;
}

static void a_port_is_named_as_it_is(void **state)
{
    char name[64];
    int client, server;

    (void)state;
    assert_int_equal(open_at("wss://127.0.0.1:0,ws://localhost:0"), STUDIO_OK);
    assert_int_equal(listeners.name_count, 2);
    assert_true(listeners.count == 2 || listeners.count == 3); /* with ::1 */
    assert_true(listeners.list[0].tls);
    assert_false(listeners.list[1].tls);
    assert_int_not_equal(listeners.port, 0);
    snprintf(name, sizeof(name), "wss://127.0.0.1:%u", listeners.port);
    assert_string_equal(listeners.names[0], name);
    assert_memory_equal(listeners.names[1], "ws://localhost:", 15);
    assert_int_equal(take(0), -1);
    client = port_connect(listeners.port);
    assert_true(client >= 0);
    server = take(0);
    assert_true(server >= 0);
    assert_int_equal(take(0), -1);
    close(server);
    close(client);
}

/* A port that nobody has at any address, held as in support/port.h; -1: this machine does not know IPv6. */
static int reserve_everywhere(uint16_t *port)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, none = 0;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof(none));
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    *port = ntohs(sa.sin6_port);
    return fd;
}

/* Each is for addresses of its own kind, whichever stands first. */
static void every_address_of_both_kinds(void **state)
{
    uint16_t port = 0;
    int held = reserve_everywhere(&port);

    (void)state;
    if (held < 0)
        skip();
    for (size_t i = 0; i < 2; i++) {
        char *text = i == 0 ? test_printf("wss://0.0.0.0:%u,ws://[::]:%u", port, port)
                            : test_printf("ws://[::]:%u, wss://0.0.0.0:%u", port, port);
        int client, server;

        if (open_at(text) != STUDIO_OK)
            test_fail("%s", error.text);
        assert_int_equal(listeners.count, 2);
        assert_true(listeners.list[i].tls);
        client = port_connect(port);
        assert_true(client >= 0);
        server = take(i);
        assert_true(server >= 0);
        assert_int_equal(take(1 - i), -1);
        close(server);
        close(client);
        listeners_close(&listeners);
        free(text);
    }
    close(held);
}

static int connect_to(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(sa.sun_path, path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void a_socket_in_the_file_system(void **state)
{
    const char *path = tmpdir_path(tmpdir_create(), "agent.sock");
    char *text = test_printf("unix:%s", path);
    struct listeners second;
    struct listen_list list;
    struct stat about;
    int client, server;

    (void)state;
    assert_int_equal(open_at(text), STUDIO_OK);
    assert_string_equal(listeners.names[0], text);
    assert_int_equal(listeners.port, 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);
    client = connect_to(path);
    assert_true(client >= 0);
    server = take(0);
    assert_true(server >= 0);
    close(server);
    close(client);
    assert_null(listen_parse(text, false, &list));
    assert_int_equal(listeners_open(&list, NULL, &second, &error), STUDIO_ERR_ADDRESS);
    assert_non_null(strstr(error.text, path));
    client = connect_to(path); /* the first still has it */
    assert_true(client >= 0);
    close(client);
    listeners_close(&listeners);
    assert_int_equal(stat(path, &about), -1);
    free(text);
}

static void what_is_left_behind_is_replaced_but_no_file(void **state)
{
    const char *dir = tmpdir_create(), *path = tmpdir_path(dir, "agent.sock");
    const char *file = tmpdir_write(dir, "file", 0600, "kept");
    char *text = test_printf("unix:%s", path), *on_file = test_printf("unix:%s", file);
    struct stat about;

    (void)state;
    assert_int_equal(open_at(text), STUDIO_OK);
    close(listeners.list[0].fd); /* as if killed */
    memset(&listeners, 0, sizeof(listeners));
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(open_at(text), STUDIO_OK);
    listeners_close(&listeners);
    assert_int_equal(open_at(on_file), STUDIO_ERR_ADDRESS);
    assert_int_equal(stat(file, &about), 0);
    free(text);
    free(on_file);
}

static void one_that_cannot_be_had_ends_all(void **state)
{
    const char *path = tmpdir_path(tmpdir_create(), "agent.sock");
    struct port port;
    struct stat about;
    char *text;

    (void)state;
    port_occupy(&port);
    text = test_printf("unix:%s,127.0.0.1:%u", path, port.number);
    assert_int_equal(open_at(text), STUDIO_ERR_ADDRESS);
    assert_non_null(strstr(error.text, "is in use"));
    assert_int_equal(listeners.count, 0);
    assert_int_equal(stat(path, &about), -1);
    assert_int_equal(errno, ENOENT);
    port_release(&port);
    free(text);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_port_is_named_as_it_is),        TEST(every_address_of_both_kinds),
        TEST(a_socket_in_the_file_system),     TEST(what_is_left_behind_is_replaced_but_no_file),
        TEST(one_that_cannot_be_had_ends_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
