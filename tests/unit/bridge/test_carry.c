/* test_carry.c - names a broker may not carry: which are in use, and what is said of them. */
#include "bridge/carry.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "support/cmocka_all.h"

static struct topics topics;
static struct carry c;
static struct log own_log;
static unsigned lines;
static char line[1024];
static struct buf out;

static void on_line(void *ctx, int level, const char *module, const char *text)
{
    (void)ctx;
    (void)level;
    (void)module;
    lines++;
    snprintf(line, sizeof(line), "%s", text);
}

static void begin(const char *root, const char *agent, bool escape)
{
    assert_true(topics_init(&topics, root, agent, escape));
    carry_init(&c, &topics);
    carry_up(&c, "mqtt://a");
    lines = 0;
    line[0] = '\0';
}

static const char *names(void)
{
    buf_clear(&out);
    carry_print(&c, &out);
    return out.data;
}

static void nothing_is_asked_where_no_name_is_awkward(void **state)
{
    (void)state;
    begin("studio", "edge-1", false);
    carry_note(&c, "studio/tables/ARO-001/fields/SDP");
    carry_note(&c, "my/foreign.topic"); /* not a name of ours */
    assert_false(carry_due(&c));
    assert_string_equal(names(), "[]");
}

static void what_is_in_use_is_asked_once_for_a_connection(void **state)
{
    char level[CARRY_LEVEL_MAX];

    (void)state;
    begin("studio", "edge-1", false);
    carry_note(&c, "studio/tables/ARO.7/fields/x.y");
    assert_true(carry_due(&c));
    carry_ask(&c, 0, level);
    assert_string_equal(level, "x.x");
    assert_false(carry_due(&c));
    carry_note(&c, "studio/tables/ARO.8/status");
    assert_false(carry_due(&c));
    carry_up(&c, "mqtt://b");
    assert_true(carry_due(&c));
    begin("a hall/100%", "edge.1", false);
    carry_ask(&c, 0, level);
    assert_string_equal(level, "x.x x%x");
}

static void each_name_is_told_once_for_a_broker(void **state)
{
    char level[CARRY_LEVEL_MAX];

    (void)state;
    begin("studio", "edge-1", false);
    carry_note(&c, "studio/tables/ARO.7/fields/x.y");
    carry_note(&c, "studio/tables/ARO.7/fields/x.y");
    carry_ask(&c, 0, level);
    assert_string_equal(names(), "[]");
    assert_true(carry_told(&c, CARRY_CHANGED));
    assert_string_equal(names(), "[\"ARO.7\",\"x.y\"]");
    assert_non_null(strstr(line, "ARO.7, x.y: set mqtt.topic_escape = yes"));
    assert_int_equal(lines, 1);
    carry_note(&c, "studio/tables/T/reply/plc.1");
    assert_int_equal(lines, 2);
    assert_non_null(strstr(line, "cannot carry plc.1:"));
    carry_up(&c, "mqtt://a");
    assert_string_equal(names(), "[]");
    carry_ask(&c, 0, level);
    assert_true(carry_told(&c, CARRY_HANGS_UP));
    assert_int_equal(lines, 2);
    assert_string_equal(names(), "[\"ARO.7\",\"x.y\",\"plc.1\"]");
    assert_false(carry_told(&c, CARRY_SAME));
    assert_string_equal(names(), "[]");
}

static void what_does_not_come_back_says_nothing_about_names(void **state)
{
    char level[CARRY_LEVEL_MAX];

    (void)state;
    begin("studio", "edge.1", false);
    for (int i = 0; i < 2; i++) {
        carry_ask(&c, 1000, level);
        carry_look(&c, 1000 + CARRY_WAIT_MS - 1);
        assert_int_equal(lines, i);
        carry_look(&c, 1000 + CARRY_WAIT_MS);
        assert_string_equal(names(), "[]");
        assert_int_equal(lines, 1);
        assert_non_null(strstr(line, "is not known"));
        carry_up(&c, "mqtt://a");
    }
}

static void who_refuses_is_not_asked_again(void **state)
{
    char level[CARRY_LEVEL_MAX];

    (void)state;
    begin("studio", "edge.1", false);
    carry_ask(&c, 0, level);
    assert_false(carry_told(&c, CARRY_REFUSED));
    assert_non_null(strstr(line, "is not known"));
    carry_up(&c, "mqtt://b");
    assert_true(carry_due(&c));
    carry_up(&c, c.refused);
    assert_false(carry_due(&c));
}

static void only_so_many_are_known_by_name(void **state)
{
    char level[CARRY_LEVEL_MAX], topic[TOPIC_MAX];

    (void)state;
    begin("studio", "edge-1", true);
    for (int i = 0; i < 2 * CARRY_NAMES_MAX; i++) {
        snprintf(topic, sizeof(topic), "studio/tables/T%%2E%d/status", i);
        carry_note(&c, topic);
    }
    assert_int_equal(c.count, CARRY_NAMES_MAX);
    carry_ask(&c, 0, level);
    assert_string_equal(level, "x%x");
    carry_told(&c, CARRY_CHANGED);
    assert_null(strstr(line, "topic_escape")); /* it is on */
}

static int setup(void **state)
{
    (void)state;
    own_log = (struct log){.level = LOG_INFO, .sink = on_line};
    log_use(&own_log);
    buf_init(&out, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_where_no_name_is_awkward),
        cmocka_unit_test(what_is_in_use_is_asked_once_for_a_connection),
        cmocka_unit_test(each_name_is_told_once_for_a_broker),
        cmocka_unit_test(what_does_not_come_back_says_nothing_about_names),
        cmocka_unit_test(who_refuses_is_not_asked_again),
        cmocka_unit_test(only_so_many_are_known_by_name),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
