/* test_agents.c - what a reader sees of the other agents of its database. */
#include "unit/agent/store/postgres/database_fixture.h"

enum { ROWS_MAX = 64 };

static struct {
    char text[ROWS_MAX][64];
    size_t count, wanted;
} seen;

static bool see(const char *text)
{
    snprintf(seen.text[seen.count++], sizeof seen.text[0], "%s", text);
    return seen.count < seen.wanted;
}

static bool see_agent(void *ctx, const struct store_agent *agent)
{
    char text[64];
    (void)ctx;
    assert_int_equal(strlen(agent->epoch), STORE_EPOCH_LEN);
    assert_non_null(strstr(agent->owner, agent->owned ? "edge-1" : "gone"));
    assert_true(agent->until_ms > INT64_C(1700000000000));
    snprintf(text, sizeof text, "%s %llu %llu%s", agent->id, (unsigned long long)agent->boot,
             (unsigned long long)agent->last_seq, agent->owned ? "" : " unowned");
    return see(text);
}

static bool see_table(void *ctx, size_t agent, const char *table_id, uint64_t rev,
                      const char *document, size_t len)
{
    char text[64];
    (void)ctx;
    assert_int_equal(len, document ? strlen(document) : 0);
    snprintf(text, sizeof text, "%zu %s %llu%s", agent, table_id, (unsigned long long)rev,
             document ? "" : " removed");
    return see(text);
}

static void expect_seen(const char *const expected[], size_t count)
{
    assert_int_equal(seen.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(seen.text[i], expected[i]);
}
#define EXPECT_SEEN(...)                                                                           \
    expect_seen((const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void agents(struct store_reader *reader, const char *after, size_t limit, size_t wanted)
{
    seen.count = 0;
    seen.wanted = wanted;
    assert_int_equal(store_read_agents(reader, after, limit, see_agent, NULL), STUDIO_OK);
}

static void tables(struct store_reader *reader, const char *after, size_t limit, size_t wanted)
{
    static const char *const ids[] = {"edge-1", "nobody", "west"};
    seen.count = 0;
    seen.wanted = wanted;
    assert_int_equal(store_read_their_tables(reader, ids, 3, after, limit, see_table, NULL),
                     STUDIO_OK);
}

static void test_all_agents(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir), *west = NULL;
    struct studio_error error = {0};
    assert_true(store_is_shared(store));
    struct store_reader *reader = open_reader(store);
    agents(reader, "", 10, ROWS_MAX);
    EXPECT_SEEN("edge-1 1 0");
    commit_changes(store, "A-1", 0, 3);
    assert_int_equal(open_beside(dir, "west", &west, &error), STUDIO_OK);
    commit_changes(west, "A-1", 0, 1);
    commit_changes(west, "B-2", 0, 2);
    agents(reader, "", 10, ROWS_MAX);
    EXPECT_SEEN("edge-1 1 3", "west 1 3");
    agents(reader, "", 1, ROWS_MAX);
    EXPECT_SEEN("edge-1 1 3");
    agents(reader, "edge-1", 10, ROWS_MAX);
    EXPECT_SEEN("west 1 3");
    agents(reader, "west", 10, ROWS_MAX);
    assert_int_equal(seen.count, 0);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp(), owner = 'gone' WHERE agent = "
         "'west'");
    /* Nothing of ours, and too long for what takes it. */
    tell("INSERT INTO studio_agents (agent, epoch, boot, owner, valid_until) SELECT repeat('x', "
         "65), '', 1, '', now()");
    agents(reader, "", 10, ROWS_MAX);
    EXPECT_SEEN("edge-1 1 3", "west 1 3 unowned");
    agents(reader, "", 10, 1); /* it wants no more */
    EXPECT_SEEN("edge-1 1 3");

    tables(reader, "", 10, ROWS_MAX);
    EXPECT_SEEN("0 A-1 2", "2 A-1 0", "2 B-2 1");
    tables(reader, "", 2, ROWS_MAX);
    EXPECT_SEEN("0 A-1 2", "2 A-1 0");
    tables(reader, "A-1", 10, ROWS_MAX); /* of the first agent only those behind it */
    EXPECT_SEEN("2 A-1 0", "2 B-2 1");
    tables(reader, "", 10, 1);
    EXPECT_SEEN("0 A-1 2");
    tell("UPDATE studio_tables SET document = NULL WHERE agent = 'west' AND id = 'A-1'");
    tables(reader, "A-1", 10, ROWS_MAX);
    EXPECT_SEEN("2 A-1 0 removed", "2 B-2 1");
    store_close(west);
    store_reader_close(reader);
    store_close(store);
}

static void test_the_database_is_away(void **state)
{
    static const char *const ids[] = {"edge-1"};
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct store_reader *reader = open_reader(store);
    commit_changes(store, "A-1", 0, 1);
    seen.count = 0;
    seen.wanted = ROWS_MAX;
    pgserver_stop(pgserver_shared());
    assert_int_equal(store_read_agents(reader, "", 10, see_agent, NULL), STUDIO_ERR_STORAGE);
    assert_int_equal(store_read_their_tables(reader, ids, 1, "", 10, see_table, NULL),
                     STUDIO_ERR_STORAGE);
    assert_int_equal(seen.count, 0);
    pgserver_start(pgserver_shared());
    store_reader_close(reader);
    reader = open_reader(store);
    agents(reader, "", 10, ROWS_MAX);
    EXPECT_SEEN("edge-1 1 1");
    store_reader_close(reader);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_agents),
        cmocka_unit_test(test_the_database_is_away),
    };
    return run_database_tests(tests);
}
