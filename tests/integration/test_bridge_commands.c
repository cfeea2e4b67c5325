/* test_bridge_commands.c - commands, answers and replay with a real Mosquitto and an agent in
 * memory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "protocol/decode_replay.h"
#include "studio/status.h"
#include "support/agent.h"
#include "support/bridge_fakes.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"

static const char epoch[] = "6f1c0000000000000000000000000001";

/* The agent: a thread that answers each command with its number and payload. */
struct agent {
    struct fake_source source;
    struct bridge *bridge;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct bridge_command *waiting[LINK_COMMANDS_MAX];
    size_t count; /* of them */
    unsigned taken, answered;
    bool holds, ends;
};

static bool take_command(void *ctx, struct bridge_command *command)
{
    struct agent *a = (struct agent *)((char *)ctx - offsetof(struct agent, source));

    pthread_mutex_lock(&a->lock);
    assert_in_range(a->count, 0, LINK_COMMANDS_MAX - 1);
    a->waiting[a->count++] = command;
    a->taken++;
    pthread_cond_broadcast(&a->cond);
    pthread_mutex_unlock(&a->lock);
    return true;
}

static void replay(struct agent *a, struct bridge_command *command)
{
    struct studio_replay asked;
    struct message message;
    struct studio_error error;

    if (message_decode_replay(command->payload, command->payload_len, &asked, &message, &error) !=
        STUDIO_OK)
        test_fail("%s: %s", command->payload, error.text);
    message_finish(&message);
    bridge_replay(a->bridge, command, &asked);
}

static void *run_agent(void *arg)
{
    struct agent *a = arg;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        struct bridge_command *command = a->waiting[0];
        char json[512];
        int n;

        if (a->count == 0 || a->holds) {
            if (a->ends)
                break;
            pthread_cond_wait(&a->cond, &a->lock);
            continue;
        }
        memmove(a->waiting, a->waiting + 1, --a->count * sizeof(*a->waiting));
        a->answered++;
        if (command->replay) {
            pthread_mutex_unlock(&a->lock);
            replay(a, command);
            pthread_mutex_lock(&a->lock);
            continue;
        }
        n = snprintf(json, sizeof(json),
                     "{\"status\":\"updated\",\"table_id\":\"%s\",\"by\":\"%s\",\"field\":\"%s\","
                     "\"got\":%.*s,\"n\":%u}",
                     command->table_id, command->client, command->field ? command->field : "",
                     (int)command->payload_len, command->payload, a->answered);
        if (command->retained)
            n = snprintf(json, sizeof(json), "{\"error\":\"Retained commands are refused\"}");
        pthread_mutex_unlock(&a->lock);
        bridge_answer(a->bridge, command, json, (size_t)n);
        pthread_mutex_lock(&a->lock);
    }
    while (a->count > 0) /* the broker keeps them */
        bridge_answer(a->bridge, a->waiting[--a->count], NULL, 0);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void agent_start(struct agent *a, struct broker *broker, int version)
{
    struct bridge_config config = {.brokers = broker_uri(broker),
                                   .agent_id = "edge-1",
                                   .topic_root = "studio",
                                   .lists = &studio_built_in_values,
                                   .epoch = epoch,
                                   .boot = 1,
                                   .acked = a->source.count,
                                   .committed = a->source.count,
                                   .mqtt_version = version,
                                   .keepalive_s = 30,
                                   .session_expiry_s = 3600,
                                   .link_program = studio_program("studio-agent")};
    struct studio_error error;

    a->source.ops.command = take_command;
    if (bridge_create(&config, &a->source.ops, clock_system(), &a->bridge, &error) != STUDIO_OK)
        test_fail("%s", error.text);
    assert_int_equal(bridge_start(a->bridge), STUDIO_OK);
    a->ends = false;
    assert_int_equal(pthread_create(&a->thread, NULL, run_agent, a), 0);
}

static void agent_stop(struct agent *a)
{
    int64_t deadline = now_ms() + WAIT_MS;

    bridge_quiesce(a->bridge);
    while (!bridge_quiet(a->bridge) && deadline_left(deadline) > 0)
        usleep(1000);
    bridge_stop(a->bridge);
    pthread_mutex_lock(&a->lock);
    a->ends = true;
    a->holds = false;
    pthread_cond_broadcast(&a->cond);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    bridge_destroy(a->bridge);
}

