/* test_client_library.c - the client library against a server that does what each test says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/client_rig.h"
#include "studio/client.h"
#include "studio/status.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/wsfake.h"

static void answers(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    (void)state;
    connecting(&job, fake);
    struct studio_client *client = connected(fake, &job, &conn);
    struct job update = call(client, JOB_UPDATE, "up");
    start(&update);
    wsfake_expect(conn, "{\"sdp\":\"up\"}");
    wsfake_send_frame(conn, 2, true, "\x01\x02", 2); /* binary is nothing to it */
    wsfake_send(conn, "not even JSON");
    wsfake_send(conn, UPDATED);
    finish(&update, STUDIO_OK);

    update = call(client, JOB_UPDATE, "down");
    start(&update);
    wsfake_expect(conn, "{\"sdp\":\"down\"}");
    wsfake_send(conn, "{\"error\":\"Rate limit exceeded\"}");
    finish(&update, STUDIO_ERR_RATE_LIMIT);
    assert_string_equal(update.error.text, "Rate limit exceeded");

    update = call(client, JOB_UPDATE, "sideways"); /* never sent: the next message is the get */
    start(&update);
    finish(&update, STUDIO_ERR_USAGE);

    struct job get = call(client, JOB_GET, NULL);
    start(&get);
    assert_non_null(strstr(wsfake_receive(conn), "{\"event\":\"get\",\"request_id\":"));
    wsfake_send(conn, "{\"event\":\"status\",\"data\":" DOCUMENT "}");
    finish(&get, STUDIO_OK);
    assert_string_equal(get.answer, DOCUMENT);
    free(get.answer);

    struct job raw = call(client, JOB_RAW, "{\"a\" : [1, 2]}");
    start(&raw);
    wsfake_expect(conn, "{\"a\" : [1, 2]}");
    wsfake_send(conn, UPDATED);
    finish(&raw, STUDIO_OK);
    assert_string_equal(raw.answer, UPDATED);
    free(raw.answer);
    raw = call(client, JOB_RAW, "[]");
    start(&raw);
    finish(&raw, STUDIO_ERR_USAGE);
    end(client, conn, fake);
}

static void too_large_is_not_sent(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    char *text = test_alloc(STUDIO_MESSAGE_MAX + 10);
    (void)state;
    connecting(&job, fake);
    struct studio_client *client = connected(fake, &job, &conn);
    memset(text, 'x', STUDIO_MESSAGE_MAX + 1);
    memcpy(text, "{\"a\":\"", 6);
    strcpy(text + STUDIO_MESSAGE_MAX - 1, "\"}");
    struct job raw = call(client, JOB_RAW, text);
    start(&raw);
    finish(&raw, STUDIO_ERR_TOO_LARGE);
    strcpy(text + STUDIO_MESSAGE_MAX - 2, "\"}"); /* one byte less just fits */
    raw = call(client, JOB_RAW, text);
    start(&raw);
    wsfake_expect(conn, text);
    wsfake_send(conn, UPDATED);
    finish(&raw, STUDIO_OK);
    free(raw.answer);
    free(text);
    end(client, conn, fake);
}

static void an_answer_that_never_comes(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    struct seen seen;
    (void)state;
    seen_init(&seen);
    connecting(&job, fake);
    job.options.timeout_ms = 2000;
    job.options.on_state = on_state;
    job.options.ctx = &seen;
    struct studio_client *client = connected(fake, &job, &conn);
    struct job update = call(client, JOB_UPDATE, "up");
    start(&update);
    wsfake_expect(conn, "{\"sdp\":\"up\"}");
    finish(&update, STUDIO_ERR_TIMEOUT);
    wsfake_expect_close(conn, 1000);
    conn = let_in(fake); /* it starts anew, so that a late answer cannot be mistaken */
    wait_state(&seen, STUDIO_CLIENT_READY);
    update = call(client, JOB_UPDATE, "down");
    start(&update);
    wsfake_expect(conn, "{\"sdp\":\"down\"}");
    wsfake_send(conn, UPDATED);
    finish(&update, STUDIO_OK);
    end(client, conn, fake);
}

