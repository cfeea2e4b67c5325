#include "model/event.h"

#include <pthread.h>
#include <string.h>

#include "support/cmocka_all.h"

static void an_event_is_one_block_with_its_strings(void **state)
{
    char id[] = "ARO-001", body[] = "\"rev\":7}";
    struct studio_event *e = studio_event_create(EVENT_CHANGE, id, 7, 1000, body, strlen(body));

    (void)state;
    assert_non_null(e);
    memset(id, 'x', strlen(id));
    memset(body, 'x', strlen(body));
    assert_string_equal(e->table_id, "ARO-001");
    assert_string_equal(e->body, "\"rev\":7}");
    assert_int_equal(e->body_len, 8);
    assert_int_equal(e->kind, EVENT_CHANGE);
    assert_int_equal(e->rev, 7);
    assert_int_equal(e->wall_ms, 1000);
    assert_int_equal(e->seq, 0); /* until the store's commit */
    assert_false(e->parked);
    studio_event_unref(e);
    studio_event_unref(NULL);
}

static void *pass_references(void *arg)
{
    for (int i = 0; i < 1000; i++)
        studio_event_unref(studio_event_ref(arg));
    studio_event_unref(arg);
    return NULL;
}

static void threads_share_it_by_reference(void **state)
{
    struct studio_event *e = studio_event_create(EVENT_EXCEPTION, "A", 0, 0, "}", 1);
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, pass_references, studio_event_ref(e)),
                         0);
    studio_event_unref(e);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void events_get_their_head_and_say_when_they_are_replayed(void **state)
{
    static const char body[] = "\"table_id\":\"T\",\"rev\":1}";
    const struct studio_event event = {.seq = 12, .body = body, .body_len = sizeof(body) - 1};

    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    studio_event_print(&out, &event, "e", false);
    assert_string_equal(out.data, "{\"seq\":12,\"epoch\":\"e\",\"table_id\":\"T\",\"rev\":1}");
    buf_clear(&out);
    studio_event_print(&out, &event, "e", true);
    assert_string_equal(out.data, "{\"seq\":12,\"epoch\":\"e\",\"table_id\":\"T\",\"rev\":1,"
                                  "\"replay\":true}");
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_block_with_its_strings),
        cmocka_unit_test(threads_share_it_by_reference),
        cmocka_unit_test(events_get_their_head_and_say_when_they_are_replayed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
