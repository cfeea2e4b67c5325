/* test_commands.c - from a message to the agent, and the answer back. */
#include "bridge/commands.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"

static struct fake_source source;
static struct topics topics;
static struct answers answers;
static struct replays replays;
static struct fake_link link_in;
static struct commands c;

enum { HELD_MAX = 8, GENERATION = 3 };

/* The agent: notes what it gets; answers at once, or keeps it. */
static struct {
    bool full, silent;
    unsigned count;
    char table[64], client[64], field[64], payload[64];
    bool retained;
    bool replay;
    struct bridge_command *held[HELD_MAX];
    unsigned held_count;
} agent;

static bool take_command(void *ctx, struct bridge_command *in)
{
    (void)ctx;
    if (agent.full)
        return false;
    agent.count++;
    snprintf(agent.table, sizeof(agent.table), "%s", in->table_id);
    snprintf(agent.client, sizeof(agent.client), "%s", in->client);
    snprintf(agent.field, sizeof(agent.field), "%s", in->field ? in->field : "-");
    snprintf(agent.payload, sizeof(agent.payload), "%.*s", (int)in->payload_len, in->payload);
    agent.retained = in->retained;
    agent.replay = in->replay;
    if (agent.silent)
        agent.held[agent.held_count++ % HELD_MAX] = in;
    else
        commands_answer(&c, in, "{\"status\":\"updated\"}", 20);
    return true;
}

