#include "net/session.h"

#include "session_fixture.h"
#include "support/fake_bridge.h"

/* The state machine of one connection, event by event. */

#define HELLO     "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}"
#define UPDATED   "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define SUBSCRIBE "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}"

static struct bridge bridge;

static int setup(void **state)
{
    (void)state;
    net_open(16);
    core_set_bridge(net.f.core, &bridge);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_close();
    fake_bridge_finish(&bridge);
    return 0;
}

/* The tables whose presence was told, each with a blank. */
static void expect_presence(const char *expected)
{
    char told[256] = "", id[STUDIO_TABLE_ID_MAX + 1];

    for (size_t i = 0; i < bridge.count; i++)
        if (sscanf(bridge.log[i], "presence %64s", id) == 1)
            strcat(strcat(told, id), " ");
    assert_string_equal(told, expected);
}

/* --- arriving -------------------------------------------------------------------------------- */

static void by_address_the_first_message_is_the_document(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    expect_frame(&c, ""); /* not before the table is durable */
    assert_int_equal(FIGURE_SUM(net.f.figures.connections), 0);
    expect_presence("");
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect_frame(&c, "");
    assert_int_equal(net.env.count, 1);
    assert_int_equal(figure_get(&net.f.figures.connections[ROLE_DEVICE]), 1);
    assert_int_equal(figure_get(&net.f.figures.logins[LOGIN_ACCEPTED]), 1);
    expect_presence("ARO-001 ");
    disconnect(&c);
    expect_presence("ARO-001 ARO-001 ");
    session_destroy(NULL);
}

static void by_message_after_a_greeting(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, NULL, NULL);
    expect_frame(&c, HELLO);
    receive(&c, "{\"id\":\"ARO-001-1-SDP\",\"gameCode\":\"ARO-001-1\",\"token\":\"MY_TOKEN\"}");
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001-1\",");
    receive(&c, "{\"id\":\"ARO-001-1-SDP\",\"gameCode\":\"ARO-001-1\",\"token\":\"MY_TOKEN\"}");
    expect_frame(&c, "{\"error\":\"Already authenticated\"}");
    assert_int_equal(core_connections(net.f.core, "ARO-001-1_SDP"), 1);
    disconnect(&c);
}

static void expect_refused(const char *id, const char *token, const char *device, const char *close)
{
    struct connection c;
    struct session_address address = {
        .peer = "127.0.0.1",
        .in = {.id = id, .token = token, .device = device},
    };

    connect_to(&c, &address);
    expect_frame(&c, close);
    assert_false(c.wanted);
    expect_frame(&c, "");
    disconnect(&c);
}

static void what_does_not_get_in(void **state)
{
    (void)state;
    expect_refused("ARO-001_pc", NULL, NULL, "close 1008 Missing authentication parameters");
    expect_refused("ARO-001_pc", "", NULL, "close 1008 Missing authentication parameters");
    expect_refused(NULL, "MY_TOKEN", NULL, "close 1008 Missing authentication parameters");
    expect_refused("", "MY_TOKEN", NULL, "close 1008 Missing authentication parameters");
    expect_refused("ARO-001_pc", "WRONG", NULL, "close 1008 Invalid credentials");
    expect_refused("ARO-001_pc", "not a token", NULL, "close 1008 Invalid credentials");
    expect_refused("-ARO_pc", "MY_TOKEN", NULL, "close 1008 Invalid table id");
    expect_refused("_pc", "MY_TOKEN", NULL, "close 1008 Invalid table id");
    expect_presence("");
    assert_true(core_quiet(net.f.core));
    assert_int_equal(tables_count_staged(net.f.core->tables), 0);
    assert_int_equal(figure_get(&net.f.figures.logins[LOGIN_MISSING]), 4);
    assert_int_equal(figure_get(&net.f.figures.logins[LOGIN_CREDENTIALS]), 2);
    assert_int_equal(figure_get(&net.f.figures.logins[LOGIN_TABLE]), 2);
    assert_int_equal(FIGURE_SUM(net.f.figures.logins), 8);
    assert_int_equal(figure_get(&net.f.figures.closed[CLOSED_REFUSED]), 8);
}

