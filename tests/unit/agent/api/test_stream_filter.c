/* test_stream_filter.c - which events a stream is about. */
#include "api/stream_filter.h"

#include "support/cmocka_all.h"

enum { CHANGES = EVENT_BIT(EVENT_CHANGE), EXCEPTIONS = EVENT_BIT(EVENT_EXCEPTION) };

static bool takes(const struct stream_filter *filter, enum event_kind kind, const char *table)
{
    return stream_filter_takes(filter, &(struct studio_event){.kind = kind, .table_id = table});
}

static struct stream_filter make(const char *tables, unsigned kinds)
{
    struct stream_filter filter = {.kinds = 0};

    assert_true(stream_filter_tables(&filter, tables));
    filter.kinds = kinds;
    assert_false(filter.failed);
    return filter;
}

static void all_of_it(void **state)
{
    struct stream_filter filter = make("*", CHANGES | EXCEPTIONS);

    (void)state;
    assert_true(filter.all);
    assert_true(takes(&filter, EVENT_CHANGE, "A"));
    assert_true(takes(&filter, EVENT_EXCEPTION, "B"));
    stream_filter_finish(&filter);
    assert_false(takes(&filter, EVENT_CHANGE, "A"));
}

static void some_tables(void **state)
{
    struct stream_filter filter = make("C-2,A-1,C-2,B.x", CHANGES);

    (void)state;
    assert_false(filter.all);
    assert_int_equal(filter.count, 3);
    assert_string_equal(filter.tables[0], "A-1");
    assert_string_equal(filter.tables[1], "B.x");
    assert_string_equal(filter.tables[2], "C-2");
    assert_true(takes(&filter, EVENT_CHANGE, "A-1"));
    assert_true(takes(&filter, EVENT_CHANGE, "C-2"));
    assert_false(takes(&filter, EVENT_CHANGE, "A"));
    assert_false(takes(&filter, EVENT_CHANGE, "A-10"));
    stream_filter_finish(&filter);
}

static void some_kinds(void **state)
{
    struct stream_filter filter = make("A", EXCEPTIONS);

    (void)state;
    assert_true(takes(&filter, EVENT_EXCEPTION, "A"));
    assert_false(takes(&filter, EVENT_CHANGE, "A"));
    stream_filter_finish(&filter);
    filter = make("A", EXCEPTIONS | CHANGES);
    assert_true(takes(&filter, EVENT_CHANGE, "A"));
    stream_filter_finish(&filter);
}

static void mistakes(void **state)
{
    static const char *const tables[] = {"", "A,", ",A", "A B", "A_pc", "A*", "*,"};
    struct stream_filter filter;

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        filter = (struct stream_filter){.kinds = 0};
        assert_false(stream_filter_tables(&filter, tables[i]));
        stream_filter_finish(&filter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(some_tables),
        cmocka_unit_test(some_kinds),
        cmocka_unit_test(mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
