#include "net/guests.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

enum { PER_SITE = 4 };

static struct guests *guests;
static struct guest all[3 * GUESTS_MAX];
static size_t next;

static int setup(void **state)
{
    (void)state;
    memset(all, 0, sizeof(all));
    next = 0;
    guests = guests_create(PER_SITE);
    return guests ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < next; i++)
        guests_remove(guests, &all[i]);
    assert_int_equal(guests_count(guests), 0);
    guests_destroy(guests);
    guests_destroy(NULL);
    return 0;
}

/* The number of who had to go, -1 for nobody. */
static int add(const char *site, bool shared, bool full)
{
    bool in;
    struct guest *leaving = guests_add(guests, &all[next++], site, shared, full, &in);

    assert_true(in);
    assert_true(!leaving || !leaving->site);
    return leaving ? (int)(leaving - all) : -1;
}

static void the_oldest_of_a_site_makes_room_for_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < PER_SITE; i++)
        assert_int_equal(add("1.1.1.1", false, false), -1);
    assert_int_equal(add("2.2.2.2", false, false), -1);
    assert_int_equal(add("1.1.1.1", false, false), 0);
    guests_remove(guests, &all[1]); /* has said who it is */
    guests_remove(guests, &all[1]);
    assert_int_equal(add("1.1.1.1", false, false), -1);
    assert_int_equal(add("1.1.1.1", false, false), 2);
    assert_int_equal(guests_count(guests), PER_SITE + 1);
}

/* Whoever floods, from however many sites, displaces those who flood. */
static void one_who_comes_alone_stays(void **state)
{
    size_t first;
    char site[16];

    (void)state;
    assert_int_equal(add("alone", false, false), -1);
    for (int i = 0; i < 2 * GUESTS_MAX; i++) {
        snprintf(site, sizeof(site), "10.0.0.%d", i % 500);
        add(site, false, false);
    }
    assert_int_equal(guests_count(guests), GUESTS_MAX);
    assert_non_null(all[0].site);
    first = next;
    add("alone too", false, false);
    for (int i = 0; i < 500; i++) {
        snprintf(site, sizeof(site), "10.0.0.%d", i % 500);
        add(site, false, false);
    }
    assert_non_null(all[first].site);
    assert_non_null(all[0].site);
}

static void a_proxy_has_any_number(void **state)
{
    (void)state;
    for (int i = 0; i < GUESTS_MAX; i++)
        assert_int_equal(add("proxy", true, false), -1);
    assert_int_equal(add("proxy", true, false), 0);
    assert_int_equal(add("1.1.1.1", false, false), 1);
}

static void no_room_at_all(void **state)
{
    struct guest guest = {0};
    bool in = true;

    (void)state;
    assert_null(guests_add(guests, &guest, "1.1.1.1", false, true, &in));
    assert_false(in);
    assert_int_equal(add("1.1.1.1", false, false), -1);
    assert_int_equal(add("2.2.2.2", false, true), 0);
    assert_int_equal(guests_count(guests), 1);
}

static void crowd(const char *network, int sites, int of_each)
{
    char site[32];

    for (int i = 0; i < sites * of_each; i++) {
        snprintf(site, sizeof(site), "%s.%d.%d", network, i % sites / 250, i % sites % 250);
        all[next].since_ms = (int64_t)next;
        add(site, false, false);
    }
}

static void a_crowd_of_single_ones_has_its_time(void **state)
{
    (void)state;
    crowd("10.0", GUESTS_CROWD - 1, 1);
    assert_false(guests_crowded(guests, -1));
    crowd("10.1", 1, 1);
    assert_true(guests_crowded(guests, -1));
    assert_false(guests_crowded(guests, 0)); /* the first has had it */
    guests_remove(guests, &all[0]);
    assert_false(guests_crowded(guests, -1)); /* there is a place again */
    crowd("10.2", 1, 1);
    assert_true(guests_crowded(guests, 0));
    assert_false(guests_crowded(guests, 1));
}

/* Who would have to go is one of them, so nobody else need wait. */
static void who_floods_from_one_site_makes_nobody_wait(void **state)
{
    (void)state;
    guests_destroy(guests);
    guests = guests_create(GUESTS_MAX);
    crowd("10.0", GUESTS_CROWD, 1);
    crowd("10.1", 1, GUESTS_FEW);
    assert_true(guests_crowded(guests, -1));
    crowd("10.1", 1, 1);
    assert_false(guests_crowded(guests, -1));
}

static void who_comes_through_a_proxy_is_no_flood(void **state)
{
    (void)state;
    for (int i = 0; i < GUESTS_CROWD; i++)
        add("proxy", true, false);
    assert_true(guests_crowded(guests, -1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_oldest_of_a_site_makes_room_for_its_own),
        TEST(one_who_comes_alone_stays),
        TEST(a_proxy_has_any_number),
        TEST(no_room_at_all),
        TEST(a_crowd_of_single_ones_has_its_time),
        TEST(who_floods_from_one_site_makes_nobody_wait),
        TEST(who_comes_through_a_proxy_is_no_flood),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
