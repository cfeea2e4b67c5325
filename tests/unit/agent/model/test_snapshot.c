#include "model/snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fields.h"

enum { NOON_S = 1704110400 };

/* The state is moved from. */
static struct studio_snapshot *snapshot_of(struct table_state *table)
{
    struct studio_snapshot *s;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    s = document_snapshot(&text, "ARO-001", table, false);
    buf_finish(&text);
    assert_non_null(s);
    assert_null(table->custom);
    return s;
}

static void the_document_is_a_part_of_its_push(void **state)
{
    struct table_state table;
    struct studio_snapshot *s;

    (void)state;
    state_init(&table, &studio_built_in_values, NOON_S);
    char *first_document = test_printf(
        "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,\"TIMESTAMP\":\"2024-01-01T12:00:00\",%s}",
        fields(FIELDS_JSON, ""));
    s = snapshot_of(&table);
    assert_string_equal(s->table_id, "ARO-001");
    assert_false(s->removed);
    assert_int_equal(s->document_len, strlen(first_document));
    assert_memory_equal(s->document, first_document, s->document_len);
    free(first_document);
    assert_int_equal(s->push_len, strlen("{\"event\":\"status\",\"data\":}") + s->document_len);
    assert_memory_equal(s->push, "{\"event\":\"status\",\"data\":{\"TABLE_ID\"", 35);
    assert_memory_equal(s->push + s->push_len - 2, "}}", 2);
    /* The WebSocket library writes its header in front. */
    memset((char *)(uintptr_t)s->push - SNAPSHOT_HEADROOM, 0x55, SNAPSHOT_HEADROOM);
    studio_snapshot_unref(s);
}

static void fields_are_the_built_in_then_the_custom_ones(void **state)
{
    struct table_state table;
    struct field_set sets[] = {
        {.name = (char *)(uintptr_t) "zeta", .json = (char *)(uintptr_t) "1"},
        {.name = (char *)(uintptr_t) "alpha", .json = (char *)(uintptr_t) "{\"a\":true}"}};
    struct update update = {sets, 2};
    struct buf changes;
    struct studio_snapshot *s;

    (void)state;
    state_init(&table, &studio_built_in_values, NOON_S);
    buf_init(&changes, SIZE_MAX);
    assert_int_equal(state_apply(&table, &update, NOON_S, &changes), STUDIO_OK);
    buf_finish(&changes);
    s = snapshot_of(&table);
    assert_int_equal(s->rev, 1);
    assert_int_equal(s->field_count, studio_field_count + 2);
    assert_string_equal(s->fields[0].name, "MAINTENANCE");
    assert_string_equal(s->fields[0].text, "false");
    assert_string_equal(s->fields[1].text, "standby");
    assert_string_equal(s->fields[studio_field_count].name, "zeta");
    assert_string_equal(s->fields[studio_field_count + 1].name, "alpha");
    assert_string_equal(s->fields[studio_field_count + 1].text, "{\"a\":true}");
    studio_snapshot_unref(s);
}

static void a_removed_table_has_no_document(void **state)
{
    struct table_state table = {.rev = 7};
    struct studio_snapshot *s = studio_snapshot_create("ARO-001", &table, NULL);

    (void)state;
    assert_true(s->removed);
    assert_int_equal(s->rev, 7);
    assert_int_equal(s->field_count, 0);
    assert_null(s->document);
    studio_snapshot_unref(s);
    studio_snapshot_unref(NULL);
}

static void *pass_references(void *arg)
{
    for (int i = 0; i < 1000; i++)
        studio_snapshot_unref(studio_snapshot_ref(arg));
    studio_snapshot_unref(arg);
    return NULL;
}

static void threads_share_it_by_reference(void **state)
{
    struct table_state table;
    struct studio_snapshot *s;
    pthread_t threads[2];

    (void)state;
    state_init(&table, &studio_built_in_values, NOON_S);
    s = snapshot_of(&table);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pass_references, studio_snapshot_ref(s)),
                         0);
    studio_snapshot_unref(s);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_a_part_of_its_push),
        cmocka_unit_test(fields_are_the_built_in_then_the_custom_ones),
        cmocka_unit_test(a_removed_table_has_no_document),
        cmocka_unit_test(threads_share_it_by_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
