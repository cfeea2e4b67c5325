/* client_rig.h - the client library beside a server that does what each test says. One source of a program includes it. */
#ifndef TESTS_INTEGRATION_CLIENT_RIG_H
#define TESTS_INTEGRATION_CLIENT_RIG_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "studio/client.h"
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

static inline void *job_main(void *arg)
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

static inline void start(struct job *job)
{
    if (pthread_create(&job->thread, NULL, job_main, job) != 0)
        test_fail("no thread");
}

static inline void finish(struct job *job, enum studio_err expected)
{
    pthread_join(job->thread, NULL);
    if (job->err != expected)
        test_fail("expected %s, got %s (%s)", studio_err_text(expected), studio_err_text(job->err),
                  job->error.text);
}

static inline struct job call(struct studio_client *client, enum job_kind kind, const char *text)
{
    return (struct job){.kind = kind, .client = client, .text = text};
}

static inline void connecting(struct job *job, const struct wsfake *fake)
{
    memset(job, 0, sizeof(*job));
    snprintf(job->url, sizeof(job->url), "ws://127.0.0.1:%u", wsfake_port(fake));
    job->options.server_url = job->url;
    job->options.token = "MY_TOKEN";
    job->options.timeout_ms = WAIT_MS;
}

/* Lets a client in by message. */
static inline struct wsfake_conn *let_in(struct wsfake *fake)
{
    struct wsfake_conn *conn = wsfake_accept(fake);

    assert_string_equal(wsfake_path(conn), "/");
    wsfake_send(conn, WELCOME);
    wsfake_expect(conn, AUTH);
    wsfake_send(conn, DOCUMENT);
    return conn;
}

static inline struct studio_client *connected(struct wsfake *fake, struct job *job,
                                              struct wsfake_conn **conn)
{
    start(job);
    *conn = let_in(fake);
    finish(job, STUDIO_OK);
    return job->client;
}

static inline void end(struct studio_client *client, struct wsfake_conn *conn, struct wsfake *fake)
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

static inline void seen_init(struct seen *seen)
{
    memset(seen, 0, sizeof(*seen));
    pthread_mutex_init(&seen->lock, NULL);
    deadline_cond_init(&seen->changed);
}

static inline void on_push(void *ctx, enum studio_client_push kind, const char *json, size_t len)
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

static inline void on_state(void *ctx, enum studio_client_state state, const char *why)
{
    struct seen *seen = ctx;

    (void)why;
    pthread_mutex_lock(&seen->lock);
    seen->state = state;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static inline void wait_push(struct seen *seen, const char *needle)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&seen->lock);
    while (strstr(seen->pushes, needle) == NULL)
        if (!deadline_cond_wait(&seen->changed, &seen->lock, deadline))
            test_fail("no push with %s in: %s", needle, seen->pushes);
    pthread_mutex_unlock(&seen->lock);
}

static inline void wait_state(struct seen *seen, enum studio_client_state state)
{
    int64_t deadline = now_ms() + WAIT_MS;

    pthread_mutex_lock(&seen->lock);
    while (seen->state != state)
        if (!deadline_cond_wait(&seen->changed, &seen->lock, deadline))
            test_fail("the state never became %d", (int)state);
    pthread_mutex_unlock(&seen->lock);
}

#endif