static void a_first_message_that_does_not_authenticate(void **state)
{
    static const char *const messages[] = {
        "{\"sdp\":\"up\"}", "[]", "hello", "", "{\"id\":\"ARO-001\"}", "{\"id\":1,\"token\":2}"};

    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct connection c;
        connect_as(&c, NULL, NULL);
        expect_frame(&c, HELLO);
        receive(&c, messages[i]);
        expect_frame(&c, "close 1008 Missing authentication parameters");
        receive(&c, "{\"id\":\"ARO-001\",\"token\":\"MY_TOKEN\"}"); /* too late */
        expect_frame(&c, "");
        disconnect(&c);
    }
}

static void ten_seconds_to_authenticate(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, NULL, NULL);
    expect_frame(&c, HELLO);
    pass(&c, 9);
    expect_frame(&c, "");
    pass(&c, 1);
    expect_frame(&c, "close 1008 Missing authentication parameters");
    disconnect(&c);
}

static void limits_say_come_again(void **state)
{
    struct connection a, b, c;

    (void)state;
    join_as(&a, "ARO-001", TOKEN_DEVICE);
    join_as(&b, "ARO-002", TOKEN_DEVICE);
    connect_as(&c, "ARO-003", TOKEN_DEVICE); /* one table too many */
    expect_frame(&c, "close 1013 Try again later");
    disconnect(&c);
    join_as(&c, "ARO-003", TOKEN_VIEWER); /* creates none */
    disconnect(&c);
    disconnect(&b);
    disconnect(&a);
}

static void a_new_connection_of_an_id_never_displaces_an_old_one(void **state)
{
    struct connection c[17];

    (void)state;
    for (int i = 0; i < 16; i++)
        join_as(&c[i], "ARO-001_pc", TOKEN_DEVICE);
    connect_as(&c[16], "ARO-001_pc", TOKEN_DEVICE);
    expect_frame(&c[16], "close 1013 Try again later");
    disconnect(&c[0]);
    disconnect(&c[16]);
    join_as(&c[0], "ARO-001_pc", TOKEN_DEVICE);
    for (int i = 0; i < 16; i++)
        disconnect(&c[i]);
    expect_presence(/* each READY says so, and the last that leaves */
                    "ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 "
                    "ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 ARO-001 "
                    "ARO-001 ARO-001 ");
}

static void a_table_that_cannot_be_created_says_come_again(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"sdp\":\"up\"}");
    assert_true(fake_committer_turn(&net.f, &net.committer, STUDIO_ERR_STORAGE));
    expect_frame(&c, "{\"error\":\"Storage unavailable\"}");
    expect_frame(&c, "close 1013 Try again later");
    assert_int_equal(core_connections(net.f.core, "ARO-001_pc"), 0);
    disconnect(&c);
}

static void the_presence_of_a_failed_join_is_corrected(void **state)
{
    struct connection a, b;

    (void)state;
    join_as(&a, "ARO-001_pc", TOKEN_DEVICE);
    disconnect(&a);
    fake_bridge_finish(&bridge);
    connect_as(&a, "ARO-002_pc", TOKEN_DEVICE);
    net_settle();
    connect_as(&b, "ARO-002_pc", TOKEN_DEVICE);
    disconnect(&a);
    expect_presence("ARO-002 ARO-002 ");
    disconnect(&b);
    expect_presence("ARO-002 ARO-002 ARO-002 ");
    assert_string_equal(bridge.log[bridge.count - 1],
                        "presence ARO-002 "
                        "{\"table_id\":\"ARO-002\",\"online\":false,\"count\":0,\"clients\":[]}");
    assert_int_equal(core_connections(net.f.core, "ARO-002_pc"), 0);
}

/* --- messages -------------------------------------------------------------------------------- */

static void messages_sent_before_the_first_document_wait_for_it(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"sdp\":\"up\"}");
    receive(&c, "{\"event\":\"get\"}");
    expect_frame(&c, "");
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect_frame(&c, UPDATED);
    expect_frame_prefix(&c,
                        "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    expect_frame(&c, "");
    disconnect(&c);
}

