#include "net/door.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/admission.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

enum { LIMIT = 2, PER_SITE = 3, PLACES = LIMIT + ADMISSION_OVERFLOW, IN_A_TURN = 4 };

static struct fake_clock clock_;
static struct networks proxies;
static struct door *door;
static int listener, resting; /* how often it was told to rest, less to go on */
static struct connection {
    bool cut;
} connections[PLACES + 2];
static struct socket *sockets[PLACES + 2];
static size_t count;
static char entered[PEER_TEXT_MAX + 1];

static void on_pause(void *connection, bool paused)
{
    assert_ptr_equal(connection, &listener);
    resting += paused ? 1 : -1;
}

static void on_kill(void *connection)
{
    ((struct connection *)connection)->cut = true;
}

/* The number of who came. */
static size_t come(const char *peer)
{
    sockets[count] = door_enter(door, &connections[count], peer);
    assert_non_null(sockets[count]);
    return count++;
}

static bool is_tls(const void *at)
{
    assert_ptr_equal(at, &listener);
    return false;
}

static void on_adopt(void *at, int fd)
{
    assert_ptr_equal(at, &listener);
    strcpy(entered, sockets[come("127.0.0.1")]->peer);
    close(fd);
}

static const struct floor_ops no_floor; /* nobody waits for it */

static void open_door(bool proxy_protocol)
{
    static const struct transport_ops ops = {.pause = on_pause, .kill = on_kill};
    const struct door_options options = {.ops = &ops,
                                         .floor = &no_floor,
                                         .clock = &clock_.clock,
                                         .proxies = &proxies,
                                         .proxy_protocol = proxy_protocol,
                                         .tls = is_tls,
                                         .connections = LIMIT,
                                         .guests_per_site = PER_SITE,
                                         .adopt = on_adopt};

    door = door_create(&options);
    assert_non_null(door);
}

static int setup(void **state)
{
    (void)state;
    fake_clock_init(&clock_);
    assert_null(networks_parse("127.0.0.1", &proxies));
    memset(connections, 0, sizeof(connections));
    resting = 0;
    count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (count > 0)
        door_leave(door, sockets[--count]);
    door_destroy(door);
    return 0;
}

static void so_many_are_accepted_in_a_turn(void **state)
{
    (void)state;
    open_door(false);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 1; i < IN_A_TURN; i++)
            assert_true(door_knock(door, &listener, -1, "10.0.0.1"));
        assert_int_equal(resting, 0);
        assert_true(door_knock(door, &listener, -1, "10.0.0.1"));
        assert_int_equal(resting, 1);
        door_turn(door);
        assert_int_equal(resting, 0);
    }
    door_shut(door);
    assert_false(door_knock(door, &listener, -1, "10.0.0.1"));
}

static void the_oldest_guest_of_a_site_is_cut(void **state)
{
    (void)state;
    open_door(false);
    assert_int_equal(door_porch_fd(door), -1);
    for (int i = 0; i < PER_SITE; i++)
        come("1.1.1.1");
    door_know(door, sockets[0]);
    door_know(door, sockets[0]);
    come("1.1.1.1");
    assert_false(connections[1].cut);
    come("1.1.1.1");
    assert_false(connections[0].cut);
    assert_true(connections[1].cut);
    assert_false(connections[4].cut);
    assert_string_equal(sockets[4]->peer, "1.1.1.1");
}

/* Nobody who is known has to go for a guest. */
static void when_all_places_are_taken_who_comes_is_cut(void **state)
{
    char site[PEER_TEXT_MAX + 1];

    (void)state;
    open_door(false);
    for (unsigned i = 0; i < PLACES; i++) {
        snprintf(site, sizeof(site), "10.1.%u.%u", i / 256, i % 256);
        door_know(door, sockets[come(site)]);
    }
    assert_true(connections[come("1.1.1.1")].cut);
    for (unsigned i = 0; i < PLACES; i++)
        assert_false(connections[i].cut);
    door_leave(door, sockets[--count]);
    door_leave(door, sockets[--count]);
    connections[count].cut = false;
    assert_false(connections[come("1.1.1.1")].cut);
}

/* Our end of a connection from 127.0.0.1, which says what a proxy does. */
static int from_proxy(const char *says, int *theirs)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int at = socket(AF_INET, SOCK_STREAM, 0), ours;

    assert_int_equal(bind(at, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(at, 1), 0);
    assert_int_equal(getsockname(at, (struct sockaddr *)&address, &len), 0);
    *theirs = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*theirs, (struct sockaddr *)&address, len), 0);
    assert_int_equal(send(*theirs, says, strlen(says), 0), strlen(says));
    ours = accept(at, NULL, NULL);
    close(at);
    return ours;
}

static void a_proxy_waits_until_it_has_said_for_whom_it_comes(void **state)
{
    struct pollfd wake = {.events = POLLIN};
    int theirs, ours = from_proxy("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", &theirs);

    (void)state;
    open_door(true);
    assert_false(door_knock(door, &listener, ours, "127.0.0.1"));
    close(ours); /* as the library does */
    wake.fd = door_porch_fd(door);
    assert_int_equal(poll(&wake, 1, -1), 1);
    door_porch_step(door);
    assert_int_equal(count, 1);
    assert_string_equal(entered, "192.0.2.7");
    come("127.0.0.1"); /* not on behalf of anybody any more */
    assert_string_equal(sockets[1]->peer, "127.0.0.1");
    close(theirs);
}

static void who_comes_too_often_is_refused_behind_a_proxy_too(void **state)
{
    struct pollfd wake = {.events = POLLIN};
    int theirs, ours = from_proxy("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n", &theirs);
    char byte;

    (void)state;
    open_door(true);
    for (int i = 0; i < PER_SITE; i++)
        come("192.0.2.7");
    while (door_knock(door, &listener, -1, "192.0.2.7"))
        continue;
    assert_false(door_knock(door, &listener, ours, "127.0.0.1"));
    close(ours);
    wake.fd = door_porch_fd(door);
    assert_int_equal(poll(&wake, 1, -1), 1);
    door_porch_step(door);
    assert_int_equal(count, PER_SITE);
    assert_int_equal(recv(theirs, &byte, 1, 0), 0);
    close(theirs);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(so_many_are_accepted_in_a_turn),
        TEST(the_oldest_guest_of_a_site_is_cut),
        TEST(when_all_places_are_taken_who_comes_is_cut),
        TEST(a_proxy_waits_until_it_has_said_for_whom_it_comes),
        TEST(who_comes_too_often_is_refused_behind_a_proxy_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