static void agent_hold(struct agent *a, bool holds)
{
    pthread_mutex_lock(&a->lock);
    a->holds = holds;
    pthread_cond_broadcast(&a->cond);
    pthread_mutex_unlock(&a->lock);
}

static struct agent agent;

static unsigned taken(void)
{
    unsigned n;

    pthread_mutex_lock(&agent.lock);
    n = agent.taken;
    pthread_mutex_unlock(&agent.lock);
    return n;
}
static struct broker *broker;
static struct mqttclient *client;

static void open_all(int version)
{
    struct mqttclient_options options = {.version = version, .subscribe = "studio/# my/#"};

    memset(&agent, 0, sizeof(agent));
    fake_source_init(&agent.source, 20000);
    pthread_mutex_init(&agent.lock, NULL);
    pthread_cond_init(&agent.cond, NULL);
    broker = broker_create(NULL);
    options.port = broker_port(broker);
    client = mqttclient_create(&options);
    agent_start(&agent, broker, version);
}

/* The command session is open: a command is answered. */
static void wait_open(void)
{
    free(proc_wait_line(broker_proc(broker), PROC_STDERR, "studio-agent-edge-1-in 1 studio/agents",
                        WAIT_MS));
}

static int teardown(void **state)
{
    (void)state;
    agent_stop(&agent);
    mqttclient_destroy(client);
    broker_destroy(broker);
    fake_source_finish(&agent.source);
    pthread_cond_destroy(&agent.cond);
    pthread_mutex_destroy(&agent.lock);
    return 0;
}

static int setup5(void **state)
{
    (void)state;
    open_all(5);
    wait_open();
    return 0;
}

static int setup4(void **state)
{
    (void)state;
    open_all(4);
    wait_open();
    return 0;
}

static void a_command_gets_exactly_one_answer(void **state)
{
    const struct mqtt_message *m;

    (void)state;
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc", "{\"sdp\":\"up\"}");
    m = mqttclient_wait(client, "studio/tables/ARO-001/reply/plc", NULL, NULL);
    expect_json(m->payload, "got.sdp", "up");
    expect_json(m->payload, "by", "plc");
    expect_json(m->payload, "n", "1");
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc/zCam", "7");
    m = mqttclient_wait_json(client, "studio/tables/ARO-001/reply/plc", "n", "2");
    expect_json(m->payload, "field", "zCam");
    mqttclient_sync(client);
    pthread_mutex_lock(&agent.lock);
    assert_int_equal(agent.answered, 2);
    pthread_mutex_unlock(&agent.lock);
}

static void many_commands_are_answered_in_order(void **state)
{
    const unsigned count = 500;
    unsigned next = 1;

    (void)state;
    for (unsigned i = 1; i <= count; i++) {
        char payload[16];
        struct mqttclient_publish p = {
            .topic = "studio/tables/T/set/plc", .payload = payload, .no_wait = true};

        snprintf(payload, sizeof(payload), "%u", i);
        mqttclient_send(client, &p);
    }
    char last[16];
    snprintf(last, sizeof(last), "%u", count);
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "got", last);
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/tables/T/reply/plc") != 0)
            continue;
        assert_int_equal(json_number(m->payload, "got"), next);
        next++;
    }
    assert_int_equal(next, count + 1);
}

static void the_response_topic_is_used_unless_it_is_anothers(void **state)
{
    struct mqttclient_publish p = {.topic = "studio/tables/ARO-001/set/plc",
                                   .payload = "1",
                                   .response_topic = "my/answers",
                                   .correlation = "42"};
    const struct mqtt_message *m;

    (void)state;
    mqttclient_send(client, &p);
    m = mqttclient_wait(client, "my/answers", NULL, NULL);
    assert_string_equal(m->correlation, "42");
    p.response_topic = "studio/tables/ARO-001/status";
    mqttclient_send(client, &p);
    m = mqttclient_wait_json(client, "studio/tables/ARO-001/reply/plc", "n", "2");
    assert_string_equal(m->correlation, "42");
}

