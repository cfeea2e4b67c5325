/* test_judge.c - the judge finds each kind of broken promise, and nothing where all is well. */
#include "support/judge.h"

#include <stdlib.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

#define CHANGES "studio/tables/A/changes"
#define STATUS  "studio/tables/A/status"

static void change_in(struct judge *j, const char *epoch, int seq, int rev, const char *changes,
                      const char *end)
{
    char *text = test_printf("{\"seq\":%d,\"epoch\":\"%s\",\"table_id\":\"A\",\"rev\":%d,"
                             "\"ts\":\"2026-01-02T03:04:05.678Z\",\"by\":\"A_pc\","
                             "\"via\":\"websocket\",\"changes\":%s%s",
                             seq, epoch, rev, changes, end);
    judge_feed(j, CHANGES, text, false);
    free(text);
}

static void change(struct judge *j, int seq, int rev, const char *changes)
{
    change_in(j, "e1", seq, rev, changes, "}");
}

static void status(struct judge *j, int uptime, const char *sdp)
{
    char *text = test_printf("{\"TABLE_ID\":\"A\",\"UPTIME\":%d,\"TIMESTAMP\":"
                             "\"2026-01-02T03:04:05\",\"SDP\":\"%s\"}",
                             uptime, sdp);
    judge_feed(j, STATUS, text, false);
    free(text);
}

/* A table's life of four events, all as promised. */
static struct judge *good(void)
{
    struct judge *j = judge_create("studio");
    change(j, 1, 0, "{\"SDP\":[null,\"standby\"]}");
    change(j, 2, 1, "{\"SDP\":[\"standby\",\"up\"]}");
    judge_feed(j, "studio/tables/A/exceptions",
               "{\"seq\":3,\"epoch\":\"e1\",\"table_id\":\"A\",\"ts\":\"2026-01-02T03:04:05.678Z\","
               "\"by\":\"A_pc\",\"via\":\"websocket\",\"data\":\"NO BALL DETECT\"}",
               false);
    change(j, 4, 2, "{\"SDP\":[\"up\",\"down\"]}");
    status(j, 1, "up");
    status(j, 2, "down");
    judge_feed(j, "studio/tables/A/fields/SDP", "down", false);
    return j;
}

static void violations(struct judge *j, size_t expected)
{
    size_t found = judge_check(j, NULL);
    if (found != expected)
        judge_check(j, stderr);
    assert_int_equal(found, expected);
    judge_destroy(j);
}

static void all_is_well(void **state)
{
    (void)state;
    struct judge *j = good();
    assert_int_equal(judge_events(j), 4);
    assert_int_equal(judge_repeats(j), 0);
    assert_int_equal(judge_newest(j), 4);
    violations(j, 0);
}

static void repeats_are_no_harm(void **state)
{
    (void)state;
    struct judge *j = good();
    change(j, 2, 1, "{\"SDP\":[\"standby\",\"up\"]}");
    change(j, 4, 2, "{\"SDP\":[\"up\",\"down\"]}");
    assert_int_equal(judge_events(j), 4);
    assert_int_equal(judge_repeats(j), 2);
    violations(j, 0);
}

static void a_repeat_with_other_bytes(void **state)
{
    (void)state;
    struct judge *j = good();
    change(j, 2, 1, "{\"SDP\":[\"standby\",\"calibration\"]}");
    violations(j, 1);
}

static void a_hole_and_its_replay(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    uint64_t from, to;
    change(j, 1, 0, "{\"SDP\":[null,\"standby\"]}");
    change(j, 4, 3, "{\"SDP\":[\"up\",\"down\"]}");
    assert_true(judge_hole(j, &from, &to));
    assert_int_equal(from, 2);
    assert_int_equal(to, 3);
    assert_true(judge_check(j, NULL) >= 1);
    change_in(j, "e1", 2, 1, "{\"SDP\":[\"standby\",\"up\"]}", ",\"replay\":true}");
    change_in(j, "e1", 3, 2, "{}", ",\"replay\":true}");
    assert_false(judge_hole(j, &from, &to));
    violations(j, 0);
}

