/* test_client_servers.c - the library with several addresses finds the server that serves, and goes on there where it
 * was: against servers that do what each test says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/client_rig.h"
#include "studio/client.h"
#include "support/json.h"
#include "support/port.h"

#define STANDBY                                                                                    \
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"                  \
    "Connection: close\r\n\r\n"

/* Two servers, and a job for a client that knows both, in this order. */
struct two {
    struct wsfake *a, *b;
    char url[100];
    struct job job;
    struct seen seen;
};

static void two_init(struct two *two)
{
    memset(two, 0, sizeof *two);
    two->a = wsfake_create();
    two->b = wsfake_create();
    seen_init(&two->seen);
    snprintf(two->url, sizeof two->url, "ws://127.0.0.1:%u,ws://127.0.0.1:%u", wsfake_port(two->a),
             wsfake_port(two->b));
    two->job.options = (struct studio_client_options){.server_url = two->url,
                                                      .token = "MY_TOKEN",
                                                      .timeout_ms = WAIT_MS,
                                                      .on_push = on_push,
                                                      .on_state = on_state,
                                                      .ctx = &two->seen};
}

static void two_finish(struct two *two)
{
    wsfake_destroy(two->a);
    wsfake_destroy(two->b);
}

static void expect_server(struct studio_client *client, const struct wsfake *fake)
{
    char *url = test_printf("ws://127.0.0.1:%u/", wsfake_port(fake));
    char *server = studio_client_server(client);
    assert_string_equal(server, url);
    free(server);
    free(url);
}

static void leave(struct studio_client *client, struct wsfake_conn *conn)
{
    struct job closing = call(client, JOB_CLOSE, NULL);
    start(&closing);
    wsfake_expect_close(conn, 1000);
    finish(&closing, STUDIO_OK);
}

/* Whoever connected before this would be the next to be taken. */
static void expect_nobody(struct wsfake *fake)
{
    static const char request[] = "GET /nobody HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = port_connect(wsfake_port(fake));
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    struct wsfake_conn *conn = wsfake_asked(fake);
    assert_string_equal(wsfake_path(conn), "/nobody");
    wsfake_drop(conn);
    close(fd);
}

/* --- the connection ----------------------------------------------------------------------------- */

static void the_next_where_the_first_does_not_serve(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    start(&two.job);
    wsfake_answer(two.a, STANDBY);
    struct wsfake_conn *conn = let_in(two.b);
    finish(&two.job, STUDIO_OK);
    expect_server(two.job.client, two.b);
    leave(two.job.client, conn);
    wsfake_destroy(two.a); /* nothing listens there any more */
    two.a = NULL;
    start(&two.job);
    conn = let_in(two.b);
    finish(&two.job, STUDIO_OK);
    leave(two.job.client, conn);
    two_finish(&two);
}

static void each_of_none_is_told(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    start(&two.job);
    wsfake_answer(two.a, STANDBY);
    wsfake_close(wsfake_accept(two.b), 1013, "Try again later");
    finish(&two.job, STUDIO_ERR_NOT_CONNECTED);
    const char *text = two.job.error.text;
    char *first = test_printf("127.0.0.1:%u: it does not serve now (HTTP 503)", wsfake_port(two.a));
    char *second = test_printf("127.0.0.1:%u: ", wsfake_port(two.b));
    if (strstr(text, "none of 2 servers") == NULL || strstr(text, first) == NULL ||
        strstr(text, second) == NULL || strstr(text, "as many connections") == NULL)
        test_fail("%s", text);
    expect_nobody(two.a);
    expect_nobody(two.b);
    free(first);
    free(second);
    two_finish(&two);
}

/* One that takes the connection and says nothing has its time, and then the next is asked. */
static void the_next_where_the_first_is_silent(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    two.job.options.timeout_ms = 2000;
    start(&two.job);
    struct wsfake_conn *silent = wsfake_accept(two.a);
    struct wsfake_conn *conn = let_in(two.b);
    finish(&two.job, STUDIO_OK);
    wsfake_drop(silent);
    leave(two.job.client, conn);
    two_finish(&two);
}

