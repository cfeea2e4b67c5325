/* test_past.c - a document of then, out of events of before and after. */
#include "protocol/past.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct past past;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    past = (struct past){0};
    buf_init(&out, SIZE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    past_finish(&past);
    buf_finish(&out);
    return 0;
}

#define HEAD                                                                                       \
    "\"table_id\":\"T\",\"rev\":1,\"ts\":\"2024-01-01T12:00:00.000Z\",\"by\":\"T\",\"via\":"       \
    "\"http\",\"changes\":"
#define MADE                                                                                       \
    "{\"MAINTENANCE\":[null,false],\"SDP\":[null,\"standby\"],\"IDP\":[null,\"standby\"],"         \
    "\"BROKER\":[null,\"down\"],\"ZCam\":[null,\"down\"],\"ROULETTE\":[null,\"down\"],"            \
    "\"SHAKER\":[null,\"down\"],\"BARCODE_SCANNER\":[null,\"down\"],\"NFC_SCANNER\":[null,"        \
    "\"down\"]}"

static enum past_kind later(const char *changes)
{
    static char body[4096];

    snprintf(body, sizeof(body), HEAD "%s}", changes);
    return past_later(&past, body, strlen(body));
}

static enum past_kind earlier(const char *changes)
{
    static char body[4096];

    snprintf(body, sizeof(body), HEAD "%s}", changes);
    return past_earlier(&past, body, strlen(body));
}

static void now(const char *document)
{
    past_now(&past, document, strlen(document));
}

/* What it says of the fields after the head. */
static void expect_past(const char *fields)
{
    static const char head[] =
        "{\"TABLE_ID\":\"T\",\"UPTIME\":7,\"TIMESTAMP\":\"2024-01-01T12:00:00\",";

    assert_false(past.failed);
    buf_clear(&out);
    past_print(&past, &out, "T", 7, 1704110400);
    assert_memory_equal(out.data, head, sizeof(head) - 1);
    assert_string_equal(out.data + sizeof(head) - 1, fields);
}

static void later_changes_tell_what_was_before(void **state)
{
    (void)state;
    assert_int_equal(later("{\"SDP\":[\"up\",\"down\"],\"x\":[1,2]}"), PAST_CHANGE);
    assert_int_equal(later("{\"SDP\":[\"down\",\"up\"],\"x\":[2,null],\"y\":[null,{\"a\":[1,2]}]}"),
                     PAST_CHANGE);
    assert_int_equal(later("{}"), PAST_CHANGE);
    assert_int_equal(later("{\"y\":[{\"a\":[1,2]},5],\"z\":[\"a,\\\"]\",\"b\"]}"), PAST_CHANGE);
    now("{\"TABLE_ID\":\"T\",\"UPTIME\":12,\"TIMESTAMP\":\"2024-01-01T12:00:09\","
        "\"MAINTENANCE\":true,\"SDP\":\"up\",\"IDP\":\"calibration\",\"BROKER\":\"up\",\"ZCam\":"
        "\"up\",\"ROULETTE\":\"up\",\"SHAKER\":\"up\",\"BARCODE_SCANNER\":\"up\",\"NFC_SCANNER\":"
        "\"up\",\"y\":5,\"z\":\"b\",\"w\":[]}");
    expect_past("\"MAINTENANCE\":true,\"SDP\":\"up\",\"IDP\":\"calibration\",\"BROKER\":\"up\","
                "\"ZCam\":\"up\",\"ROULETTE\":\"up\",\"SHAKER\":\"up\",\"BARCODE_SCANNER\":\"up\","
                "\"NFC_SCANNER\":\"up\",\"x\":1,\"z\":\"a,\\\"]\",\"w\":[]}");
}

static void earlier_changes_tell_what_was_from_then_on(void **state)
{
    (void)state;
    assert_int_equal(later("{\"IDP\":[\"up\",\"down\"]}"), PAST_CHANGE);
    assert_int_equal(earlier("{\"SDP\":[\"up\",\"down\"],\"x\":[7,null],\"y\":[1,2]}"),
                     PAST_CHANGE);
    assert_int_equal(earlier("{\"SDP\":[\"standby\",\"up\"],\"x\":[null,7],\"IDP\":[\"standby\","
                             "\"up\"]}"),
                     PAST_CHANGE);
    assert_int_equal(earlier(MADE), PAST_MADE);
    expect_past("\"MAINTENANCE\":false,\"SDP\":\"down\",\"IDP\":\"up\",\"BROKER\":\"down\","
                "\"ZCam\":\"down\",\"ROULETTE\":\"down\",\"SHAKER\":\"down\",\"BARCODE_SCANNER\":"
                "\"down\",\"NFC_SCANNER\":\"down\",\"y\":2}");
}

static void what_ends_a_table_tells_nothing_of_it(void **state)
{
    (void)state;
    assert_int_equal(later(MADE), PAST_MADE);
    assert_int_equal(later("{},\"removed\":true"), PAST_REMOVED);
    assert_int_equal(earlier("{},\"removed\":true"), PAST_REMOVED);
    assert_null(past.fields);
    expect_past("\"MAINTENANCE\":false,\"SDP\":\"standby\",\"IDP\":\"standby\",\"BROKER\":\"down\","
                "\"ZCam\":\"down\",\"ROULETTE\":\"down\",\"SHAKER\":\"down\",\"BARCODE_SCANNER\":"
                "\"down\",\"NFC_SCANNER\":\"down\"}");
}

static void what_is_no_event_is_not_believed(void **state)
{
    static const char *const bodies[] = {"", "nonsense", "[]", "{\"x\":1}", "{\"x\":[1]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        past_finish(&past);
        (void)later(bodies[i]);
        assert_true(past.failed);
    }
    past_finish(&past);
    now("[]");
    assert_true(past.failed);
    past_finish(&past);
    (void)past_later(&past, "\"rev\":1}", 8); /* an exception's */
    assert_true(past.failed);
}

static void names_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < PAST_FIELDS_MAX; i++) {
        char changes[64];
        snprintf(changes, sizeof(changes), "{\"n%d\":[1,2]}", i);
        (void)later(changes);
    }
    assert_false(past.failed);
    (void)later("{\"n5\":[3,4]}");
    assert_false(past.failed);
    (void)later("{\"more\":[1,2]}");
    assert_true(past.failed);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(later_changes_tell_what_was_before),
        TEST(earlier_changes_tell_what_was_from_then_on),
        TEST(what_ends_a_table_tells_nothing_of_it),
        TEST(what_is_no_event_is_not_believed),
        TEST(names_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
