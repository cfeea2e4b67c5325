/* test_connection.c - one MQTT connection: attempt, connection, end. */
#include "bridge/connection.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static const struct bridge_config config = {
    .keepalive_s = 30, .ca_file = "ca", .cert_file = "cert", .key_file = "key"};
static const struct broker broker = {
    .name = (char *)"mqtt://a", .uri = (char *)"tcp://a", .login.username = (char *)"me"};
static struct topics topics;
static struct fake_link out;
static struct lessons lessons;
static struct connection s;
static char text[LINK_TEXT_MAX];

static int setup(void **state)
{
    (void)state;
    fake_link_init(&out, LINK_IN);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    memset(&lessons, 0, sizeof(lessons));
    connection_init(&s, &out.link, LINK_IN, &topics, &config, &lessons);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_link_finish(&out);
    return 0;
}

static enum connection_news tell(enum link_event_kind kind, uint64_t generation, int64_t now)
{
    const struct link_event event = {.link = LINK_IN, .kind = kind, .generation = generation};

    return connection_event(&s, &event, now);
}

static void connect_at(int64_t now)
{
    assert_true(
        connection_connect(&s, &broker, (struct link_target){.mqtt_version = 5}, now, text));
}

static void an_attempt_is_made_with_what_is_configured(void **state)
{
    (void)state;
    connect_at(0);
    assert_string_equal(out.uri, "tcp://a");
    assert_string_equal(out.client_id, "studio-agent-edge-1-in");
    assert_string_equal(out.username, "me");
    assert_int_equal(out.target.keepalive_s, 30);
    assert_string_equal(out.target.ca_file, "ca");
    assert_string_equal(out.target.cert_file, "cert");
    assert_string_equal(out.target.key_file, "key");
    connection_close(&s, 0);
    assert_true(connection_connect(&s, &broker, (struct link_target){.keepalive_s = 5}, 0, text));
    assert_int_equal(out.target.keepalive_s, 5);
}

/* Server Keep Alive. */
static void commands_may_have_a_login_of_their_own(void **state)
{
    struct broker two = broker;

    (void)state;
    two.commands = (struct login){.username = (char *)"mine", .password = (char *)"too"};
    assert_true(connection_connect(&s, &two, (struct link_target){.mqtt_version = 5}, 0, text));
    assert_string_equal(out.username, "mine");
    assert_string_equal(out.password, "too");
    s.id = LINK_OUT;
    assert_true(connection_connect(&s, &two, (struct link_target){.mqtt_version = 5}, 0, text));
    assert_string_equal(out.username, "me");
    assert_string_equal(out.password, "");
}

static void a_broker_may_want_signs_of_life_more_often(void **state)
{
    struct link_event up = {.link = LINK_IN, .kind = LINK_UP, .limits.keepalive_s = 10};

    (void)state;
    connect_at(0);
    up.generation = out.generation;
    assert_int_equal(connection_event(&s, &up, 1), CONNECTION_NOTHING);
    assert_int_equal(out.disconnects, 1);
    assert_false(out.will_wanted);
    assert_int_equal(tell(LINK_CLOSED, out.generation, 2), CONNECTION_AGAIN);
    assert_int_equal(s.state, CONNECTION_IDLE);
    connect_at(3);
    assert_int_equal(out.target.keepalive_s, 10);
    up.generation = out.generation;
    assert_int_equal(connection_event(&s, &up, 4), CONNECTION_CAME_UP);
    assert_int_equal(tell(LINK_LOST, out.generation, 5), CONNECTION_ENDED);
    connect_at(6); /* it is remembered */
    assert_int_equal(out.target.keepalive_s, 10);
    up.generation = out.generation;
    assert_int_equal(connection_event(&s, &up, 7), CONNECTION_CAME_UP);
    connection_close(&s, 8);
    assert_true(connection_connect(&s, &broker, (struct link_target){.keepalive_s = 5}, 9, text));
    assert_int_equal(out.target.keepalive_s, 5);
}

static void one_that_wants_so_and_breaks_off_is_tried_again(void **state)
{
    struct link_event up = {.link = LINK_IN, .kind = LINK_UP, .limits.keepalive_s = 10};

    (void)state;
    connect_at(0);
    up.generation = out.generation;
    assert_int_equal(connection_event(&s, &up, 1), CONNECTION_NOTHING);
    assert_int_equal(tell(LINK_LOST, out.generation, 2), CONNECTION_AGAIN);
    connect_at(3);
    assert_int_equal(tell(LINK_FAILED, out.generation, 4), CONNECTION_FAILED);
    connection_close(&s, 5);
    lessons.keepalive_max[0] = 0;
    connect_at(6);
    up.generation = out.generation;
    assert_int_equal(connection_event(&s, &up, 7), CONNECTION_NOTHING);
    assert_true(connection_overdue(&s, 6 + CONNECTION_CONNECT_MS)); /* it hangs on the way out */
    connect_at(7 + CONNECTION_CONNECT_MS);
    assert_int_equal(out.target.keepalive_s, 10);
}

