/* test_handed.c - listening sockets of somebody else: where they are, and what is none. */
#include "net/handed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/port.h"
#include "support/tmpdir.h"

static struct handed handed;
static struct studio_error error;
static char text[2048];
static struct buf listen_text;

static int setup(void **state)
{
    (void)state;
    memset(&handed, 0, sizeof(handed));
    buf_init_fixed(&listen_text, text, sizeof(text));
    return 0;
}

static enum studio_err take(int first, long long count, const char *names)
{
    return handed_take(&handed, first, count, names, &listen_text, &error);
}

/* Somewhere with free numbers behind it. */
static int moved(int fd)
{
    return fcntl(fd, F_DUPFD, 50);
}

static void ports_with_and_without_a_name(void **state)
{
    struct port one, two, three;
    char *expected;
    int first;

    (void)state;
    port_occupy(&one);
    port_occupy(&two);
    port_occupy(&three);
    first = moved(one.fd);
    assert_int_equal(moved(two.fd), first + 1);
    assert_int_equal(moved(three.fd), first + 2);
    assert_int_equal(take(first, 3, "tls:studio-agent.socket:plain"), STUDIO_OK);
    expected = test_printf("wss://127.0.0.1:%u,127.0.0.1:%u,ws://127.0.0.1:%u", one.number,
                           two.number, three.number);
    assert_string_equal(text, expected);
    assert_int_equal(handed.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(handed.fds[i], first + i);
        assert_true(fcntl(first + i, F_GETFD) & FD_CLOEXEC);
        assert_true(fcntl(first + i, F_GETFL) & O_NONBLOCK);
        close(first + i);
    }
    free(expected);
    port_release(&one);
    port_release(&two);
    port_release(&three);
}

static void of_the_sixth_version(void **state)
{
    struct port port;
    char *expected;

    (void)state;
    port_occupy(&port);
    if (port.fd6 < 0)
        skip(); /* a machine without it */
    expected = test_printf("[::1]:%u", port.number);
    assert_int_equal(take(port.fd6, 1, ""), STUDIO_OK);
    assert_string_equal(text, expected);
    free(expected);
    port_release(&port);
}

static int at_path(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sa.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* It is taken, named, and stays where it is in the end. */
static void at_a_path(void **state)
{
    const char *path = tmpdir_path(tmpdir_create(), "agent.sock");
    char *expected = test_printf("unix:%s", path);
    struct listeners listeners;
    struct listen_list list;

    (void)state;
    assert_int_equal(take(at_path(path), 1, "anything"), STUDIO_OK);
    assert_string_equal(text, expected);
    assert_null(listen_parse(text, false, &list));
    assert_int_equal(listeners_open(&list, &handed, &listeners, &error), STUDIO_OK);
    assert_int_equal(listeners.count, 1);
    assert_true(listeners.list[0].handed);
    assert_int_equal(listeners.list[0].fd, handed.fds[0]);
    assert_string_equal(listeners.names[0], expected);
    listeners_close(&listeners);
    assert_int_equal(access(path, F_OK), 0);
    free(expected);
}

/* What is told to speak TLS never speaks without. */
static void no_tls_at_a_path(void **state)
{
    int fd = at_path(tmpdir_path(tmpdir_create(), "agent.sock"));

    (void)state;
    assert_int_equal(take(fd, 1, "tls"), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "at a path, where no TLS is spoken"));
    assert_int_equal(handed.count, 0);
    buf_clear(&listen_text);
    assert_int_equal(take(fd, 1, "plain"), STUDIO_OK);
    close(fd);
}

static void at_a_path_that_cannot_be_in_a_list(void **state)
{
    int fd = at_path(tmpdir_path(tmpdir_create(), "a,b"));

    (void)state;
    assert_int_equal(take(fd, 1, "x"), STUDIO_ERR_USAGE);
    close(fd);
}

static void what_is_none(void **state)
{
    struct port port;
    int pipe_fds[2], datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    port_reserve(&port);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(take(port.fd, 1, "early:x"), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "the socket early that"));
    assert_int_equal(take(datagrams, 1, ""), STUDIO_ERR_USAGE);
    assert_int_equal(take(pipe_fds[0], 1, ""), STUDIO_ERR_USAGE);
    assert_int_equal(take(port.fd, LISTEN_MAX + 1, ""), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "9 sockets"));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(datagrams);
    port_release(&port);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ports_with_and_without_a_name),
        TEST(of_the_sixth_version),
        TEST(at_a_path),
        TEST(no_tls_at_a_path),
        TEST(at_a_path_that_cannot_be_in_a_list),
        TEST(what_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
