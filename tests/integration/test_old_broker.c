/* test_old_broker.c - a broker that knows MQTT 3.1.1 only, and the agent's memory of it: a real Mosquitto
 * behind a proxy that hangs up on newer CONNECTs, as old brokers do. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/proxy.h"
#include "support/scene.h"

static struct broker *broker;
static struct proxy *proxy;
static struct agent_proc *agent;

/* CONNECTs in MQTT 5, but for those of the probe, whose work they are. */
static atomic_size_t fives;

/* Subscriptions to the own availability with QoS 0, and to commands with QoS 1. */
static atomic_size_t watches, commands;

/* One in MQTT 3.1.1 is 0x82, one byte of length, two of a number, two of the filter's length, the filter, its QoS. */
static bool subscribes(const char *bytes, size_t len, const char *filter, char qos)
{
    size_t n = strlen(filter);

    for (const char *at = bytes + 6; at + n < bytes + len; at++)
        if ((unsigned char)at[-6] == 0x82 && memcmp(at, filter, n) == 0 && at[n] == qos)
            return true;
    return false;
}

static void hear(void *connection, bool from_client, const char *bytes, size_t len)
{
    size_t at = 1;

    (void)connection;
    if (from_client && subscribes(bytes, len, "studio/agents/edge-1/availability", 0))
        atomic_fetch_add(&watches, 1);
    if (from_client && subscribes(bytes, len, "studio/tables/+/set/#", 1))
        atomic_fetch_add(&commands, 1);
    if (!from_client || len < 16 || bytes[0] != 0x10 || memmem(bytes, len, "-probe", 6))
        return;
    while (bytes[at] & 0x80)
        at++;
    if (bytes[at + 7] == 5) /* behind the length, 0 4 "MQTT" */
        atomic_fetch_add(&fives, 1);
}

static void *nothing(void *ctx)
{
    return ctx;
}

static void end_of(void *connection)
{
    (void)connection;
}

static void wait_log(const char *words)
{
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR, words, 2 * WAIT_MS));
}

static void knows(int newest)
{
    proxy_set_oddity(proxy, &(struct oddity){.newest = newest});
}

/* The agent is stopped or killed, and started again. */
static void again(bool kill_it)
{
    if (kill_it)
        agent_proc_kill(agent);
    else
        agent_proc_stop(agent);
    agent_proc_restart(agent);
}

static void the_version_that_worked_is_tried_first(void **state)
{
    char *uri;
    size_t before;

    (void)state;
    broker = broker_create(NULL);
    proxy = proxy_create(broker_port(broker));
    uri = test_printf("mqtt://127.0.0.1:%u", proxy_port(proxy));
    proxy_set_tap(proxy, &(struct proxy_tap){nothing, hear, end_of, NULL});
    knows(4);
    agent = scene_agent(uri, NULL);
    wait_log("(MQTT 3.1.1)");
    before = atomic_load(&fives);
    assert_true(before > 0);
    wait_log("taking commands");
    assert_true(atomic_load(&watches) >
                0); /* of QoS 1 some brokers cannot have them from node to node */
    assert_true(atomic_load(&commands) > 0);
    for (int i = 0; i < 2; i++) {
        again(false);
        wait_log("(MQTT 3.1.1)");
        wait_log("taking commands");
        assert_int_equal(atomic_load(&fives), before);
        again(true); /* the memory is on disk by now */
        wait_log("(MQTT 3.1.1)");
        assert_int_equal(atomic_load(&fives), before);
    }
    proxy_cut(proxy); /* and so it is while the agent runs */
    wait_log("(MQTT 3.1.1) again");
    assert_int_equal(atomic_load(&fives), before);

    knows(5); /* it was exchanged */
    wait_log("speaks MQTT 5 now");
    proxy_cut(proxy);
    wait_log("(MQTT 5) again");
    again(false);
    wait_log("(MQTT 5)");
    knows(4); /* and back: nothing is for ever */
    proxy_cut(proxy);
    wait_log("(MQTT 3.1.1) again");
    agent_proc_destroy(agent);
    proxy_destroy(proxy);
    broker_destroy(broker);
    free(uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_that_worked_is_tried_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
