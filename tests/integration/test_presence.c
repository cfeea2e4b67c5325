/* test_presence.c - who is connected for each table (protocol section 4, presence). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"

#define PRESENCE TABLE "/presence"

static struct scene s;

static int setup(void **state)
{
    (void)state;
    scene_open(&s, NULL, 5);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scene_close(&s);
    return 0;
}

static const char *wait_count(const char *count)
{
    return mqttclient_wait_json(s.sub, PRESENCE, "count", count)->payload;
}

static void who_comes_and_goes(void **state)
{
    (void)state;
    struct wsclient *one = scene_device(&s, "ARO-001_one");
    const char *text = wait_count("1");
    char *since = json_at(text, "clients.0.since");
    assert_non_null(since);
    char *expected = test_printf("{\"table_id\":\"ARO-001\",\"online\":true,\"count\":1,"
                                 "\"clients\":[{\"id\":\"ARO-001_one\",\"since\":\"%s\"}]}",
                                 since);
    assert_string_equal(text, expected);
    free(expected);

    struct wsclient *two = scene_device(&s, "ARO-001_two");
    text = wait_count("2");
    expect_json(text, "clients.0.id", "ARO-001_one");
    expect_json(text, "clients.1.id", "ARO-001_two");
    /* One entry for each id, with the oldest `since`. */
    struct wsclient *again = scene_device(&s, "ARO-001_one");
    mqttclient_mark(s.sub);
    wsclient_close(two);
    text = wait_count("1");
    expect_json(text, "clients.0.id", "ARO-001_one");
    expect_json(text, "clients.0.since", since);
    wsclient_close(one);
    mqttclient_mark(s.sub);
    wsclient_close(again);
    text = wait_count("0");
    assert_string_equal(text,
                        "{\"table_id\":\"ARO-001\",\"online\":false,\"count\":0,\"clients\":[]}");
    free(since);
    /* Retained. */
    struct mqttclient *late = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(s.broker), .subscribe = PRESENCE});
    assert_true(mqttclient_wait_json(late, PRESENCE, "online", "false")->retain);
    mqttclient_destroy(late);
}

static void at_most_one_in_a_second(void **state)
{
    (void)state;
    int64_t start = now_ms();
    for (int i = 0; i < 40; i++) {
        char id[32];
        snprintf(id, sizeof id, "ARO-001_%d", i);
        wsclient_close(scene_device(&s, id));
    }
    struct wsclient *last = scene_device(&s, "ARO-001_last");
    mqttclient_wait_json(s.sub, PRESENCE, "clients.0.id", "ARO-001_last");
    int64_t took = now_ms() - start;
    size_t published = 0;
    for (size_t i = 0; i < mqttclient_count(s.sub); i++)
        published += strcmp(mqttclient_message(s.sub, i)->topic, PRESENCE) == 0;
    assert_true((int64_t)published <= took / 1000 + 2);
    wsclient_close(last);
}

static void many_are_counted_not_named(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct wsclient *c[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char id[32];
        snprintf(id, sizeof id, "ARO-001_%02d", i);
        c[i] = scene_device(&s, id);
    }
    const char *text = wait_count("40");
    assert_true(json_is(text, "clients.31.id", "ARO-001_31"));
    char *beyond = json_at(text, "clients.32");
    assert_null(beyond);
    for (int i = 0; i < COUNT; i++)
        wsclient_close(c[i]);
}

static void a_crash_of_the_agent(void **state)
{
    (void)state;
    struct wsclient *c = scene_device(&s, "ARO-001_one");
    struct wsclient *other = wsclient_login(agent_proc_port(s.agent), "ARO-002_x", TOKEN_DEVICE);
    wait_count("1");
    mqttclient_wait_json(s.sub, "studio/tables/ARO-002/presence", "online", "true");
    agent_proc_kill(s.agent);
    wsclient_drop(c);
    wsclient_drop(other);
    mqttclient_wait_json(s.sub, AGENT "/availability", "state", "lost");
    mqttclient_mark(s.sub);
    agent_proc_restart(s.agent);
    /* What was true before the crash does not stay. */
    wait_count("0");
    mqttclient_wait_json(s.sub, "studio/tables/ARO-002/presence", "online", "false");
    c = scene_device(&s, "ARO-001_one");
    wait_count("1");
    wsclient_close(c);
}

static void an_orderly_stop(void **state)
{
    (void)state;
    struct wsclient *c = scene_device(&s, "ARO-001_one");
    wait_count("1");
    agent_proc_stop(s.agent);
    wsclient_close(c);
    mqttclient_mark(s.sub);
    agent_proc_restart(s.agent);
    wait_count("0");
}

/* Vanished without a FIN: nothing comes from it any more, not even pongs. */
static void a_client_that_vanishes(void **state)
{
    (void)state;
    scene_open(&s, "[websocket]\nping_after = 1\nping_grace = 1\n", 5);
    struct wsclient *c = scene_device(&s, "ARO-001_one");
    wsclient_ignore_pings(c);
    wait_count("1");
    wait_count("0");
    wsclient_drop(c);
    scene_close(&s);
}

static void a_new_connection_to_the_broker(void **state)
{
    (void)state;
    struct wsclient *c = scene_device(&s, "ARO-001_one");
    wait_count("1");
    broker_stop(s.broker);
    mqttclient_mark(s.sub);
    struct wsclient *two = scene_device(&s, "ARO-001_two");
    broker_start(s.broker);
    wait_count("2");
    wsclient_close(two);
    wsclient_close(c);
}

static void viewers_are_no_devices_of_a_table(void **state)
{
    (void)state;
    /* A viewer whose id names no table that exists leaves nothing behind. */
    struct wsclient *viewer =
        wsclient_login(agent_proc_port(s.agent), "office_screen", TOKEN_VIEWER);
    struct wsclient *c = scene_device(&s, "ARO-001_one");
    wait_count("1");
    mqttclient_sync(s.sub);
    assert_null(mqttclient_newest(s.sub, "studio/tables/office/presence"));
    assert_null(mqttclient_newest(s.sub, "studio/tables/office/status"));
    wsclient_close(c);
    wsclient_close(viewer);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(who_comes_and_goes),
        STAGED(at_most_one_in_a_second),
        STAGED(many_are_counted_not_named),
        STAGED(a_crash_of_the_agent),
        STAGED(an_orderly_stop),
        cmocka_unit_test(a_client_that_vanishes),
        STAGED(a_new_connection_to_the_broker),
        STAGED(viewers_are_no_devices_of_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
