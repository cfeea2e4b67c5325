/* test_transact.c - the database goes away and comes back: what was in doubt is looked up, never guessed. */
#include <pthread.h>
#include <stdatomic.h>

#include "unit/agent/store/postgres/database_fixture.h"

enum { ANSWER_MS = 400, TRIES = 600 };

static struct store *open_impatient(const char *dir, int answer_ms)
{
    struct store *store = open_store(dir);
    as_postgres(store)->link.answer_ms = answer_ms;
    return store;
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

static enum studio_err settle(struct store *store)
{
    bool known = false;
    enum studio_err err = STUDIO_ERR_STORAGE;
    for (int i = 0; i < TRIES && !known; i++) {
        err = store_settle(store, &known);
        if (!known)
            rest();
    }
    assert_true(known);
    assert_false(store_in_doubt(store));
    return err;
}

/* A session that ends is not seen before it is used: nobody need hear of it. */
static void test_a_lost_session_is_made_anew(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct store_reader *reader = open_reader(store);
    commit_changes(store, "A-1", 0, 2);
    tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
         " 'studio-agent'");
    assert_int_equal(commit_change(store, "A-1", 2), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 3);
    assert_int_equal(read_events(reader, 0, UINT64_MAX, SIZE_MAX).count, 3);
    store_reader_close(reader);
    store_close(store);
}

static void test_away_and_back(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct store_reader *reader = open_reader(store);
    struct change c;
    uint64_t oldest;
    commit_changes(store, "A-1", 0, 2);
    pgserver_stop(pgserver_shared());
    make_change(&c, "A-1", 2);
    enum studio_err err = store_commit(store, &c.item, 1, 0);
    assert_int_equal(err, STUDIO_ERR_STORAGE);
    assert_int_equal(store_probe(store), STUDIO_ERR_STORAGE);
    assert_int_equal(store_read_oldest(reader, &oldest), STUDIO_ERR_STORAGE);
    assert_int_equal(store_info(store)->last_seq, 2);
    pgserver_start(pgserver_shared());
    /* It was on its way when the server went: that is looked up first. */
    if (store_in_doubt(store))
        assert_int_equal(settle(store), STUDIO_ERR_STORAGE);
    assert_int_equal(c.event.seq, 0);
    for (int i = 0; i < TRIES && store_probe(store) != STUDIO_OK; i++)
        rest();
    assert_int_equal(commit_change(store, "A-1", 2), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 3);
    for (int i = 0; i < TRIES && store_read_oldest(reader, &oldest) != STUDIO_OK; i++)
        rest();
    assert_int_equal(read_events(reader, 0, UINT64_MAX, SIZE_MAX).count, 3);
    store_reader_close(reader);
    store_close(store);
}

/* Commits wait for a standby that does not exist. */
static void wait_for_nobody(void)
{
    tell("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    tell("SELECT pg_reload_conf()");
}

/* The server takes its time to hear of it: those until then are stored. The number that the one in doubt would have. */
static uint64_t commit_until_in_doubt(struct store *store, struct change *c)
{
    enum studio_err err = STUDIO_OK;
    for (int i = 0; i < TRIES && err == STUDIO_OK; i++) {
        make_change(c, "A-1", store_info(store)->last_seq);
        err = store_commit(store, &c->item, 1, 0);
        if (err == STUDIO_OK)
            rest();
    }
    assert_int_equal(err, STUDIO_ERR_STORAGE);
    assert_true(store_in_doubt(store));
    return store_info(store)->last_seq + 1;
}

static void wait_no_more(void)
{
    tell("ALTER SYSTEM RESET synchronous_standby_names");
    tell("SELECT pg_reload_conf()");
}

/* Cancels whoever waits for a standby. */
struct canceller {
    pthread_t thread;
    atomic_bool stop;
};

static void *cancel(void *arg)
{
    struct canceller *canceller = arg;
    while (!atomic_load(&canceller->stop)) {
        tell("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
             " AND query = 'COMMIT'");
        rest();
    }
    return NULL;
}

/* It stands in the log, but waits for a standby that does not answer: nobody can say yet. */
static void test_in_doubt_and_it_had_happened(void **state)
{
    (void)state;
    struct store *store = open_impatient(tmpdir_create(), ANSWER_MS);
    struct change c;
    bool known = true;
    commit_changes(store, "A-1", 0, 2);
    wait_for_nobody();
    const uint64_t seq = commit_until_in_doubt(store, &c);
    assert_int_equal(store_settle(store, &known), STUDIO_ERR_STORAGE);
    assert_false(known);
    wait_no_more();
    assert_int_equal(settle(store), STUDIO_OK);
    assert_int_equal(c.event.seq, seq);
    assert_int_equal(store_info(store)->last_seq, seq);
    assert_int_equal(commit_change(store, "A-1", seq), STUDIO_OK);
    assert_int_equal(count_rows(store, "log"), (int64_t)seq + 1);
    store_close(store);
}

/* Somebody has the server wait no longer for the standby: its answer says stored, and that it may not be there. */
static void test_stored_but_not_replicated_is_no_answer(void **state)
{
    (void)state;
    struct store *store = open_impatient(tmpdir_create(), 2000);
    struct change c;
    struct canceller canceller = {.stop = false};
    commit_changes(store, "A-1", 0, 2);
    wait_for_nobody();
    assert_int_equal(pthread_create(&canceller.thread, NULL, cancel, &canceller), 0);
    const uint64_t seq = commit_until_in_doubt(store, &c);
    atomic_store(&canceller.stop, true);
    assert_int_equal(pthread_join(canceller.thread, NULL), 0);
    wait_no_more();
    assert_int_equal(settle(store), STUDIO_OK);
    assert_int_equal(c.event.seq, seq);
    store_close(store);
}

/* One before it was in doubt, of which nobody waits to hear: what is refused meanwhile is refused. */
static void test_only_the_one_that_was_lost_is_in_doubt(void **state)
{
    (void)state;
    struct store *store = open_impatient(tmpdir_create(), ANSWER_MS);
    enum studio_err err = STUDIO_OK;
    commit_changes(store, "A-1", 0, 2);
    wait_for_nobody();
    for (int i = 0; i < TRIES && err == STUDIO_OK; i++) {
        err = store_put_memo(store, "lost");
        rest();
    }
    assert_int_equal(err, STUDIO_ERR_STORAGE);
    pgserver_stop(pgserver_shared());
    assert_int_equal(commit_change(store, "A-1", 2), STUDIO_ERR_STORAGE);
    assert_false(store_in_doubt(store));
    pgserver_start(pgserver_shared());
    wait_no_more();
    for (int i = 0; i < TRIES && store_probe(store) != STUDIO_OK; i++)
        rest();
    assert_int_equal(commit_change(store, "A-1", 2), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 3);
    store_close(store);
}

/* It never came to the commit, and cannot later: the line it was sent over is cut off. */
static void test_in_doubt_and_it_had_not_happened(void **state)
{
    (void)state;
    struct store *store = open_impatient(tmpdir_create(), ANSWER_MS);
    struct change c;
    commit_changes(store, "A-1", 0, 2);
    tell("CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS"
         " 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END'");
    tell("CREATE TRIGGER sleep BEFORE INSERT ON studio_log FOR EACH ROW WHEN (NEW.rev = 99)"
         " EXECUTE FUNCTION sleep()");
    make_change(&c, "A-1", 99);
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_ERR_STORAGE);
    if (store_in_doubt(store))
        assert_int_equal(settle(store), STUDIO_ERR_STORAGE);
    assert_int_equal(c.event.seq, 0);
    for (int i = 0; i < TRIES && store_probe(store) != STUDIO_OK; i++)
        rest();
    assert_int_equal(commit_change(store, "A-1", 2), STUDIO_OK);
    assert_int_equal(store_info(store)->last_seq, 3);
    assert_int_equal(ask_number(store, NULL, "SELECT count(*) FROM studio_log"), 3);
    store_close(store);
}

