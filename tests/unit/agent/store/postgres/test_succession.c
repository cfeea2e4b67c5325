/* test_succession.c - who waits for an agent that is another's, whom it is left to, and until when it is one's own. */
#include <unistd.h>

#include "base/clock.h"
#include "unit/agent/store/postgres/database_fixture.h"

/* Who waits here looks so often; in between something happens. */
struct waiter {
    int looks, last; /* gives up after so many */
    char owner[STORE_OWNER_MAX + 1], why[256];
    void (*then)(struct waiter *waiter); /* after each look; NULL: nothing */
    struct store *store;
    char next[STORE_OWNER_MAX + 1];
};

static bool on_held(void *ctx, const char *owner, const char *why)
{
    struct waiter *w = ctx;
    snprintf(w->owner, sizeof w->owner, "%s", owner ? owner : "");
    snprintf(w->why, sizeof w->why, "%s", why);
    w->looks++;
    if (w->then)
        w->then(w);
    return w->looks < w->last;
}

static enum studio_err wait_at(const char *url, const char *own, struct waiter *w, bool patient,
                               struct store **store, struct studio_error *error)
{
    struct store_options options = options_for(own);
    options.url = url;
    options.held = on_held;
    options.held_ctx = w;
    options.patient = patient;
    return store_open(&options, store, error);
}

static enum studio_err wait_beside(const char *dir, const char *own, struct waiter *w, bool patient,
                                   struct store **store, struct studio_error *error)
{
    return wait_at(url_for(dir), own, w, patient, store, error);
}

static void close_it(struct waiter *w)
{
    if (w->looks == 3)
        store_close(w->store);
}

static void test_waits_until_it_is_given_up(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct waiter w = {.last = 100, .then = close_it, .store = open_store(dir)};
    struct store *second = NULL;
    struct studio_error error = {0};
    commit_changes(w.store, "A-1", 0, 3);
    assert_int_equal(wait_beside(dir, tmpdir_create(), &w, false, &second, &error), STUDIO_OK);
    assert_int_equal(w.looks, 3);
    assert_string_not_equal(w.owner, "");
    assert_non_null(strstr(w.why, w.owner));
    assert_int_equal(store_info(second)->boot, 2);
    assert_int_equal(store_info(second)->last_seq, 3);
    assert_true(store_owned(second));
    assert_null(store_successor(second));
    store_close(second);
}

static void look_who_waits(struct waiter *w)
{
    size_t count;
    if (w->looks == 2) /* he has said it by now */
        assert_int_equal(store_waiting(w->store, w->next, &count), STUDIO_OK);
}

