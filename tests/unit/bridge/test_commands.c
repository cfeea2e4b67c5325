/* test_commands.c - from a message to the agent, and the answer back. */
#include "bridge/commands.h"

#include <unistd.h>

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static struct fake_source source;
static struct topics topics;
static struct answers answers;
static struct replays replays;
static struct events events;
static struct commands c;

/* The agent: notes what it gets, answers on another thread or not at all. */
static struct {
    bool refuses, silent;
    unsigned count;
    char table[64], client[64], field[64], payload[64];
    bool retained;
    struct bridge_command *held;
    atomic_bool taken;
    pthread_t thread;
    bool thread_runs;
} agent;

static void *answer_soon(void *arg)
{
    usleep(1000);
    commands_answer(&c, arg, "{\"status\":\"updated\"}", 20);
    return NULL;
}

static bool take_command(void *ctx, struct bridge_command *in)
{
    (void)ctx;
    agent.count++;
    snprintf(agent.table, sizeof(agent.table), "%s", in->table_id);
    snprintf(agent.client, sizeof(agent.client), "%s", in->client);
    snprintf(agent.field, sizeof(agent.field), "%s", in->field ? in->field : "-");
    snprintf(agent.payload, sizeof(agent.payload), "%.*s", (int)in->payload_len, in->payload);
    agent.retained = in->retained;
    if (agent.refuses)
        return false;
    agent.held = in;
    atomic_store(&agent.taken, true);
    if (!agent.silent) {
        agent.thread_runs = true;
        assert_int_equal(pthread_create(&agent.thread, NULL, answer_soon, in), 0);
    }
    return true;
}

static int setup(void **state)
{
    (void)state;
    memset(&agent, 0, sizeof(agent));
    fake_source_init(&source, 1);
    source.ops.command = take_command;
    assert_true(topics_init(&topics, "studio", "edge-1"));
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    assert_int_equal(replays_init(&replays, &source.ops, "6f1c", &answers), STUDIO_OK);
    assert_int_equal(events_init(&events), STUDIO_OK);
    assert_int_equal(commands_init(&c, &topics, &source.ops, &answers, &replays, &events),
                     STUDIO_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    commands_finish(&c);
    events_finish(&events);
    replays_finish(&replays);
    answers_finish(&answers);
    fake_source_finish(&source);
    return 0;
}

static void arrive(const struct link_command *in)
{
    commands_arrived(&c, in);
    if (agent.thread_runs)
        pthread_join(agent.thread, NULL);
    agent.thread_runs = false;
}

static struct link_command message(const char *topic, const char *payload)
{
    return (struct link_command){.topic = topic,
                                 .topic_len = strlen(topic),
                                 .payload = payload,
                                 .payload_len = strlen(payload),
                                 .expiry_s = -1};
}

/* The one answer there is, as "topic payload"; "" if there is none. */
static const char *answer(void)
{
    static char text[512];
    struct reply *r = reply_list_take(&answers.list);

    text[0] = '\0';
    if (r)
        snprintf(text, sizeof(text), "%s %s", r->topic, r->payload);
    free(r);
    assert_null(reply_list_take(&answers.list));
    return text;
}

static void a_command_reaches_the_agent_and_is_answered(void **state)
{
    struct link_command in = message("studio/tables/ARO-001/set/plc", "{\"sdp\":\"up\"}");

    (void)state;
    arrive(&in);
    assert_string_equal(agent.table, "ARO-001");
    assert_string_equal(agent.client, "plc");
    assert_string_equal(agent.field, "-");
    assert_string_equal(agent.payload, "{\"sdp\":\"up\"}");
    assert_false(agent.retained);
    assert_string_equal(answer(), "studio/tables/ARO-001/reply/plc {\"status\":\"updated\"}");
    in = message("studio/tables/ARO-001/set/plc/zCam", "");
    arrive(&in);
    assert_string_equal(agent.field, "zCam");
    assert_string_equal(agent.payload, "");
    assert_string_equal(answer(), "studio/tables/ARO-001/reply/plc {\"status\":\"updated\"}");
}

static void response_topic_and_correlation_are_used(void **state)
{
    struct link_command in = message("studio/tables/ARO-001/set/plc", "{}");
    struct reply *r;

    (void)state;
    in.response = "my/answers-and-more";
    in.response_len = strlen("my/answers");
    in.correlation = "\1\0\2";
    in.correlation_len = 3;
    arrive(&in);
    r = reply_list_take(&answers.list);
    assert_string_equal(r->topic, "my/answers");
    assert_int_equal(r->correlation_len, 3);
    assert_memory_equal(r->correlation, "\1\0\2", 3);
    free(r);
    in.response = "studio/tables/ARO-001/status"; /* not for the likes of you */
    in.response_len = strlen(in.response);
    arrive(&in);
    r = reply_list_take(&answers.list);
    assert_string_equal(r->topic, "studio/tables/ARO-001/reply/plc");
    free(r);
}

static void retained_commands_are_marked_or_refused(void **state)
{
    struct link_command in = message("studio/tables/ARO-001/set/plc", "{\"sdp\":\"up\"}");

    (void)state;
    in.retained = true;
    arrive(&in); /* the agent refuses it: it knows the request_id */
    assert_true(agent.retained);
    assert_string_equal(answer(), "studio/tables/ARO-001/reply/plc {\"status\":\"updated\"}");
    in = message("studio/agents/edge-1/replay/bo", "{\"from_seq\":1}");
    in.retained = true;
    arrive(&in);
    assert_string_equal(answer(), "studio/agents/edge-1/replayed/bo "
                                  "{\"error\":\"Retained commands are refused\"}");
    in.payload_len = 0; /* someone clears it */
    arrive(&in);
    assert_string_equal(answer(), "");
    assert_int_equal(agent.count, 1);
    assert_int_equal(commands_ignored(&c), 0);
}

static void others_are_ignored_and_counted(void **state)
{
    static const char *const topics_ignored[] = {
        "studio/tables/ARO-001/set/", "studio/tables/ARO-001/set/.x", "studio/tables/T/set/a b",
        "studio/tables/T/set/a/b/c",  "studio/tables/T/status",       "other/tables/T/set/a"};
    struct link_command in;

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        in = message(topics_ignored[i], "{}");
        arrive(&in);
        assert_string_equal(answer(), "");
    }
    in = message("studio/tables/T/set/a", "{}");
    in.expiry_s = 0; /* too late */
    arrive(&in);
    assert_string_equal(answer(), "");
    assert_int_equal(agent.count, 0);
    assert_int_equal(commands_ignored(&c), 7);
}

