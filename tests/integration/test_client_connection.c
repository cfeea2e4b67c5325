/* test_client_connection.c - how the client library connects, is refused and gives up. */
#include <stdio.h>
#include <string.h>

#include "integration/client_rig.h"
#include "studio/client.h"
#include "support/cmocka_all.h"
#include "support/wsfake.h"

static void by_message(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    (void)state;
    connecting(&job, fake);
    struct studio_client *client = connected(fake, &job, &conn);
    assert_int_equal(studio_client_get_state(client), STUDIO_CLIENT_READY);
    end(client, conn, fake);
}

static void by_address(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct job job;
    char host[64];
    (void)state;
    connecting(&job, fake);
    job.options.table_id = "ARO-002";
    job.options.device_name = "dealer PC+\xc3\xa4";
    start(&job);
    struct wsfake_conn *conn = wsfake_accept(fake);
    assert_string_equal(wsfake_path(conn), "/");
    snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\r\n", wsfake_port(fake));
    assert_non_null(strcasestr(wsfake_head(conn), host));
    wsfake_close(conn, 1008, "Missing authentication parameters");
    conn = wsfake_accept(fake);
    assert_string_equal(wsfake_path(conn), "/?id=ARO-002_dealer%20PC%2B%C3%A4&token=MY_TOKEN");
    wsfake_send(conn, "{\"TABLE_ID\":\"ARO-002\",\"UPTIME\":4}");
    finish(&job, STUDIO_OK);
    end(job.client, conn, fake);
}

static void refused(void **state)
{
    static const struct {
        int code;
        const char *reason;
        enum studio_err err;
        const char *words;
    } rows[] = {
        {1008, "Invalid credentials", STUDIO_ERR_AUTH_CREDENTIALS, "Invalid credentials"},
        {1008, "Invalid table id", STUDIO_ERR_AUTH_TABLE, "Invalid table id"},
        {1013, "Try again later", STUDIO_ERR_LIMIT, "as many connections"},
        {1001, "Server shutting down", STUDIO_ERR_NOT_CONNECTED, "(1001 Server shutting down)"},
        {1012, "Service restart", STUDIO_ERR_NOT_CONNECTED, "(1012 Service restart)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsfake *fake = wsfake_create();
        struct job job;
        connecting(&job, fake);
        start(&job);
        struct wsfake_conn *conn = wsfake_accept(fake);
        wsfake_send(conn, WELCOME);
        wsfake_expect(conn, AUTH);
        wsfake_close(conn, rows[i].code, rows[i].reason);
        finish(&job, rows[i].err);
        assert_non_null(strstr(job.error.text, rows[i].words));
        assert_null(job.client);
        wsfake_destroy(fake);
    }
}

static void missing_both_ways(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct job job;
    (void)state;
    connecting(&job, fake);
    start(&job);
    wsfake_close(wsfake_accept(fake), 1008, "Missing authentication parameters");
    wsfake_close(wsfake_accept(fake), 1008, "Missing authentication parameters");
    finish(&job, STUDIO_ERR_AUTH_MISSING);
    wsfake_destroy(fake);
}

static void no_server(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct job job;
    (void)state;
    connecting(&job, fake);
    start(&job);
    wsfake_answer(fake, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    finish(&job, STUDIO_ERR_NOT_CONNECTED);
    wsfake_destroy(fake); /* now nothing listens there */
    start(&job);
    finish(&job, STUDIO_ERR_NOT_CONNECTED);
    assert_non_null(strstr(job.error.text, job.url));
}

static void a_silent_server(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct job job;
    (void)state;
    connecting(&job, fake);
    job.options.timeout_ms = 50;
    start(&job);
    struct wsfake_conn *conn = wsfake_accept(fake);
    finish(&job, STUDIO_ERR_TIMEOUT);
    wsfake_drop(conn);
    wsfake_destroy(fake);
}

static void usage_mistakes(void **state)
{
    static const struct studio_client_options rows[] = {
        {.token = NULL},
        {.token = "abc"},
        {.token = "with blank"},
        {.token = "MY_TOKEN", .table_id = "no table"},
        {.token = "MY_TOKEN", .table_id = ""},
        {.token = "MY_TOKEN", .device_name = "a\nb"},
        {.token = "MY_TOKEN", .server_url = "localhost"},
        {.token = "MY_TOKEN", .server_url = "wss://localhost", .ca_file = "/nonexistent"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct studio_client *client;
        struct studio_error error;
        assert_int_equal(studio_client_connect(&rows[i], &client, &error), STUDIO_ERR_USAGE);
        assert_null(client);
        assert_true(strlen(error.text) > 10);
    }
    studio_client_close(NULL);
}

static void revoked_is_final(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    struct seen seen;
    (void)state;
    seen_init(&seen);
    connecting(&job, fake);
    job.options.on_state = on_state;
    job.options.ctx = &seen;
    struct studio_client *client = connected(fake, &job, &conn);
    wsfake_close(conn, 1008, "Credentials revoked");
    wait_state(&seen, STUDIO_CLIENT_CLOSED);
    struct job update = call(client, JOB_UPDATE, "up");
    start(&update);
    finish(&update, STUDIO_ERR_AUTH_REVOKED);
    studio_client_close(client);
    wsfake_destroy(fake);
}

static void no_reconnect(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct wsfake_conn *conn;
    struct job job;
    struct seen seen;
    (void)state;
    seen_init(&seen);
    connecting(&job, fake);
    job.options.no_reconnect = true;
    job.options.on_state = on_state;
    job.options.ctx = &seen;
    struct studio_client *client = connected(fake, &job, &conn);
    wsfake_drop(conn);
    wait_state(&seen, STUDIO_CLIENT_CLOSED);
    struct job update = call(client, JOB_UPDATE, "up");
    start(&update);
    finish(&update, STUDIO_ERR_NOT_CONNECTED);
    studio_client_close(client);
    wsfake_destroy(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_message),     cmocka_unit_test(by_address),
        cmocka_unit_test(refused),        cmocka_unit_test(missing_both_ways),
        cmocka_unit_test(no_server),      cmocka_unit_test(a_silent_server),
        cmocka_unit_test(usage_mistakes), cmocka_unit_test(revoked_is_final),
        cmocka_unit_test(no_reconnect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
