/* test_studio_cache.c - what is new since a version, whatever comes and goes. */
#include "api/studio_cache.h"

#include <stdio.h>

#include "store/store.h"
#include "support/cmocka_all.h"
#include "support/oom.h"

static struct studio_cache *cache;

static int open_cache(void **state)
{
    (void)state;
    cache = studio_cache_create();
    return cache ? 0 : -1;
}

static int close_cache(void **state)
{
    (void)state;
    studio_cache_destroy(cache);
    studio_cache_destroy(NULL);
    return 0;
}

static struct store_agent listed(const char *id, uint64_t last_seq)
{
    return (struct store_agent){
        .id = id, .epoch = "e", .owner = "edge", .boot = 1, .last_seq = last_seq, .owned = true};
}

static void list(const char *id, uint64_t last_seq)
{
    struct store_agent agent = listed(id, last_seq);
    assert_true(studio_cache_agent(cache, &agent));
}

static void put(struct cached_agent *agent, const char *id, uint64_t rev, const char *document)
{
    size_t len = document ? strlen(document) : 0;
    assert_true(studio_cache_table(cache, agent, id, rev, document ? strdup(document) : NULL, len));
}

/* What is new since then: "a a/T1 -a/T2", the gone ones with a minus. */
static void expect_new(uint64_t version, const char *expected)
{
    char found[256] = "";
    const struct cached_item *item = studio_cache_after(cache, version);
    uint64_t before = version;

    for (; item; item = item->next) {
        const struct cached_table *table = item->table;
        const struct cached_agent *agent = table ? table->agent : (const void *)item;
        size_t len = strlen(found);
        assert_true(item->version > before);
        before = item->version;
        snprintf(found + len, sizeof(found) - len, "%s%s%s%s%s", len ? " " : "",
                 item->gone ? "-" : "", agent->id, table ? "/" : "", table ? table->id : "");
    }
    assert_string_equal(found, expected);
}

/* An agent with two tables. */
static void begin_with_a(void)
{
    studio_cache_begin(cache);
    list("a", 2);
    struct cached_agent *a = studio_cache_listed(cache);
    assert_string_equal(a->id, "a");
    assert_null(a->next_due);
    put(a, "T1", 0, "{1}");
    put(a, "T2", 0, "{2}");
    studio_cache_read(cache, a);
}

static void what_is_new(void **state)
{
    (void)state;
    assert_null(studio_cache_after(cache, 0));
    begin_with_a();
    expect_new(0, "a a/T1 a/T2");
    uint64_t version = studio_cache_version(cache);
    expect_new(version, "");

    /* It has written nothing: it is not read. */
    studio_cache_begin(cache);
    list("a", 2);
    assert_null(studio_cache_listed(cache));
    expect_new(version, "");

    /* It has: of what was read, what differs is new. */
    studio_cache_begin(cache);
    list("a", 3);
    struct cached_agent *a = studio_cache_listed(cache);
    put(a, "T1", 1, "{3}");
    put(a, "T2", 0, "{2}");
    studio_cache_read(cache, a);
    expect_new(version, "a/T1");
    expect_new(0, "a a/T2 a/T1");
    assert_int_equal(cached_agent_table(a, "T1")->rev, 1);
    assert_null(cached_agent_table(a, "T3"));
}

static void what_is_gone(void **state)
{
    (void)state;
    begin_with_a();
    uint64_t version = studio_cache_version(cache);
    studio_cache_begin(cache);
    list("a", 3);
    list("b", 1);
    struct cached_agent *a = studio_cache_listed(cache);
    put(a, "T1", 1, NULL); /* removed; T2 is not there any more */
    studio_cache_read(cache, a);
    put(a->next_due, "T1", 4, NULL); /* never seen */
    studio_cache_read(cache, a->next_due);
    expect_new(version, "b -a/T1 -a/T2");

    /* Back again. */
    version = studio_cache_version(cache);
    studio_cache_begin(cache);
    list("a", 4);
    a = studio_cache_listed(cache); /* b is gone */
    assert_null(a->next_due);
    put(a, "T1", 2, "{4}");
    studio_cache_read(cache, a);
    expect_new(version, "-b a/T1");

    /* With its tables. */
    version = studio_cache_version(cache);
    studio_cache_begin(cache);
    assert_null(studio_cache_listed(cache));
    expect_new(version, "-a/T1 -a");
    version = studio_cache_version(cache);
    begin_with_a();
    expect_new(version, "a a/T1 a/T2");
}

