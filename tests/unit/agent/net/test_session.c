#include "net/session.h"

#include "session_fixture.h"

/* The state machine of one connection, event by event. */

#define HELLO     "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}"
#define UPDATED   "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define SUBSCRIBE "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"]}}"

static int setup(void **state)
{
    (void)state;
    net_open(16);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_close();
    return 0;
}

/* --- arriving -------------------------------------------------------------------------------- */

static void by_address_the_first_message_is_the_document(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    expect_frame(&c, ""); /* not before the table is durable */
    assert_int_equal(net.env.ready, 0);
    assert_string_equal(net.presence, "");
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,");
    expect_frame(&c, "");
    assert_int_equal(net.env.count, 1);
    assert_int_equal(net.env.ready, 1);
    assert_string_equal(net.presence, "ARO-001 ");
    disconnect(&c);
    assert_string_equal(net.presence, "ARO-001 ARO-001 ");
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
    assert_int_equal(presence_connections(core_presence(net.f.core), "ARO-001-1_SDP"), 1);
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
    assert_string_equal(net.presence, "");
    assert_true(core_quiet(net.f.core));
    assert_int_equal(tables_count_staged(core_tables(net.f.core)), 0);
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
    assert_string_equal(net.presence, /* each READY says so, and the last that leaves */
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
    assert_int_equal(presence_connections(core_presence(net.f.core), "ARO-001_pc"), 0);
    disconnect(&c);
}

static void the_presence_of_a_failed_join_is_corrected(void **state)
{
    struct connection a, b;

    (void)state;
    join_as(&a, "ARO-001_pc", TOKEN_DEVICE);
    disconnect(&a);
    net.presence[0] = '\0';
    connect_as(&a, "ARO-002_pc", TOKEN_DEVICE);
    net_settle();
    connect_as(&b, "ARO-002_pc", TOKEN_DEVICE);
    disconnect(&a);
    assert_string_equal(net.presence, "ARO-002 ARO-002 ");
    disconnect(&b);
    assert_string_equal(net.presence, "ARO-002 ARO-002 ARO-002 ");
    assert_int_equal(presence_count(core_presence(net.f.core), "ARO-002"), 0);
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

/* --- closing --------------------------------------------------------------------------------- */

static void closing_waits_for_the_answers_owed(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"sdp\":\"up\"}");
    receive(&c, "{\"event\":\"get\"}");
    session_close(c.session, 1001, "Server shutting down");
    session_close(c.session, 1003, "Text frames only");
    assert_int_equal(net.env.ready, 0);
    expect_frame(&c, "");
    assert_false(c.wanted); /* does not spin while it waits */
    net_settle();
    expect_frame(&c, UPDATED);
    expect_frame_prefix(&c, "{\"event\":\"status\"");
    expect_frame(&c, "close 1001 Server shutting down");
    assert_false(c.wanted);
    disconnect(&c);
}

static void closing_while_joining_comes_to_its_end(void **state)
{
    struct connection c;

    (void)state;
    connect_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    session_binary(c.session);
    expect_frame(&c, "");
    net_settle();
    expect_frame(&c, "close 1003 Text frames only");
    disconnect(&c);
    connect_as(&c, "ARO-002_pc", TOKEN_DEVICE);
    session_binary(c.session);
    expect_frame(&c, "");
    assert_true(fake_committer_turn(&net.f, &net.committer, STUDIO_ERR_STORAGE));
    expect_frame(&c, "close 1003 Text frames only");
    disconnect(&c);
}

static void a_closing_reader_gets_no_pushes_and_does_not_spin(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"sdp\":\"up\"}");
    receive(&c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    receive(&c, "{\"sdp\":\"down\"}");
    core_end_turn(net.f.core);
    receive(&c, "{\"sdp\":\"up\"}");
    session_close(c.session, 1001, "Server shutting down");
    assert_true(fake_committer_turn(&net.f, &net.committer, STUDIO_OK));
    expect_frame(&c, UPDATED);
    expect_frame(&c, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\"]}");
    expect_frame(&c, UPDATED);
    expect_frame(&c, "");
    assert_false(c.wanted);
    net_settle();
    expect_frame(&c, UPDATED);
    expect_frame(&c, "close 1001 Server shutting down");
    disconnect(&c);
    assert_int_equal(hub_subscribers(core_hub(net.f.core)), 0);
}

static void a_connection_gone_with_messages_under_way(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"sdp\":\"up\"}");
    receive(&c, "{\"event\":\"get\"}");
    receive(&c, SUBSCRIBE);
    disconnect(&c);
    connect_as(&c, "ARO-002_pc", TOKEN_DEVICE);
    disconnect(&c); /* joining */
    connect_as(&c, "ARO-002_pc", TOKEN_DEVICE);
    disconnect(&c);
    net_settle();
    assert_int_equal(tables_count(core_tables(net.f.core)), 2);
    assert_int_equal(net.env.count, 0);
}

static void gone_in_the_middle_of_a_write(void **state)
{
    struct connection c;
    struct session_frame frame;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{}");
    receive(&c, "{}");
    frame = session_next(c.session); /* the library failed to write it */
    assert_int_equal(frame.kind, SESSION_TEXT);
    disconnect(&c);
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\"]}}");
    take_frame(&c);
    frame = session_next(c.session);
    assert_int_equal(frame.kind, SESSION_TEXT);
    disconnect(&c);
}

/* --- time ------------------------------------------------------------------------------------ */