static void a_refused_login_is_final(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    start(&two.job);
    struct wsfake_conn *conn = wsfake_accept(two.a);
    wsfake_send(conn, WELCOME);
    wsfake_expect(conn, AUTH);
    wsfake_close(conn, 1008, "Invalid credentials");
    finish(&two.job, STUDIO_ERR_AUTH_CREDENTIALS);
    char *says = test_printf("Invalid credentials (says 127.0.0.1:%u)", wsfake_port(two.a));
    assert_string_equal(two.job.error.text, says);
    free(says);
    start(&two.job); /* as a proxy says it */
    wsfake_answer(two.a, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    finish(&two.job, STUDIO_ERR_AUTH_CREDENTIALS);
    assert_non_null(strstr(two.job.error.text, "refuses the login"));
    expect_nobody(two.b);
    two_finish(&two);
}

/* Both ways of authenticating: one attempt that goes on by address is one attempt. */
static void by_address_at_the_next(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    start(&two.job);
    wsfake_close(wsfake_accept(two.a), 1008, "Missing authentication parameters");
    wsfake_answer(two.a, STANDBY);
    struct wsfake_conn *conn = wsfake_accept(two.b);
    assert_non_null(strstr(wsfake_path(conn), "/?id=ARO-001_dealerPC&token="));
    wsfake_send(conn, DOCUMENT);
    finish(&two.job, STUDIO_OK);
    leave(two.job.client, conn);
    two_finish(&two);
}

/* Sends the answer to a subscription, whose number is in the message. */
static void subscribed(struct wsfake_conn *conn)
{
    const char *asked = wsfake_receive(conn);
    assert_non_null(strstr(asked, "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-002\"]"));
    char *answer = test_printf("{\"status\":\"subscribed\",\"tables\":[\"ARO-002\"],"
                               "\"request_id\":%d}",
                               (int)json_number(asked, "request_id"));
    wsfake_send(conn, answer);
    free(answer);
}

static struct wsfake_conn *subscribe_at(struct two *two, struct wsfake *fake)
{
    start(&two->job);
    struct wsfake_conn *conn = let_in(fake);
    finish(&two->job, STUDIO_OK);
    struct job job = call(two->job.client, JOB_SUBSCRIBE, "ARO-002");
    start(&job);
    subscribed(conn);
    finish(&job, STUDIO_OK);
    return conn;
}

static void a_watcher_goes_on_at_the_next(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    struct wsfake_conn *conn = subscribe_at(&two, two.a);
    wsfake_close(conn, 1012, "Another agent serves now");
    conn = let_in(two.b);
    subscribed(conn);
    wsfake_send(conn, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"ARO-002\",\"UPTIME\":9}}");
    wait_push(&two.seen, "\"UPTIME\":9");
    expect_server(two.job.client, two.b);
    leave(two.job.client, conn);
    two_finish(&two);
}

/* The one that was left, the next, and after a pause around again: who serves is found in time. */
static void around_until_one_serves(void **state)
{
    struct two two;
    (void)state;
    two_init(&two);
    struct wsfake_conn *conn = subscribe_at(&two, two.a);
    wsfake_drop(conn);
    for (int round = 0; round < 2; round++) {
        wsfake_answer(two.b, STANDBY);
        wait_state(&two.seen, STUDIO_CLIENT_WAITING);
        struct job update = call(two.job.client, JOB_UPDATE, "up");
        start(&update);
        finish(&update, STUDIO_ERR_NOT_CONNECTED);
        if (round == 0)
            wsfake_answer(two.a, STANDBY);
    }
    conn = let_in(two.a);
    subscribed(conn);
    wait_state(&two.seen, STUDIO_CLIENT_READY);
    leave(two.job.client, conn);
    two_finish(&two);
}

static void bad_lists(void **state)
{
    static const char *const lists[] = {"ws://a,", "ws://a,ws://b?x", "ws://a, b",
                                        "ws://a,wss://b,http://c"};
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct studio_client_options options = {.server_url = lists[i], .token = "MY_TOKEN"};
        struct studio_client *client;
        struct studio_client_stream *stream;
        struct studio_error error;
        assert_int_equal(studio_client_connect(&options, &client, &error), STUDIO_ERR_USAGE);
        assert_non_null(strstr(error.text, "address "));
        const struct studio_client_stream_query query = {.tables = "*"};
        assert_int_equal(studio_client_stream_create(&options, &query, &stream, &error),
                         STUDIO_ERR_USAGE);
        assert_null(stream);
        const struct studio_client_history_query all = {.limit = 1};
        assert_int_equal(studio_client_history(&options, &all, NULL, NULL, &error),
                         STUDIO_ERR_USAGE);
    }
}

/* --- history and stream --------------------------------------------------------------------------- */

struct asking {
    pthread_t thread;
    struct studio_client_options options;
    bool stream;
    uint64_t newest, last; /* told, wanted */
    enum studio_err err;
    struct studio_error error;
};

/* Each exactly once, in order. */
static bool hear(void *ctx, const struct studio_client_event *event)
{
    struct asking *asking = ctx;
    assert_int_equal(json_number(event->json, "seq"), asking->newest + 1);
    asking->newest++;
    return asking->newest < asking->last;
}

static void *asking_main(void *arg)
{
    struct asking *asking = arg;
    struct studio_client_stream *stream;

    if (!asking->stream) {
        const struct studio_client_history_query query = {.table_id = "ARO-001"};
        asking->err = studio_client_history(&asking->options, &query, hear, asking, &asking->error);
        return NULL;
    }
    const struct studio_client_stream_query query = {.from_seq = 1, .on_event = hear};
    asking->err = studio_client_stream_create(&asking->options, &query, &stream, &asking->error);
    if (asking->err == STUDIO_OK)
        asking->err = studio_client_stream_run(stream, &asking->error);
    studio_client_stream_destroy(stream);
    return NULL;
}