static void an_agent_that_cannot_take_it_refuses(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");

    (void)state;
    agent.refuses = true;
    arrive(&in);
    assert_string_equal(answer(), "studio/tables/T/reply/a {\"error\":\"Storage unavailable\"}");
}

static void *close_soon(void *arg)
{
    while (!agent.taken)
        usleep(1000);
    usleep(1000);
    assert_true(commands_close(arg));
    return NULL;
}

/* The callback returns: what it has is acknowledged to the broker. */
static int64_t time_to_return(const struct link_command *in)
{
    int64_t began = clock_mono(clock_system());

    arrive(in);
    return clock_mono(clock_system()) - began;
}

static void what_is_not_answered_at_the_end_is_not_acknowledged(void **state)
{
    enum { HOLD_MS = 300 };
    struct link_command in = message("studio/tables/T/set/a", "{}");
    pthread_t closer;

    (void)state;
    c.hold_ms = HOLD_MS;
    agent.silent = true;
    assert_int_equal(pthread_create(&closer, NULL, close_soon, &c), 0);
    assert_true(time_to_return(&in) >= HOLD_MS);
    pthread_join(closer, NULL);
    assert_string_equal(answer(), "");
    commands_answer(&c, agent.held, NULL, 0);
    assert_string_equal(answer(), "");
    assert_false(commands_close(&c));
    agent.refuses = true; /* the agent is gone */
    assert_true(time_to_return(&in) >= HOLD_MS);
    assert_string_equal(answer(), "");
}

static void *ignore_soon(void *arg)
{
    (void)arg;
    while (!agent.taken)
        usleep(1000);
    commands_answer(&c, agent.held, NULL, 0);
    return NULL;
}

static void an_ignored_command_has_no_answer(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");
    pthread_t other;

    (void)state;
    agent.silent = true;
    assert_int_equal(pthread_create(&other, NULL, ignore_soon, NULL), 0);
    arrive(&in);
    pthread_join(other, NULL);
    assert_string_equal(answer(), "");
}

static void requests_for_replay_go_to_the_bridge(void **state)
{
    struct link_command in = message("studio/agents/edge-1/replay/bo", "{\"from_seq\":1}");
    struct link_command broken = message("studio/agents/edge-1/replay/bo", "{");

    (void)state;
    arrive(&broken);
    assert_string_equal(answer(),
                        "studio/agents/edge-1/replayed/bo {\"error\":\"Invalid JSON format\"}");
    for (int i = 0; i < REPLAYS_WAITING; i++)
        arrive(&in);
    assert_string_equal(answer(), "");
    arrive(&in);
    assert_string_equal(answer(),
                        "studio/agents/edge-1/replayed/bo {\"error\":\"Try again later\"}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_command_reaches_the_agent_and_is_answered),
        TEST(response_topic_and_correlation_are_used),
        TEST(retained_commands_are_marked_or_refused),
        TEST(others_are_ignored_and_counted),
        TEST(an_agent_that_cannot_take_it_refuses),
        TEST(what_is_not_answered_at_the_end_is_not_acknowledged),
        TEST(an_ignored_command_has_no_answer),
        TEST(requests_for_replay_go_to_the_bridge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
