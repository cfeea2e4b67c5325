/* test_topics.c - topic names, built and taken apart. */
#include "bridge/topics.h"

#include <string.h>

#include "support/cmocka_all.h"

static struct topics t;

static int setup(void **state)
{
    (void)state;
    return topics_init(&t, "casino/studio", "edge-1", false) ? 0 : -1;
}

static void roots_are_checked(void **state)
{
    static const char *const good[] = {"studio", "a/b/c", "\xc3\xa9t\xc3\xa9"};
    static const char *const bad[] = {"", "/a", "a/", "$SYS", "a//b", "a/+", "#", "a\nb", "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(topics_root_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(topics_root_valid(bad[i]));
}

static void topics_are_spelled_as_in_the_protocol(void **state)
{
    static const struct {
        enum table_topic kind;
        const char *below, *expected;
    } tables[] = {
        {TOPIC_STATUS, NULL, "casino/studio/tables/ARO-001/status"},
        {TOPIC_FIELD, "ZCam", "casino/studio/tables/ARO-001/fields/ZCam"},
        {TOPIC_CHANGES, NULL, "casino/studio/tables/ARO-001/changes"},
        {TOPIC_EXCEPTIONS, NULL, "casino/studio/tables/ARO-001/exceptions"},
        {TOPIC_PRESENCE, NULL, "casino/studio/tables/ARO-001/presence"},
        {TOPIC_REPLY, "plc", "casino/studio/tables/ARO-001/reply/plc"},
    };
    static const struct {
        enum agent_topic kind;
        const char *below, *expected;
    } agents[] = {
        {TOPIC_AVAILABILITY, NULL, "casino/studio/agents/edge-1/availability"},
        {TOPIC_INFO, NULL, "casino/studio/agents/edge-1/info"},
        {TOPIC_HEALTH, NULL, "casino/studio/agents/edge-1/health"},
        {TOPIC_REPLAYED, "plc", "casino/studio/agents/edge-1/replayed/plc"},
    };
    char out[TOPIC_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        assert_true(topics_table(&t, "ARO-001", tables[i].kind, tables[i].below, out));
        assert_string_equal(out, tables[i].expected);
    }
    for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++) {
        assert_true(topics_agent(&t, agents[i].kind, agents[i].below, out));
        assert_string_equal(out, agents[i].expected);
    }
    assert_true(topics_filter_set(&t, out));
    assert_string_equal(out, "casino/studio/tables/+/set/#");
    assert_true(topics_filter_replay(&t, out));
    assert_string_equal(out, "casino/studio/agents/edge-1/replay/+");
}

static void what_does_not_fit_is_refused(void **state)
{
    char long_name[TOPIC_MAX];
    char out[TOPIC_MAX];

    (void)state;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_false(topics_table(&t, "ARO-001", TOPIC_FIELD, long_name, out));
    assert_false(topics_init(&(struct topics){.root = ""}, "studio", "no blanks", false));
}

