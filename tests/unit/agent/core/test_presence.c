#include "core/presence.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

#define NOON_MS INT64_C(1704110400000)

static struct presence *presence;

static int setup(void **state)
{
    (void)state;
    presence = presence_create();
    return presence ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    presence_destroy(presence);
    return 0;
}

static bool join(const char *user, const char *table, bool shown, int64_t at_ms)
{
    bool changed = false;

    assert_true(presence_join(presence, user, table, shown, NOON_MS + at_ms, &changed));
    return changed;
}

static void expect_document(const char *table, const char *text)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    presence_print(presence, table, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, text);
    buf_finish(&out);
}

static void nobody_is_offline(void **state)
{
    (void)state;
    expect_document("ARO-001",
                    "{\"table_id\":\"ARO-001\",\"online\":false,\"count\":0,\"clients\":[]}");
}

static void one_entry_for_each_user_with_its_oldest_since(void **state)
{
    (void)state;
    assert_true(join("ARO-001_a", "ARO-001", true, 0));
    assert_false(join("ARO-001_a", "ARO-001", true, 5));
    assert_true(join("ARO-001", "ARO-001", true, 1000));
    assert_int_equal(presence_connections(presence, "ARO-001_a"), 2);
    assert_int_equal(presence_count(presence, "ARO-001"), 2);
    assert_int_equal(presence_count(presence, "ARO-002"), 0);
    expect_document("ARO-001", "{\"table_id\":\"ARO-001\",\"online\":true,\"count\":2,\"clients\":["
                               "{\"id\":\"ARO-001_a\",\"since\":\"2024-01-01T12:00:00.000Z\"},"
                               "{\"id\":\"ARO-001\",\"since\":\"2024-01-01T12:00:01.000Z\"}]}");
    assert_false(presence_leave(presence, "ARO-001_a", true));
    assert_true(presence_leave(presence, "ARO-001_a", true));
    assert_int_equal(presence_connections(presence, "ARO-001_a"), 0);
    assert_true(presence_leave(presence, "ARO-001", true));
    nobody_is_offline(state);
}

static void viewers_count_as_connections_but_are_not_shown(void **state)
{
    (void)state;
    assert_false(join("ARO-001_v", "ARO-001", false, 0));
    assert_int_equal(presence_connections(presence, "ARO-001_v"), 1);
    assert_int_equal(presence_count(presence, "ARO-001"), 0);
    /* The same id as a device beside it, gone before it. */
    assert_true(join("ARO-001_v", "ARO-001", true, 1));
    assert_true(presence_leave(presence, "ARO-001_v", true));
    assert_int_equal(presence_connections(presence, "ARO-001_v"), 1);
    assert_true(join("ARO-001_v", "ARO-001", true, 2));
    assert_true(presence_leave(presence, "ARO-001_v", true));
    assert_false(presence_leave(presence, "ARO-001_v", false));
    assert_int_equal(presence_connections(presence, "ARO-001_v"), 0);
}

static void a_user_that_is_not_there_cannot_leave(void **state)
{
    (void)state;
    assert_false(presence_leave(presence, "ARO-001_x", true));
}

static void the_document_lists_32_and_counts_all(void **state)
{
    char user[32];
    struct buf out;
    size_t entries = 0;

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(user, sizeof(user), "ARO-001_%d", i);
        join(user, "ARO-001", true, i);
    }
    buf_init(&out, SIZE_MAX);
    presence_print(presence, "ARO-001", &out);
    assert_non_null(strstr(out.data, "\"count\":40,"));
    for (const char *p = out.data; (p = strstr(p, "\"since\"")) != NULL; p++)
        entries++;
    assert_int_equal(entries, PRESENCE_CLIENTS_MAX);
    assert_null(strstr(out.data, "ARO-001_32"));
    buf_finish(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_offline),
        TEST(one_entry_for_each_user_with_its_oldest_since),
        TEST(viewers_count_as_connections_but_are_not_shown),
        TEST(a_user_that_is_not_there_cannot_leave),
        TEST(the_document_lists_32_and_counts_all),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
