/*
 * test_wiped.c - somebody wipes what is retained, as `mosquitto_sub --remove-retained` does, or asks for
 * it: all of it is there again.
 */
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/mqttclient.h"
#include "support/scene.h"
#include "support/wsclient.h"

#define TABLE "studio/tables/ARO-001"

/* What a new subscriber finds. */
static struct mqttclient *look(struct scene *s)
{
    struct mqttclient *c = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(s->broker), .subscribe = "studio/#"});
    mqttclient_sync(c);
    return c;
}

/* Empties every retained topic below this, one after the other; how many there were. */
static size_t wipe(struct scene *s, const char *below)
{
    struct mqttclient *c = look(s);
    size_t count = mqttclient_count(c), wiped = 0;
    for (size_t i = 0; i < count; i++) {
        const struct mqtt_message *m = mqttclient_message(c, i);
        if (!m->retain || strncmp(m->topic, below, strlen(below)) != 0)
            continue;
        mqttclient_send(
            c, &(struct mqttclient_publish){.topic = m->topic, .payload = "", .retain = true});
        wiped++;
    }
    mqttclient_destroy(c);
    return wiped;
}

/* From the subscriber's mark on. */
static void expect_all_again(struct scene *s)
{
    static const char *const fields[][2] = {
        {TABLE "/fields/SDP", "up"}, {TABLE "/fields/ROULETTE", "down"}, {TABLE "/fields/n", "7"}};
    mqttclient_wait_json(s->sub, AGENT "/availability", "state", "online");
    mqttclient_wait_json(s->sub, AGENT "/info", "agent", "edge-1");
    mqttclient_wait_json(s->sub, AGENT "/health", "broker", broker_uri(s->broker));
    mqttclient_wait_json(s->sub, TABLE "/status", "SDP", "up");
    mqttclient_wait_json(s->sub, TABLE "/presence", "online", "true");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        mqttclient_wait_payload(s->sub, fields[i][0], fields[i][1]);
}

static void open_with_a_table(struct scene *s, struct wsclient **pc, int version)
{
    scene_open(s, NULL, version);
    *pc = scene_device(s, "ARO-001_pc");
    scene_ask(*pc, "{\"sdp\":\"up\",\"n\":7}", "updated");
    mqttclient_wait_payload(s->sub, TABLE "/fields/n", "7");
    mqttclient_wait_json(s->sub, TABLE "/presence", "online", "true");
    mqttclient_sync(s->sub);
}

static bool all_there(struct scene *s)
{
    static const char *const topics[] = {TABLE "/status",   TABLE "/presence",
                                         TABLE "/fields/n", AGENT "/availability",
                                         AGENT "/info",     AGENT "/health"};
    struct mqttclient *c = look(s);
    bool all = true;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        const struct mqtt_message *m = mqttclient_newest(c, topics[i]);
        all = all && m && m->len > 0;
    }
    mqttclient_destroy(c);
    return all;
}

/* A wiper that pauses in the middle is answered twice, so what is there is looked at until all is. */
static void wiped_and_there_again(int version, const char *below)
{
    struct scene s;
    struct wsclient *pc;
    open_with_a_table(&s, &pc, version);
    mqttclient_mark(s.sub);
    assert_true(wipe(&s, below) >= 10);
    expect_all_again(&s);
    int64_t deadline = now_ms() + WAIT_MS;
    while (!all_there(&s))
        assert_true(now_ms() < deadline);
    wsclient_close(pc);
    scene_close(&s);
}

static void everything_is_wiped(void **state)
{
    (void)state;
    wiped_and_there_again(5, "studio/");
}

static void only_the_tables_are_wiped(void **state)
{
    (void)state;
    wiped_and_there_again(5, "studio/tables/");
}

static void everything_is_wiped_on_3_1_1(void **state)
{
    (void)state;
    wiped_and_there_again(4, "studio/");
}

static int republish(const char *data, char **out, char **err)
{
    const char *argv[] = {studio_program("studio-agent"), "republish", "--data", data, NULL};
    return proc_run(argv, NULL, out, err);
}

static void asked_for(void **state)
{
    (void)state;
    struct scene s;
    struct wsclient *pc;
    char *out = NULL, *err = NULL;
    open_with_a_table(&s, &pc, 5);
    mqttclient_mark(s.sub);
    assert_int_equal(republish(agent_proc_data(s.agent), &out, &err), 0);
    assert_non_null(strstr(out, "published again"));
    free(out);
    free(err);
    expect_all_again(&s);
    wsclient_close(pc);
    scene_close(&s);
}

static void asked_for_without_a_broker(void **state)
{
    (void)state;
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){0});
    char *out = NULL, *err = NULL;
    assert_int_equal(republish(agent_proc_data(agent), &out, &err), 1);
    assert_non_null(strstr(err, "no broker"));
    free(out);
    free(err);
    agent_proc_destroy(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_wiped),          cmocka_unit_test(only_the_tables_are_wiped),
        cmocka_unit_test(everything_is_wiped_on_3_1_1), cmocka_unit_test(asked_for),
        cmocka_unit_test(asked_for_without_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