static void retained_commands_are_refused(void **state)
{
    struct mqttclient_publish p = {
        .topic = "studio/tables/ARO-001/set/plc", .payload = "{}", .retain = true};
    const struct mqtt_message *m;

    (void)state;
    mqttclient_send(client, &p);
    m = mqttclient_wait(client, "studio/tables/ARO-001/reply/plc", NULL, NULL);
    assert_string_equal(m->payload, "{\"error\":\"Retained commands are refused\"}");
    p.payload = "";
    mqttclient_send(client, &p); /* cleared again */
    mqttclient_publish(client, "studio/tables/ARO-001/set/not valid", "{}");
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc", "1");
    mqttclient_wait_json(client, "studio/tables/ARO-001/reply/plc", "n", "2");
    mqttclient_sync(client);
    assert_int_equal(taken(), 2); /* neither the empty one nor the one of a bad name */
}

/* The broker hears of the acknowledgement only after the answer. */
static void a_command_is_acknowledged_after_it_is_carried_out(void **state)
{
    char *log;

    (void)state;
    agent_hold(&agent, true);
    mqttclient_publish(client, "studio/tables/T/set/plc", "1");
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Sending PUBLISH to studio-agent-edge-1-in", WAIT_MS));
    mqttclient_sync(client);
    log = proc_output(broker_proc(broker), PROC_STDERR);
    assert_null(strstr(log, "Received PUBACK from studio-agent-edge-1-in"));
    free(log);
    agent_hold(&agent, false);
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Received PUBACK from studio-agent-edge-1-in", WAIT_MS));
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "n", "1");
}

/* However long it takes; and those behind it are carried out meanwhile, but it comes first. */
static void a_command_that_takes_long_is_not_acknowledged_early(void **state)
{
    char *log;

    (void)state;
    agent_hold(&agent, true);
    for (unsigned i = 0; i < 10; i++)
        mqttclient_publish(client, "studio/tables/T/set/plc", "1");
    usleep(2500 * 1000); /* that is what is tested */
    mqttclient_sync(client);
    assert_int_equal(taken(), 10);
    log = proc_output(broker_proc(broker), PROC_STDERR);
    assert_null(strstr(log, "Received PUBACK from studio-agent-edge-1-in"));
    free(log);
    agent_hold(&agent, false);
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "n", "10");
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Received PUBACK from studio-agent-edge-1-in (Mid: 10", WAIT_MS));
}

/* A stop without an answer: the broker keeps the commands, and `stopped` is said all the same. */
static void commands_without_an_answer_stay_with_the_broker(void **state)
{
    (void)state;
    agent_hold(&agent, true);
    for (unsigned i = 0; i < 10; i++)
        mqttclient_publish(client, "studio/tables/T/set/plc", "1");
    mqttclient_sync(client);
    bridge_quiesce(agent.bridge);
    bridge_stop(agent.bridge);
    mqttclient_wait_json(client, "studio/agents/edge-1/availability", "state", "stopped");
    agent_stop(&agent);
    mqttclient_mark(client);
    agent.answered = 0;
    agent_start(&agent, broker, 5);
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "n", "10");
}

static void commands_wait_while_the_agent_is_away(void **state)
{
    unsigned n = 0;
    struct mqttclient_publish p = {.topic = "studio/tables/T/set/plc"};

    (void)state;
    agent_stop(&agent);
    for (unsigned i = 1; i <= 50; i++) {
        char payload[16];

        snprintf(payload, sizeof(payload), "%u", i);
        p.payload = payload;
        p.expiry_s = i == 10 ? 1 : 0; /* this one does not wait so long */
        mqttclient_send(client, &p);
    }
    usleep(2100 * 1000); /* that is what is tested: the expiry passes */
    mqttclient_mark(client);
    agent_start(&agent, broker, 5);
    mqttclient_wait_json(client, "studio/tables/T/reply/plc", "got", "50");
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *m = mqttclient_message(client, i);

        if (strcmp(m->topic, "studio/tables/T/reply/plc") != 0)
            continue;
        if (++n == 10)
            n++;
        assert_int_equal(json_number(m->payload, "got"), n);
    }
    assert_int_equal(n, 50);
}