static void ask(struct asking *asking, const struct two *two, bool stream, uint64_t last)
{
    *asking = (struct asking){.options = two->job.options, .stream = stream, .last = last};
    asking->options.on_state = NULL;
    asking->options.ctx = asking;
    if (pthread_create(&asking->thread, NULL, asking_main, asking) != 0)
        test_fail("no thread");
}

static void told(struct asking *asking, enum studio_err expected)
{
    pthread_join(asking->thread, NULL);
    if (asking->err != expected)
        test_fail("expected %s, got %s", studio_err_text(expected), asking->error.text);
}

/* The next connection asks for this path; the answer is `more headers`, then `body`. */
static void answer_page(struct wsfake *fake, const char *path, const char *headers,
                        const char *body)
{
    struct wsfake_conn *conn = wsfake_asked(fake);
    char *answer = test_printf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s"
                               "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                               headers, strlen(body), body);
    if (strstr(wsfake_path(conn), path) == NULL)
        test_fail("%s was asked for, not %s", wsfake_path(conn), path);
    wsfake_write(conn, answer);
    wsfake_drop(conn);
    free(answer);
}

#define NEXT(n) "Link: </api/v1/tables/ARO-001/history?from_rev=" n "&limit=1000>; rel=\"next\"\r\n"

static void a_history_goes_on_at_its_page(void **state)
{
    struct two two;
    struct asking asking;
    (void)state;
    two_init(&two);
    ask(&asking, &two, false, 4);
    answer_page(two.a, "/history?", NEXT("2"), "{\"events\":[{\"seq\":1}]}");
    /* It has gone, and the other one will serve in a moment. */
    wsfake_drop(wsfake_asked(two.a));
    wsfake_answer(two.b, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                         "Content-Length: 0\r\nConnection: close\r\n\r\n");
    wsfake_drop(wsfake_asked(two.a));
    answer_page(two.b, "from_rev=2", NEXT("3"), "{\"events\":[{\"seq\":2},{\"seq\":3}]}");
    /* From now on it is asked first. A page that is cut short is asked for as a whole. */
    struct wsfake_conn *conn = wsfake_asked(two.b);
    wsfake_write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"events\":[{\"seq\":4},");
    wsfake_drop(conn);
    answer_page(two.a, "from_rev=3", "", "{\"events\":[{\"seq\":4}]}");
    told(&asking, STUDIO_OK);
    assert_int_equal(asking.newest, 4);
    two_finish(&two);
}

static void a_history_that_none_has(void **state)
{
    struct two two;
    struct asking asking;
    (void)state;
    two_init(&two);
    ask(&asking, &two, false, 1);
    wsfake_drop(wsfake_asked(two.a));
    wsfake_drop(wsfake_asked(two.b));
    told(&asking, STUDIO_ERR_NOT_CONNECTED);
    assert_non_null(strstr(asking.error.text, "none of 2 servers"));
    ask(&asking, &two, false, 1); /* what it is refused by one it does not ask another for */
    wsfake_answer(two.a, "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n"
                         "Content-Length: 34\r\n\r\n{\"title\":\"Unknown table: ARO-001\"} ");
    told(&asking, STUDIO_ERR_UNKNOWN_TABLE);
    expect_nobody(two.b);
    two_finish(&two);
}

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

static void a_stream_goes_on_behind_its_event(void **state)
{
    struct two two;
    struct asking asking;
    (void)state;
    two_init(&two);
    ask(&asking, &two, true, 3);
    wsfake_answer(two.a, STANDBY);
    struct wsfake_conn *conn = wsfake_asked(two.b);
    assert_non_null(strstr(wsfake_path(conn), "/api/v1/stream?from_seq=1"));
    wsfake_write(conn, STREAM "id: e:1\nevent: change\ndata: {\"seq\":1}\n\n"
                              "id: e:2\nevent: change\ndata: {\"seq\":2}\n\n"
                              "id: e:3\nevent: change\ndata: {\"se");
    wsfake_drop(conn);
    conn = wsfake_asked(two.a);
    assert_non_null(strcasestr(wsfake_head(conn), "\r\nlast-event-id: e:2\r\n"));
    wsfake_write(conn, STREAM "id: e:3\nevent: change\ndata: {\"seq\":3}\n\n");
    told(&asking, STUDIO_OK);
    wsfake_drop(conn);
    assert_int_equal(asking.newest, 3);
    two_finish(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_where_the_first_does_not_serve),
        cmocka_unit_test(each_of_none_is_told),
        cmocka_unit_test(the_next_where_the_first_is_silent),
        cmocka_unit_test(a_refused_login_is_final),
        cmocka_unit_test(by_address_at_the_next),
        cmocka_unit_test(a_watcher_goes_on_at_the_next),
        cmocka_unit_test(around_until_one_serves),
        cmocka_unit_test(bad_lists),
        cmocka_unit_test(a_history_goes_on_at_its_page),
        cmocka_unit_test(a_history_that_none_has),
        cmocka_unit_test(a_stream_goes_on_behind_its_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
