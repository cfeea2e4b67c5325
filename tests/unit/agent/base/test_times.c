#include "base/times.h"

#include <string.h>
#include <time.h>

#include "support/cmocka_all.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_print(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *ts;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1767323045678), "2026-01-02T03:04:05.678Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {-5, "1970-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char ts[TIME_MS_LEN + 1], stamp[TIME_S_LEN + 1];
        time_print_ms(rows[i].ms, ts);
        assert_string_equal(ts, rows[i].ts);
        time_print_s(rows[i].ms < 0 ? -1 : rows[i].ms / 1000, stamp);
        assert_memory_equal(stamp, rows[i].ts, TIME_S_LEN);
        assert_int_equal(strlen(stamp), TIME_S_LEN);
    }
}

/* Every day of four centuries, after which the calendar repeats itself. */
static void test_every_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day <= 146097; day++) {
        char ours[TIME_S_LEN + 1], theirs[TIME_S_LEN + 1];
        time_t s = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        time_print_s(s, ours);
        assert_true(strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm)) > 0);
        assert_string_equal(ours, theirs);
    }
}

static void test_print_and_parse(void **state)
{
    (void)state;
    for (int64_t s = 0; s < INT64_C(253402300799); s += INT64_C(86399) * 97) {
        char seconds[TIME_S_LEN + 1], ms[TIME_MS_LEN + 1], day[TIME_DAY_LEN + 1];
        int64_t back;
        time_print_s(s, seconds);
        assert_true(time_parse_s(seconds, &back));
        assert_true(back == s);
        time_print_ms(s * 1000 + s % 1000, ms);
        assert_true(time_parse_ms(ms, &back));
        assert_true(back == s * 1000 + s % 1000);
        memcpy(day, seconds, TIME_DAY_LEN);
        day[TIME_DAY_LEN] = '\0';
        assert_true(time_parse_day(day, &back));
        assert_true(back == s - s % 86400);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026-01-02T03:04:05x",
        " 2026-01-02T03:04:05",
        "2026-01-02 03:04:05",
        "2026-1-02T03:04:05",
        "2026-13-02T03:04:05",
        "2026-02-29T03:04:05",
        "2026-01-02T24:00:00",
        "2026-01-02T03:04:60",
        "1969-12-31T23:59:59",
        "-026-01-02T03:04:05",
        "2026-01-02T03:04:05.678",
        "2026-01-02T03:04:05.678+",
        "2026-01-02T03:04:05.6 8Z",
        "2026-01-02T03:04:05.-78Z",
        "2026-02-30T03:04:05.678Z",
        "2026-02-30",
        "2026-00-10",
        "2026-01-00",
        "2026-01-1",
        "26-01-01",
        "2026/01/01",
    };
    int64_t out;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (time_parse_s(rows[i], &out) || time_parse_ms(rows[i], &out) ||
            time_parse_day(rows[i], &out))
            fail_msg("taken: %s", rows[i]);
    }
}

static void test_before_1970(void **state)
{
    int64_t ms;
    (void)state;
    assert_true(time_parse_rfc3339("1969-12-31T23:59:59.999Z", &ms));
    assert_int_equal(ms, -1);
    assert_true(time_parse_rfc3339("0001-01-01T00:00:00Z", &ms));
    assert_int_equal(ms, INT64_C(-62135596800000));
    assert_false(time_parse_s("1969-12-31T23:59:59", &ms));
}

static void test_any_time_of_rfc3339(void **state)
{
    static const struct {
        const char *text, *ts; /* NULL: it is none */
    } rows[] = {
        {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"},
        {"2026-01-02t03:04:05z", "2026-01-02T03:04:05.000Z"},
        {"2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.600Z"},
        {"2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678Z"},
        {"2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05.000Z"},
        {"2026-01-02T03:04:05 02:00", "2026-01-02T01:04:05.000Z"},
        {"2026-01-02T03:04:05.250-05:30", "2026-01-02T08:34:05.250Z"},
        {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"},
        {"1970-01-01T00:00:00+00:01", "1970-01-01T00:00:00.000Z"}, /* what is earlier is shown so */
        {"1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z"},
        {"0001-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {"1900-02-29T00:00:00Z", NULL},
        {"2026-02-29T00:00:00Z", NULL},
        {"2026-01-02T03:04:05", NULL},
        {"2026-01-02T03:04:05.Z", NULL},
        {"2026-01-02T03:04:05+2:00", NULL},
        {"2026-01-02T03:04:05+0200", NULL},
        {"2026-01-02T03:04:05+24:00", NULL},
        {"2026-01-02T03:04:05+02:60", NULL},
        {"2026-01-02T03:04:05Zx", NULL},
        {"2026-01-02T03:04:05+02:00x", NULL},
        {"2026-01-02 03:04:05Z", NULL},
        {"2026-01-02", NULL},
        {"now", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char ts[TIME_MS_LEN + 1];
        int64_t ms;
        bool valid = time_parse_rfc3339(rows[i].text, &ms);
        if (valid != (rows[i].ts != NULL))
            fail_msg("%s is %s", rows[i].text, valid ? "taken" : "refused");
        if (!valid)
            continue;
        time_print_ms(ms, ts);
        assert_string_equal(ts, rows[i].ts);
    }
}

static void days_left_are_whole_and_never_below_none(void **state)
{
    (void)state;
    assert_int_equal(time_days_left(86400, 0), 1);
    assert_int_equal(time_days_left(86399, 0), 0);
    assert_int_equal(time_days_left(10, 20), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_left_are_whole_and_never_below_none),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_print_and_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_before_1970),
        cmocka_unit_test(test_any_time_of_rfc3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
