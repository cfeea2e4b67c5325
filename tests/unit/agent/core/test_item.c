#include "core/item.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static unsigned released;

static void on_release(struct actor *actor)
{
    (void)actor;
    released++;
}

static const struct actor_ops ops = {.release = on_release};

static void rows_are_those_of_items_that_are_stored(void **state)
{
    struct actor actor = {.ops = &ops, .refs = 1};
    struct tables *tables = tables_create();
    struct table *table = tables_add(tables, "ARO-001");
    struct batch batch = {0};
    const char *names[] = {"gone", "set1", "set2"};

    (void)state;
    released = 0;
    struct item *update = item_create(ITEM_UPDATE, &actor);
    struct item *answer = item_create(ITEM_ANSWER, &actor);
    struct item *exception = item_create(ITEM_EXCEPTION, &actor);
    update->table = exception->table = table;
    const struct snapshot_text text = {"{\"d\":1}", 7, 5, 1};
    struct table_state after;
    state_init(&after, &studio_built_in_values, 0);
    after.rev = 17;
    update->event = studio_event_create(EVENT_CHANGE, "ARO-001", 17, 5, "body", 4);
    update->snapshot = studio_snapshot_create("ARO-001", &after, &text);
    exception->event = studio_event_create(EVENT_EXCEPTION, "ARO-001", 17, 5, "", 0);
    update->names = malloc(sizeof(names));
    memcpy(update->names, names, sizeof(names));
    update->cleared_count = 1;
    update->set_count = 2;
    assert_true(batch_add(&batch, update));
    assert_true(batch_add(&batch, answer));
    assert_true(batch_add(&batch, exception));
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.row_count, 2);
    assert_int_equal(actor.outstanding, 3);
    assert_int_equal(actor.refs, 4);
    assert_int_equal(batch.event_count, 2);
    assert_ptr_equal(batch.events[0], update->event);
    assert_ptr_equal(batch.events[1], exception->event);
    assert_ptr_equal(batch.rows[0].event, update->event);
    assert_ptr_equal(batch.rows[0].snapshot, update->snapshot);
    assert_memory_equal(update->snapshot->document, "1", 1);
    assert_string_equal(batch.rows[0].cleared[0], "gone");
    assert_string_equal(batch.rows[0].set[1], "set2");
    assert_ptr_equal(batch.rows[1].event, exception->event);
    assert_null(batch.rows[1].snapshot);
    batch_clear(&batch);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.row_count, 0);
    assert_int_equal(batch.event_count, 0);
    assert_int_equal(batch.bytes, 0);
    assert_int_equal(actor.refs, 1);
    actor_unref(&actor);
    assert_int_equal(released, 1);
    batch_finish(&batch);
    batch_finish(&batch);
    item_destroy(NULL);
    tables_destroy(tables);
}

static void the_last_item_releases_an_actor_that_is_gone(void **state)
{
    struct actor actor = {.ops = &ops, .refs = 1};
    struct batch batch = {0};

    (void)state;
    released = 0;
    for (int i = 0; i < 200; i++)
        assert_true(batch_add(&batch, item_create(ITEM_ANSWER, &actor)));
    actor_unref(&actor);
    actor_unref(NULL);
    assert_int_equal(released, 0);
    batch_finish(&batch);
    assert_int_equal(released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_items_that_are_stored),
        cmocka_unit_test(the_last_item_releases_an_actor_that_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