static void test_who_gives_up_waits_no_more(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct waiter w = {.last = 2, .then = look_who_waits, .store = open_store(dir)};
    struct store *second = NULL;
    struct studio_error error = {0};
    size_t count;
    assert_int_equal(wait_beside(dir, tmpdir_create(), &w, false, &second, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    assert_null(second);
    assert_non_null(strstr(error.text, "in use by"));
    assert_string_not_equal(w.next, "");
    assert_int_equal(store_waiting(w.store, w.next, &count), STUDIO_OK);
    assert_string_equal(w.next, "");
    assert_int_equal(count, 0);
    store_close(w.store);
}

/* It is left to the one who waits; the former one cannot have it back at once, and then can. */
static void hand_it_over(struct waiter *w)
{
    size_t count;
    if (w->looks != 2)
        return;
    assert_int_equal(store_waiting(w->store, w->next, &count), STUDIO_OK);
    assert_int_equal(count, 1);
    assert_int_equal(store_hand_over(w->store, w->next), STUDIO_OK);
    assert_false(store_owned(w->store));
    store_close(w->store);
}

static void test_is_left_to_one(void **state)
{
    (void)state;
    const char *dir = tmpdir_create(), *own = tmpdir_create(), *third = tmpdir_create();
    struct waiter w = {.last = 2, .then = hand_it_over, .store = open_store(dir)};
    struct waiter former = {.last = 2}, other = {.last = 2};
    struct store *store = NULL;
    struct studio_error error = {0};
    /* He looked away just then. */
    assert_int_equal(wait_beside(dir, own, &w, false, &store, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(wait_beside(dir, dir, &former, false, &store, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(wait_beside(dir, third, &other, false, &store, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    w.then = NULL;
    assert_int_equal(wait_beside(dir, own, &w, false, &store, &error), STUDIO_OK);
    assert_int_equal(w.looks, 2);
    store_close(store);
    /* Whom it is kept for does not come: the former one has it back when the time is over. */
    store = NULL;
    assert_int_equal(wait_beside(dir, dir, &former, false, &store, &error), STUDIO_OK);
    assert_int_equal(store_hand_over(store, "nobody"), STUDIO_OK);
    store_close(store);
    former.looks = 0;
    assert_int_equal(wait_beside(dir, dir, &former, false, &store, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    tell("UPDATE studio_agents SET promised_until = clock_timestamp()");
    assert_int_equal(wait_beside(dir, dir, &former, false, &store, &error), STUDIO_OK);
    store_close(store);
}

/* A machine that was copied as a whole has the same name, which is a link here: who starts there takes the agent for its
 * own, once. */
static void test_its_name_alone_makes_nobody_a_former_owner(void **state)
{
    (void)state;
    const char *dir = tmpdir_create(), *copy = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct waiter w = {.last = 3};
    struct studio_error error = {0};
    assert_int_equal(link(tmpdir_path(dir, "owner"), tmpdir_path(copy, "owner")), 0);
    assert_int_equal(wait_beside(dir, copy, &w, false, &second, &error), STUDIO_OK);
    assert_int_equal(w.looks, 0);
    assert_int_equal(commit_change(first, "A-1", 0), STUDIO_ERR_IO);
    store_close(first);
    struct store_options options = options_for(dir);
    options.url = url_for(dir);
    options.held = on_held;
    options.held_ctx = &w;
    options.former = true;
    assert_int_equal(store_open(&options, &first, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(w.looks, 3);
    assert_int_equal(commit_change(second, "A-1", 0), STUDIO_OK);
    store_close(second);
}

static void start_database(struct waiter *w)
{
    assert_string_equal(w->owner, "");
    assert_non_null(strstr(w->why, "database cannot be used"));
    if (w->looks == 2)
        pgserver_start(pgserver_shared());
}

static void test_waits_for_a_database(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct waiter w = {.last = 1000, .then = start_database}, hasty = {.last = 1000};
    struct store *store = open_store(dir);
    struct studio_error error = {0};
    char *url = test_printf("%s", url_for(dir));
    store_close(store);
    pgserver_stop(pgserver_shared());
    assert_int_equal(wait_at(url, tmpdir_create(), &hasty, false, &store, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(hasty.looks, 0);
    assert_int_equal(wait_at(url, tmpdir_create(), &w, true, &store, &error), STUDIO_OK);
    free(url);
    assert_true(w.looks >= 2);
    store_close(store);
}

static void let_it_write(struct waiter *w)
{
    (void)w;
    tell("DROP TRIGGER IF EXISTS taken ON studio_agents");
}

/* As if another had it before its first word: that is no reason not to take it the next time. */
static void test_takes_what_it_had_lost_at_once(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct waiter w = {.last = 10, .then = let_it_write};
    struct store *store = open_store(dir);
    struct studio_error error = {0};
    store_close(store);
    tell("CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
         " CREATE TRIGGER taken BEFORE UPDATE ON studio_agents FOR EACH ROW"
         " WHEN (NEW.boot = OLD.boot) EXECUTE FUNCTION taken()");
    assert_int_equal(wait_beside(dir, tmpdir_create(), &w, false, &store, &error), STUDIO_OK);
    assert_int_equal(w.looks, 1);
    assert_null(store_successor(store));
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    store_close(store);
}

/* What will not do however long one waits is said at once. */
static void test_does_not_wait_for_ever(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct waiter w = {.last = 1000};
    struct store *store = open_store(dir);
    struct studio_error error = {0};
    store_close(store);
    tell("UPDATE studio_schema SET version = 999");
    assert_int_equal(wait_beside(dir, tmpdir_create(), &w, true, &store, &error),
                     STUDIO_ERR_STORE_UNUSABLE);
    assert_int_equal(w.looks, 0);
    assert_non_null(strstr(error.text, "newer"));
}

/* --- until when ------------------------------------------------------------------------------ */

static void test_is_owned_from_when_it_was_asked_for(void **state)
{
    (void)state;
    struct store *store = open_store(tmpdir_create());
    struct postgres_store *p = as_postgres(store);
    const int64_t until = (int64_t)atomic_load(&p->owned_until);
    bool more;
    assert_true(store_owned(store));
    assert_true(until <= clock_boot() + LEASE_MS);
    /* The renewal was long on its way: what counts is when it left. */
    p->sent -= 3 * LEASE_MS;
    owner_renewed(p);
    assert_false(store_owned(store));
    assert_int_equal(commit_change(store, "A-1", 0), STUDIO_OK);
    assert_true(store_owned(store));
    /* One that has nothing to write renews it, too. */
    atomic_store(&p->owned_until, 0);
    p->renewed -= LEASE_RENEW_MS;
    assert_int_equal(store_housekeep(store, 1, &more), STUDIO_OK);
    assert_true(store_owned(store));
    store_close(store);
}

static void test_names_its_successor(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    struct store *first = open_store(dir), *second = NULL;
    struct studio_error error = {0};
    commit_changes(first, "A-1", 0, 3);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()");
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_int_equal(commit_change(first, "A-1", 3), STUDIO_ERR_IO);
    assert_string_equal(store_successor(first), as_postgres(second)->owner);
    assert_false(store_owned(first));
    assert_true(store_owned(second));
    store_close(first);
    store_close(second);
}

/* The answer to its last batch was lost, then somebody else took the agent: he has found it, or not. */
static enum studio_err last_batch(const char *dir, bool stored)
{
    struct store *first = open_store(dir), *second = NULL;
    struct postgres_store *p = as_postgres(first);
    struct studio_error error = {0};
    struct change c;
    bool known = false;
    make_change(&c, "A-1", 0);
    if (stored)
        assert_int_equal(store_commit(first, &c.item, 1, 0), STUDIO_OK);
    /* As transact_end leaves it. */
    p->writes -= stored;
    p->asked = p->writes + 1;
    p->lost = p->doubt = true;
    p->happened = false;
    p->items = &c.item;
    p->item_count = 1;
    first->info.last_seq -= stored;
    link_close(&p->link);
    tell("UPDATE studio_agents SET valid_until = clock_timestamp()");
    assert_int_equal(open_beside(dir, NULL, &second, &error), STUDIO_OK);
    assert_true(store_in_doubt(first));
    enum studio_err err = store_settle(first, &known);
    assert_true(known);
    assert_int_equal(c.event.seq, stored);
    assert_non_null(store_successor(first));
    assert_int_equal(commit_change(first, "A-1", 1), STUDIO_ERR_IO);
    assert_int_equal(store_info(second)->last_seq, stored);
    store_close(first);
    store_close(second);
    return err;
}

static void test_looks_what_became_of_its_last_batch(void **state)
{
    (void)state;
    assert_int_equal(last_batch(tmpdir_create(), true), STUDIO_OK);
    assert_int_equal(last_batch(tmpdir_create(), false), STUDIO_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_until_it_is_given_up),
        cmocka_unit_test(test_who_gives_up_waits_no_more),
        cmocka_unit_test(test_is_left_to_one),
        cmocka_unit_test(test_its_name_alone_makes_nobody_a_former_owner),
        cmocka_unit_test(test_waits_for_a_database),
        cmocka_unit_test(test_takes_what_it_had_lost_at_once),
        cmocka_unit_test(test_does_not_wait_for_ever),
        cmocka_unit_test(test_is_owned_from_when_it_was_asked_for),
        cmocka_unit_test(test_names_its_successor),
        cmocka_unit_test(test_looks_what_became_of_its_last_batch),
    };
    return run_database_tests(tests);
}