static void a_message_in_pieces(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    session_receive(c.session, "{\"sd", 4, false);
    session_receive(c.session, "", 0, false);
    session_receive(c.session, "p\":\"up\"", 7, false);
    session_receive(c.session, "}", 1, true);
    receive(&c, "{}");
    net_settle();
    expect_frame(&c, UPDATED);
    expect_frame(&c, UPDATED);
    session_receive(c.session, "", 0, false);
    session_receive(c.session, "", 0, true);
    expect_frame(&c, "{\"error\":\"Invalid JSON format\"}");
    session_receive(c.session, "{\"half", 6, false); /* and gone */
    disconnect(&c);
}

static void sixteen_kib_and_not_a_byte_more(void **state)
{
    struct connection c;
    char *text = malloc(STUDIO_MESSAGE_MAX + 1);

    (void)state;
    memset(text, ' ', STUDIO_MESSAGE_MAX + 1);
    memcpy(text, "{}", 2);
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    session_receive(c.session, text, STUDIO_MESSAGE_MAX, true);
    expect_frame(&c, UPDATED);
    session_receive(c.session, text, STUDIO_MESSAGE_MAX - 1, false);
    session_receive(c.session, text + STUDIO_MESSAGE_MAX - 1, 1, true);
    expect_frame(&c, UPDATED);
    session_receive(c.session, text, STUDIO_MESSAGE_MAX, false);
    session_receive(c.session, text, 1, false);
    expect_frame(&c, "close 1009 Message too large");
    session_receive(c.session, text, STUDIO_MESSAGE_MAX, true);
    expect_frame(&c, "");
    disconnect(&c);
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    session_receive(c.session, text, STUDIO_MESSAGE_MAX + 1, true);
    expect_frame(&c, "close 1009 Message too large");
    disconnect(&c);
    free(text);
}

static void a_binary_frame_ends_it(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    session_binary(c.session);
    session_binary(c.session);
    expect_frame(&c, "close 1003 Text frames only");
    disconnect(&c);
    connect_as(&c, NULL, NULL);
    session_binary(c.session);
    expect_frame(&c, HELLO);
    expect_frame(&c, "close 1003 Text frames only");
    disconnect(&c);
}

/* --- pushes ---------------------------------------------------------------------------------- */

static void pushes_come_some_time_apart(void **state)
{
    struct connection c, viewer;

    (void)state;
    connect_as(&c, "ARO-001_a", TOKEN_DEVICE);
    net_settle();
    take_frame(&c);
    connect_as(&viewer, "WALL", TOKEN_VIEWER);
    net_settle();
    take_frame(&viewer);
    receive(&viewer, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],\"interval_ms\":250}}");
    expect_frame(&viewer, "{\"status\":\"subscribed\",\"tables\":[\"*\"]}");
    assert_non_null(strstr(take_frame(&viewer), "\"UPTIME\":0")); /* the first at once */
    expect_frame(&viewer, "");
    for (int i = 0; i < 3; i++) {
        receive(&c, "{\"sdp\":\"up\"}");
        net_settle();
        pacing_tick(&net.env.pacing, clock_mono(net.env.clock));
        assert_false(viewer.wanted);
        fake_clock_advance(&net.f.clock, i < 2 ? 100 : 49);
    }
    pacing_tick(&net.env.pacing, clock_mono(net.env.clock));
    assert_false(viewer.wanted);
    fake_clock_advance(&net.f.clock, 1);
    pacing_tick(&net.env.pacing, clock_mono(net.env.clock));
    assert_non_null(strstr(take_frame(&viewer), "\"UPTIME\":3"));
    expect_frame(&viewer, "");
    fake_clock_advance(&net.f.clock, 250);
    receive(&c, "{\"sdp\":\"up\"}");
    net_settle();
    assert_non_null(strstr(take_frame(&viewer), "\"UPTIME\":4")); /* after a rest at once */
    expect_frame(&viewer, "");
    receive(&c, "{\"sdp\":\"up\"}");
    net_settle();
    disconnect(&viewer); /* while it waits */
    disconnect(&c);
    assert_null(net.env.pacing.waiting);
}

