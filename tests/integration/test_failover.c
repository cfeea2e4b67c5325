/* test_failover.c - several brokers in order of preference (protocol section 4, promise 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/scene.h"
#include "support/tmpdir.h"

static struct broker *first, *second;
static struct mqttclient *at_first, *at_second;
static struct agent_proc *agent;
static struct wsclient *pc;
static struct judge *judge;
static char *both; /* the list of brokers */

/* Two brokers, the agent preferring the first, a subscriber at each. */
static void open_stage(bool first_is_there)
{
    first = broker_create(&(struct broker_options){.not_started = !first_is_there});
    second = broker_create(NULL);
    at_first = first_is_there ? scene_subscribe(first, 5) : NULL;
    at_second = scene_subscribe(second, 5);
    both = test_printf("%s,%s", broker_uri(first), broker_uri(second));
    agent = scene_agent(both, NO_LIMITS);
    pc = wsclient_login(agent_proc_port(agent), "ARO-001_pc", TOKEN_DEVICE);
    judge = judge_create("studio");
    judge_start(judge, 1);
}

static int teardown(void **state)
{
    (void)state;
    wsclient_close(pc);
    agent_proc_destroy(agent);
    mqttclient_destroy(at_first);
    mqttclient_destroy(at_second);
    broker_destroy(first);
    broker_destroy(second);
    judge_destroy(judge);
    free(both);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    open_stage(true);
    mqttclient_wait_json(at_first, AGENT "/availability", "state", "online");
    return 0;
}

/* Hands the judge what both subscribers received, in the order it came. */
static void feed(void)
{
    for (;;) {
        const struct mqtt_message *a = at_first ? mqttclient_peek(at_first) : NULL;
        const struct mqtt_message *b = mqttclient_peek(at_second);
        if (!a && !b)
            return;
        bool take_a = a && (!b || a->at_ms <= b->at_ms);
        const struct mqtt_message *m = mqttclient_take(take_a ? at_first : at_second);
        judge_feed(judge, m->topic, m->payload, m->retain);
    }
}

/* Everything up to `seq` is there; what a dying broker had swallowed came by replay at `here`. */
static void expect_complete(struct mqttclient *here, uint64_t seq)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
    mqttclient_wait_json(here, "studio/tables/+/changes", "seq", number);
    feed();
    /* It takes requests there. */
    free(proc_wait_line(broker_proc(here == at_second ? second : first), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    size_t missing = judge_fetch_holes(judge, here, "edge-1", "judge");
    print_message("    %zu of %s events came by replay\n", missing, number);
    judge_expect_clean(judge, here);
    assert_int_equal(judge_events(judge), seq);
}

static void the_preferred_one_first(void **state)
{
    (void)state;
    scene_updates(pc, 10);
    mqttclient_wait_json(at_first, TABLE "/changes", "seq", "11");
    mqttclient_sync(at_second);
    assert_null(mqttclient_newest(at_second, AGENT "/availability"));
    expect_complete(at_first, 11);
}

static void the_next_one_when_it_is_not_there(void **state)
{
    (void)state;
    open_stage(false);
    mqttclient_wait_json(at_second, AGENT "/availability", "state", "online");
    scene_updates(pc, 10);
    expect_complete(at_second, 11);
    teardown(state);
}

static void over_to_the_other_under_load(void **state)
{
    (void)state;
    uint64_t seq = 1;
    struct {
        struct broker *broker;
        struct mqttclient *sub;
    } side[2] = {{first, at_first}, {second, at_second}};
    for (int round = 0; round < 3; round++) {
        int here = round % 2, there = 1 - here;
        mqttclient_mark(side[there].sub);
        for (int i = 0; i < 500; i++)
            wsclient_queue(pc, "{\"sdp\":\"up\"}");
        wsclient_flush(pc);
        for (int i = 0; i < 250; i++)
            wsclient_text(pc);
        broker_kill(side[here].broker);
        for (int i = 0; i < 250; i++)
            wsclient_text(pc);
        seq += 500;
        mqttclient_wait_json(side[there].sub, AGENT "/availability", "state", "online");
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)seq);
        mqttclient_wait_json(side[there].sub, TABLE "/changes", "seq", number);
        broker_start(side[here].broker);
        mqttclient_wait_connected(side[here].sub);
    }
    scene_updates(pc, 1);
    expect_complete(at_second, seq + 1);
}

