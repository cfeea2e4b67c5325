/* test_link_gather.c - what the library writes and reads goes in company, in order, and is not lost. */
#include "bridge/link_gather.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/cmocka_all.h"

/* As the library calls them. */
ssize_t __wrap_recv(int socket, void *bytes, size_t len, int flags);
ssize_t __wrap_writev(int socket, const struct iovec *parts, int count);
int __wrap_Thread_signal_cond(void *cond);
int __wrap_Thread_wait_cond(void *cond, int ms);

static atomic_int idled;
static int pair[2]; /* the library's, the broker's */
static int wake;

static void on_idle(void)
{
    atomic_fetch_add(&idled, 1);
}

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    gather_close(pair[0]);
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static bool busy; /* the sending thread gives itself work */

/* As the process does it: without work until woken, or the time is up. */
static void on_sleep(int blocked, int ms)
{
    struct pollfd fds[2] = {{.fd = wake, .events = POLLIN}, {.fd = blocked, .events = POLLOUT}};
    eventfd_t count;

    assert_true(poll(fds, 2, gather_asleep() ? ms : 0) >= 0);
    gather_awake();
    if (fds[0].revents)
        (void)eventfd_read(wake, &count);
    if (busy)
        assert_int_equal(__wrap_Thread_signal_cond(NULL), 0);
}

static ssize_t write_two(const char *one, size_t one_len, const char *two, size_t two_len)
{
    const struct iovec parts[2] = {{(void *)(uintptr_t)one, one_len},
                                   {(void *)(uintptr_t)two, two_len}};

    return __wrap_writev(pair[0], parts, 2);
}

static ssize_t arrived(char *bytes, size_t len)
{
    return recv(pair[1], bytes, len, MSG_DONTWAIT);
}

static void messages_leave_together_when_a_thread_sleeps(void **state)
{
    char bytes[16];
    int before = atomic_load(&idled);

    (void)state;
    assert_int_equal(write_two("ab", 2, "c", 1), 3);
    assert_int_equal(write_two("d", 1, "ef", 2), 3);
    assert_int_equal(arrived(bytes, sizeof(bytes)), -1);
    gather_idle();
    assert_int_equal(atomic_load(&idled), before + 1);
    assert_int_equal(arrived(bytes, sizeof(bytes)), 6);
    assert_memory_equal(bytes, "abcdef", 6);
}

/* What comes while it waits is read with what was there. */
static void it_waits_as_long_as_it_was_told(void **state)
{
    int64_t before;

    (void)state;
    before = clock_mono(clock_system());
    gather_patience(3000);
    gather_wait();
    assert_true(clock_mono(clock_system()) - before >= 2); /* whole ms */
    gather_patience(0);
}

static void what_is_gathered_leaves_before_the_socket_is_closed(void **state)
{
    char bytes[4];

    (void)state;
    assert_int_equal(write_two("by", 2, "e", 1), 3);
    gather_close(pair[0]);
    assert_int_equal(arrived(bytes, sizeof(bytes)), 3);
}

/* The other end reads nothing until all is full; then everything comes, in order. */
static void a_socket_that_is_full_is_told_and_nothing_is_lost(void **state)
{
    static char message[1000], bytes[1 << 20];
    size_t taken = 0, come = 0;
    unsigned char expected = 0;
    ssize_t n;

    (void)state;
    for (;;) {
        memset(message, (int)(taken % 251), sizeof(message));
        n = write_two(message, 500, message + 500, 500);
        if (n < 0)
            break;
        assert_int_equal(n, 1000);
        taken++;
    }
    assert_int_equal(errno, EAGAIN);
    while (come < taken * sizeof(message)) {
        gather_flush();
        n = arrived(bytes, sizeof(bytes));
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++, come++) {
            expected = (unsigned char)(come / sizeof(message) % 251);
            assert_int_equal((unsigned char)bytes[i], expected);
        }
    }
    assert_int_equal(write_two("a", 1, "b", 1), 2);
}