static void pinged_after_20_seconds_cut_after_10_more(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    pass(&c, 19);
    expect_frame(&c, "");
    pass(&c, 1);
    expect_frame(&c, "ping");
    pass(&c, 9);
    assert_false(c.killed);
    session_alive(c.session); /* any frame counts */
    pass(&c, 19);
    expect_frame(&c, "");
    pass(&c, 1);
    expect_frame(&c, "ping");
    receive(&c, "{}");
    expect_frame(&c, UPDATED);
    pass(&c, 20);
    expect_frame(&c, "ping");
    pass(&c, 9);
    assert_false(c.killed);
    pass(&c, 1);
    assert_true(c.killed);
    assert_int_equal(net.env.closed_silent, 1);
    assert_int_equal(net.env.closed_slow, 0);
    disconnect(&c);
}

static void cut_when_it_has_not_read_for_30_seconds(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{}");
    for (int i = 0; i < 29; i++) {
        pass(&c, 1);
        session_alive(c.session); /* it talks, but does not read */
    }
    assert_false(c.killed);
    pass(&c, 1);
    assert_true(c.killed);
    assert_int_equal(net.env.closed_slow, 1);
    disconnect(&c);
    /* Each write that goes through starts the time anew; with nothing to write there is none. */
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    receive(&c, "{}");
    receive(&c, "{}");
    pass(&c, 15);
    expect_frame(&c, UPDATED);
    pass(&c, 5);
    session_alive(c.session);
    pass(&c, 10);
    expect_frame(&c, UPDATED);
    session_alive(c.session);
    pass(&c, 19);
    assert_false(c.killed);
    disconnect(&c);
}

static void revoked_while_connected(void **state)
{
    struct connection c, kept;
    struct tokens *tokens = NULL;
    struct studio_error error;
    char *line = tokens_line("ARO-001_kept", "device", TOKEN_DEVICE, NULL);

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    join_as(&kept, "ARO-001_kept", TOKEN_DEVICE);
    assert_int_equal(tokens_parse(line, strlen(line), "tokens", &tokens, &error), STUDIO_OK);
    free(line);
    admission_reload(net.env.admission, tokens);
    pass(&c, 1);
    session_tick(kept.session);
    expect_frame(&c, "close 1008 Credentials revoked");
    expect_frame(&kept, "");
    disconnect(&c);
    disconnect(&kept);
}

static void expired_while_connected(void **state)
{
    struct connection c;
    char *line = tokens_line("TMP*", "viewer", "TEMPORARY", "2024-01-01");

    (void)state;
    admission_reload(net.env.admission, net_tokens(line));
    free(line);
    join_as(&c, "TMP_wall", "TEMPORARY");
    fake_clock_advance(&net.f.clock, (12 * 3600 - 1) * 1000); /* the day's last second */
    session_alive(c.session);
    session_tick(c.session);
    expect_frame(&c, "");
    pass(&c, 1);
    expect_frame(&c, "close 1008 Credentials revoked");
    disconnect(&c);
}

/* --- not reading ----------------------------------------------------------------------------- */

static void sixty_four_messages_under_way_are_enough(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    for (int i = 0; i < 64; i++) {
        assert_false(c.paused);
        receive(&c, "{\"sdp\":\"up\"}");
    }
    assert_true(c.paused);
    pass(&c, 60); /* it is we who do not listen */
    assert_false(c.killed);
    assert_false(c.wanted);
    net_settle();
    assert_false(c.paused);
    for (int i = 0; i < 64; i++)
        expect_frame(&c, UPDATED);
    disconnect(&c);
}

static void a_client_that_does_not_read_is_not_read(void **state)
{
    struct connection c;
    int n = 0;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    while (!c.paused && n < 1000) {
        receive(&c, "{}");
        n++;
    }
    assert_int_equal(n, 128);
    while (c.paused && n > 0) {
        expect_frame(&c, UPDATED);
        n--;
    }
    assert_int_equal(n, 31); /* not at the first that goes */
    assert_int_equal(c.pauses, 2);
    disconnect(&c);
}

static void nobody_is_read_while_the_store_is_behind(void **state)
{
    enum { CLIENTS = 80 };
    struct connection c[CLIENTS];
    char id[32];
    int paused = 0;

    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(id, sizeof(id), "ARO-001_%d", i);
        join_as(&c[i], id, TOKEN_DEVICE);
    }
    for (int n = 0; n < 60; n++)
        for (int i = 0; i < CLIENTS; i++)
            if (!c[i].paused)
                receive(&c[i], "{\"sdp\":\"up\"}");
    assert_true(core_congested(net.f.core));
    for (int i = 0; i < CLIENTS; i++)
        paused += c[i].paused;
    assert_int_equal(paused, CLIENTS);
    disconnect(&c[0]); /* out of the list */
    net_settle();
    assert_null(net.env.paused);
    for (int i = 1; i < CLIENTS; i++) {
        while (c[i].wanted) /* the answers are to be read first */
            take_frame(&c[i]);
        assert_false(c[i].paused);
        disconnect(&c[i]);
    }
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
        TEST(a_slow_reader_is_told_what_it_lost),
        TEST(subscribed_by_address),
        TEST(a_device_subscribes_its_new_table_by_address),
        TEST(closing_waits_for_the_answers_owed),
        TEST(closing_while_joining_comes_to_its_end),
        TEST(a_closing_reader_gets_no_pushes_and_does_not_spin),
        TEST(a_connection_gone_with_messages_under_way),
        TEST(gone_in_the_middle_of_a_write),
        TEST(pinged_after_20_seconds_cut_after_10_more),
        TEST(cut_when_it_has_not_read_for_30_seconds),
        TEST(revoked_while_connected),
        TEST(expired_while_connected),
        TEST(sixty_four_messages_under_way_are_enough),
        TEST(a_client_that_does_not_read_is_not_read),
        TEST(nobody_is_read_while_the_store_is_behind),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
