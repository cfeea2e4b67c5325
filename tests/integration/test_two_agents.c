/* test_two_agents.c - agents of one process have nothing in common: stores, value lists, logs, users. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/json.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#include "studio/agent.h"

enum { LOG_MAX = 65536 };

struct embedded {
    struct studio_agent *agent;
    const char *data;
    pthread_t thread;
    int code; /* of the end */
    pthread_mutex_t lock;
    char log[LOG_MAX]; /* `level module: message` lines */
    size_t log_len;
};

static struct embedded one, two;

static void keep_log(void *ctx, int level, const char *module, const char *message)
{
    struct embedded *e = ctx;
    pthread_mutex_lock(&e->lock);
    int len =
        snprintf(e->log + e->log_len, LOG_MAX - e->log_len, "%d %s: %s\n", level, module, message);
    if (len > 0 && e->log_len + (size_t)len < LOG_MAX)
        e->log_len += (size_t)len;
    pthread_mutex_unlock(&e->lock);
}

static bool logged(struct embedded *e, const char *text)
{
    pthread_mutex_lock(&e->lock);
    bool yes = strstr(e->log, text) != NULL;
    pthread_mutex_unlock(&e->lock);
    return yes;
}

static void *run(void *arg)
{
    struct embedded *e = arg;
    e->code = studio_agent_run(e->agent);
    return NULL;
}

static void set(struct studio_agent_config *config, const char *name, const char *value)
{
    struct studio_error error;
    if (studio_agent_config_set(config, name, value, &error) != STUDIO_OK)
        test_fail("%s = %s: %s", name, value, error.text);
}

static void start(struct embedded *e, const char *level, const char *values, const char *id)
{
    struct studio_error error;
    struct studio_agent_config *config = studio_agent_config_create();
    assert_non_null(config);
    memset(e, 0, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
    e->data = tmpdir_create();
    tokens_write_default(e->data);
    set(config, "websocket.listen", "localhost:0");
    set(config, "store.data", e->data);
    set(config, "mqtt.agent_id", id);
    set(config, "log.level", level);
    if (values)
        set(config, "limits.service_values", values);
    studio_agent_config_log(config, keep_log, e);
    if (studio_agent_create(config, &e->agent, &error) != STUDIO_OK)
        test_fail("no agent: %s", error.text);
    studio_agent_config_destroy(config);
    assert_int_equal(pthread_create(&e->thread, NULL, run, e), 0);
}

static void stop(struct embedded *e)
{
    studio_agent_stop(e->agent);
    pthread_join(e->thread, NULL);
    assert_int_equal(e->code, 0);
    studio_agent_destroy(e->agent);
    pthread_mutex_destroy(&e->lock);
    e->agent = NULL;
}

static int start_both(void **state)
{
    (void)state;
    start(&one, "debug", "turbo", "one");
    start(&two, "error", NULL, "two");
    return 0;
}

static int stop_both(void **state)
{
    (void)state;
    if (one.agent)
        stop(&one);
    if (two.agent)
        stop(&two);
    return 0;
}

static struct wsclient *login(struct embedded *e, const char *id)
{
    return wsclient_login(studio_agent_port(e->agent), id, TOKEN_DEVICE);
}

static void a_value_of_one_is_none_of_the_other(void **state)
{
    (void)state;
    struct wsclient *a = login(&one, "ARO-001_x"), *b = login(&two, "ARO-001_x");
    wsclient_send(a, "{\"sdp\":\"turbo\"}");
    expect_json(wsclient_text(a), "status", "updated");
    wsclient_send(b, "{\"sdp\":\"turbo\"}");
    assert_non_null(strstr(wsclient_text(b), "error"));
    wsclient_send(b, "{\"sdp\":\"up\"}"); /* and each has its own table of this name */
    expect_json(wsclient_text(b), "status", "updated");
    wsclient_send(a, "{\"event\":\"get\"}");
    expect_json(wsclient_text(a), "data.SDP", "turbo");
    wsclient_close(a);
    wsclient_close(b);
}

static void each_logs_to_its_own(void **state)
{
    (void)state;
    assert_true(logged(&one, "2 agent: studio-agent "));
    assert_true(logged(&one, "agent one,"));
    assert_false(logged(&one, "agent two,"));
    assert_int_equal(two.log_len, 0); /* nothing went wrong there */
}

static void each_has_its_users(void **state)
{
    (void)state;
    struct studio_error error;
    size_t users = 0;
    struct wsclient *a = login(&one, "ARO-002_x"), *b = login(&two, "ARO-002_x");
    char *line = tokens_line("ARO-003_*", "device", TOKEN_DEVICE, NULL);
    tmpdir_write(one.data, "tokens", 0600, line);
    free(line);
    assert_int_equal(studio_agent_reload(one.agent, &users, &error), STUDIO_OK);
    assert_int_equal(users, 1);
    assert_true(logged(&one, "1 users read from "));
    wsclient_expect_close(a, 1008, "Credentials revoked");
    wsclient_ask(b, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-002\"}");
    wsclient_close(a);
    wsclient_close(b);

    tmpdir_write(two.data, "tokens", 0600, "nonsense\n");
    assert_int_equal(studio_agent_reload(two.agent, &users, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "tokens:1:"));
    assert_true(logged(&two, "0 agent: the tokens are as before"));
    wsclient_close(login(&two, "ARO-002_x"));
}

static void one_stops_and_the_other_serves(void **state)
{
    (void)state;
    struct wsclient *a = login(&one, "ARO-003_x"), *b = login(&two, "ARO-003_x");
    studio_agent_stop(one.agent);
    wsclient_expect_close(a, 1001, "Server shutting down");
    wsclient_close(a);
    stop(&one);
    wsclient_ask(b, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-003\"}");
    struct http_answer answer = http_get(studio_agent_port(two.agent), "/readyz");
    assert_int_equal(answer.status, 200);
    http_answer_finish(&answer);
    wsclient_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_one_is_none_of_the_other),
        cmocka_unit_test(each_logs_to_its_own),
        cmocka_unit_test(each_has_its_users),
        cmocka_unit_test(one_stops_and_the_other_serves),
    };
    return cmocka_run_group_tests(tests, start_both, stop_both);
}