static void an_answer_goes_out_before_the_push_it_causes(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    expect_frame(&c, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect_frame_prefix(&c,
                        "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    receive(&c, "{\"sdp\":\"up\"}");
    receive(&c, "{\"event\":\"exception\",\"data\":\"X\"}");
    net_settle();
    expect_frame(&c, UPDATED);
    expect_frame(&c, "{\"status\":\"received\",\"table_id\":\"ARO-001\"}");
    expect_frame(&c, "{\"event\":\"exception\",\"table_id\":\"ARO-001\",\"seq\":3,"
                     "\"ts\":\"2024-01-01T12:00:00.000Z\",\"data\":\"X\"}");
    expect_frame_prefix(&c,
                        "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    expect_frame(&c, "");
    disconnect(&c);
}

static void a_slow_reader_is_told_what_it_lost(void **state)
{
    struct connection c, wall;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    join_as(&wall, "WALL", TOKEN_VIEWER);
    receive(&wall, SUBSCRIBE);
    expect_frame(&wall, "{\"status\":\"subscribed\",\"tables\":[\"*\"]}");
    expect_frame_prefix(&wall, "{\"event\":\"status\"");
    for (int i = 0; i < 70; i++) {
        receive(&c, "{\"event\":\"exception\",\"data\":\"X\"}");
        receive(&c, "{\"sdp\":\"up\"}");
        net_settle();
        while (c.wanted)
            take_frame(&c);
    }
    expect_frame(&wall, "{\"event\":\"lagged\",\"data\":{\"missed\":6}}");
    for (int i = 0; i < 64; i++)
        expect_frame_prefix(&wall, "{\"event\":\"exception\",\"table_id\":\"ARO-001\"");
    expect_frame_prefix(&wall, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\","
                               "\"UPTIME\":70,");
    expect_frame(&wall, "");
    disconnect(&wall);
    disconnect(&c);
}

static void subscribed_by_address(void **state)
{
    struct connection c, wall;
    struct session_address address = {
        .peer = "::1",
        .in = {.id = "ARO-001_wall", .token = TOKEN_VIEWER},
        .subscribe = "ARO-001,LATER",
    };

    (void)state;
    join_as(&c, "ARO-001", TOKEN_DEVICE);
    connect_to(&wall, &address);
    expect_frame_prefix(&wall, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect_frame(&wall, ""); /* no answer, and the document it has already seen */
    receive(&c, "{\"sdp\":\"up\"}");
    net_settle();
    expect_frame_prefix(&wall,
                        "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    receive(&wall, "{\"event\":\"subscribe\",\"data\":{\"tables\":[]}}");
    expect_frame(&wall, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\",\"LATER\"]}");
    disconnect(&wall);
    disconnect(&c);
}

static void a_device_subscribes_its_new_table_by_address(void **state)
{
    struct connection c;
    struct session_address address = {
        .peer = "::1",
        .in = {.id = "ARO-001_pc", .token = TOKEN_DEVICE},
        .subscribe = "ARO-001",
    };

    (void)state;
    connect_to(&c, &address);
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect_frame(&c, "");
    receive(&c, "{\"sdp\":\"up\"}");
    net_settle();
    expect_frame(&c, UPDATED);
    expect_frame_prefix(&c, "{\"event\":\"status\"");
    disconnect(&c);
    address.subscribe = "*";
    connect_to(&c, &address);
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    expect_frame(&c, "{\"error\":\"Not permitted\"}");
    disconnect(&c);
    address.subscribe = "ARO-001,b d";
    connect_to(&c, &address);
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,");
    expect_frame(&c, "{\"error\":\"Invalid data for subscribe\"}");
    disconnect(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(by_address_the_first_message_is_the_document),
        TEST(by_message_after_a_greeting),
        TEST(what_does_not_get_in),
        TEST(a_first_message_that_does_not_authenticate),
        TEST(ten_seconds_to_authenticate),
        TEST(limits_say_come_again),
        TEST(a_new_connection_of_an_id_never_displaces_an_old_one),
        TEST(a_table_that_cannot_be_created_says_come_again),
        TEST(the_presence_of_a_failed_join_is_corrected),
        TEST(messages_sent_before_the_first_document_wait_for_it),
        TEST(a_message_in_pieces),
        TEST(sixteen_kib_and_not_a_byte_more),
        TEST(a_binary_frame_ends_it),
        TEST(an_answer_goes_out_before_the_push_it_causes),
        TEST(pushes_come_some_time_apart),
        TEST(a_slow_reader_is_told_what_it_lost),
        TEST(subscribed_by_address),
        TEST(a_device_subscribes_its_new_table_by_address),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