static void a_large_message_goes_as_it_is_behind_the_others(void **state)
{
    static char large[40000], bytes[60000];

    (void)state;
    memset(large, 'x', sizeof(large));
    assert_int_equal(write_two("a", 1, "b", 1), 2);
    assert_int_equal(write_two("c", 1, large, sizeof(large)), sizeof(large) + 1);
    assert_int_equal(arrived(bytes, sizeof(bytes)), sizeof(large) + 3);
    assert_memory_equal(bytes, "abcxx", 5);
}

static void the_broker_has_gone_is_said_at_the_next_write(void **state)
{
    (void)state;
    close(pair[1]);
    assert_int_equal(write_two("a", 1, "b", 1), 2);
    gather_flush();
    assert_int_equal(write_two("a", 1, "b", 1), -1);
    assert_int_equal(errno, EPIPE);
}

/* A header byte by byte, then the rest, as the library reads; only what is there at once. */
static void packets_are_read_ahead(void **state)
{
    char byte, rest[8];

    (void)state;
    assert_int_equal(send(pair[1], "\x40\x02\x00\x01\x40", 5, 0), 5);
    assert_int_equal(gather_readable(), 0);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), 1);
    assert_int_equal(byte, 0x40);
    assert_int_equal(gather_readable(), pair[0]);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), 1);
    assert_int_equal(__wrap_recv(pair[0], rest, 2, 0), 2);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), 1);
    assert_int_equal(gather_readable(), 0);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    close(pair[1]);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), 0);
}

static void what_was_read_is_forgotten_with_its_socket(void **state)
{
    char byte;

    (void)state;
    assert_int_equal(send(pair[1], "ab", 2, 0), 2);
    assert_int_equal(__wrap_recv(pair[0], &byte, 1, 0), 1);
    gather_close(pair[0]);
    assert_int_equal(gather_readable(), 0);
}

static void a_signal_before_the_wait_is_not_forgotten(void **state)
{
    (void)state;
    __wrap_Thread_signal_cond(NULL);
    assert_int_equal(__wrap_Thread_wait_cond(NULL, 600000), 0);
    assert_int_equal(__wrap_Thread_wait_cond(NULL, 1), ETIMEDOUT);
}

static void *wait_long(void *arg)
{
    *(int *)arg = __wrap_Thread_wait_cond(NULL, 600000);
    return NULL;
}

static void work_from_elsewhere_wakes(void **state)
{
    pthread_t thread;
    int rc = -1;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, wait_long, &rc), 0);
    assert_int_equal(__wrap_Thread_signal_cond(NULL), 0);
    pthread_join(thread, NULL);
    assert_int_equal(rc, 0);
}

static void its_own_work_wakes_nobody(void **state)
{
    eventfd_t count;

    (void)state;
    (void)eventfd_read(wake, &count); /* what a test before it left */
    busy = true;
    assert_int_equal(__wrap_Thread_wait_cond(NULL, 1), 0);
    busy = false;
    assert_int_equal(eventfd_read(wake, &count), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(__wrap_Thread_wait_cond(NULL, 1), ETIMEDOUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_leave_together_when_a_thread_sleeps, open_pair,
                                        close_pair),
        cmocka_unit_test(it_waits_as_long_as_it_was_told),
        cmocka_unit_test_setup_teardown(what_is_gathered_leaves_before_the_socket_is_closed,
                                        open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_socket_that_is_full_is_told_and_nothing_is_lost,
                                        open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_large_message_goes_as_it_is_behind_the_others, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(the_broker_has_gone_is_said_at_the_next_write, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(packets_are_read_ahead, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(what_was_read_is_forgotten_with_its_socket, open_pair,
                                        close_pair),
        cmocka_unit_test(a_signal_before_the_wait_is_not_forgotten),
        cmocka_unit_test(work_from_elsewhere_wakes),
        cmocka_unit_test(its_own_work_wakes_nobody),
    };

    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gather_start(on_idle, on_sleep, wake);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
