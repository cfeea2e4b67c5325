/* test_owner.c - one writes at a time: what a process that was forgotten has still to write comes to nothing. */
#include <sys/wait.h>
#include <unistd.h>

#include "unit/agent/store/postgres/database_fixture.h"

/* Within its time. */
static bool text_comes(const char *sql, const char *expected)
{
    const int64_t until = now_ms() + WAIT_MS;
    bool there = false;
    while (!there && now_ms() < until) {
        char *answer = pgserver_ask(pgserver_shared(), store_schema, sql);
        there = strcmp(answer, expected) == 0;
        free(answer);
    }
    return there;
}

static void test_a_second_owner_waits_for_the_lease(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "edge-1"));
    assert_non_null(strstr(error.text, "in use by"));
    store_close(first); /* gives it back */
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_int_equal(store_info(second)->boot, 2);
    store_close(second);
}

static void test_a_former_owner_writes_nothing(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    commit_changes(first, "A-1", 0, 3);
    /* It was paused, and its lease has run out. */
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()");
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_int_equal(store_info(second)->last_seq, 3);
    assert_int_equal(commit_change(first, "A-1", 3), STUDIO_ERR_IO);
    assert_int_equal(store_park(first, 1, "late"), STUDIO_ERR_IO);
    assert_int_equal(store_put_memo(first, "late"), STUDIO_ERR_IO);
    commit_changes(second, "A-1", 3, 2);
    assert_int_equal(store_info(second)->last_seq, 5);
    expect_answer("SELECT count(*), max(seq), count(parked) FROM studio_log", "5|5|0");
    store_close(first); /* and does not give away what is another's */
    expect_answer("SELECT valid_until > clock_timestamp() FROM studio_agents", "t");
    store_close(second);
}

/* Cut off or paused when half of a transaction was sent: its server waits for the rest, but not for long. */
static void test_half_a_transaction_holds_nobody_up(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    struct link half;
    link_init(&half, as_postgres(first)->url, NULL, 0);
    assert_int_equal(link_open(&half, true), LINK_OK);
    assert_int_equal(link_exec(&half, "BEGIN; UPDATE studio_agents SET line = line"), LINK_OK);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()"); /* waits for its lock */
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_false(link_is_well(&half));
    link_close(&half);
    store_close(second);
    store_close(first);
}

/* Within a pipeline the server does not even know that it waits for something. */
static void test_half_a_pipeline_holds_nobody_up(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct postgres_store *p = as_postgres(first);
    struct studio_error error = {0};
    commit_change(first, "A-1", 0);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()");
    struct numbers numbers = numbers_now(p);
    assert_int_equal(transact_begin(p, &numbers), STUDIO_OK);
    while (PQflush(p->link.conn) == 1)
        ;
    assert_true(text_comes("SELECT count(*) = 0 FROM (SELECT FROM studio_agents"
                           " FOR UPDATE SKIP LOCKED) f",
                           "t"));
    assert_true(text_comes("SELECT bool_or(xact_start < clock_timestamp() - interval '1 s')"
                           " FROM pg_stat_activity WHERE application_name = 'studio-agent'",
                           "t"));
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_int_equal(transact_end(p, "what was begun", NULL), STUDIO_ERR_IO);
    assert_false(store_owned(first));
    commit_change(second, "A-1", 1);
    assert_int_equal(store_info(second)->last_seq, 2);
    store_close(second);
    store_close(first);
}

/* As if its owner were gone, and the clock set back since, or another server's: it is not his for an hour. */
static void test_a_clock_that_was_set_back_keeps_nobody_waiting(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    commit_change(first, "A-1", 0);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp() + interval '1 hour'");
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_int_equal(store_info(second)->boot, 2);
    assert_int_not_equal(commit_change(first, "A-1", 1), STUDIO_OK);
    expect_answer("SELECT valid_until < clock_timestamp() + interval '6 s' FROM studio_agents",
                  "t");
    store_close(second);
    store_close(first);
}

/* Nobody has taken it: it goes on. */
static void test_a_lease_that_ran_out_is_renewed(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    tell("UPDATE studio_agents SET valid_until = clock_timestamp() - interval '1 hour'");
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    expect_answer("SELECT valid_until > clock_timestamp() FROM studio_agents", "t");
    /* Also when there is nothing to write. */
    tell("UPDATE studio_agents SET valid_until = clock_timestamp() - interval '1 hour'");
    bool more;
    as_postgres(store)->renewed -= LEASE_RENEW_MS;
    assert_int_equal(store_housekeep(store, 1, &more), STUDIO_OK);
    assert_false(more);
    expect_answer("SELECT valid_until > clock_timestamp() FROM studio_agents", "t");
    store_close(store);
}

