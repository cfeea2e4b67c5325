/* test_probe.c - is a preferred broker back? */
#include "bridge/probe.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static struct brokers brokers = {
    .list = {{.name = (char *)"mqtt://a", .uri = (char *)"tcp://a", .login.username = (char *)"ua"},
             {.name = (char *)"mqtt://b", .uri = (char *)"tcp://b"},
             {.name = (char *)"mqtt://c", .uri = (char *)"tcp://c"}},
    .count = 3};
static const struct bridge_config config = {.keepalive_s = 30};
static const int versions[BROKERS_MAX] = {5, 4, 5};
static struct topics topics;
static struct fake_link link_of_probe;
static struct lessons lessons;
static struct probe p;
static size_t back;

static int setup(void **state)
{
    (void)state;
    memset(&lessons, 0, sizeof(lessons));
    fake_link_init(&link_of_probe, LINK_PROBE);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    probe_init(&p, &link_of_probe.link, &topics, &config, &lessons, &brokers, versions);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_link_finish(&link_of_probe);
    return 0;
}

static void tell(struct link_event event, int64_t now)
{
    probe_event(&p, &event, now);
}

static void on_the_most_preferred_there_is_nothing_to_look_for(void **state)
{
    (void)state;
    probe_step(&p, 0, true, false, 0, &back);
    probe_step(&p, 0, true, false, 100000, &back);
    probe_step(&p, 2, false, false, 200000, &back);
    assert_int_equal(link_of_probe.connects, 0);
    assert_int_equal(back, 2);
}

static void back_only_after_it_has_answered_for_30_s(void **state)
{
    (void)state;
    assert_int_equal(probe_step(&p, 1, true, false, 0, &back), PROBE_REST_MS);
    probe_step(&p, 1, true, false, 10000, &back);
    assert_string_equal(link_of_probe.uri, "tcp://a");
    assert_string_equal(link_of_probe.client_id, "studio-agent-edge-1-probe");
    assert_string_equal(link_of_probe.will, "");
    assert_string_equal(link_of_probe.username, "ua");
    tell(fake_up(&link_of_probe), 10500);
    assert_int_equal(probe_step(&p, 1, true, false, 40499, &back), 40500);
    assert_int_equal(back, 1);
    probe_step(&p, 1, true, false, 40500, &back);
    assert_int_equal(back, 0);
    assert_false(link_of_probe.open);
}

static void one_that_breaks_off_starts_over(void **state)
{
    (void)state;
    probe_step(&p, 1, true, false, 0, &back);
    probe_step(&p, 1, true, false, 10000, &back);
    tell(fake_up(&link_of_probe), 10000);
    tell(fake_ended(&link_of_probe, LINK_LOST, 0), 39000);
    probe_step(&p, 1, true, false, 40000, &back);
    assert_int_equal(back, 1);
    probe_step(&p, 1, true, false, 49000, &back);
    assert_int_equal(link_of_probe.connects, 2);
    assert_true(link_of_probe.open);
}

static void all_preferred_ones_have_their_turn(void **state)
{
    static const char *const expected[] = {"tcp://a", "tcp://b", "tcp://a"};
    int64_t now = 0;

    (void)state;
    probe_step(&p, 2, true, false, now, &back);
    for (size_t i = 0; i < 3; i++) {
        now += PROBE_REST_MS;
        probe_step(&p, 2, true, false, now, &back);
        assert_string_equal(link_of_probe.uri, expected[i]);
        assert_int_equal(link_of_probe.target.mqtt_version, i == 1 ? 4 : 5);
        if (i == 1) { /* no answer at all */
            now += CONNECTION_CONNECT_MS;
            probe_step(&p, 2, true, false, now, &back);
        } else {
            tell(fake_ended(&link_of_probe, LINK_FAILED, 0), now);
        }
        assert_false(link_of_probe.open);
    }
}