/* That an agent is renewed is nothing new; that it is not, is. */
static void ownership(void **state)
{
    (void)state;
    begin_with_a();
    uint64_t version = studio_cache_version(cache);
    struct store_agent agent = listed("a", 2);
    agent.until_ms = 7000;
    studio_cache_begin(cache);
    assert_true(studio_cache_agent(cache, &agent));
    assert_null(studio_cache_listed(cache));
    expect_new(version, "");
    agent.owned = false;
    studio_cache_begin(cache);
    assert_true(studio_cache_agent(cache, &agent));
    assert_null(studio_cache_listed(cache));
    expect_new(version, "a");
    const struct cached_agent *a = (const void *)studio_cache_after(cache, version);
    assert_false(a->owned);
    assert_int_equal(a->until_ms, 7000);
    version = studio_cache_version(cache);
    agent.owner = "other";
    agent.owned = true;
    agent.boot++;
    studio_cache_begin(cache);
    assert_true(studio_cache_agent(cache, &agent));
    assert_non_null(studio_cache_listed(cache)); /* who has it now may have changed them */
    expect_new(version, "a");
}

/* Who sees one table only hears whose it is when the agent gets it. */
static void a_new_table_names_its_agent(void **state)
{
    (void)state;
    begin_with_a();
    uint64_t version = studio_cache_version(cache);
    studio_cache_begin(cache);
    list("a", 3);
    struct cached_agent *a = studio_cache_listed(cache);
    put(a, "T1", 0, "{1}");
    put(a, "T2", 0, "{2}");
    put(a, "T3", 0, "{3}");
    put(a, "T4", 0, "{4}");
    studio_cache_read(cache, a);
    expect_new(version, "a a/T3 a/T4");
}

/* From whichever end it is nearer. */
static void any_version_is_found(void **state)
{
    char id[16];
    (void)state;
    for (int round = 0; round < 3; round++) {
        studio_cache_begin(cache);
        list("a", (uint64_t)round + 1);
        struct cached_agent *a = studio_cache_listed(cache);
        for (int i = 0; i < 60; i++) {
            snprintf(id, sizeof(id), "T%d", i);
            put(a, id, i % (round + 1) == 0 ? (uint64_t)round : 0, "{}");
        }
        studio_cache_read(cache, a);
    }
    assert_int_equal(studio_cache_count(cache), 61);
    for (uint64_t version = 0; version <= studio_cache_version(cache); version++) {
        const struct cached_item *first = studio_cache_after(cache, version), *item;
        size_t behind = 0, all = 0;
        for (item = first; item; item = item->next)
            behind += item->version > version;
        for (item = studio_cache_after(cache, 0); item; item = item->next)
            all += item->version > version;
        assert_int_equal(behind, all);
    }
}

static void what_is_too_much_is_left_out(void **state)
{
    enum { LEN = STUDIO_CACHE_BYTES / 2 };
    (void)state;
    begin_with_a();
    assert_false(studio_cache_full(cache));
    studio_cache_begin(cache);
    list("a", 3);
    struct cached_agent *a = studio_cache_listed(cache);
    for (int i = 0; i < 3; i++) {
        char id[16], *document = calloc(1, LEN);
        assert_non_null(document);
        snprintf(id, sizeof(id), "L%d", i);
        assert_true(studio_cache_table(cache, a, id, 0, document, LEN));
    }
    assert_true(studio_cache_full(cache));
    assert_non_null(cached_agent_table(a, "L0"));
    assert_null(cached_agent_table(a, "L2"));
}

static void without_memory(void **state)
{
    (void)state;
    if (!OOM_POSSIBLE)
        skip();
    for (unsigned long n = 1;; n++) {
        struct store_agent agent = listed("a", 1);
        struct studio_cache *small = studio_cache_create();
        char *document = strdup("{}");
        studio_cache_begin(small);
        oom_arm(n, 1);
        bool ok = studio_cache_agent(small, &agent);
        struct cached_agent *a = ok ? studio_cache_listed(small) : NULL;
        if (a)
            ok = studio_cache_table(small, a, "T1", 0, document, 2);
        else
            free(document);
        bool failed = oom_disarm();
        assert_true(ok || failed);
        studio_cache_destroy(small);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_new, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(what_is_gone, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(ownership, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_new_table_names_its_agent, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(any_version_is_found, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_left_out, open_cache, close_cache),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