static void events_are_replayed_on_request(void **state)
{
    const struct mqtt_message *m;
    uint64_t next = 11;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        fake_commit(&agent.source, i % 2 ? "B" : "A", i / 2);
    fake_hand_over(&agent.source, agent.bridge, 1000); /* the rest is in the store */
    mqttclient_publish(client, "studio/agents/edge-1/replay/bo",
                       "{\"from_seq\":11,\"to_seq\":500}");
    m = mqttclient_wait_json(client, "studio/agents/edge-1/replayed/bo", "end", "true");
    expect_json(m->payload, "count", "490");
    for (size_t i = 0; i < mqttclient_count(client); i++) {
        const struct mqtt_message *one = mqttclient_message(client, i);

        if (one == m || strcmp(one->topic, m->topic) != 0)
            continue;
        assert_int_equal(json_number(one->payload, "seq"), next);
        expect_json(one->payload, "replay", "true");
        assert_false(one->retain);
        next++;
    }
    assert_int_equal(next, 501);
    struct mqttclient_publish p = {.topic = "studio/agents/edge-1/replay/bo",
                                   .payload = "{\"table_id\":\"B\",\"from_rev\":490}",
                                   .response_topic = "my/replay",
                                   .correlation = "7"};
    mqttclient_send(client, &p);
    m = mqttclient_wait_json(client, "my/replay", "end", "true");
    expect_json(m->payload, "count", "10");
    assert_string_equal(m->correlation, "7");
    pthread_mutex_lock(&agent.source.lock);
    agent.source.oldest = 100;
    pthread_mutex_unlock(&agent.source.lock);
    p.payload = "{\"from_seq\":1}";
    mqttclient_send(client, &p);
    m = mqttclient_wait_json(client, "my/replay", "error", "too old");
    expect_json(m->payload, "oldest_seq", "100");
}

static void on_3_1_1_commands_work_too(void **state)
{
    const struct mqtt_message *m;

    (void)state;
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc/SDP", "1");
    m = mqttclient_wait(client, "studio/tables/ARO-001/reply/plc", NULL, NULL);
    expect_json(m->payload, "field", "SDP");
    agent_stop(&agent);
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc/SDP", "2");
    agent_start(&agent, broker, 4);
    mqttclient_wait_json(client, "studio/tables/ARO-001/reply/plc", "got", "2");
}

/* Whoever clears a topic by an empty retained message asks for nothing, and gets no answer. */
static void an_empty_payload_may_be_a_cleared_topic(struct mqttclient_publish empty)
{
    const struct mqtt_message *m;

    mqttclient_send(client, &empty);
    mqttclient_publish(client, "studio/tables/ARO-001/set/plc", "7");
    m = mqttclient_wait(client, "studio/tables/ARO-001/reply/plc", NULL, NULL);
    expect_json(m->payload, "got", "7");
    expect_json(m->payload, "n", "1");
}

static void an_empty_retained_payload_is_ignored(void **state)
{
    (void)state;
    an_empty_payload_may_be_a_cleared_topic((struct mqttclient_publish){
        .topic = "studio/tables/ARO-001/set/plc", .payload = "", .retain = true});
}

static void on_3_1_1_an_empty_retained_payload_is_ignored(void **state)
{
    (void)state;
    an_empty_payload_may_be_a_cleared_topic((struct mqttclient_publish){
        .topic = "studio/tables/ARO-001/set/plc/SDP", .payload = "", .retain = true});
}

static void on_3_1_1_an_empty_payload_is_ignored_retained_or_not(void **state)
{
    (void)state;
    an_empty_payload_may_be_a_cleared_topic(
        (struct mqttclient_publish){.topic = "studio/tables/ARO-001/set/plc", .payload = ""});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup5, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_command_gets_exactly_one_answer),
        TEST(many_commands_are_answered_in_order),
        TEST(the_response_topic_is_used_unless_it_is_anothers),
        TEST(retained_commands_are_refused),
        TEST(a_command_is_acknowledged_after_it_is_carried_out),
        TEST(a_command_that_takes_long_is_not_acknowledged_early),
        TEST(commands_without_an_answer_stay_with_the_broker),
        TEST(commands_wait_while_the_agent_is_away),
        TEST(events_are_replayed_on_request),
        TEST(an_empty_retained_payload_is_ignored),
        cmocka_unit_test_setup_teardown(on_3_1_1_commands_work_too, setup4, teardown),
        cmocka_unit_test_setup_teardown(on_3_1_1_an_empty_retained_payload_is_ignored, setup4,
                                        teardown),
        cmocka_unit_test_setup_teardown(on_3_1_1_an_empty_payload_is_ignored_retained_or_not,
                                        setup4, teardown),
    };

    struct log log;
    log_init(&log, getenv("STUDIO_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT);
    log_use(&log);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
