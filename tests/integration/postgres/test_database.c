/*
 * test_database.c - an agent whose store is in a PostgreSQL that goes away and comes back: what was answered is
 * there, what was refused is not, reading goes on meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/http.h"
#include "support/pgserver.h"
#include "support/scene.h"

static const char refused[] = "{\"error\":\"Storage unavailable\"}";

static int use_database(void **state)
{
    (void)state;
    return setenv("STUDIO_STORE", "postgres", 1);
}

/* True: stored; false: refused. */
static bool answered(const char *answer)
{
    if (strcmp(answer, refused) == 0)
        return false;
    expect_json(answer, "status", "updated");
    return true;
}

/* Asks until it is taken again. */
static void until_updated(struct wsclient *c, const char *message)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    int64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        wsclient_send(c, message);
        if (answered(wsclient_text(c)))
            return;
        if (deadline_left(deadline) <= 0)
            test_fail("updates are still refused");
        nanosleep(&pause, NULL);
    }
}

static void expect_ready(const struct scene *s, int status)
{
    struct http_answer answer = http_get(agent_proc_port(s->agent), "/readyz");
    assert_int_equal(answer.status, status);
    http_answer_finish(&answer);
}

static void refused_while_it_is_away(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s, NULL, 5);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    scene_updates(c, 50);
    expect_ready(&s, 200);
    pgserver_stop(pgserver_shared());
    wsclient_ask(c, "{\"speed\":7}", refused);
    expect_ready(&s, 503);
    struct wsclient *reader = scene_device(&s, "ARO-001_reader");
    wsclient_close(reader);
    wsclient_ask(c, "{\"speed\":8}", refused);
    pgserver_start(pgserver_shared());
    until_updated(c, "{\"speed\":9}");
    mqttclient_wait_payload(s.sub, TABLE "/fields/speed", "9");
    scene_updates(c, 5);
    expect_ready(&s, 200);
    judge_wait_seq(s.judge, s.sub, 57); /* the table was made by 1 */
    judge_expect_clean(s.judge, s.sub);
    wsclient_close(c);
    scene_close(&s);
}

/* Each has one answer, and only what was answered so is there. */
static void killed_under_load(void **state)
{
    enum { COUNT = 40, ROUNDS = 3 };
    (void)state;
    struct scene s;
    scene_open(&s, NO_LIMITS, 5);
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    int stored = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) {
            char *message = test_printf("{\"n\":%d}", round * COUNT + i);
            wsclient_queue(c, message);
            free(message);
        }
        wsclient_flush(c);
        pgserver_kill(pgserver_shared());
        pgserver_start(pgserver_shared());
        for (int i = 0; i < COUNT; i++)
            stored += answered(wsclient_text(c));
        until_updated(c, "{\"again\":true}");
        until_updated(c, "{\"again\":false}");
        stored += 2;
    }
    wsclient_close(c);
    judge_wait_seq(s.judge, s.sub, (uint64_t)stored + 1);
    judge_expect_clean(s.judge, s.sub);
    char *rows =
        pgserver_ask(pgserver_shared(), pgserver_schema(agent_proc_data(s.agent)),
                     "SELECT max(seq) || ' ' || count(*) || ' ' || max(rev) FROM studio_log");
    char *expected = test_printf("%d %d %d", stored + 1, stored + 1, stored);
    assert_string_equal(rows, expected);
    free(expected);
    free(rows);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_while_it_is_away),
        cmocka_unit_test(killed_under_load),
    };
    return pgserver_there() ? cmocka_run_group_tests(tests, use_database, NULL) : 77;
}
