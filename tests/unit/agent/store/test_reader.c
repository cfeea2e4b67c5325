/* test_reader.c - the second connection: pages, replays, requests, beside a busy writer. */
#include <pthread.h>
#include <stdatomic.h>

#include "unit/agent/store/fixture.h"

static const int64_t now_ms = 1700000000000;

static void test_events(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    assert_int_equal(read_events(reader, 1, UINT64_MAX, 10).count, 0);
    commit_changes(store, "A-1", 0, 20);
    struct seen seen = read_events(reader, 5, 8, 100);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.first, 5);
    assert_int_equal(seen.last, 8);
    seen = read_events(reader, 5, UINT64_MAX, 3);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.last, 7);
    assert_int_equal(read_events(reader, 9, 8, 10).count, 0);
    assert_int_equal(read_events(reader, 1, 20, 0).count, 0);
    store_reader_close(reader);
    store_reader_close(NULL);
    store_close(store);
}

static struct seen read_changes(struct store_reader *reader, const char *table_id,
                                uint64_t from_rev, uint64_t after_seq, size_t limit)
{
    struct seen seen = {.ordered = true};
    assert_int_equal(
        store_read_changes(reader, table_id, from_rev, after_seq, limit, see_event, &seen),
        STUDIO_OK);
    assert_true(seen.ordered);
    return seen;
}

static void test_changes_of_one_table(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    struct change exception;
    for (uint64_t rev = 0; rev < 10; rev++) { /* seq 3*rev + 1, 2, 3 */
        assert_int_equal(commit_change(store, "A-1", rev), STUDIO_OK);
        assert_int_equal(commit_change(store, "B-2", rev), STUDIO_OK);
        make_exception(&exception, "A-1", rev);
        assert_int_equal(store_commit(store, &exception.item, 1, 0), STUDIO_OK);
    }
    struct seen seen = read_changes(reader, "A-1", 4, 0, 100);
    assert_int_equal(seen.count, 6); /* no exception among them */
    assert_int_equal(seen.first, 13);
    assert_int_equal(seen.last, 28);
    assert_int_equal(read_changes(reader, "a-1", 0, 0, 100).count, 0);
    assert_int_equal(read_changes(reader, "A-1", 10, 0, 100).count, 0);
    /* Pages, whether the last number was one of this table or not. */
    uint64_t after = 0, total = 0;
    for (;;) {
        seen = read_changes(reader, "A-1", 2, after, 3);
        if (seen.count == 0)
            break;
        total += seen.count;
        after = seen.last;
    }
    assert_int_equal(total, 8);
    assert_int_equal(read_changes(reader, "A-1", 2, 14, 3).first, 16);
    assert_int_equal(read_changes(reader, "A-1", 9, 1, 3).first, 28);
    store_reader_close(reader);
    store_close(store);
}