static void an_attempt_comes_up_fails_or_is_given_up(void **state)
{
    (void)state;
    assert_false(connection_overdue(&s, 1000000)); /* there is none */
    connect_at(100);
    assert_int_equal(connection_deadline(&s), 100 + CONNECTION_CONNECT_MS);
    assert_false(connection_overdue(&s, 99 + CONNECTION_CONNECT_MS));
    assert_true(connection_overdue(&s, 100 + CONNECTION_CONNECT_MS));
    assert_false(out.open);
    connect_at(0);
    assert_int_equal(tell(LINK_FAILED, out.generation, 1), CONNECTION_FAILED);
    assert_false(out.open);
    connect_at(2);
    assert_int_equal(tell(LINK_UP, out.generation, 3), CONNECTION_CAME_UP);
    assert_int_equal(connection_deadline(&s), INT64_MAX);
    assert_true(out.open);
}

static void an_address_that_does_not_answer_is_tried_last(void **state)
{
    static const struct {
        int reason;
        bool blamed;
    } ends[] = {{0, true}, {3, true}, {0x88, true}, {0x89, true}, {5, false}, {0x87, false}};
    struct link_event up;

    (void)state;
    connect_at(0);
    assert_string_equal(out.target.last, "");
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct link_event end = fake_ended(&out, LINK_FAILED, ends[i].reason);

        memset(lessons.last, 0, sizeof(lessons.last));
        strcpy(end.address, "10.0.0.2");
        assert_int_equal(connection_event(&s, &end, 1), CONNECTION_FAILED);
        connect_at(2);
        assert_string_equal(out.target.last, ends[i].blamed ? "10.0.0.2" : "");
    }
    assert_int_equal(tell(LINK_FAILED, out.generation, 3), CONNECTION_FAILED); /* it reached none */
    lessons_address_failed(&lessons, 0, "10.0.0.2");
    lessons_address_failed(&lessons, 0, "10.0.0.1");
    connect_at(4);
    assert_string_equal(out.target.last, "10.0.0.2,10.0.0.1");
    up = fake_up(&out);
    strcpy(up.address, "10.0.0.2");
    assert_int_equal(connection_event(&s, &up, 5), CONNECTION_CAME_UP);
    assert_string_equal(s.address, "10.0.0.2");
    connection_close(&s, 6);
    connect_at(7);
    assert_string_equal(out.target.last, "10.0.0.1");
}

static void only_a_connection_has_answers_and_an_end(void **state)
{
    static const enum link_event_kind kinds[] = {LINK_LOST, LINK_CLOSED, LINK_DONE, LINK_HEARD};

    (void)state;
    connect_at(0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(tell(kinds[i], out.generation, 1), CONNECTION_NOTHING);
    tell(LINK_UP, out.generation, 1);
    assert_int_equal(tell(LINK_UP, out.generation, 1), CONNECTION_NOTHING);
    assert_int_equal(tell(LINK_FAILED, out.generation, 1), CONNECTION_NOTHING);
    assert_int_equal(tell(LINK_DONE, out.generation, 1), CONNECTION_DONE);
    assert_int_equal(tell(LINK_HEARD, out.generation, 1), CONNECTION_HEARD);
    assert_true(connection_leave(&s, true, 2));
    assert_true(out.will_wanted);
    assert_int_equal(tell(LINK_DONE, out.generation, 2), CONNECTION_DONE);
    assert_int_equal(tell(LINK_CLOSED, out.generation, 3), CONNECTION_ENDED);
    assert_int_equal(tell(LINK_CLOSED, out.generation, 3), CONNECTION_NOTHING);
    assert_false(out.open);
}

static void records_of_older_connections_are_nothing(void **state)
{
    uint64_t old;

    (void)state;
    connect_at(0);
    old = out.generation;
    tell(LINK_FAILED, old, 0);
    connect_at(1);
    assert_int_equal(tell(LINK_UP, old, 1), CONNECTION_NOTHING);
    assert_int_equal(tell(LINK_UP, out.generation, 1), CONNECTION_CAME_UP);
    assert_int_equal(tell(LINK_LOST, old, 1), CONNECTION_NOTHING);
    connection_close(&s, 2);
    assert_int_equal(tell(LINK_LOST, out.generation, 2), CONNECTION_NOTHING);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_is_made_with_what_is_configured),
        TEST(commands_may_have_a_login_of_their_own),
        TEST(a_broker_may_want_signs_of_life_more_often),
        TEST(one_that_wants_so_and_breaks_off_is_tried_again),
        TEST(an_attempt_comes_up_fails_or_is_given_up),
        TEST(an_address_that_does_not_answer_is_tried_last),
        TEST(only_a_connection_has_answers_and_an_end),
        TEST(records_of_older_connections_are_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
