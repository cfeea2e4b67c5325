#include "net/session.h"

#include "session_fixture.h"

/* The state machine of one connection, its end: closing, deadlines, peers that do not read. */

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

static void expect_ended(enum figure_closed why, uint64_t count)
{
    assert_int_equal(figure_get(&net.f.figures.closed[why]), count);
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
    assert_int_equal(FIGURE_SUM(net.f.figures.connections), 0);
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
    expect_ended(CLOSED_MESSAGE, 2);
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
    expect_ended(CLOSED_SHUTDOWN, 1);
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
    assert_int_equal(tables_count(net.f.core->tables), 2);
    assert_int_equal(net.env.count, 0);
    expect_ended(CLOSED_CLIENT, 3);
    assert_int_equal(FIGURE_SUM(net.f.figures.closed), 3);
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
    disconnect(&c);
    expect_ended(CLOSED_SILENT, 1);
    expect_ended(CLOSED_SLOW, 0);
}

static void frames_the_library_keeps_to_itself_count(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    c.quiet_known = true;
    c.quiet_ms = 1000; /* pings of its own, say */
    pass(&c, 30);
    expect_frame(&c, "");
    c.quiet_ms = 60000;
    pass(&c, 12);
    expect_frame(&c, "ping");
    c.quiet_ms = 0; /* an empty pong */
    pass(&c, 10);
    assert_false(c.killed);
    c.quiet_ms = 60000;
    pass(&c, 31);
    assert_true(c.killed);
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
    disconnect(&c);
    expect_ended(CLOSED_SLOW, 1);
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

/* However many signs of life its pieces are. */
static void a_message_that_drips_has_a_deadline(void **state)
{
    struct connection c;

    (void)state;
    join_as(&c, "ARO-001_pc", TOKEN_DEVICE);
    for (int i = 0; i < 3; i++) { /* of one after the other each has its time */
        session_receive(c.session, "{\"sdp\":", 7, false);
        pass(&c, 29);
        session_receive(c.session, "\"up\"}", 5, true);
        net_settle();
        expect_frame(&c, UPDATED);
    }
    for (int i = 0; i < 30; i++) {
        assert_false(c.killed);
        session_receive(c.session, " ", 1, false);
        pass(&c, 1);
    }
    assert_true(c.killed);
    disconnect(&c);
    expect_ended(CLOSED_SLOW, 1);
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
    tokens_destroy(admission_reload(net.env.admission, tokens));
    pass(&c, 1);
    session_tick(kept.session);
    expect_frame(&c, "close 1008 Credentials revoked");
    expect_frame(&kept, "");
    disconnect(&c);
    disconnect(&kept);
    expect_ended(CLOSED_REVOKED, 1);
    expect_ended(CLOSED_CLIENT, 1);
}

static void expired_while_connected(void **state)
{
    struct connection c;
    char *line = tokens_line("TMP*", "viewer", "TEMPORARY", "2024-01-01");

    (void)state;
    tokens_destroy(admission_reload(net.env.admission, fixture_tokens(line)));
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

/* A token that is good for ever does not outlast it. */
static void a_certificate_that_has_ended(void **state)
{
    const struct holder holder = {.id = "ARO-001_a", .ends_s = FAKE_WALL_MS / 1000 + 12 * 3600 + 1};
    struct connection c;

    (void)state;
    connect_to(&c, &(struct session_address){
                       .peer = "::1", .in = {.token = TOKEN_DEVICE}, .holder = &holder});
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\"");
    fake_clock_advance(&net.f.clock, INT64_C(12) * 3600 * 1000); /* another day, not its end yet */
    session_alive(c.session);
    pass(&c, 1); /* its end; it is looked at when a day or the tokens are new */
    expect_frame(&c, "close 1008 Credentials revoked");
    disconnect(&c);
}

/* The handshake was in time, what came over it later is not. */
static void a_certificate_that_ended_before_the_login(void **state)
{
    const struct holder holder = {.id = "ARO-001_a", .ends_s = FAKE_WALL_MS / 1000 + 60};
    const struct session_address address = {
        .peer = "::1", .in = {.token = TOKEN_DEVICE}, .holder = &holder};
    struct connection c;

    (void)state;
    fake_clock_advance(&net.f.clock, 59 * 1000);
    connect_to(&c, &address);
    net_settle();
    expect_frame_prefix(&c, "{\"TABLE_ID\":\"ARO-001\"");
    disconnect(&c);
    fake_clock_advance(&net.f.clock, 1000);
    connect_to(&c, &address);
    expect_frame(&c, "close 1008 Invalid credentials");
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
        TEST(closing_waits_for_the_answers_owed),
        TEST(closing_while_joining_comes_to_its_end),
        TEST(a_closing_reader_gets_no_pushes_and_does_not_spin),
        TEST(a_connection_gone_with_messages_under_way),
        TEST(gone_in_the_middle_of_a_write),
        TEST(pinged_after_20_seconds_cut_after_10_more),
        TEST(frames_the_library_keeps_to_itself_count),
        TEST(cut_when_it_has_not_read_for_30_seconds),
        TEST(a_message_that_drips_has_a_deadline),
        TEST(revoked_while_connected),
        TEST(expired_while_connected),
        TEST(a_certificate_that_has_ended),
        TEST(a_certificate_that_ended_before_the_login),
        TEST(sixty_four_messages_under_way_are_enough),
        TEST(a_client_that_does_not_read_is_not_read),
        TEST(nobody_is_read_while_the_store_is_behind),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
