#include <string.h>

#include "client/client_session.h"
#include "support/cmocka_all.h"

#define WELCOME  "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}"
#define DOCUMENT "{\"TABLE_ID\":\"A-1\",\"UPTIME\":0}"
#define UPDATED  "{\"status\":\"updated\",\"table_id\":\"A-1\"}"
#define PUSH     "{\"event\":\"status\",\"data\":" DOCUMENT "}"

static enum session_action hear(struct session *session, const char *text)
{
    struct reply reply;
    assert_int_equal(reply_parse(text, strlen(text), &reply), STUDIO_OK);
    enum session_action action = session_message(session, &reply);
    reply_finish(&reply);
    return action;
}

static void expect_by_address(struct session *session, bool expected)
{
    assert_int_equal(session_opening(session), expected);
    session_opened(session);
}

static void make_ready(struct session *session)
{
    session_init(session);
    expect_by_address(session, false);
    assert_int_equal(hear(session, WELCOME), SESSION_SEND_AUTH);
    assert_int_equal(hear(session, DOCUMENT), SESSION_ENTER);
}

static void by_message(void **state)
{
    struct session s;
    (void)state;
    session_init(&s);
    expect_by_address(&s, false);
    assert_int_equal(s.state, SESSION_GREETING);
    assert_false(session_may_send(&s));
    assert_int_equal(hear(&s, "{}"), SESSION_IGNORE);
    assert_int_equal(hear(&s, UPDATED), SESSION_IGNORE);
    assert_int_equal(hear(&s, WELCOME), SESSION_SEND_AUTH);
    assert_int_equal(s.state, SESSION_PROVING);
    assert_int_equal(hear(&s, WELCOME), SESSION_IGNORE);
    assert_int_equal(hear(&s, DOCUMENT), SESSION_ENTER);
    assert_int_equal(s.state, SESSION_READY);
    assert_true(session_may_send(&s));
    assert_int_equal(hear(&s, WELCOME), SESSION_IGNORE);
}

/* A server that answers every object with `updated`, the credentials too. */
static void by_a_server_that_knows_no_envelopes(void **state)
{
    struct session s;
    (void)state;
    session_init(&s);
    expect_by_address(&s, false);
    assert_int_equal(hear(&s, WELCOME), SESSION_SEND_AUTH);
    assert_int_equal(hear(&s, UPDATED), SESSION_ENTER);
    assert_true(session_may_send(&s));
    assert_int_equal(hear(&s, DOCUMENT), SESSION_PUSH);
}

static void by_address_when_asked_for(void **state)
{
    struct session s;
    struct studio_error error;
    (void)state;
    session_init(&s);
    expect_by_address(&s, false);
    assert_int_equal(session_closed(&s, 1008, "Missing authentication parameters", &error),
                     SESSION_NEXT_NOW);
    expect_by_address(&s, true);
    assert_int_equal(hear(&s, DOCUMENT), SESSION_ENTER);
    /* It stays so after a loss, and a server that asks by message then gets its message. */
    assert_int_equal(session_closed(&s, 1001, "Server shutting down", &error), SESSION_NEXT_LATER);
    expect_by_address(&s, true);
    assert_int_equal(hear(&s, WELCOME), SESSION_SEND_AUTH);
    /* The same words to credentials that were in the address are final. */
    assert_int_equal(session_closed(&s, 1008, "Missing authentication parameters", &error),
                     SESSION_NEXT_NEVER);
    assert_int_equal(error.code, STUDIO_ERR_AUTH_MISSING);
}