/* Ten spans: A-1 in all of them, B-2 in two, C-3 no more in any. */
static void test_changes_over_many_spans(void **state)
{
    enum { EVENTS = 10 * STORE_SPAN, EVERY = 8 };
    static struct change changes[STORE_SPAN];
    static struct store_item items[STORE_SPAN];
    (void)state;
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    options.retention_events = EVENTS - 100;
    struct store *store = open_with(&options);
    struct store_reader *reader = open_reader(store);
    uint64_t rev = 0, others = 0, seq = 1;
    for (int batch = 0; batch < 10; batch++) {
        for (unsigned i = 0; i < STORE_SPAN; i++, seq++) {
            const char *id = seq == 7 ? "C-3" : seq == 3000 || seq == 9001 ? "B-2" : "D-4";
            uint64_t at = seq == 7 || seq == 3000 ? 0 : seq == 9001 ? 1 : others++;
            if (seq % EVERY == 1 && seq != 9001)
                make_change(&changes[i], "A-1", rev++);
            else
                make_change(&changes[i], id, at);
            items[i] = changes[i].item;
        }
        assert_int_equal(store_commit(store, items, STORE_SPAN, 0), STUDIO_OK);
    }
    assert_int_equal(store_commit(store, NULL, 0, EVENTS), STUDIO_OK);
    housekeep_all(store, now_ms);

    struct seen seen = read_changes(reader, "A-1", 0, 0, SIZE_MAX);
    assert_int_equal(seen.first, 105); /* 1, 9 ... 97 are gone */
    assert_int_equal(seen.count, rev - 13);
    uint64_t after = 0, total = 0;
    while ((seen = read_changes(reader, "A-1", 0, after, 100)).count > 0) {
        total += seen.count;
        after = seen.last;
    }
    assert_int_equal(total, rev - 13);
    for (uint64_t from = 0; from < rev; from += 37) {
        seen = read_changes(reader, "A-1", from, 0, 1);
        uint64_t first = from < 13 ? 105 : from * EVERY + 1 + (from >= 1125 ? EVERY : 0);
        assert_int_equal(seen.first, first);
    }
    assert_int_equal(read_changes(reader, "A-1", rev, 0, 1).count, 0);
    assert_int_equal(read_changes(reader, "A-1", 0, EVENTS, 1).count, 0);
    assert_int_equal(read_changes(reader, "A-1", 0, UINT64_MAX, 1).count, 0);
    seen = read_changes(reader, "B-2", 0, 0, 9);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.first, 3000);
    assert_int_equal(seen.last, 9001);
    assert_int_equal(read_changes(reader, "B-2", 1, 0, 9).first, 9001);
    assert_int_equal(read_changes(reader, "B-2", 0, 3000, 9).first, 9001);
    bool found = true;
    assert_int_equal(store_read_oldest_rev(reader, "C-3", &found, &rev, &seq), STUDIO_OK);
    assert_false(found);
    assert_int_equal(store_read_oldest_rev(reader, "B-2", &found, &rev, &seq), STUDIO_OK);
    assert_true(found);
    assert_int_equal(seq, 3000);
    if (!on_postgres())
        assert_in_range(count_rows(store, "spans"), 20, 25);
    store_reader_close(reader);
    store_close(store);
}

static void test_oldest(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store_options options = options_for(dir);
    options.retention_events = 4;
    struct store *store = open_with(&options);
    struct store_reader *reader = open_reader(store);
    uint64_t seq = 0, rev = 0;
    bool found = true;
    assert_int_equal(store_read_oldest(reader, &seq), STUDIO_OK);
    assert_int_equal(seq, 1);
    assert_int_equal(store_read_oldest_rev(reader, "A-1", &found, &rev, &seq), STUDIO_OK);
    assert_false(found);
    commit_changes(store, "A-1", 0, 10);
    assert_int_equal(store_commit(store, NULL, 0, 10), STUDIO_OK);
    housekeep_all(store, now_ms);
    assert_int_equal(store_read_oldest(reader, &seq), STUDIO_OK);
    assert_int_equal(seq, 7);
    assert_int_equal(store_read_oldest_rev(reader, "A-1", &found, &rev, &seq), STUDIO_OK);
    assert_true(found);
    assert_int_equal(rev, 6);
    assert_int_equal(seq, 7);
    store_reader_close(reader);
    store_close(store);
}

/* --- requests -------------------------------------------------------------------------------- */

static void commit_request(struct store *store, const char *client, unsigned char digest,
                           const char *answer)
{
    struct store_request request = {.table_id = "A-1",
                                    .client = client,
                                    .request_id = "\"r1\"",
                                    .digest = {digest},
                                    .answer = answer,
                                    .answer_len = strlen(answer),
                                    .wall_ms = 1};
    struct change c;
    make_change(&c, "A-1", 0);
    c.item.request = &request;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
}

static void expect_request(struct store_reader *reader, const char *table, const char *client,
                           unsigned char digest, const char *expected)
{
    unsigned char whole[32] = {digest};
    bool found = true, same = true;
    char *answer = NULL;
    assert_int_equal(
        store_read_request(reader, table, client, "\"r1\"", whole, &found, &same, &answer),
        STUDIO_OK);
    assert_int_equal(found, expected != NULL);
    assert_int_equal(same, expected && *expected);
    if (same)
        assert_string_equal(answer, expected);
    else
        assert_null(answer);
    free(answer);
}

