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

static void hear(void *connection, bool from_client, const char *bytes, size_t len)
{
    size_t at = 1;

    (void)connection;
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
