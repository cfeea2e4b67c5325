/* test_metrics.c - what the page of figures tells, and when it leaves something out. */
#include "api/metrics.h"

#include "api/api.h"
#include "protocol/document.h"
#include "studio/version.h"
#include "support/core_fixture.h"
#include "support/exposition.h"
#include "support/fake_bridge.h"
#include "support/fake_committer.h"

static struct core_fixture f;
static struct committer committer;
static struct api api;
static struct buf page;

static void add_table(const char *id, enum role role, const char *update)
{
    struct fake_actor actor;

    fake_actor_init(&actor, VIA_WEBSOCKET, role, id, id);
    join(&f, &actor);
    fake_committer_settle(&f, &committer);
    say(&f, &actor, update);
    fake_committer_settle(&f, &committer);
    fake_actor_finish(&f, &actor);
}

static int setup(void **state)
{
    (void)state;
    core_fixture_open(&f, true);
    committer = (struct committer){.store = f.store};
    core_fixture_start(&f, &committer);
    buf_init(&page, SIZE_MAX);
    api = (struct api){
        .clock = &f.clock.clock,
        .core = f.core,
        .figures = &f.figures,
        .metrics = {.brokers = "mqtt://a:1883,mqtts://b", .tables = 2},
    };
    figure_set(&f.figures.started, FAKE_WALL_MS - 500);
    figure_set(&f.figures.mirror, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&page);
    core_fixture_close(&f);
    return 0;
}

static void print(enum exposition_format format)
{
    core_end_turn(f.core); /* which shows how many tables there are */
    buf_clear(&page);
    metrics_print(&api, format, &page);
    assert_true(buf_ok(&page));
}

static void expect_line(const char *line)
{
    if (!exposition_has(page.data, line))
        test_fail("no line %s in:\n%s", line, page.data);
}

static void expect_no_line(const char *beginning)
{
    char *line = test_printf("\n%s", beginning);

    if (strstr(page.data, line))
        test_fail("a line begins with %s", beginning);
    free(line);
}

static void all_figures_are_there(void **state)
{
    static const char *const lines[] = {
        "# TYPE studio_updates_total counter",
        "studio_updates_total{via=\"websocket\"} 1",
        "studio_updates_total{via=\"mqtt\"} 0",
        "studio_updates_total{via=\"http\"} 0",
        "studio_refused_total{reason=\"invalid_json\"} 0",
        "studio_refused_total{reason=\"invalid_value\"} 1",
        "studio_refused_total{reason=\"rate_limit\"} 0",
        "studio_refused_total{reason=\"storage\"} 0",
        "# TYPE studio_connections gauge",
        "studio_connections{role=\"device\"} 0",
        "studio_connections{role=\"viewer\"} 3",
        "studio_connections{role=\"operator\"} 0",
        "studio_subscribers 0",
        "studio_logins_total{result=\"accepted\"} 0",
        "studio_logins_total{result=\"credentials\"} 4",
        "studio_closed_total{reason=\"slow\"} 5",
        "studio_tables 2",
        "studio_seq 3",
        "studio_acked_seq 1",
        "studio_backlog_events 2",
        "studio_backlog_age_seconds 65.250",
        "studio_parked_total{kind=\"events\"} 6",
        "studio_parked_total{kind=\"agent\"} 0",
        "studio_broker_connected{broker=\"mqtt://a:1883\"} 0",
        "studio_broker_connected{broker=\"mqtts://b\"} 1",
        "studio_broker_connections_total 7",
        "studio_store_bytes 8192",
        "studio_store_writable 1",
        "studio_commit_seconds_count 1",
        "studio_commit_seconds_sum 0.002000",
        "studio_answer_seconds_count 2",
        "studio_publish_seconds_bucket{le=\"+Inf\"} 0",
        "studio_tables_left_out 0",
        "studio_build_info{version=\"" STUDIO_VERSION "\",protocol=\"1\"} 1",
    };

    (void)state;
    add_table("ARO-001", ROLE_DEVICE, "{\"sdp\":\"up\"}");
    add_table("ARO-002", ROLE_DEVICE, "{\"sdp\":\"wrong\"}");
    figure_set(&f.figures.connections[ROLE_VIEWER], 3);
    figure_set(&f.figures.logins[LOGIN_CREDENTIALS], 4);
    figure_set(&f.figures.closed[CLOSED_SLOW], 5);
    figure_set(&f.figures.parked[PARKED_EVENTS], 6);
    figure_set(&f.figures.broker_connections, 7);
    figure_set(&f.figures.broker, 2);
    figure_set(&f.figures.acked_seq, 1);
    figure_set(&f.figures.waiting_since, (uint64_t)f.clock.mono_ms - 65250);
    figure_set(&f.figures.store_bytes, 8192);
    figure_set(&f.figures.store_writable, 1);
    histogram_observe(&f.figures.commit, 2000);
    print(EXPOSITION_TEXT);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect_line(lines[i]);
    expect_no_line("studio_tls_days_left"); /* there is no TLS */
    expect_no_line("studio_mirror");        /* parts of the agent tell each other */
    expect_no_line("studio_refused_total{reason=\"usage\"}");
}

