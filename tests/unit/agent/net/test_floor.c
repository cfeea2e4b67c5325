#include "net/floor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"

enum { PEERS = 100 };

static struct floor *floor_;
static struct peer {
    struct speaker speaker;
    int ours, theirs;
    bool held, busy;
} peers[PEERS];
static bool late; /* the library has something */

static void hold(void *connection, bool held)
{
    struct peer *peer = connection;

    assert_int_not_equal(peer->held, held);
    peer->held = held;
}

static bool may_wait(void *connection)
{
    return !((struct peer *)connection)->busy;
}

static bool behind(void *connection)
{
    assert_non_null(connection);
    return late;
}

static const struct floor_ops ops = {hold, may_wait, behind};

static void enter(struct peer *peer)
{
    floor_enter(floor_, &peer->speaker, peer, peer->ours);
}

static bool wanted(void)
{
    struct pollfd wake = {.fd = floor_fd(floor_), .events = POLLIN};

    return poll(&wake, 1, 0) == 1;
}

/* What the loop does at the end of a turn. */
static bool step(void)
{
    if (wanted())
        floor_hear(floor_);
    return floor_step(floor_);
}

static size_t heard(void)
{
    size_t count = 0;

    for (int i = 0; i < PEERS; i++)
        count += !peers[i].held;
    return count;
}

static int setup(void **state)
{
    (void)state;
    floor_ = floor_create(&ops);
    late = false;
    for (int i = 0; i < PEERS; i++) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            return -1;
        peers[i] = (struct peer){.ours = pair[0], .theirs = pair[1]};
        enter(&peers[i]);
    }
    if (heard() != PEERS)
        return -1;
    (void)floor_step(floor_);
    return heard() == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < PEERS; i++) {
        floor_forget(floor_, &peers[i].speaker);
        close(peers[i].ours);
        close(peers[i].theirs);
    }
    floor_destroy(floor_);
    return 0;
}

static void say(struct peer *peer)
{
    assert_int_equal(send(peer->theirs, "x", 1, 0), 1);
}

static void hear(struct peer *peer)
{
    char byte;

    assert_int_equal(recv(peer->ours, &byte, 1, 0), 1);
}

static void all_have_their_turn_and_few_at_once(void **state)
{
    int turns[PEERS] = {0};

    (void)state;
    assert_false(wanted());
    for (int i = 0; i < PEERS; i++)
        say(&peers[i]);
    while (wanted()) {
        (void)step();
        assert_true(heard() <= FLOOR_MAX);
        for (int i = 0; i < PEERS; i++)
            if (!peers[i].held) {
                hear(&peers[i]);
                turns[i]++;
            }
    }
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(turns[i], 1);
    (void)step();
    assert_int_equal(heard(), 0);
    assert_false(step());
}

/* Whoever always has something to say is behind those who have something as well. */
static void who_never_stops_keeps_nobody_waiting(void **state)
{
    int turns = 0;

    (void)state;
    for (int i = 0; i < PEERS; i++)
        say(&peers[i]);
    while (peers[PEERS - 1].held) { /* nobody is heard out */
        assert_true(wanted());
        (void)step();
        turns++;
    }
    assert_true(turns <= PEERS / FLOOR_MAX + 1);
}

static void an_end_is_heard(void **state)
{
    (void)state;
    assert_int_equal(shutdown(peers[3].theirs, SHUT_WR), 0);
    assert_true(wanted());
    (void)step();
    assert_false(peers[3].held);
    assert_int_equal(heard(), 1);
}

static void who_leaves_is_read_for_ever(void **state)
{
    (void)state;
    floor_leave(floor_, &peers[0].speaker);
    assert_false(peers[0].held);
    say(&peers[0]);
    assert_false(wanted());
    say(&peers[1]);
    (void)step();
    floor_leave(floor_, &peers[1].speaker); /* while it has the floor */
    assert_false(peers[1].held);
    floor_leave(floor_, &peers[1].speaker);
    (void)step();
    assert_false(peers[1].held);
    floor_forget(floor_, &peers[2].speaker);
    assert_true(peers[2].held);
}

static void who_has_something_to_do_is_out_until_it_enters_again(void **state)
{
    (void)state;
    say(&peers[0]);
    (void)step();
    peers[0].busy = true;
    (void)step();
    assert_false(peers[0].held);
    assert_false(wanted()); /* though it is not heard out */
    peers[0].busy = false;
    enter(&peers[0]);
    assert_false(peers[0].held);
    assert_false(floor_step(floor_));
    assert_true(peers[0].held);
    enter(&peers[0]);
    assert_true(wanted());
    (void)step();
    assert_false(peers[0].held);
    enter(&peers[0]);
    assert_false(peers[0].held);
}

static void what_the_library_keeps_gets_another_turn(void **state)
{
    (void)state;
    say(&peers[0]);
    (void)step();
    hear(&peers[0]);
    late = true;
    (void)step();
    assert_false(peers[0].held); /* again, though its socket has nothing */
    late = false;
    (void)step();
    assert_true(peers[0].held);
    assert_false(step());
}

static void those_with_another_turn_leave_room_for_others(void **state)
{
    (void)state;
    for (int i = 0; i < FLOOR_MAX; i++)
        say(&peers[i]);
    (void)step();
    late = true;
    for (int i = 0; i < FLOOR_MAX; i++)
        hear(&peers[i]);
    for (int i = FLOOR_MAX; i < 2 * FLOOR_MAX; i++)
        say(&peers[i]);
    assert_true(step()); /* there is to be another one */
    assert_int_equal(heard(), FLOOR_MAX);
    for (int i = 0; i < FLOOR_MAX; i++)
        assert_int_equal(peers[i].held, i >= FLOOR_MAX / 2);
    floor_leave(floor_, &peers[FLOOR_MAX - 1].speaker); /* it was to have one */
    assert_false(peers[FLOOR_MAX - 1].held);
}

/* While another process has its descriptor, as one that is just being started, the kernel still tells of a closed one. */
static void a_socket_that_is_gone_is_not_heard(void **state)
{
    int copy = fcntl(peers[0].ours, F_DUPFD_CLOEXEC, 0), kept = peers[0].ours;

    (void)state;
    close(peers[0].ours);
    floor_forget(floor_, &peers[0].speaker);
    say(&peers[0]);
    assert_true(wanted());
    (void)step();
    assert_int_equal(heard(), 0);
    assert_false(wanted());
    close(copy);
    peers[0].ours = open("/dev/null", O_RDONLY | O_CLOEXEC); /* cannot be watched */
    assert_int_equal(peers[0].ours, kept);
    peers[0].held = false;
    enter(&peers[0]);
    (void)step();
    (void)step();
    assert_false(peers[0].held);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_have_their_turn_and_few_at_once),
        TEST(who_never_stops_keeps_nobody_waiting),
        TEST(an_end_is_heard),
        TEST(who_leaves_is_read_for_ever),
        TEST(who_has_something_to_do_is_out_until_it_enters_again),
        TEST(what_the_library_keeps_gets_another_turn),
        TEST(those_with_another_turn_leave_room_for_others),
        TEST(a_socket_that_is_gone_is_not_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