/* After kill -9 nobody has given it back; the same directory need not wait. */
static void test_the_same_one_starts_again_at_once(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *url = url_for(dir);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct store_options options = options_for(dir);
        struct store *store = NULL;
        struct studio_error error = {0};
        options.url = url;
        _exit(store_open(&options, &store, &error) == STUDIO_OK ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct store *store = open_store(dir);
    assert_int_equal(store_info(store)->boot, 2);
    store_close(store);
}

/* As on another machine of the same name: it is not the one it is a copy of, or either would take it from the other. */
static void test_a_copied_directory_is_another(void **state)
{
    (void)state;
    const char *dir = tmpdir_create(), *other = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    char *command = test_printf("cp '%s'/owner '%s'/", dir, other);
    assert_int_equal(system(command), 0);
    free(command);
    struct store_options options = options_for(other);
    options.url = url_for(dir);
    assert_int_equal(store_open(&options, &second, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, as_postgres(first)->owner));
    store_close(first);
    assert_int_equal(store_open(&options, &second, &error), STUDIO_OK);
    store_close(second);
}

static void test_agents_share_a_database(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *one = open_store(dir), *other = NULL;
    struct studio_error error = {0};
    assert_int_equal(open_beside(dir, "edge-2", &other, &error), STUDIO_OK);
    commit_changes(one, "A-1", 0, 3);
    commit_changes(other, "A-1", 0, 1);
    assert_int_equal(store_info(one)->last_seq, 3);
    assert_int_equal(store_info(other)->last_seq, 1);
    struct store_reader *reader = open_reader(other);
    assert_int_equal(read_events(reader, 0, UINT64_MAX, SIZE_MAX).count, 1);
    store_reader_close(reader);
    expect_answer("SELECT string_agg(agent || ' ' || (status->>'UPTIME') || ' ' || owned, ', '"
                  " ORDER BY agent) FROM studio_status",
                  "edge-1 2 true, edge-2 0 true");
    expect_answer("SELECT count(*) FROM studio_events WHERE event->>'by' = 'A-1_plc'", "4");
    store_close(other);
    store_close(one);
    expect_answer("SELECT bool_or(owned) FROM studio_status", "f");
}

/* jsonb has no \u0000; one such name must not make the views unusable. */
static void test_views_bear_every_text(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct change c;
    make_change(&c, "A-1", 0);
    c.snapshot.document = "{\"note\":\"a\\u0000b\"}";
    c.snapshot.document_len = strlen(c.snapshot.document);
    assert_int_equal(store_commit(store, &c.item, 1, 0), STUDIO_OK);
    expect_answer("SELECT length(status->>'note') FROM studio_status", "3");
    store_close(store);
}

static void test_a_newer_format_is_refused(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct studio_error error = {0};
    store_close(store);
    tell("UPDATE studio_schema SET version = 999");
    assert_int_equal(open_beside(dir, NULL, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "newer"));
}

static void test_no_secret_is_told(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct studio_error error = {0};
    struct store_options options = options_for(tmpdir_create());
    options.url = "postgresql://studio:hush-hush@127.0.0.1:1/studio";
    assert_int_equal(store_open(&options, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_null(store);
    assert_null(strstr(error.text, "hush"));
    assert_non_null(strstr(error.text, "store.url"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_owner_waits_for_the_lease),
        cmocka_unit_test(test_a_former_owner_writes_nothing),
        cmocka_unit_test(test_half_a_transaction_holds_nobody_up),
        cmocka_unit_test(test_half_a_pipeline_holds_nobody_up),
        cmocka_unit_test(test_a_clock_that_was_set_back_keeps_nobody_waiting),
        cmocka_unit_test(test_a_lease_that_ran_out_is_renewed),
        cmocka_unit_test(test_the_same_one_starts_again_at_once),
        cmocka_unit_test(test_a_copied_directory_is_another),
        cmocka_unit_test(test_agents_share_a_database),
        cmocka_unit_test(test_views_bear_every_text),
        cmocka_unit_test(test_a_newer_format_is_refused),
        cmocka_unit_test(test_no_secret_is_told),
    };
    return run_database_tests(tests);
}
