/*
 * test_studio.c - agents that share a database: each tells of all of them, and since when nobody answers for the
 * tables of one that was killed.
 */
#include <time.h>

#include "integration/api_rig.h"
#include "support/pgserver.h"

#define STUDIO "/api/v1/studio"

static struct agent_proc *west;

static char url[600];

/* What it is started with, it is started with again: it has to live. */
static struct agent_proc *start(const char *id)
{
    const char *const env[] = {url, id, NULL};

    return agent_proc_start(&(struct agent_options){.env = env});
}

static int start_both(void **state)
{
    (void)state;
    snprintf(url, sizeof(url), "STUDIO_STORE_URL=%s", pgserver_url(pgserver_shared(), "studio"));
    agent = start("STUDIO_MQTT_AGENT_ID=east");
    west = start("STUDIO_MQTT_AGENT_ID=west");
    port = agent_proc_port(agent);
    return 0;
}

static int stop_both(void **state)
{
    (void)state;
    agent_proc_destroy(agent);
    agent_proc_destroy(west);
    return 0;
}

static char revision[64]; /* of the last answer */

/* What is new since the last one; NULL: all of it. free() */
static char *ask(const char *user, bool all)
{
    char *target = test_printf(STUDIO "%s%s", all ? "" : "?after=", all ? "" : revision);
    struct http_answer answer = api_ask(user, "GET", target, NULL, NULL);

    api_check(&answer, target, 200, NULL);
    char *body = answer.body, *found = json_at(body, "revision");
    assert_non_null(found);
    snprintf(revision, sizeof(revision), "%s", found);
    answer.body = NULL;
    http_answer_finish(&answer);
    free(found);
    free(target);
    return body;
}

/* Until something of this kind, "agents" or "tables", is new: that is returned. */
static char *wait_new(const char *kind)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    int64_t deadline = now_ms() + WAIT_MS;
    char path[16];

    snprintf(path, sizeof(path), "%s.0", kind);
    for (;;) {
        char *body = ask(VIEWER, false), *found = json_at(body, path);
        free(body);
        if (found)
            return found;
        if (deadline_left(deadline) <= 0)
            test_fail("no %s have changed", kind);
        nanosleep(&pause, NULL);
    }
}

static void each_tells_of_all(void **state)
{
    (void)state;
    struct wsclient *a = wsclient_login(port, "ARO-001_pc", TOKEN_DEVICE);
    struct wsclient *b = wsclient_login(agent_proc_port(west), "BAC-001_pc", TOKEN_DEVICE);
    char *body = ask(VIEWER, true);
    expect_json(body, "reset", "true");
    expect_json(body, "agents.0.agent_id", "east");
    expect_json(body, "agents.0.unknown_since", "null");
    expect_json(body, "agents.1.agent_id", "west");
    expect_json(body, "tables.0.agent_id", "east");
    expect_json(body, "tables.0.status.TABLE_ID", "ARO-001");
    expect_json(body, "tables.1.agent_id", "west");
    expect_json(body, "tables.1.status.TABLE_ID", "BAC-001");
    free(body);
    body = ask(DEVICE, true);
    expect_json(body, "agents.0.agent_id", "east");
    assert_null(json_at(body, "agents.1"));
    expect_json(body, "tables.0.table_id", "ARO-001");
    assert_null(json_at(body, "tables.1"));
    free(body);

    wsclient_ask(b, "{\"sdp\":\"down\"}", "{\"status\":\"updated\",\"table_id\":\"BAC-001\"}");
    char *table = wait_new("tables");
    expect_json(table, "table_id", "BAC-001");
    expect_json(table, "status.SDP", "down");
    free(table);
    wsclient_close(a);
    wsclient_close(b);
}

/* By the database's clock, as it stands there. */
static void expect_since(const char *found)
{
    char *since = pgserver_ask(pgserver_shared(), "studio",
                               "SELECT to_char(date_trunc('milliseconds', valid_until) AT TIME "
                               "ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM "
                               "studio_agents WHERE agent = 'west'");

    expect_json(found, "agent_id", "west");
    expect_json(found, "unknown_since", since);
    free(since);
}

static void killed_it_is_unknown(void **state)
{
    (void)state;
    free(ask(VIEWER, true));
    agent_proc_kill(west);
    char *found = wait_new("agents");
    expect_since(found);
    char *passed = pgserver_ask(pgserver_shared(), "studio",
                                "SELECT valid_until <= clock_timestamp() FROM studio_agents "
                                "WHERE agent = 'west'");
    assert_string_equal(passed, "t");
    free(passed);
    free(found);
    agent_proc_restart(west);
    found = wait_new("agents");
    expect_json(found, "unknown_since", "null");
    free(found);
    agent_proc_stop(west); /* gives it back: unknown from then on */
    found = wait_new("agents");
    expect_since(found);
    free(found);
    agent_proc_restart(west);
}

static void the_database_is_away(void **state)
{
    int64_t deadline = now_ms() + WAIT_MS;
    static const struct timespec pause = {.tv_nsec = 50000000};

    (void)state;
    pgserver_stop(pgserver_shared());
    for (;;) { /* what was read in the last second is an answer */
        struct http_answer answer = api_ask(VIEWER, "GET", STUDIO, NULL, NULL);
        int status = answer.status;
        http_answer_finish(&answer);
        if (status == 503)
            break;
        if (status != 200 || deadline_left(deadline) <= 0)
            test_fail("answered %d without a database", status);
        nanosleep(&pause, NULL);
    }
    pgserver_start(pgserver_shared());
    for (;;) {
        struct http_answer answer = api_ask(VIEWER, "GET", STUDIO, NULL, NULL);
        int status = answer.status;
        http_answer_finish(&answer);
        if (status == 200)
            break;
        if (status != 503 || deadline_left(deadline) <= 0)
            test_fail("answered %d although the database is back", status);
        nanosleep(&pause, NULL);
    }
}

/* The page asks for it only where it is. */
static void it_says_so_itself(void **state)
{
    (void)state;
    struct http_answer answer = api_ask(VIEWER, "GET", "/api/v1/agent", NULL, NULL);
    expect_json(answer.body, "shared", "true");
    http_answer_finish(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tells_of_all),
        cmocka_unit_test(it_says_so_itself),
        cmocka_unit_test(killed_it_is_unknown),
        cmocka_unit_test(the_database_is_away),
    };
    return pgserver_there() ? cmocka_run_group_tests(tests, start_both, stop_both) : 77;
}
