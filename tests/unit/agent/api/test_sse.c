/* test_sse.c - the lines of the live stream. */
#include "api/sse.h"

#include <stdlib.h>

#include "protocol/document.h"
#include "support/cmocka_all.h"

static struct buf out;

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

static void expect_event(enum event_kind kind, const char *body, const char *text)
{
    struct studio_event *event = studio_event_create(kind, "T", 3, 0, body, strlen(body));

    event->seq = 12;
    buf_clear(&out);
    sse_event(&out, "6f1c", event);
    assert_string_equal(out.data, text);
    studio_event_unref(event);
}

static void events_as_on_mqtt(void **state)
{
    (void)state;
    expect_event(EVENT_CHANGE, "\"table_id\":\"T\",\"changes\":{}}",
                 "id: 6f1c:12\nevent: change\n"
                 "data: {\"seq\":12,\"epoch\":\"6f1c\",\"table_id\":\"T\",\"changes\":{}}\n\n");
    expect_event(EVENT_EXCEPTION, "\"table_id\":\"T\",\"data\":1}",
                 "id: 6f1c:12\nevent: exception\n"
                 "data: {\"seq\":12,\"epoch\":\"6f1c\",\"table_id\":\"T\",\"data\":1}\n\n");
    expect_event(
        EVENT_CHANGE, "\"table_id\":\"T\",\"changes\":{},\"removed\":true}",
        "id: 6f1c:12\nevent: removed\n"
        "data: "
        "{\"seq\":12,\"epoch\":\"6f1c\",\"table_id\":\"T\",\"changes\":{},\"removed\":true}\n\n");
}

/* A custom field of that name, an exception that says so. */
static void what_only_looks_like_a_removal(void **state)
{
    (void)state;
    expect_event(EVENT_CHANGE, "\"changes\":{\"x\":[1,2],\"removed\":[null,true]}}",
                 "id: 6f1c:12\nevent: change\ndata: {\"seq\":12,\"epoch\":\"6f1c\","
                 "\"changes\":{\"x\":[1,2],\"removed\":[null,true]}}\n\n");
    expect_event(EVENT_EXCEPTION, "\"data\":{},\"removed\":true}",
                 "id: 6f1c:12\nevent: exception\ndata: {\"seq\":12,\"epoch\":\"6f1c\","
                 "\"data\":{},\"removed\":true}\n\n");
}

static void the_others(void **state)
{
    (void)state;
    sse_status(&out, "{\"TABLE_ID\":\"T\"}", 16);
    sse_reset(&out, "too old", "6f1c", 48);
    sse_place(&out, "6f1c", 50);
    assert_string_equal(
        out.data,
        "event: status\ndata: {\"TABLE_ID\":\"T\"}\n\n"
        "event: reset\ndata: {\"error\":\"too old\",\"epoch\":\"6f1c\",\"oldest_seq\":48}\n\n"
        "id: 6f1c:50\n\n");
}

static void places(void **state)
{
    static const char *const wrong[] = {
        "",        ":",
        "6f1c",    "6f1c:",
        ":7",      "6F:7",
        "6f1c:x",  "6f1c:-7",
        "6f1c:7 ", "6f1c:9223372036854775808",
        "x/y:7",   "6f:7:8",
        " 6f1c:7", "0123456789012345678901234567890123456789012345678901234567890123456789:7"};
    char epoch[SSE_EPOCH_MAX + 1];
    uint64_t seq;

    (void)state;
    assert_true(sse_read_place("6f1c:123456789012345678", epoch, &seq));
    assert_string_equal(epoch, "6f1c");
    assert_int_equal(seq, 123456789012345678);
    assert_true(sse_read_place("0:0", epoch, &seq));
    assert_int_equal(seq, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(sse_read_place(wrong[i], epoch, &seq));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_as_on_mqtt),
        TEST(what_only_looks_like_a_removal),
        TEST(the_others),
        TEST(places),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