/* As many tries as should be enough, and nobody knows. */
static void expect_no_word(struct store *store)
{
    for (int i = 0; i < 5; i++) {
        bool known = true;
        assert_int_equal(store_settle(store, &known), STUDIO_ERR_STORAGE);
        assert_false(known);
        assert_true(store_in_doubt(store));
        rest();
    }
}

/* Also of what was sent afterwards, and comes into the wait for it: nobody holds a lock any more. */
static void cancel_all_waits(struct store *store)
{
    const char *waits = "SELECT count(*) FROM pg_stat_activity"
                        " WHERE application_name = 'studio-agent' AND state <> 'idle'";
    for (int i = 0; i < TRIES && ask_number(store, NULL, waits) > 0; i++) {
        tell("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        rest();
    }
}

/* Another one has taken it meanwhile, and found the batch. What he found counts when the standby has it, and not
 * being able to ask for it is no answer. (ownership.pml: LIGHT, HASTY) */
static void test_in_doubt_and_another_found_it(void **state)
{
    (void)state;
    struct store *store = open_impatient(tmpdir_create(), ANSWER_MS);
    struct change c;
    commit_changes(store, "A-1", 0, 2);
    tell("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
         " 'BEGIN RAISE EXCEPTION ''not now''; END'");
    wait_for_nobody();
    const uint64_t seq = commit_until_in_doubt(store, &c);
    cancel_all_waits(store);
    tell(
        "SET synchronous_commit = local; UPDATE studio_agents SET boot = boot + 1, line = line + 1,"
        " owner = 'another'; INSERT INTO studio_boots (agent, boot, owner, after_writes)"
        " SELECT agent, boot, owner, writes FROM studio_agents");
    expect_no_word(store);
    cancel_all_waits(store);
    tell("SET synchronous_commit = local; CREATE TRIGGER refuse BEFORE INSERT ON studio_waiting"
         " EXECUTE FUNCTION refuse()");
    wait_no_more();
    expect_no_word(store);
    tell("DROP TRIGGER refuse ON studio_waiting");
    assert_int_equal(settle(store), STUDIO_OK);
    assert_int_equal(c.event.seq, seq);
    assert_string_equal(store_successor(store), "another");
    assert_int_equal(commit_change(store, "A-1", seq), STUDIO_ERR_IO);
    store_close(store);
}

/* Whatever the server's default is. */
static void test_commits_are_synced(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    store_close(store);
    tell("ALTER SYSTEM SET synchronous_commit = off");
    tell("SELECT pg_reload_conf()");
    store = open_store(dir);
    PGconn *conn = as_postgres(store)->link.conn;
    PGresult *shown = PQexec(conn, "SHOW synchronous_commit");
    assert_string_equal(PQgetvalue(shown, 0, 0), "on");
    PQclear(shown);
    store_close(store);
    tell("ALTER SYSTEM RESET synchronous_commit");
    tell("SELECT pg_reload_conf()");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_session_is_made_anew),
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_in_doubt_and_it_had_happened),
        cmocka_unit_test(test_stored_but_not_replicated_is_no_answer),
        cmocka_unit_test(test_only_the_one_that_was_lost_is_in_doubt),
        cmocka_unit_test(test_in_doubt_and_it_had_not_happened),
        cmocka_unit_test(test_in_doubt_and_another_found_it),
        cmocka_unit_test(test_commits_are_synced),
    };
    return run_database_tests(tests);
}
