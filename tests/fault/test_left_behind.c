/*
 * test_left_behind.c - agent and broker are killed together, the broker comes back alone from its
 * files: what the agent said of itself and of who is there does not stay.
 *
 * The time until then passes for the broker alone, whose clock is set on.
 */
#include <signal.h>
#include <stdlib.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/faults.h"
#include "support/json.h"
#include "support/mqttclient.h"
#include "support/scene.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define PRESENCE "studio/tables/ARO-001/presence"
#define STATUS   "studio/tables/ARO-001/status"

enum { EXPIRY_S = 90 };

static struct mqttclient *watch(struct broker *broker)
{
    struct mqttclient *c = mqttclient_create(
        &(struct mqttclient_options){.port = broker_port(broker), .subscribe = "studio/#"});
    mqttclient_sync(c);
    return c;
}

static void expect_online(struct mqttclient *c)
{
    mqttclient_wait_json(c, AGENT "/availability", "state", "online");
    mqttclient_wait_json(c, AGENT "/info", "agent", "edge-1");
    mqttclient_wait_json(c, PRESENCE, "online", "true");
    mqttclient_wait_json(c, STATUS, "SDP", "up");
}

/* Everything the broker knows is in its files. */
static void save(struct broker *broker, struct mqttclient *c)
{
    proc_signal(broker_proc(broker), SIGUSR1);
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, "Saving in-memory database", WAIT_MS));
    mqttclient_sync(c); /* it does one thing after the other */
}

static void nobody_is_online_for_ever(void **state)
{
    (void)state;
    struct faults *faults = faults_create(tmpdir_create(), NULL);
    struct broker *broker =
        broker_create(&(struct broker_options){.persistence = true, .env = faults_env(faults)});
    struct agent_proc *agent = scene_agent(broker_uri(broker), NULL);
    struct wsclient *pc = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    scene_ask(pc, "{\"sdp\":\"up\"}", "updated");
    struct mqttclient *sub = watch(broker);
    expect_online(sub);
    save(broker, sub);
    mqttclient_destroy(sub);
    agent_proc_kill(agent);
    broker_kill(broker);

    broker_start(broker); /* soon: nobody can know better */
    sub = watch(broker);
    expect_online(sub);
    mqttclient_destroy(sub);
    broker_kill(broker);

    faults_clock(faults, (EXPIRY_S + 1) * 1000);
    broker_start(broker);
    sub = watch(broker);
    assert_null(mqttclient_newest(sub, AGENT "/availability"));
    assert_null(mqttclient_newest(sub, AGENT "/info"));
    assert_null(mqttclient_newest(sub, PRESENCE));
    mqttclient_wait_json(sub, STATUS, "SDP", "up"); /* what is true without the agent stays */
    mqttclient_destroy(sub);

    faults_clock(faults, 0);
    agent_proc_restart(agent);
    sub = watch(broker);
    mqttclient_wait_json(sub, AGENT "/availability", "state", "online");
    mqttclient_wait_json(sub, PRESENCE, "online", "false");
    mqttclient_destroy(sub);
    wsclient_drop(pc);
    agent_proc_destroy(agent);
    broker_destroy(broker);
    faults_destroy(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_online_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