static void losing_the_connection_ends_it(void **state)
{
    (void)state;
    probe_step(&p, 1, true, false, 0, &back);
    probe_step(&p, 1, true, false, 10000, &back);
    tell(fake_up(&link_of_probe), 10000);
    probe_step(&p, 1, false, false, 20000, &back);
    assert_false(link_of_probe.open);
    tell(fake_ended(&link_of_probe, LINK_LOST, 0), 20001); /* too late to matter */
    assert_int_equal(probe_step(&p, 1, true, false, 30000, &back),
                     30000 + PROBE_REST_MS); /* anew */
    assert_int_equal(link_of_probe.connects, 1);
}

static void a_broker_that_acknowledges_nothing_is_tried_ever_later(void **state)
{
    int64_t now = 0;

    (void)state;
    for (int64_t wait = PROBE_SHUN_MS; wait < 20 * PROBE_SHUN_MS; wait *= 2) {
        unsigned before = link_of_probe.connects;

        probe_shun(&p, 0, 30000, now);
        probe_step(&p, 0, false, false, now, &back);
        for (int64_t at = now; at < now + wait; at += 1000)
            probe_step(&p, 1, true, false, at, &back);
        assert_int_equal(link_of_probe.connects, before);
        now += wait;
        for (int64_t at = now; at <= now + PROBE_REST_MS; at += 1000)
            probe_step(&p, 1, true, false, at, &back);
        assert_int_equal(link_of_probe.connects, before + 1);
        now += PROBE_REST_MS;
    }
    probe_shun(&p, 0, INT64_MAX, now); /* a connection that lasted */
    assert_int_equal(p.shun_ms[0], PROBE_SHUN_MS);
    for (int i = 0; i < 20; i++)
        probe_shun(&p, 0, 0, now);
    assert_int_equal(p.shun_ms[0], PROBE_SHUN_MAX_MS);
}

/* Spoken to in 3.1.1 as it once knew no other. */
static void the_one_in_use_is_asked_for_mqtt_5(void **state)
{
    int64_t now = 0;

    (void)state;
    for (unsigned hour = 0; hour < 3; hour++) {
        probe_step(&p, 0, true, true, now, &back);
        now += hour ? PROBE_ASK_MS : PROBE_REST_MS;
        probe_step(&p, 0, true, true, now, &back);
        assert_int_equal(link_of_probe.connects, hour + 1);
        assert_string_equal(link_of_probe.uri, "tcp://a");
        assert_int_equal(link_of_probe.target.mqtt_version, 5);
        if (hour < 2) {
            tell(fake_ended(&link_of_probe, LINK_FAILED, 0x84), now);
            probe_step(&p, 0, true, true, now + PROBE_REST_MS, &back);
        }
        assert_false(probe_speaks_5(&p));
    }
    tell(fake_up(&link_of_probe), now);
    assert_false(link_of_probe.open);
    assert_true(probe_speaks_5(&p));
    assert_false(probe_speaks_5(&p));
    assert_int_equal(probe_step(&p, 0, true, false, now, &back), INT64_MAX);
    assert_int_equal(back, 0);
}

static void it_takes_turns_with_the_preferred_ones(void **state)
{
    int64_t now = 0;

    (void)state;
    probe_step(&p, 1, true, true, now, &back);
    for (unsigned i = 0; i < 4; i++) {
        now += PROBE_REST_MS;
        probe_step(&p, 1, true, true, now, &back);
        assert_int_equal(link_of_probe.connects, i + 1);
        assert_string_equal(link_of_probe.uri, i == 1 ? "tcp://b" : "tcp://a");
        tell(fake_ended(&link_of_probe, LINK_FAILED, 0), now);
    }
    assert_int_equal(back, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(on_the_most_preferred_there_is_nothing_to_look_for),
        TEST(back_only_after_it_has_answered_for_30_s),
        TEST(a_broker_that_acknowledges_nothing_is_tried_ever_later),
        TEST(the_one_in_use_is_asked_for_mqtt_5),
        TEST(it_takes_turns_with_the_preferred_ones),
        TEST(one_that_breaks_off_starts_over),
        TEST(all_preferred_ones_have_their_turn),
        TEST(losing_the_connection_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