static void back_to_the_preferred_one(void **state)
{
    (void)state;
    scene_updates(pc, 10);
    broker_kill(first);
    mqttclient_wait_json(at_second, AGENT "/availability", "state", "online");
    scene_updates(pc, 10);
    expect_complete(at_second, 21);
    broker_start(first);
    mqttclient_wait_connected(at_first);
    mqttclient_mark(at_first);
    mqttclient_mark(at_second);
    int64_t start = now_ms();
    /* It must have answered for 30 s before; updates go on meanwhile. */
    const struct mqtt_message *m = NULL;
    uint64_t seq = 21;
    while (!m && now_ms() - start < 90000) {
        scene_updates(pc, 10);
        seq += 10;
        m = mqttclient_poll(at_first, AGENT "/availability", NULL, NULL, 500);
    }
    assert_non_null(m);
    assert_true(now_ms() - start >= 30000);
    expect_json(m->payload, "state", "online");
    mqttclient_wait_json(at_second, AGENT "/availability", "state", "moved");
    scene_updates(pc, 10);
    expect_complete(at_first, seq + 10);
}

static void commands_go_with_it(void **state)
{
    (void)state;
    scene_updates(pc, 1);
    broker_kill(first);
    free(proc_wait_line(broker_proc(second), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    mqttclient_publish(at_second, TABLE "/set/plc", "{\"sdp\":\"up\"}");
    mqttclient_wait_payload(at_second, TABLE "/reply/plc",
                            "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
}

/* Another client with its client id takes its connection away: it comes back, and nothing is lost. */
static void a_session_taken_over(void **state)
{
    (void)state;
    assert_int_equal(mqttclient_try(&(struct mqttclient_options){
                         .port = broker_port(first), .client_id = "studio-agent-edge-1"}),
                     0);
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR, "lost connection", WAIT_MS));
    scene_updates(pc, 10);
    /* Where it goes is its own affair. */
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    feed();
    while ((judge_newest(judge) < 11 || judge_check(judge, NULL) > 0) &&
           deadline_left(deadline) > 0) {
        mqttclient_poll(at_first, "nothing/comes", NULL, NULL, 100);
        feed();
    }
    assert_int_equal(judge_events(judge), 11);
    judge_expect_clean(judge, at_second);
}

static void each_with_its_own_login(void **state)
{
    (void)state;
    static const struct broker_user one[] = {{"agent-one", "pw-one"}, {NULL, NULL}};
    static const struct broker_user two[] = {
        {"agent-two", "pw-two"}, {"office", "office"}, {NULL, NULL}};
    struct broker *a = broker_create(&(struct broker_options){.users = one});
    struct broker *b = broker_create(&(struct broker_options){.users = two});
    struct mqttclient *sub =
        mqttclient_create(&(struct mqttclient_options){.port = broker_port(b),
                                                       .username = "office",
                                                       .password = "office",
                                                       .subscribe = "studio/#"});
    const char *passwords = tmpdir_write(tmpdir_create(), "passwords", 0600, "pw-one\npw-two\n");
    char *config =
        test_printf("[mqtt]\nusername = agent-one,agent-two\npassword_file = %s\n", passwords);
    char *uris = test_printf("%s,%s", broker_uri(a), broker_uri(b));
    struct agent_proc *two_logins = scene_agent(uris, config);
    free(proc_wait_line(agent_proc_proc(two_logins), PROC_STDERR, " connected to", WAIT_MS));
    broker_kill(a);
    mqttclient_wait_json(sub, AGENT "/availability", "state", "online");
    agent_proc_destroy(two_logins);
    free(uris);
    free(config);
    mqttclient_destroy(sub);
    broker_destroy(a);
    broker_destroy(b);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(the_preferred_one_first),      cmocka_unit_test(the_next_one_when_it_is_not_there),
        STAGED(over_to_the_other_under_load), STAGED(commands_go_with_it),
        STAGED(a_session_taken_over),         cmocka_unit_test(each_with_its_own_login),
        STAGED(back_to_the_preferred_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
