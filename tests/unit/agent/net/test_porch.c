#include "net/porch.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"
#include "support/fake_clock.h"

#define LINE "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n"

static struct fake_clock clock_;
static struct porch *porch;
static int entered, theirs; /* the socket handed on, and its other end */
static unsigned enters;
static char peer[PEER_TEXT_MAX + 1];
static int door;

static void on_enter(void *ctx, int fd, void *at, const char *named)
{
    assert_ptr_equal(ctx, &enters);
    assert_ptr_equal(at, &door);
    enters++;
    entered = fd;
    strncpy(peer, named, PEER_TEXT_MAX);
}

static int come(void)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    porch_add(porch, pair[0], &door, "10.0.0.1");
    return pair[1];
}

static int setup(void **state)
{
    (void)state;
    fake_clock_init(&clock_);
    porch = porch_create(&clock_.clock, on_enter, &enters);
    enters = 0;
    entered = -1;
    memset(peer, 0, sizeof(peer));
    theirs = porch ? come() : -1;
    return porch ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    porch_destroy(porch);
    close(theirs);
    if (entered >= 0)
        close(entered);
    return 0;
}

static void say(const char *text)
{
    assert_int_equal(send(theirs, text, strlen(text), 0), strlen(text));
}

/* There is something to do, and it is done. */
static void step(void)
{
    struct pollfd wake = {.fd = porch_fd(porch), .events = POLLIN};

    assert_int_equal(poll(&wake, 1, 0), 1);
    porch_step(porch);
}

static void expect_idle(void)
{
    struct pollfd wake = {.fd = porch_fd(porch), .events = POLLIN};

    assert_int_equal(poll(&wake, 1, 0), 0);
}

static void expect_closed(void)
{
    char byte;

    /* Reset, if it was closed with something unread. */
    assert_true(recv(theirs, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
    expect_idle();
    assert_int_equal(enters, 0);
}

static void the_header_is_taken_and_no_byte_more(void **state)
{
    char rest[16] = "";

    (void)state;
    expect_idle();
    say(LINE "GET /");
    step();
    assert_int_equal(enters, 1);
    assert_string_equal(peer, "192.0.2.7");
    assert_int_equal(recv(entered, rest, sizeof(rest), MSG_DONTWAIT), 5);
    assert_string_equal(rest, "GET /");
    say("more");
    expect_idle(); /* it is watched no more */
}

/* One that drips does not wake for what is known already. */
static void piece_by_piece(void **state)
{
    (void)state;
    for (const char *at = LINE; *at; at++) {
        assert_int_equal(enters, 0);
        assert_int_equal(send(theirs, at, 1, 0), 1);
        step();
        expect_idle();
    }
    assert_int_equal(enters, 1);
    assert_string_equal(peer, "192.0.2.7");
}

static void of_the_proxy_itself(void **state)
{
    (void)state;
    say("PROXY UNKNOWN\r\n");
    step();
    assert_int_equal(enters, 1);
    assert_string_equal(peer, "");
}

static void something_else_is_closed(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\n");
    step();
    expect_closed();
}

static void who_comes_and_goes(void **state)
{
    (void)state;
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    step();
    expect_closed();
}

static void a_header_has_its_time(void **state)
{
    (void)state;
    say("PROXY ");
    step();
    fake_clock_advance(&clock_, PORCH_MS - 1);
    porch_tick(porch);
    say("TCP4 ");
    step();
    fake_clock_advance(&clock_, 1);
    porch_tick(porch);
    expect_closed();
}

static void who_has_waited_for_longest_makes_room(void **state)
{
    int others[PORCH_MAX];
    char byte;

    (void)state;
    for (int i = 0; i < PORCH_MAX - 1; i++)
        others[i] = come();
    assert_int_equal(recv(theirs, &byte, 1, MSG_DONTWAIT), -1);
    others[PORCH_MAX - 1] = come();
    expect_closed();
    porch_clear(porch);
    for (int i = 0; i < PORCH_MAX; i++) {
        assert_int_equal(recv(others[i], &byte, 1, MSG_DONTWAIT), 0);
        close(others[i]);
    }
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    porch_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_header_is_taken_and_no_byte_more),
        TEST(piece_by_piece),
        TEST(of_the_proxy_itself),
        TEST(something_else_is_closed),
        TEST(who_comes_and_goes),
        TEST(a_header_has_its_time),
        TEST(who_has_waited_for_longest_makes_room),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