static void each_sample_is_there_once_behind_what_it_is(void **state)
{
    (void)state;
    add_table("ARO-001", ROLE_DEVICE, "{}");
    add_table("ARO-002", ROLE_DEVICE, "{}");
    for (int format = EXPOSITION_TEXT; format <= EXPOSITION_OPEN; format++) {
        print(format);
        exposition_check(page.data);
    }
}

static void open_metrics_ends_and_tells_since_when(void **state)
{
    (void)state;
    print(EXPOSITION_OPEN);
    expect_line("# TYPE studio_updates counter");
    expect_line("studio_updates_total{via=\"mqtt\"} 0");
    expect_line("studio_updates_created{via=\"mqtt\"} 1704110399.500");
    expect_line("# UNIT studio_store_bytes bytes");
    expect_line("# UNIT studio_answer_seconds seconds");
    expect_line("studio_answer_seconds_created 1704110399.500");
    expect_line("studio_parked_created{kind=\"events\"} 1704110399.500");
    expect_no_line("studio_tables_created"); /* no counter */
    expect_line("# TYPE studio_build info");
    assert_string_equal(page.data + page.len - 6, "# EOF\n");
}

static void a_state_is_one_and_the_others_are_none(void **state)
{
    (void)state;
    add_table("ARO-001", ROLE_DEVICE, "{\"sdp\":\"calibration\",\"maintenance\":true}");
    print(EXPOSITION_TEXT);
    expect_line("studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"calibration\"} 1");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"up\"} 0");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"exception\"} 0");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"IDP\",state=\"standby\"} 1");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"ZCam\",state=\"down\"} 1");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"ZCam\",state=\"up\"} 0");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"MAINTENANCE\",state=\"true\"} 1");
    expect_line("studio_table_state{table=\"ARO-001\",field=\"MAINTENANCE\",state=\"false\"} 0");
}

static void the_first_tables_by_name_are_told_the_others_counted(void **state)
{
    struct fake_actor office;

    (void)state;
    add_table("ARO-003", ROLE_DEVICE, "{}");
    add_table("ARO-001", ROLE_DEVICE, "{}");
    add_table("ARO-002", ROLE_DEVICE, "{}");
    print(EXPOSITION_TEXT);
    expect_line("studio_table_state{table=\"ARO-001\",field=\"SDP\",state=\"standby\"} 1");
    expect_line("studio_table_state{table=\"ARO-002\",field=\"SDP\",state=\"standby\"} 1");
    expect_no_line("studio_table_state{table=\"ARO-003\"");
    expect_line("studio_tables_left_out 1");
    fake_actor_init(&office, VIA_WEBSOCKET, ROLE_OPERATOR, "OFFICE", "OFFICE");
    say(&f, &office, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-001\"}}");
    fake_committer_settle(&f, &committer);
    fake_actor_finish(&f, &office);
    print(EXPOSITION_TEXT);
    expect_no_line("studio_table_state{table=\"ARO-001\"");
    expect_line("studio_table_state{table=\"ARO-003\",field=\"SDP\",state=\"standby\"} 1");
    expect_line("studio_tables_left_out 0");
    api.metrics.tables = 0;
    print(EXPOSITION_TEXT);
    expect_no_line("studio_table_state{");
    expect_line("studio_tables_left_out 2");
}

static void without_a_broker_nothing_waits(void **state)
{
    (void)state;
    figure_set(&f.figures.mirror, 0);
    figure_set(&f.figures.seq, 9);
    figure_set(&f.figures.waiting_since, 1);
    api.metrics.brokers[0] = '\0';
    print(EXPOSITION_TEXT);
    expect_line("studio_seq 9");
    expect_line("studio_acked_seq 9");
    expect_line("studio_backlog_events 0");
    expect_line("studio_backlog_age_seconds 0.000");
    expect_no_line("studio_broker_connected");
}

static void a_broker_that_is_in_the_list_twice_is_one(void **state)
{
    (void)state;
    strcpy(api.metrics.brokers, "mqtt://a,mqtt://b,mqtt://a");
    figure_set(&f.figures.broker, 3);
    print(EXPOSITION_TEXT);
    expect_line("studio_broker_connected{broker=\"mqtt://a\"} 1");
    expect_line("studio_broker_connected{broker=\"mqtt://b\"} 0");
    exposition_check(page.data);
}

static void the_words_are_those_of_the_protocol(void **state)
{
    (void)state;
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];

        for (size_t k = 0; strcmp(row->name, "updates") == 0 && k < row->count; k++)
            assert_string_equal(row->words[k], via_name((enum studio_via)k));
        for (size_t k = 0; strcmp(row->name, "connections") == 0 && k < row->count; k++)
            assert_string_equal(row->words[k], role_name((enum role)k));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_figures_are_there),
        TEST(each_sample_is_there_once_behind_what_it_is),
        TEST(open_metrics_ends_and_tells_since_when),
        TEST(a_state_is_one_and_the_others_are_none),
        TEST(the_first_tables_by_name_are_told_the_others_counted),
        TEST(without_a_broker_nothing_waits),
        TEST(a_broker_that_is_in_the_list_twice_is_one),
        cmocka_unit_test(the_words_are_those_of_the_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