static void a_hole_before_the_first(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    uint64_t from, to;
    change(j, 3, 2, "{}");
    change(j, 4, 3, "{}");
    assert_false(judge_hole(j, &from, &to));
    assert_int_equal(judge_check(j, NULL), 0);
    judge_start(j, 1);
    assert_true(judge_hole(j, &from, &to));
    assert_int_equal(from, 1);
    assert_int_equal(to, 2);
    assert_int_equal(judge_check(j, NULL), 1);
    change_in(j, "e1", 1, 0, "{\"SDP\":[null,\"standby\"]}", ",\"replay\":true}");
    change_in(j, "e1", 2, 1, "{}", ",\"replay\":true}");
    assert_false(judge_hole(j, &from, &to));
    violations(j, 0);
}

static void a_replay_is_the_same_bytes(void **state)
{
    (void)state;
    struct judge *j = good();
    change_in(j, "e1", 2, 1, "{\"SDP\":[\"standby\",\"up\"]}", ",\"replay\":true}");
    violations(j, 0);
}

static void first_deliveries_out_of_order(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    change(j, 1, 0, "{\"SDP\":[null,\"standby\"]}");
    change(j, 3, 2, "{}");
    change(j, 2, 1, "{}");
    violations(j, 1);
}

static void a_rev_that_jumps(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    change(j, 1, 0, "{\"SDP\":[null,\"standby\"]}");
    change(j, 2, 2, "{}");
    violations(j, 1);
}

static void an_old_value_that_was_not(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    change(j, 1, 0, "{\"SDP\":[null,\"standby\"]}");
    change(j, 2, 1, "{\"SDP\":[\"down\",\"up\"]}");
    violations(j, 1);
}

static void a_status_that_goes_back(void **state)
{
    (void)state;
    struct judge *j = good();
    status(j, 1, "up");
    status(j, 2, "down");
    violations(j, 1);
}

static void a_last_status_that_is_old(void **state)
{
    (void)state;
    struct judge *j = good();
    change(j, 5, 3, "{\"SDP\":[\"down\",\"up\"]}");
    /* too old an UPTIME, and so another SDP */
    violations(j, 2);
}

static void a_status_with_another_value(void **state)
{
    (void)state;
    struct judge *j = good();
    status(j, 2, "standby");
    /* against the changes, and against fields/SDP */
    violations(j, 2);
}

static void a_field_that_is_old(void **state)
{
    (void)state;
    struct judge *j = good();
    judge_feed(j, "studio/tables/A/fields/SDP", "up", false);
    violations(j, 1);
}

static void a_field_left_behind(void **state)
{
    (void)state;
    struct judge *j = good();
    judge_feed(j, "studio/tables/A/fields/speed", "7", false);
    assert_int_equal(judge_check(j, NULL), 1);
    judge_feed(j, "studio/tables/A/fields/speed", "", false);
    violations(j, 0);
}

static void an_epoch_starts_anew(void **state)
{
    (void)state;
    struct judge *j = good();
    change_in(j, "e2", 1, 0, "{\"SDP\":[null,\"standby\"]}", "}");
    change_in(j, "e2", 2, 1, "{\"SDP\":[\"standby\",\"up\"]}", "}");
    judge_feed(j, STATUS, "", true);
    status(j, 1, "up");
    judge_feed(j, "studio/tables/A/fields/SDP", "up", false);
    assert_int_equal(judge_newest(j), 2);
    violations(j, 0);
}

static void rubbish(void **state)
{
    (void)state;
    struct judge *j = judge_create("studio");
    judge_feed(j, CHANGES, "not JSON", false);
    judge_feed(j, STATUS, "[]", false);
    judge_feed(j, "other/tables/A/changes", "not ours", false);
    judge_feed(j, "studio/agents/a/health", "{}", false);
    violations(j, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(repeats_are_no_harm),
        cmocka_unit_test(a_repeat_with_other_bytes),
        cmocka_unit_test(a_hole_and_its_replay),
        cmocka_unit_test(a_hole_before_the_first),
        cmocka_unit_test(a_replay_is_the_same_bytes),
        cmocka_unit_test(first_deliveries_out_of_order),
        cmocka_unit_test(a_rev_that_jumps),
        cmocka_unit_test(an_old_value_that_was_not),
        cmocka_unit_test(a_status_that_goes_back),
        cmocka_unit_test(a_last_status_that_is_old),
        cmocka_unit_test(a_status_with_another_value),
        cmocka_unit_test(a_field_that_is_old),
        cmocka_unit_test(a_field_left_behind),
        cmocka_unit_test(an_epoch_starts_anew),
        cmocka_unit_test(rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