static void subscriptions_are_renewed(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    struct seen seen;
    const char *got;
    (void)state;
    seen_init(&seen);
    connecting(&job, fake);
    job.options.on_push = on_push;
    job.options.on_state = on_state;
    job.options.ctx = &seen;
    struct studio_client *client = connected(fake, &job, &conn);
    struct job subscribe = call(client, JOB_SUBSCRIBE, "ARO-007");
    start(&subscribe);
    got = wsfake_receive(conn);
    assert_non_null(strstr(got, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-007\"]}"));
    wsfake_send(conn, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\",\"ARO-007\"]}");
    finish(&subscribe, STUDIO_OK);
    wsfake_send(conn, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"first\",\"UPTIME\":1}}");
    wait_push(&seen, "0 {\"TABLE_ID\":\"first\",\"UPTIME\":1}\n");

    /* A call that waits while the connection is lost is told so. */
    struct job update = call(client, JOB_UPDATE, "up");
    start(&update);
    wsfake_expect(conn, "{\"sdp\":\"up\"}");
    wsfake_close(conn, 1001, "Server shutting down");
    finish(&update, STUDIO_ERR_NOT_CONNECTED);
    assert_non_null(strstr(update.error.text, "not known"));

    conn = let_in(fake);
    got = wsfake_receive(conn);
    assert_non_null(strstr(got, "\"tables\":[\"ARO-001\",\"ARO-007\"]"));
    wsfake_send(conn, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\",\"ARO-007\"]}");
    wsfake_send(conn, "{\"event\":\"exception\",\"table_id\":\"second\"}");
    wsfake_send(conn, "{\"event\":\"lagged\",\"data\":{\"missed\":3}}");
    wait_push(&seen, "1 {\"event\":\"exception\",\"table_id\":\"second\"}\n");
    wait_push(&seen, "2 {\"event\":\"lagged\",\"data\":{\"missed\":3}}\n");
    end(client, conn, fake);
}

/* A push of `len` bytes, in fragments of `piece`. */
static void send_pieces(struct wsfake_conn *conn, size_t len, size_t piece)
{
    static const char head[] = "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"big\",\"UPTIME\":1,"
                               "\"x\":\"";
    char *text = test_alloc(len + 1);

    memset(text, 'x', len);
    memcpy(text, head, strlen(head));
    memcpy(text + len - 3, "\"}}", 3);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        wsfake_send_frame(conn, at == 0 ? 1 : 0, at + n == len, text + at, n);
        if (at == 0)
            wsfake_send_frame(conn, 9, true, "ping", 4);
    }
    free(text);
}

static void long_messages(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    struct seen seen;
    (void)state;
    seen_init(&seen);
    connecting(&job, fake);
    job.options.on_push = on_push;
    job.options.on_state = on_state;
    job.options.ctx = &seen;
    struct studio_client *client = connected(fake, &job, &conn);
    send_pieces(conn, 40000, 777);
    wait_push(&seen, "big");
    assert_true(seen.longest > 39900);
    send_pieces(conn, 131072, 65000);
    wsfake_send(conn, "{\"event\":\"lagged\",\"data\":{\"missed\":1}}");
    wait_push(&seen, "missed");
    assert_true(seen.longest > 131000);
    /* One byte over its bound, and it starts anew. That byte comes alone: all before it is read. */
    send_pieces(conn, 131073, 131072);
    wait_state(&seen, STUDIO_CLIENT_WAITING);
    wsfake_expect_close(conn, 1009);
    conn = let_in(fake);
    wait_state(&seen, STUDIO_CLIENT_READY);
    end(client, conn, fake);
}

/* Many callers: each gets its own answer, and no more than 64 wait on the wire. */
static void many_callers(void **state)
{
    enum { CALLERS = 80 };
    static struct job jobs[CALLERS];
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    char answer[100];
    (void)state;
    connecting(&job, fake);
    struct studio_client *client = connected(fake, &job, &conn);
    for (size_t i = 0; i < CALLERS; i++) {
        char *text = test_printf("{\"event\":\"x\",\"n\":%zu}", i);
        jobs[i] = call(client, JOB_RAW, text);
        start(&jobs[i]);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        unsigned n;
        if (sscanf(wsfake_receive(conn), "{\"event\":\"x\",\"n\":%u}", &n) != 1)
            test_fail("an unexpected message");
        snprintf(answer, sizeof(answer), "{\"status\":\"updated\",\"n\":%u}", n);
        wsfake_send(conn, answer);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        finish(&jobs[i], STUDIO_OK);
        snprintf(answer, sizeof(answer), "{\"status\":\"updated\",\"n\":%zu}", i);
        assert_string_equal(jobs[i].answer, answer);
        free(jobs[i].answer);
        free((char *)(uintptr_t)jobs[i].text);
    }
    end(client, conn, fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(too_large_is_not_sent),
        cmocka_unit_test(an_answer_that_never_comes),
        cmocka_unit_test(subscriptions_are_renewed),
        cmocka_unit_test(long_messages),
        cmocka_unit_test(many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