static int setup(void **state)
{
    (void)state;
    memset(&agent, 0, sizeof(agent));
    fake_source_init(&source, 1);
    source.ops.command = take_command;
    fake_link_init(&link_in, LINK_IN);
    link_in.generation = GENERATION;
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    assert_int_equal(replays_init(&replays, &source.ops, "6f1c", &answers), STUDIO_OK);
    assert_int_equal(commands_init(&c, &topics, &source.ops, &answers, &replays, &link_in.link),
                     STUDIO_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    commands_finish(&c);
    replays_finish(&replays);
    answers_finish(&answers);
    fake_link_finish(&link_in);
    fake_source_finish(&source);
    return 0;
}

/* With the next token. */
static void arrive(struct link_command *in)
{
    static uint64_t token;

    in->generation = GENERATION;
    in->token = ++token;
    commands_arrived(&c, in);
    commands_step(&c); /* to the agent */
    commands_step(&c); /* its answer */
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
    assert_true(agent.retained && agent.replay);
    assert_string_equal(answer(), "studio/agents/edge-1/replayed/bo {\"status\":\"updated\"}");
    in.payload_len = 0; /* someone clears it */
    arrive(&in);
    assert_string_equal(answer(), "");
    assert_int_equal(agent.count, 2);
    assert_int_equal(c.ignored, 0);
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
    assert_int_equal(c.ignored, 7);
}

/* No refusal: the command waits, and those behind it, and the link reads no more of them. */
static void an_agent_that_is_full_gets_it_later(void **state)
{
    struct link_command first = message("studio/tables/T/set/a", "1");
    struct link_command second = message("studio/tables/T/set/a", "2");

    (void)state;
    agent.full = true;
    arrive(&first);
    arrive(&second);
    assert_false(commands_step(&c));
    assert_string_equal(answer(), "");
    assert_int_equal(link_in.verdicts, 0);
    agent.full = false;
    agent.silent = true;
    assert_true(commands_step(&c));
    assert_int_equal(agent.count, 2);
    assert_string_equal(agent.held[0]->payload, "1");
    assert_string_equal(agent.held[1]->payload, "2");
    commands_answer(&c, agent.held[0], NULL, 0);
    commands_answer(&c, agent.held[1], NULL, 0);
}

static void connection(enum link_event_kind kind, bool session)
{
    commands_event(
        &c, &(struct link_event){.link = LINK_IN, .kind = kind, .limits = {.session = session}});
}

/* What the broker brings again must not be carried out twice, what it does not bring not be lost. */
static void what_waits_when_the_connection_is_lost_is_carried_out_once(void **state)
{
    struct link_command one = message("studio/tables/T/set/a", "1");
    struct link_command two = message("studio/tables/T/set/a", "2");

    (void)state;
    agent.full = true;
    arrive(&one);
    arrive(&two);
    connection(LINK_LOST, false);
    agent.full = false;
    assert_true(commands_step(&c)); /* a stop does not wait for it */
    assert_int_equal(agent.count, 0);
    connection(LINK_FAILED, false);
    connection(LINK_UP, true);
    assert_true(commands_step(&c));
    assert_int_equal(agent.count, 0);
    arrive(&one); /* again */
    assert_int_equal(agent.count, 1);

    agent.full = true;
    arrive(&one);
    arrive(&two);
    connection(LINK_LOST, false);
    agent.full = false;
    commands_event(&c, &(struct link_event){.link = LINK_OUT, .kind = LINK_UP});
    assert_true(commands_step(&c));
    assert_int_equal(agent.count, 1);
    connection(LINK_UP, false);
    assert_true(commands_step(&c));
    assert_int_equal(agent.count, 3);
    assert_string_equal(agent.payload, "2");
    commands_step(&c);
}

static void the_verdict_comes_after_the_answer(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");

    (void)state;
    agent.silent = true;
    arrive(&in);
    assert_int_equal(agent.count, 1);
    assert_int_equal(link_in.verdicts, 0);
    commands_answer(&c, agent.held[0], "{}", 2);
    assert_string_equal(answer(), "studio/tables/T/reply/a {}");
    assert_int_equal(link_in.verdicts, 0);
    commands_step(&c);
    assert_int_equal(link_in.verdicts, 1);
    assert_int_equal(link_in.verdict, in.token);
}

static void what_is_refused_here_has_its_verdict_at_once(void **state)
{
    struct link_command in = message("studio/tables/T/status", "{}");

    (void)state;
    commands_arrived(&c, &in); /* of an older connection */
    assert_int_equal(link_in.verdicts, 0);
    in.generation = GENERATION;
    in.token = 77;
    commands_arrived(&c, &in);
    assert_int_equal(link_in.verdicts, 1);
    assert_int_equal(link_in.verdict, 77);
}

static void an_answer_is_not_lost_with_the_connection_of_its_command(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");

    (void)state;
    agent.silent = true;
    arrive(&in);
    link_in.generation++;
    commands_answer(&c, agent.held[0], "{}", 2);
    commands_step(&c);
    assert_int_equal(link_in.verdicts, 0);
    assert_string_equal(answer(), "studio/tables/T/reply/a {}");
}

static void what_waits_at_the_end_has_no_verdict(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");

    (void)state;
    agent.full = true;
    arrive(&in);
    arrive(&in);
    agent.full = false;
    agent.silent = true;
    in = message("studio/tables/T/set/a", "{}");
    arrive(&in);
    commands_answer(&c, agent.held[0], NULL, 0);
    commands_answer(&c, agent.held[1], NULL, 0);
    commands_answer(&c, agent.held[2], NULL, 0);
    assert_int_equal(link_in.verdicts, 0); /* teardown frees them */
}

static void an_ignored_command_has_no_answer(void **state)
{
    struct link_command in = message("studio/tables/T/set/a", "{}");

    (void)state;
    agent.silent = true;
    arrive(&in);
    commands_answer(&c, agent.held[0], NULL, 0);
    commands_step(&c);
    assert_string_equal(answer(), "");
    assert_int_equal(link_in.verdicts, 1);
}

static void a_request_for_replay_goes_to_the_agent_and_comes_back_read(void **state)
{
    struct link_command in = message("studio/agents/edge-1/replay/bo", "{\"from_seq\":1}");
    const struct studio_replay replay = {.from_seq = 1};

    (void)state;
    agent.silent = true;
    for (unsigned i = 0; i <= REPLAYS_WAITING; i++) {
        arrive(&in);
        assert_true(agent.replay);
        assert_string_equal(agent.client, "bo");
        assert_string_equal(agent.payload, "{\"from_seq\":1}");
        assert_string_equal(answer(), "");
        commands_replay(&c, agent.held[i % HELD_MAX], &replay);
        commands_step(&c);
        assert_int_equal(link_in.verdicts, i + 1);
        if (i < REPLAYS_WAITING)
            assert_string_equal(answer(), "");
    }
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
        TEST(an_agent_that_is_full_gets_it_later),
        TEST(what_waits_when_the_connection_is_lost_is_carried_out_once),
        TEST(the_verdict_comes_after_the_answer),
        TEST(what_is_refused_here_has_its_verdict_at_once),
        TEST(an_answer_is_not_lost_with_the_connection_of_its_command),
        TEST(what_waits_at_the_end_has_no_verdict),
        TEST(an_ignored_command_has_no_answer),
        TEST(a_request_for_replay_goes_to_the_agent_and_comes_back_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