static void ends(void **state)
{
    static const struct {
        unsigned code;
        const char *reason;
        enum session_next next;
    } rows[] = {
        {1008, "Invalid credentials", SESSION_NEXT_NEVER},
        {1008, "Invalid table id", SESSION_NEXT_NEVER},
        {1008, "Credentials revoked", SESSION_NEXT_NEVER},
        {1008, "Missing authentication parameters", SESSION_NEXT_NEVER}, /* it was ready */
        {1013, "Try again later", SESSION_NEXT_LATER},
        {1009, "Message too large", SESSION_NEXT_LATER},
        {1001, "", SESSION_NEXT_LATER},
        {0, "lost", SESSION_NEXT_LATER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct session s;
        struct studio_error error;
        make_ready(&s);
        session_sent(&s, OUTGOING_PLAIN, 0);
        assert_int_equal(session_closed(&s, rows[i].code, rows[i].reason, &error), rows[i].next);
        assert_int_equal(s.state, SESSION_DOWN);
        assert_int_equal(s.count, 0);
        assert_false(session_may_send(&s));
    }
}

static void refused_by_a_message(void **state)
{
    struct session s;
    (void)state;
    session_init(&s);
    expect_by_address(&s, false);
    assert_int_equal(hear(&s, WELCOME), SESSION_SEND_AUTH);
    assert_int_equal(hear(&s, "{\"error\":\"Invalid credentials\"}"), SESSION_REFUSE);
}

static void answers_in_order(void **state)
{
    struct session s;
    (void)state;
    make_ready(&s);
    assert_int_equal(hear(&s, UPDATED), SESSION_IGNORE); /* nobody asked */
    session_sent(&s, OUTGOING_PLAIN, 0);
    session_sent(&s, OUTGOING_GET, 5);
    session_sent(&s, OUTGOING_PLAIN, 0);
    assert_int_equal(hear(&s, UPDATED), SESSION_ANSWER);
    assert_int_equal(hear(&s, "{\"event\":\"status\",\"data\":" DOCUMENT ",\"request_id\":5}"),
                     SESSION_ANSWER);
    assert_int_equal(hear(&s, "{\"error\":\"Not permitted\"}"), SESSION_ANSWER);
    assert_int_equal(s.count, 0);
    assert_int_equal(hear(&s, PUSH), SESSION_PUSH);
    assert_int_equal(hear(&s, "{\"event\":\"exception\"}"), SESSION_PUSH);
    assert_int_equal(hear(&s, "{\"event\":\"lagged\"}"), SESSION_PUSH);
    assert_int_equal(hear(&s, "{\"event\":\"removed\",\"table_id\":\"A\"}"), SESSION_PUSH);
}

/* A server that echoes request_id: a status without one is a push, also while a get waits. */
static void pushes_between_on_a_server_that_echoes(void **state)
{
    struct session s;
    (void)state;
    make_ready(&s);
    session_sent(&s, OUTGOING_SUBSCRIBE, 1);
    session_sent(&s, OUTGOING_GET, 2);
    assert_int_equal(hear(&s, "{\"status\":\"subscribed\",\"tables\":[\"*\"],\"request_id\":1}"),
                     SESSION_ANSWER);
    assert_int_equal(hear(&s, PUSH), SESSION_PUSH);
    assert_int_equal(hear(&s, PUSH), SESSION_PUSH);
    assert_int_equal(hear(&s, "{\"event\":\"status\",\"data\":" DOCUMENT ",\"request_id\":2}"),
                     SESSION_ANSWER);
}

/* One that does not: the first status after the subscription's answer answers the get. */
static void an_old_server_without_request_id(void **state)
{
    struct session s;
    (void)state;
    make_ready(&s);
    session_sent(&s, OUTGOING_GET, 1);
    assert_int_equal(hear(&s, PUSH), SESSION_ANSWER);
    session_sent(&s, OUTGOING_GET, 2);
    assert_int_equal(hear(&s, DOCUMENT), SESSION_ANSWER); /* a bare document will do */
    session_sent(&s, OUTGOING_SUBSCRIBE, 3);
    session_sent(&s, OUTGOING_GET, 4);
    assert_int_equal(hear(&s, "{\"status\":\"subscribed\",\"tables\":[\"*\"]}"), SESSION_ANSWER);
    assert_int_equal(hear(&s, PUSH), SESSION_ANSWER);
    assert_int_equal(hear(&s, PUSH), SESSION_PUSH);
}

static void another_number_breaks_it_off(void **state)
{
    struct session s;
    (void)state;
    make_ready(&s);
    session_sent(&s, OUTGOING_GET, 5);
    assert_int_equal(hear(&s, "{\"event\":\"status\",\"data\":" DOCUMENT ",\"request_id\":6}"),
                     SESSION_BREAK);
    assert_int_equal(hear(&s, "{\"error\":\"x\",\"request_id\":\"5\"}"), SESSION_BREAK);
    assert_int_equal(hear(&s, "{\"error\":\"x\",\"request_id\":5}"), SESSION_ANSWER);
    /* A caller's own request_id is the caller's business. */
    session_sent(&s, OUTGOING_PLAIN, 0);
    assert_int_equal(hear(&s, "{\"status\":\"updated\",\"request_id\":\"mine\"}"), SESSION_ANSWER);
}

static void at_most_64_unanswered(void **state)
{
    struct session s;
    (void)state;
    make_ready(&s);
    for (int round = 0; round < 3; round++) { /* the ring goes round */
        for (int i = 0; i < SESSION_CALLS_MAX; i++) {
            assert_true(session_may_send(&s));
            session_sent(&s, OUTGOING_PLAIN, 0);
        }
        assert_false(session_may_send(&s));
        assert_int_equal(hear(&s, UPDATED), SESSION_ANSWER);
        assert_true(session_may_send(&s));
        for (int i = 1; i < SESSION_CALLS_MAX; i++)
            assert_int_equal(hear(&s, UPDATED), SESSION_ANSWER);
        session_sent(&s, OUTGOING_PLAIN, 0);
        assert_int_equal(hear(&s, UPDATED), SESSION_ANSWER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_message),
        cmocka_unit_test(by_a_server_that_knows_no_envelopes),
        cmocka_unit_test(by_address_when_asked_for),
        cmocka_unit_test(ends),
        cmocka_unit_test(refused_by_a_message),
        cmocka_unit_test(answers_in_order),
        cmocka_unit_test(pushes_between_on_a_server_that_echoes),
        cmocka_unit_test(an_old_server_without_request_id),
        cmocka_unit_test(another_number_breaks_it_off),
        cmocka_unit_test(at_most_64_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
