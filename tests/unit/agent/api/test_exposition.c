/* test_exposition.c - the two text formats, to the letter. */
#include "api/exposition.h"

#include "base/histogram.h"
#include "support/cmocka_all.h"

static struct buf out;
static struct exposition e;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, SIZE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&out);
    return 0;
}

static void begin(enum exposition_format format)
{
    buf_clear(&out);
    exposition_begin(&e, &out, format);
}

static void expect(const char *text)
{
    exposition_end(&e);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, text);
}

static void the_older_format(void **state)
{
    static const struct label via[] = {{"via", "mqtt"}, {"x", "y"}};

    (void)state;
    begin(EXPOSITION_TEXT);
    exposition_family(&e, &(struct family){FAMILY_COUNTER, "updates", NULL, "accepted", 1500});
    exposition_sample(&e, via, 2, 7, 0);
    exposition_family(&e, &(struct family){FAMILY_GAUGE, "age_seconds", "seconds", "age", 0});
    exposition_sample(&e, NULL, 0, 12005, 3);
    exposition_family(&e, &(struct family){FAMILY_INFO, "build", NULL, "what", 0});
    exposition_sample(&e, via, 1, 1, 0);
    expect("# HELP studio_updates_total accepted\n"
           "# TYPE studio_updates_total counter\n"
           "studio_updates_total{via=\"mqtt\",x=\"y\"} 7\n"
           "# HELP studio_age_seconds age\n"
           "# TYPE studio_age_seconds gauge\n"
           "studio_age_seconds 12.005\n"
           "# HELP studio_build_info what\n"
           "# TYPE studio_build_info gauge\n"
           "studio_build_info{via=\"mqtt\"} 1\n");
}

static void open_metrics(void **state)
{
    static const struct label via[] = {{"via", "mqtt"}};

    (void)state;
    begin(EXPOSITION_OPEN);
    exposition_family(&e, &(struct family){FAMILY_COUNTER, "updates", NULL, "accepted", 1500});
    exposition_sample(&e, via, 1, 7, 0);
    exposition_family(&e, &(struct family){FAMILY_COUNTER, "parked", NULL, "kept", 0});
    exposition_sample(&e, via, 1, 3, 0);
    exposition_family(&e, &(struct family){FAMILY_GAUGE, "age_seconds", "seconds", "age", 0});
    exposition_sample(&e, NULL, 0, 5, 3);
    exposition_family(&e, &(struct family){FAMILY_INFO, "build", NULL, "what", 0});
    exposition_sample(&e, via, 1, 1, 0);
    expect("# HELP studio_updates accepted\n"
           "# TYPE studio_updates counter\n"
           "studio_updates_total{via=\"mqtt\"} 7\n"
           "studio_updates_created{via=\"mqtt\"} 1.500\n"
           "# HELP studio_parked kept\n"
           "# TYPE studio_parked counter\n"
           "studio_parked_total{via=\"mqtt\"} 3\n"
           "# HELP studio_age_seconds age\n"
           "# TYPE studio_age_seconds gauge\n"
           "# UNIT studio_age_seconds seconds\n"
           "studio_age_seconds 0.005\n"
           "# HELP studio_build what\n"
           "# TYPE studio_build info\n"
           "studio_build_info{via=\"mqtt\"} 1\n"
           "# EOF\n");
}

static void what_is_special_in_a_value(void **state)
{
    static const struct label odd[] = {{"a", "\\ \" \n"}, {"b", ""}};

    (void)state;
    begin(EXPOSITION_TEXT);
    e.family = (struct family){.name = "x"};
    exposition_sample(&e, odd, 2, UINT64_MAX, 0);
    expect("studio_x{a=\"\\\\ \\\" \\n\",b=\"\"} 18446744073709551615\n");
}

static void a_histogram(void **state)
{
    struct histogram h = {0};

    (void)state;
    histogram_observe(&h, 100);
    histogram_observe(&h, 1200);
    histogram_observe(&h, 99000000);
    begin(EXPOSITION_OPEN);
    exposition_family(&e, &(struct family){FAMILY_HISTOGRAM, "x_seconds", "seconds", "time", 2000});
    exposition_histogram(&e, &h);
    expect("# HELP studio_x_seconds time\n"
           "# TYPE studio_x_seconds histogram\n"
           "# UNIT studio_x_seconds seconds\n"
           "studio_x_seconds_bucket{le=\"0.0001\"} 1\n"
           "studio_x_seconds_bucket{le=\"0.00025\"} 1\n"
           "studio_x_seconds_bucket{le=\"0.0005\"} 1\n"
           "studio_x_seconds_bucket{le=\"0.001\"} 1\n"
           "studio_x_seconds_bucket{le=\"0.0025\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.005\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.01\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.025\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.05\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.1\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.25\"} 2\n"
           "studio_x_seconds_bucket{le=\"0.5\"} 2\n"
           "studio_x_seconds_bucket{le=\"1.0\"} 2\n"
           "studio_x_seconds_bucket{le=\"2.5\"} 2\n"
           "studio_x_seconds_bucket{le=\"5.0\"} 2\n"
           "studio_x_seconds_bucket{le=\"10.0\"} 2\n"
           "studio_x_seconds_bucket{le=\"+Inf\"} 3\n"
           "studio_x_seconds_count 3\n"
           "studio_x_seconds_sum 99.001300\n"
           "studio_x_seconds_created 2.000\n"
           "# EOF\n");
}

static void the_format_is_what_is_asked_for(void **state)
{
    static const struct {
        const char *accept;
        enum exposition_format format;
    } cases[] = {
        {NULL, EXPOSITION_TEXT},
        {"", EXPOSITION_TEXT},
        {"*/*", EXPOSITION_TEXT},
        {"application/json", EXPOSITION_TEXT},
        {"application/openmetrics-text", EXPOSITION_OPEN},
        {"APPLICATION/OpenMetrics-Text; Version=1.0.0; charset=utf-8", EXPOSITION_OPEN},
        {"application/openmetrics-text;version=\"1.0.0\"", EXPOSITION_OPEN},
        {"application/openmetrics-text;version=0.0.1", EXPOSITION_TEXT},
        {"application/openmetrics-text;version=2.0.0,text/plain;q=0.1", EXPOSITION_TEXT},
        /* Prometheus 2.42 */
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         EXPOSITION_OPEN},
        {"text/plain;version=0.0.4", EXPOSITION_TEXT},
        {"text/plain , application/openmetrics-text;q=0.9", EXPOSITION_TEXT},
        {"text/plain;q=0.25,application/openmetrics-text ; q=0.300", EXPOSITION_OPEN},
        {"application/openmetrics-text;q=0", EXPOSITION_TEXT},
        {"application/openmetrics-text;q=0.000,*/*;q=0", EXPOSITION_TEXT},
        {"application/openmetrics-text;q=1e9", EXPOSITION_OPEN},
        {"application/openmetrics-text;q=x,text/plain;q=0.1", EXPOSITION_TEXT},
        {",;,;q=,=;=,", EXPOSITION_TEXT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (exposition_choose(cases[i].accept) != cases[i].format)
            fail_msg("%s", cases[i].accept);
    assert_string_equal(exposition_type(EXPOSITION_TEXT),
                        "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(exposition_type(EXPOSITION_OPEN),
                        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_older_format),
        TEST(open_metrics),
        TEST(what_is_special_in_a_value),
        TEST(a_histogram),
        TEST(the_format_is_what_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
