#include "support/cmocka_all.h"
#include "support/fields.h"

#include <stdio.h>
#include <string.h>

#include "model/state.h"

/* Sets of a test: the strings are literals, so there is nothing to free. */
static struct field_set built_in(size_t id, const char *value)
{
    int index =
        studio_value_find(&studio_built_in_values, studio_fields[id].kind, value, strlen(value));
    assert_true(index >= 0);
    return (struct field_set){.field = &studio_fields[id], .value = (unsigned char)index};
}

static struct field_set custom(const char *name, const char *json)
{
    return (struct field_set){.name = (char *)name, .json = (char *)json};
}

static void apply(struct table_state *s, struct field_set *sets, size_t count, const char *expected)
{
    struct update update = {sets, count};
    struct buf changes;
    buf_init(&changes, 10000);
    assert_int_equal(state_apply(s, &update, 99, &changes), STUDIO_OK);
    assert_string_equal(changes.data, expected);
    buf_finish(&changes);
}

static void test_new_table(void **state)
{
    (void)state;
    struct table_state s;
    state_init(&s, &studio_built_in_values, 1704110400);
    assert_int_equal(s.rev, 0);
    assert_int_equal(s.stamp_s, 1704110400);
    assert_string_equal(state_value(&s, field("maintenance")), "false");
    assert_string_equal(state_value(&s, field("sdp")), "standby");
    assert_string_equal(state_value(&s, field("nfc_scanner")), "down");
    assert_null(s.custom);

    struct buf changes;
    buf_init(&changes, 10000);
    state_first_changes(&s, &changes);
    char expected[1000];
    snprintf(expected, sizeof(expected), "{%s}", fields(FIELDS_CHANGES, ""));
    assert_string_equal(changes.data, expected);
    buf_finish(&changes);
    state_finish(&s);
}

static void test_built_in_changes(void **state)
{
    (void)state;
    struct table_state s;
    state_init(&s, &studio_built_in_values, 0);
    struct field_set sets[] = {built_in(field("sdp"), "up"), built_in(field("idp"), "standby"),
                               built_in(field("maintenance"), "true")};
    apply(&s, sets, 3, "{\"SDP\":[\"standby\",\"up\"],\"MAINTENANCE\":[false,true]}");
    assert_int_equal(s.rev, 1);
    assert_int_equal(s.stamp_s, 99);
    assert_string_equal(state_value(&s, field("sdp")), "up");
    apply(&s, sets, 3, "{}"); /* an update all the same */
    assert_int_equal(s.rev, 2);
    state_finish(&s);
}

static void test_custom_fields(void **state)
{
    (void)state;
    struct table_state s;
    state_init(&s, &studio_built_in_values, 0);
    struct field_set set[] = {custom("a", "1"), custom("b", "\"x\""), custom("c", "[]")};
    apply(&s, set, 3, "{\"a\":[null,1],\"b\":[null,\"x\"],\"c\":[null,[]]}");
    assert_int_equal(s.custom_count, 3);

    struct field_set again[] = {custom("b", "\"y\""), custom("a", NULL), custom("nothing", NULL),
                                custom("c", "[]")};
    apply(&s, again, 4, "{\"b\":[\"x\",\"y\"],\"a\":[1,null]}");
    assert_int_equal(s.custom_count, 2);
    assert_string_equal(s.custom[0].name, "b");
    assert_string_equal(s.custom[0].json, "\"y\"");
    assert_string_equal(s.custom[1].name, "c");

    struct field_set back[] = {custom("a", "2")};
    apply(&s, back, 1, "{\"a\":[null,2]}");
    assert_string_equal(s.custom[2].name, "a"); /* at the end now */

    struct field_set gone[] = {custom("a", NULL), custom("b", NULL), custom("c", NULL)};
    apply(&s, gone, 3, "{\"a\":[2,null],\"b\":[\"y\",null],\"c\":[[],null]}");
    assert_int_equal(s.custom_count, 0);
    assert_null(s.custom);
    state_finish(&s);
}

static void fill_custom(struct table_state *s)
{
    char name[16];
    for (int i = 0; i < STUDIO_CUSTOM_FIELDS_MAX; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        struct field_set set = custom(name, "0");
        struct update update = {&set, 1};
        struct buf changes;
        buf_init(&changes, 1000);
        assert_int_equal(state_apply(s, &update, 0, &changes), STUDIO_OK);
        buf_finish(&changes);
    }
}

static void test_too_many_custom_fields(void **state)
{
    (void)state;
    struct table_state s;
    struct buf changes;
    state_init(&s, &studio_built_in_values, 0);
    fill_custom(&s);
    assert_int_equal(s.custom_count, STUDIO_CUSTOM_FIELDS_MAX);

    struct field_set more[] = {built_in(field("sdp"), "up"), custom("one_more", "1")};
    struct update update = {more, 2};
    buf_init(&changes, 1000);
    assert_int_equal(state_apply(&s, &update, 5, &changes), STUDIO_ERR_TOO_MANY_FIELDS);
    buf_finish(&changes);
    assert_int_equal(s.rev, STUDIO_CUSTOM_FIELDS_MAX);
    assert_int_equal(s.stamp_s, 0);
    assert_string_equal(state_value(&s, field("sdp")), "standby");

    /* What counts is how many there are in the end, in whatever order the message names them. */
    struct field_set swap[] = {custom("one_more", "1"), custom("f0", NULL)};
    apply(&s, swap, 2, "{\"one_more\":[null,1],\"f0\":[0,null]}");
    assert_int_equal(s.custom_count, STUDIO_CUSTOM_FIELDS_MAX);
    assert_string_equal(s.custom[STUDIO_CUSTOM_FIELDS_MAX - 1].name, "one_more");
    state_finish(&s);
}

static void test_failed_changes_leave_the_state(void **state)
{
    (void)state;
    struct table_state s;
    struct buf changes;
    state_init(&s, &studio_built_in_values, 0);
    struct field_set sets[] = {custom("a", "1"), built_in(field("sdp"), "up")};
    struct update update = {sets, 2};
    buf_init(&changes, 10); /* too small */
    assert_int_equal(state_apply(&s, &update, 5, &changes), STUDIO_ERR_NO_MEMORY);
    buf_finish(&changes);
    assert_int_equal(s.rev, 0);
    assert_int_equal(s.custom_count, 0);
    assert_string_equal(state_value(&s, field("sdp")), "standby");
    state_finish(&s);
}

static void test_copy_is_deep(void **state)
{
    (void)state;
    struct table_state s, copy;
    state_init(&s, &studio_built_in_values, 7);
    struct field_set sets[] = {custom("a", "1"), built_in(field("sdp"), "up")};
    apply(&s, sets, 2, "{\"a\":[null,1],\"SDP\":[\"standby\",\"up\"]}");
    assert_int_equal(state_copy(&copy, &s), STUDIO_OK);
    struct field_set other[] = {custom("a", "2"), custom("b", "3")};
    apply(&copy, other, 2, "{\"a\":[1,2],\"b\":[null,3]}");
    assert_int_equal(s.custom_count, 1);
    assert_string_equal(s.custom[0].json, "1");
    assert_int_equal(copy.rev, 2);
    assert_string_equal(state_value(&copy, field("sdp")), "up");
    state_finish(&s);
    state_finish(&copy);
    state_finish(&copy); /* twice does no harm */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_table),
        cmocka_unit_test(test_built_in_changes),
        cmocka_unit_test(test_custom_fields),
        cmocka_unit_test(test_too_many_custom_fields),
        cmocka_unit_test(test_failed_changes_leave_the_state),
        cmocka_unit_test(test_copy_is_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