static void requests_are_taken_apart(void **state)
{
    static const struct {
        const char *topic;
        enum topic_request_kind kind;
        const char *table, *client, *field;
    } cases[] = {
        {"casino/studio/tables/ARO-001/set/plc", TOPIC_SET, "ARO-001", "plc", NULL},
        {"casino/studio/tables/ARO-001/set/plc/zCam", TOPIC_SET_FIELD, "ARO-001", "plc", "zCam"},
        {"casino/studio/tables/ARO-001/set/", TOPIC_SET, "ARO-001", "", NULL},
        {"casino/studio/agents/edge-1/replay/bo", TOPIC_REPLAY, "edge-1", "bo", NULL},
        {"casino/studio/agents/edge-2/replay/bo", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino/studio/agents/edge-1/replay/bo/x", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino/studio/tables/ARO-001/set", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino/studio/tables/ARO-001/set/a/b/c", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino/studio/tables/ARO-001/status/x", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino/studios/tables/ARO-001/set/a", TOPIC_NOT_OURS, NULL, NULL, NULL},
        {"casino", TOPIC_NOT_OURS, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct topic_request r;

        topics_parse(&t, cases[i].topic, strlen(cases[i].topic), &r);
        assert_int_equal(r.kind, cases[i].kind);
        if (cases[i].table)
            assert_string_equal(r.table, cases[i].table);
        if (cases[i].client)
            assert_string_equal(r.client, cases[i].client);
        if (cases[i].field)
            assert_string_equal(r.field, cases[i].field);
    }
}

static void a_nul_in_a_topic_is_not_ours(void **state)
{
    static const char topic[] = "casino/studio/tables/ARO-001/set/a\0b";
    struct topic_request r;

    (void)state;
    topics_parse(&t, topic, sizeof(topic) - 1, &r);
    assert_int_equal(r.kind, TOPIC_NOT_OURS);
}

static void a_topic_that_is_not_utf8_is_not_ours(void **state)
{
    static const char topic[] = "casino/studio/tables/\xff/set/plc";
    struct topic_request r;

    (void)state;
    topics_parse(&t, topic, sizeof(topic) - 1, &r);
    assert_int_equal(r.kind, TOPIC_NOT_OURS);
}

static void only_own_answer_topics_under_the_root_are_honoured(void **state)
{
    static const struct {
        const char *response;
        bool honoured;
    } cases[] = {
        {"casino/studio/tables/ARO-001/reply/plc", true},
        {"casino/studio/tables/OTHER/reply/plc", true},
        {"casino/studio/agents/edge-1/replayed/plc", true},
        {"elsewhere/answers", true},
        {"casino/studio/tables/ARO-001/reply/other", false},
        {"casino/studio/tables/ARO-001/reply/plc/x", false},
        {"casino/studio/tables/ARO-001/status", false},
        {"casino/studio/agents/edge-1/availability", false},
        {"casino/studio", false},
        {"casino/studio/", false},
        {"a/+/b", false},
        {"a/#", false},
        {"$SYS/x", false},
        {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", true},
        {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", false},
        {"", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(topics_response(&t, cases[i].response, "plc", "default"),
                            cases[i].honoured ? cases[i].response : "default");
}

/* Brokers that cannot carry '.', blank and '%' in names: the root is as configured, wildcards stay. */
static void names_are_escaped_where_that_is_wanted(void **state)
{
    static const struct {
        const char *topic;
        enum topic_request_kind kind;
        const char *table, *client, *field;
    } cases[] = {
        {"a.b/tables/ARO%2E7/set/plc%2e1", TOPIC_SET, "ARO.7", "plc.1", ""},
        {"a.b/tables/ARO.7/set/plc.1", TOPIC_SET, "ARO.7", "plc.1", ""},
        {"a.b/tables/T/set/p/x%2Ey%20z%25", TOPIC_SET_FIELD, "T", "p", "x.y z%"},
        {"a.b/tables/%252E%2/set/%", TOPIC_SET, "%2E%2", "%", ""},
        {"a.b/agents/e%2E1/replay/bo%2E", TOPIC_REPLAY, "e.1", "bo.", ""},
    };
    char out[TOPIC_MAX], name[STUDIO_TABLE_ID_MAX + 1];
    struct topic_request r;
    struct topics e;

    (void)state;
    assert_true(topics_init(&e, "a.b", "e.1", true));
    assert_true(topics_table(&e, "ARO.7", TOPIC_FIELD, "x.y z%", out));
    assert_string_equal(out, "a.b/tables/ARO%2E7/fields/x%2Ey%20z%25");
    assert_true(topics_agent(&e, TOPIC_REPLAYED, "plc.1", out));
    assert_string_equal(out, "a.b/agents/e%2E1/replayed/plc%2E1");
    assert_true(topics_agent(&e, TOPIC_CHECK, "x%x", out));
    assert_string_equal(out, "a.b/agents/e%2E1/check/x%x");
    assert_true(topics_filter_set(&e, out));
    assert_string_equal(out, "a.b/tables/+/set/#");
    assert_true(topics_filter_replay(&e, out));
    assert_string_equal(out, "a.b/agents/e%2E1/replay/+");
    memset(name, '.', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_true(topics_table(&e, name, TOPIC_FIELD, name, out));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        topics_parse(&e, cases[i].topic, strlen(cases[i].topic), &r);
        assert_int_equal(r.kind, cases[i].kind);
        assert_string_equal(r.table, cases[i].table);
        assert_string_equal(r.client, cases[i].client);
        assert_string_equal(r.field, cases[i].field);
    }
    assert_string_equal(topics_response(&e, "a.b/tables/T/reply/plc%2E1", "plc.1", "default"),
                        "a.b/tables/T/reply/plc%2E1");
    topics_parse(&t, "casino/studio/tables/A%2E7/set/p", 32, &r); /* not wanted */
    assert_string_equal(r.table, "A%2E7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_checked),
        cmocka_unit_test(topics_are_spelled_as_in_the_protocol),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(requests_are_taken_apart),
        cmocka_unit_test(a_nul_in_a_topic_is_not_ours),
        cmocka_unit_test(a_topic_that_is_not_utf8_is_not_ours),
        cmocka_unit_test(names_are_escaped_where_that_is_wanted),
        cmocka_unit_test(only_own_answer_topics_under_the_root_are_honoured),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
