/* test_client_library.c - the client library against a server that does what each test says. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "studio/client.h"
#include "studio/status.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/wsfake.h"

#define WELCOME  "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}"
#define DOCUMENT "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,\"SDP\":\"standby\"}"
#define UPDATED  "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define AUTH     "{\"id\":\"ARO-001_dealerPC\",\"token\":\"MY_TOKEN\"}"

/* The library blocks, and so does the server: its calls are made on a thread of their own. */
enum job_kind { JOB_CONNECT, JOB_UPDATE, JOB_GET, JOB_SUBSCRIBE, JOB_RAW, JOB_CLOSE };
struct job {
    pthread_t thread;
    enum job_kind kind;
    struct studio_client_options options;
    char url[64];
    struct studio_client *client;
    const char *text; /* SDP's value, or a table, or a message */
    enum studio_err err;
    struct studio_error error;
    char *answer;
};

static void *job_main(void *arg)
{
    struct job *job = arg;

    switch (job->kind) {
    case JOB_CONNECT:
        job->err = studio_client_connect(&job->options, &job->client, &job->error);
        break;
    case JOB_UPDATE:
        job->err = studio_client_service_status(job->client, "sdp", job->text, &job->error);
        break;
    case JOB_GET:
        job->err = studio_client_get(job->client, NULL, &job->answer, &job->error);
        break;
    case JOB_SUBSCRIBE:
        job->err = studio_client_subscribe(job->client, &job->text, 1, &job->error);
        break;
    case JOB_RAW:
        job->err = studio_client_send_json(job->client, job->text, &job->answer, &job->error);
        break;
    case JOB_CLOSE:
        studio_client_close(job->client);
        break;
    }
    return NULL;
}

static void start(struct job *job)
{
    if (pthread_create(&job->thread, NULL, job_main, job) != 0)
        test_fail("no thread");
}

static void finish(struct job *job, enum studio_err expected)
{
    pthread_join(job->thread, NULL);
    if (job->err != expected)
        test_fail("expected %s, got %s (%s)", studio_err_text(expected), studio_err_text(job->err),
                  job->error.text);
}

static struct job call(struct studio_client *client, enum job_kind kind, const char *text)
{
    return (struct job){.kind = kind, .client = client, .text = text};
}

static void connecting(struct job *job, const struct wsfake *fake)
{
    memset(job, 0, sizeof(*job));
    snprintf(job->url, sizeof(job->url), "ws://127.0.0.1:%u", wsfake_port(fake));
    job->options.server_url = job->url;
    job->options.token = "MY_TOKEN";
    job->options.timeout_ms = WAIT_MS;
}

/* Lets a client in by message. */
static struct wsfake_conn *let_in(struct wsfake *fake)
{
    struct wsfake_conn *conn = wsfake_accept(fake);

    assert_string_equal(wsfake_path(conn), "/");
    wsfake_send(conn, WELCOME);
    wsfake_expect(conn, AUTH);
    wsfake_send(conn, DOCUMENT);
    return conn;
}

static struct studio_client *connected(struct wsfake *fake, struct job *job,
                                       struct wsfake_conn **conn)
{
    start(job);
    *conn = let_in(fake);
    finish(job, STUDIO_OK);
    return job->client;
}

static void end(struct studio_client *client, struct wsfake_conn *conn, struct wsfake *fake)
{
    struct job closing = call(client, JOB_CLOSE, NULL);

    start(&closing);
    wsfake_expect_close(conn, 1000);
    finish(&closing, STUDIO_OK);
    wsfake_destroy(fake);
}

/* What the callbacks saw. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char pushes[4096];
    size_t longest;
    enum studio_client_state state;
};

static void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    pthread_mutex_init(&seen->lock, NULL);
    deadline_cond_init(&seen->changed);
}

static void on_push(void *ctx, enum studio_client_push kind, const char *json, size_t len)
{
    struct seen *seen = ctx;
    char line[200];

    snprintf(line, sizeof(line), "%d %.100s\n", (int)kind, json);
    pthread_mutex_lock(&seen->lock);
    if (strlen(seen->pushes) + strlen(line) < sizeof(seen->pushes))
        strcat(seen->pushes, line);
    if (len > seen->longest)
        seen->longest = len;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_state(void *ctx, enum studio_client_state state, const char *why)
{
    struct seen *seen = ctx;

    (void)why;
    pthread_mutex_lock(&seen->lock);
    seen->state = state;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void wait_push(struct seen *seen, const char *needle)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&seen->lock);
    while (strstr(seen->pushes, needle) == NULL)
        if (!deadline_cond_wait(&seen->changed, &seen->lock, deadline))
            test_fail("no push with %s in: %s", needle, seen->pushes);
    pthread_mutex_unlock(&seen->lock);
}

static void wait_state(struct seen *seen, enum studio_client_state state)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&seen->lock);
    while (seen->state != state)
        if (!deadline_cond_wait(&seen->changed, &seen->lock, deadline))
            test_fail("the state never became %d", (int)state);
    pthread_mutex_unlock(&seen->lock);
}

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
    } rows[] = {
        {1008, "Invalid credentials", STUDIO_ERR_AUTH_CREDENTIALS},
        {1008, "Invalid table id", STUDIO_ERR_AUTH_TABLE},
        {1013, "Try again later", STUDIO_ERR_LIMIT},
        {1001, "Server shutting down", STUDIO_ERR_NOT_CONNECTED},
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
        cmocka_unit_test(by_message),
        cmocka_unit_test(by_address),
        cmocka_unit_test(refused),
        cmocka_unit_test(missing_both_ways),
        cmocka_unit_test(no_server),
        cmocka_unit_test(a_silent_server),
        cmocka_unit_test(usage_mistakes),
        cmocka_unit_test(answers),
        cmocka_unit_test(too_large_is_not_sent),
        cmocka_unit_test(an_answer_that_never_comes),
        cmocka_unit_test(subscriptions_are_renewed),
        cmocka_unit_test(long_messages),
        cmocka_unit_test(revoked_is_final),
        cmocka_unit_test(no_reconnect),
        cmocka_unit_test(many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
