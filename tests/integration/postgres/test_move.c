/*
 * test_move.c - a studio moves from its directory into a database and back: numbers go on in the same epoch, and what no
 * broker had acknowledged before a move is mirrored after it.
 */
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/scene.h"
#include "support/tmpdir.h"

static char *url; /* the variable that names the database */
static struct broker *nobody;

static int setup(void **state)
{
    (void)state;
    url = test_printf("STUDIO_STORE_URL=%s", pgserver_url(pgserver_shared(), "moved"));
    nobody = broker_create(&(struct broker_options){.not_started = true});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    broker_destroy(nobody);
    free(url);
    return 0;
}

/* So many updates of an agent whose store is in `data`, or in the database; mirrored to where nobody may listen. */
static void run_agent(const char *data, const char *variable, struct scene *s, int updates,
                      uint64_t seq)
{
    static const char *const args[] = {"--agent-id", "edge-1", NULL};
    const char *const env[] = {variable, NULL};
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.data = data,
                                                 .broker = broker_uri(s ? s->broker : nobody),
                                                 .args = args,
                                                 .env = variable ? env : NULL});
    struct wsclient *c = wsclient_login(agent_proc_port(a), "ARO-001_pc", TOKEN_DEVICE);
    scene_updates(c, updates);
    if (s) {
        judge_wait_seq(s->judge, s->sub, seq);
        judge_expect_clean(s->judge, s->sub); /* documents follow their events */
    }
    wsclient_close(c);
    agent_proc_destroy(a);
}

/* `studio-agent store ACTION` where the variable says, or in `data`; its output (free()). */
static char *store_command(const char *action, const char *data, const char *variable,
                           const char *in, int code)
{
    const char *argv[] = {studio_program("studio-agent"), "store", action, "--data", data, NULL};
    const char *env[] = {"STUDIO_MQTT_AGENT_ID=edge-1", variable, NULL};
    char *out, *err;
    int got = proc_run_on(argv, env, in, &out, &err);
    if (got != code)
        test_fail("store %s: exit %d: %s", action, got, err);
    if (code != 0) {
        free(out);
        return err;
    }
    free(err);
    return out;
}

static void move(const char *from, const char *from_url, const char *to, const char *to_url,
                 int boot)
{
    char *lines = store_command("export", from, from_url, NULL, 0);
    char *head = test_printf("\"boot\":%d,", boot);
    if (!strstr(lines, head))
        test_fail("no %s in: %.200s", head, lines);
    free(store_command("import", to, to_url, lines, 0));
    free(store_command("check", to, to_url, NULL, 0));
    char *again = store_command("export", to, to_url, NULL, 0);
    assert_string_equal(lines, again);
    free(again);
    free(head);
    free(lines);
}

static void there_and_back(void **state)
{
    (void)state;
    struct scene s = {.broker = broker_create(NULL), .judge = judge_create("studio")};
    const char *data = tmpdir_create(), *back = tmpdir_create();
    s.sub = scene_subscribe(s.broker, 5);
    judge_start(s.judge, 1);
    run_agent(data, NULL, NULL, 20, 0); /* the table was made by 1 */
    move(data, NULL, data, url, 1);
    run_agent(data, url, &s, 10, 31);
    run_agent(data, url, NULL, 10, 0);
    move(data, url, back, NULL, 3);
    run_agent(back, NULL, &s, 5, 46);
    assert_int_equal(judge_newest(s.judge), 46);
    scene_close(&s);
}

/* Over rows that are there nothing is imported; what is for files says what to do instead. */
static void what_is_refused(void **state)
{
    (void)state;
    const char *data = tmpdir_create();
    char *lines = store_command("export", data, url, NULL, 0);
    char *err = store_command("import", data, url, lines, 4);
    assert_non_null(strstr(err, "a store of agent edge-1 in the database already"));
    free(err);
    free(lines);
    const char *const env[] = {url, NULL};
    const char *backup = tmpdir_path(data, "backup.db");
    char *out;
    assert_int_equal(
        proc_run(ARGS(studio_program("studio-agent"), "backup", backup, "--data", data), env, &out,
                 &err),
        2);
    assert_non_null(strstr(err, "pg_dump"));
    free(out);
    free(err);
    assert_int_equal(proc_run(ARGS(studio_program("studio-agent"), "store", "verify", "/dev/null",
                                   "--data", data),
                              env, &out, &err),
                     2);
    assert_non_null(strstr(err, "store export"));
    free(out);
    free(err);
}

/* OPERATING.md's own lines for that, to the database; false: they say that there was nothing to remove. */
static bool remove_rows(void)
{
    const char *source = getenv("STUDIO_SOURCE");
    assert_non_null(source);
    char *page = tmpdir_read(tmpdir_path(source, "agent/OPERATING.md"), NULL), *out, *err;
    assert_non_null(page);
    char *from = strstr(page, "psql -v agent=");
    assert_non_null(from);
    from = strchr(from, '\n') + 1;
    char *end = strstr(from, "\nEND\n");
    assert_non_null(end);
    end[1] = '\0';
    const char *const env[] = {"PGOPTIONS=-csearch_path=moved", NULL};
    int code = proc_run_on(ARGS("psql", "-Xq", "-h", pgserver_host(pgserver_shared()), "-U",
                                "postgres", "-d", "postgres", "-v", "agent=edge-1"),
                           env, from, &out, &err);
    assert_int_equal(code, 0);
    const bool removed = !strstr(err, "no rows returned");
    free(out);
    free(err);
    free(page);
    return removed;
}

/* Not while it is owned. */
static void again_after_it_was_removed(void **state)
{
    (void)state;
    const char *data = tmpdir_create();
    char *lines = store_command("export", data, url, NULL, 0);
    const char *const env[] = {url, "STUDIO_MQTT_AGENT_ID=edge-1", NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data, .env = env});
    assert_false(remove_rows());
    agent_proc_destroy(a);
    free(store_command("check", data, url, NULL, 0));
    assert_true(remove_rows());
    free(store_command("export", data, url, NULL, 4));
    free(store_command("import", data, url, lines, 0));
    assert_true(remove_rows());
    a = agent_proc_start(&(struct agent_options){.data = data, .env = env}); /* anew */
    agent_proc_destroy(a);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(again_after_it_was_removed),
    };
    return pgserver_there() ? cmocka_run_group_tests(tests, setup, teardown) : 77;
}