static void test_requests(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    expect_request(reader, "A-1", "plc", 1, NULL);
    commit_request(store, "plc", 1, "{\"status\":\"updated\"}");
    expect_request(reader, "A-1", "plc", 1, "{\"status\":\"updated\"}");
    expect_request(reader, "A-1", "plc", 2, ""); /* another payload */
    expect_request(reader, "A-1", "other", 1, NULL);
    expect_request(reader, "B-2", "plc", 1, NULL);
    /* One that is committed again takes the place of the other. */
    commit_request(store, "plc", 2, "{\"status\":\"received\"}");
    expect_request(reader, "A-1", "plc", 2, "{\"status\":\"received\"}");
    store_close(store);
    store_reader_close(reader);
    store = open_store(dir);
    reader = open_reader(store);
    expect_request(reader, "A-1", "plc", 2, "{\"status\":\"received\"}");
    store_reader_close(reader);
    store_close(store);
}

/* --- cleared fields -------------------------------------------------------------------------- */

static bool note_field(void *ctx, const char *table_id, const char *field)
{
    char *list = ctx;
    size_t used = strlen(list);
    snprintf(list + used, 128 - used, "%s/%s ", table_id, field);
    return strcmp(field, "stop") != 0;
}

static void test_cleared(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct store_reader *reader = open_reader(store);
    static const char *const fields[] = {"note", "light", "stop"};
    char list[128] = "";
    struct change c;
    make_removal(&c, "B-2", 0);
    c.item.cleared = fields;
    c.item.cleared_count = 2;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    make_change(&c, "A-1", 0);
    c.item.cleared = fields;
    c.item.cleared_count = 1;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    assert_int_equal(store_read_cleared(reader, note_field, list), STUDIO_OK);
    assert_string_equal(list, "A-1/note B-2/light B-2/note ");
    make_change(&c, "A-1", 1);
    c.item.set = fields;
    c.item.set_count = 1;
    c.item.cleared = fields + 2;
    c.item.cleared_count = 1;
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    list[0] = '\0';
    assert_int_equal(store_read_cleared(reader, note_field, list), STUDIO_OK);
    assert_string_equal(list, "A-1/stop ");
    store_reader_close(reader);
    store_close(store);
}

/* --- beside a writer ------------------------------------------------------------------------- */

enum { COMMITS = 400, PER_COMMIT = 5 };

struct busy {
    const struct store *store;
    atomic_bool done;
    atomic_ulong committed;
    unsigned long passes;
};

static void *read_all_the_time(void *arg)
{
    struct busy *busy = arg;
    struct studio_error error = {0};
    struct store_reader *reader = NULL;
    bool last_pass = false;
    if (store_reader_open(busy->store, &reader, &error) != STUDIO_OK)
        return NULL;
    while (!last_pass) {
        last_pass = atomic_load(&busy->done);
        unsigned long committed = atomic_load(&busy->committed);
        struct seen seen = {.ordered = true};
        if (store_read_events(reader, 1, UINT64_MAX, SIZE_MAX, see_event, &seen) != STUDIO_OK)
            break;
        /* Whole commits only, no hole, and nothing known to be committed is missing. */
        bool whole = seen.count % PER_COMMIT == 0 && seen.count == seen.last;
        if (!seen.ordered || !whole || seen.last < committed)
            break;
        busy->passes++;
    }
    store_reader_close(reader);
    return last_pass ? arg : NULL;
}

static void test_reading_while_writing(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct busy busy = {.store = store};
    struct change changes[PER_COMMIT];
    struct store_item items[PER_COMMIT];
    pthread_t thread;
    void *result = NULL;
    bool more;
    assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, &busy), 0);
    for (unsigned i = 0; i < COMMITS; i++) {
        for (unsigned j = 0; j < PER_COMMIT; j++) {
            make_change(&changes[j], "A-1", i * PER_COMMIT + j);
            items[j] = changes[j].item;
        }
        assert_int_equal(store_commit(store, items, PER_COMMIT, 0), STUDIO_OK);
        atomic_store(&busy.committed, (i + 1) * PER_COMMIT);
        assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_OK);
    }
    atomic_store(&busy.done, true);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &busy);
    assert_true(busy.passes > 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_changes_of_one_table),
        cmocka_unit_test(test_changes_over_many_spans),
        cmocka_unit_test(test_oldest),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_cleared),
        cmocka_unit_test(test_reading_while_writing),
    };
    return run_store_tests(tests);
}
