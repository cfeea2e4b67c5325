/* commands_rig.h - a table, a PLC that sends it commands over a real Mosquitto. One source of a program includes it. */
#ifndef TESTS_INTEGRATION_COMMANDS_RIG_H
#define TESTS_INTEGRATION_COMMANDS_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"

#define SET   TABLE "/set/plc"
#define REPLY TABLE "/reply/plc"
#define DONE  "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"

static struct scene s;
static struct wsclient *pc; /* its first connection makes the table */
static struct mqttclient *plc;

static inline struct mqttclient *connect_plc(int version)
{
    return mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(s.broker),
                                     .version = version,
                                     .subscribe = "studio/tables/+/reply/plc"});
}

static inline void open_stage(const char *config, int version)
{
    scene_open(&s, config, version);
    pc = scene_device(&s, "ARO-001_pc");
    plc = connect_plc(version);
}

static inline int setup(void **state)
{
    const int *version = *state;
    open_stage(NULL, version ? *version : 5);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    mqttclient_destroy(plc);
    wsclient_close(pc);
    scene_close(&s);
    return 0;
}

static inline void drop_pc(void)
{
    wsclient_drop(pc);
    pc = NULL;
}

/* Publishes on `topic` and waits for the one answer on `reply`. */
static inline const struct mqtt_message *command_on(const char *topic, const char *payload,
                                                    const char *reply)
{
    mqttclient_mark(plc);
    mqttclient_publish(plc, topic, payload);
    return mqttclient_wait(plc, reply, NULL, NULL);
}

static inline void expect_answer(const char *topic, const char *payload, const char *answer)
{
    const struct mqtt_message *m = command_on(topic, payload, REPLY);
    if (strcmp(m->payload, answer) != 0)
        test_fail("%s %s was answered %s, not %s", topic, payload, m->payload, answer);
    assert_false(m->retain);
}

/* The table's document says so; by way of WebSocket. */
static inline void expect_field(const char *path, const char *value)
{
    char *full = test_printf("data.%s", path);
    wsclient_send(pc, "{\"event\":\"get\"}");
    expect_json(wsclient_text(pc), full, value);
    free(full);
}

/* All that happened so far is in order, and there are this many events. */
static inline void expect_events(uint64_t count)
{
    judge_wait_seq(s.judge, s.sub, count);
    judge_expect_clean(s.judge, s.sub);
    assert_int_equal(judge_events(s.judge), count);
}

#define STAGED(test)         cmocka_unit_test_setup_teardown(test, setup, teardown)
#define STAGED_AS(test, how) cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, how)

#endif
