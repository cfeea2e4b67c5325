/* test_door_crowd.c - how many come in at once, where thousands stand before the door. */
#include "net/door.h"

#include <stdio.h>

#include "support/cmocka_all.h"
#include "support/fake_clock.h"

enum {
    CROWD = 10000,
    TURNS = 2000,
    FULL_MS = 2000,
    STRANGERS = 16,
    STRANGER_MS = 2,
    IN_A_TURN = 4
};

static struct fake_clock clock_;
static struct networks no_proxies;
static struct door *door;
static struct socket *sockets[CROWD];
static size_t came, gone; /* of those, in their order */
static size_t killed;
static bool paused, tls_;
static int listener;

static void on_pause(void *which, bool pause)
{
    assert_ptr_equal(which, &listener);
    paused = pause;
}

static void on_kill(void *connection)
{
    (void)connection;
    killed++;
}

static bool is_tls(const void *at)
{
    (void)at;
    return tls_;
}

static void on_adopt(void *at, int fd)
{
    (void)at;
    (void)fd;
    fail();
}

static const struct floor_ops no_floor; /* nobody waits for it */
static const struct transport_ops ops = {.pause = on_pause, .kill = on_kill};

static int setup(void **state)
{
    const struct door_options options = {.ops = &ops,
                                         .floor = &no_floor,
                                         .clock = &clock_.clock,
                                         .proxies = &no_proxies,
                                         .connections = 2 * CROWD,
                                         .guests_per_site = 64,
                                         .tls = is_tls,
                                         .adopt = on_adopt};
    (void)state;
    fake_clock_init(&clock_);
    door = door_create(&options);
    came = gone = killed = 0;
    paused = tls_ = false;
    return door ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < came; i++)
        door_leave(door, sockets[i]);
    door_destroy(door);
    return 0;
}

/* False: it was refused. */
static bool come(size_t site)
{
    char peer[32];

    snprintf(peer, sizeof peer, "10.0.%zu.%zu", site / 250, site % 250);
    if (!door_knock(door, &listener, -1, peer))
        return false;
    sockets[came] = door_enter(door, NULL, peer);
    assert_non_null(sockets[came++]);
    return true;
}

/* All who may come in in this turn, each from an address of its own or of one of `sites`. */
static void let_in_now(size_t sites)
{
    bool some_wait = door_turn(door);

    assert_int_equal(some_wait, paused);
    while (!paused && came < CROWD)
        assert_true(come(came % sites));
}

/* So many turns, and so long each: as many as come in in it have been borne. */
static void let_in(size_t sites, unsigned turns)
{
    while (turns-- > 0) {
        clock_.mono_ms += STRANGER_MS * IN_A_TURN;
        let_in_now(sites);
    }
}

static void thousands_at_once_come_in_as_others_say_who_they_are(void **state)
{
    (void)state;
    let_in(CROWD, FULL_MS / (STRANGER_MS * IN_A_TURN) - 1);
    assert_int_equal(came, GUESTS_CROWD);
    while (gone < CROWD) { /* one in a turn */
        door_know(door, sockets[gone++]);
        clock_.mono_ms += STRANGER_MS;
        let_in_now(CROWD);
        assert_true(came <= gone + GUESTS_CROWD + 1); /* who was knocking is still let in */
    }
    assert_int_equal(came, CROWD);
    assert_int_equal(killed, 0);
}

/* In their time they were silent: nobody need wait for them any longer. */
static void who_says_nothing_makes_room_in_time(void **state)
{
    (void)state;
    let_in(CROWD, FULL_MS / (STRANGER_MS * IN_A_TURN));
    assert_int_equal(came, GUESTS_CROWD);
    let_in(CROWD, 1); /* the first */
    assert_int_equal(came, GUESTS_CROWD + IN_A_TURN);
    let_in(CROWD, 2 * (GUESTS_MAX - GUESTS_CROWD) / IN_A_TURN);
    assert_int_equal(killed, came - GUESTS_MAX);
    assert_true(killed > 0);
}

static void who_floods_from_few_places_makes_nobody_wait(void **state)
{
    enum { SITES = 50 };

    (void)state;
    let_in(SITES, TURNS * 4);
    assert_int_equal(came, CROWD);
    assert_int_equal(killed, CROWD - GUESTS_MAX);
}

/* However often the loop turns. */
static void strangers_wait_until_others_have_been_borne(void **state)
{
    (void)state;
    for (int turns = 0; turns < TURNS; turns++)
        let_in_now(CROWD);
    assert_int_equal(came, STRANGERS);
    for (size_t i = 0; i < 10; i++)
        door_know(door, sockets[i]);
    for (int turns = 0; turns < TURNS; turns++)
        let_in_now(CROWD);
    assert_int_equal(came, STRANGERS + 10 + 1); /* who was knocking is still let in */
    tls_ = true;
    clock_.mono_ms += STRANGERS * STRANGER_MS;
    for (int turns = 0; turns < TURNS; turns++)
        let_in_now(CROWD);
    assert_int_equal(came, STRANGERS + 10 + 1 + STRANGERS / 4);
    clock_.mono_ms += 4 * STRANGER_MS;
    assert_false(door_turn(door));
}

static void who_displaces_his_own_too_often_is_refused(void **state)
{
    enum { PER_SITE = 64, DISPLACING = 10 };
    size_t refused = 0;

    (void)state;
    for (size_t i = 0; i < PER_SITE; i++)
        assert_true(come(1));
    assert_int_equal(killed, 0);
    for (size_t i = 0; i < 1000; i++)
        refused += !come(1);
    assert_int_equal(killed, DISPLACING);
    assert_int_equal(refused, 1000 - DISPLACING);
    assert_true(come(2)); /* others are not */
    clock_.mono_ms += 2 * STRANGER_MS;
    (void)door_turn(door);
    assert_true(come(1));
    assert_false(come(1));
    assert_int_equal(killed, DISPLACING + 1);
    clock_.mono_ms += (PER_SITE + 2 * DISPLACING) * STRANGER_MS;
    (void)door_turn(door);
    tls_ = true; /* leaves room for others */
    while (come(1))
        continue;
    assert_int_equal(killed, DISPLACING + 1 + (DISPLACING + 3) / 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(thousands_at_once_come_in_as_others_say_who_they_are),
        TEST(who_says_nothing_makes_room_in_time),
        TEST(who_floods_from_few_places_makes_nobody_wait),
        TEST(strangers_wait_until_others_have_been_borne),
        TEST(who_displaces_his_own_too_often_is_refused),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
