#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/document.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "unit/agent/core/hub_fixture.h"

/* --- documents ------------------------------------------------------------------------------- */

static void a_subscriber_gets_the_document_and_each_change(void **state)
{
    struct reader r = reader();

    (void)state;
    publish("ARO-001", 4);
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    assert_int_equal(hub_subscribers(hub), 1);
    assert_int_equal(r.wakes, 1);
    expect_next(&r, "ARO-001 4");
    expect_next(&r, "");
    publish("ARO-001", 5);
    assert_int_equal(r.wakes, 2);
    expect_next(&r, "ARO-001 5");
    publish("ARO-002", 9);
    assert_int_equal(r.wakes, 2);
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
    assert_int_equal(hub_subscribers(hub), 0);
}

static void a_slow_reader_gets_the_newest_of_each_table_once(void **state)
{
    struct reader r = reader();
    char table[16];

    (void)state;
    assert_int_equal(subscribe(&r, "*"), STUDIO_OK);
    for (uint64_t rev = 0; rev < 100; rev++) {
        publish("ARO-001", rev);
        publish("ARO-002", rev);
    }
    expect_next(&r, "ARO-001 99");
    publish("ARO-001", 100); /* behind ARO-002 now, which must not starve */
    expect_next(&r, "ARO-002 99");
    expect_next(&r, "ARO-001 100");
    expect_next(&r, "");
    for (int i = 0; i < 200; i++) { /* more than a few words of bits */
        snprintf(table, sizeof(table), "T%d", i);
        publish(table, 1);
        publish(table, 2);
    }
    for (int i = 0; i < 200; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "T%d 2", i);
        expect_next(&r, expected);
    }
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
}

static void an_unknown_name_starts_with_its_table(void **state)
{
    struct reader r = reader();

    (void)state;
    assert_int_equal(subscribe(&r, "LATER"), STUDIO_OK);
    assert_int_equal(r.wakes, 0);
    expect_next(&r, "");
    publish("LATER", 0);
    expect_next(&r, "LATER 0");
    hub_leave(hub, &r.watcher);
}

static void star_is_all_and_later_ones_too(void **state)
{
    struct reader r = reader();

    (void)state;
    publish("ARO-001", 1);
    publish("ARO-002", 2);
    assert_int_equal(subscribe(&r, "*"), STUDIO_OK);
    expect_answer(&r, "{\"status\":\"subscribed\",\"tables\":[\"*\"]}");
    expect_next(&r, "ARO-001 1");
    expect_next(&r, "ARO-002 2");
    expect_next(&r, "");
    publish("ARO-003", 0);
    expect_next(&r, "ARO-003 0");
    /* A name beside it brings nothing new. */
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    expect_next(&r, "");
    publish("ARO-001", 2);
    expect_next(&r, "ARO-001 2");
    expect_next(&r, "");
    /* Without the star the name is left. */
    unsubscribe(&r, "*");
    expect_answer(&r, "{\"status\":\"subscribed\",\"tables\":[]}");
    hub_leave(hub, &r.watcher);
}

static void subscribing_star_brings_only_what_is_new(void **state)
{
    struct reader r = reader();

    (void)state;
    publish("ARO-001", 1);
    publish("ARO-002", 1);
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    expect_next(&r, "ARO-001 1");
    assert_int_equal(subscribe(&r, "*"), STUDIO_OK);
    expect_next(&r, "ARO-002 1");
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
}

static void the_answer_is_the_whole_set_in_order_each_name_once(void **state)
{
    struct reader r = reader();

    (void)state;
    assert_int_equal(subscribe(&r, "B", "A", "B"), STUDIO_OK);
    assert_int_equal(subscribe(&r, "A", "C"), STUDIO_OK);
    expect_answer(&r, "{\"status\":\"subscribed\",\"tables\":[\"B\",\"A\",\"C\"]}");
    unsubscribe(&r, "A", "X");
    expect_answer(&r, "{\"status\":\"subscribed\",\"tables\":[\"B\",\"C\"]}");
    assert_int_equal(hub_subscribe(hub, &r.watcher, NULL, 0), STUDIO_OK);
    hub_leave(hub, &r.watcher);
    hub_leave(hub, &r.watcher);
}

static void unsubscribed_tables_send_nothing_more(void **state)
{
    struct reader r = reader();

    (void)state;
    publish("ARO-001", 1);
    publish("ARO-002", 1);
    assert_int_equal(subscribe(&r, "ARO-001", "ARO-002"), STUDIO_OK);
    unsubscribe(&r, "ARO-001"); /* its document was waiting */
    expect_next(&r, "ARO-002 1");
    expect_next(&r, "");
    publish("ARO-001", 2);
    except("ARO-001", "gone");
    expect_next(&r, "");
    except("ARO-002", "kept until the end");
    unsubscribe(&r, "*");
    assert_int_equal(hub_subscribers(hub), 0);
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
}

static void leaving_star_keeps_what_is_named(void **state)
{
    struct reader r = reader();
    struct reader other = reader();

    (void)state;
    publish("ARO-001", 1);
    publish("ARO-002", 1);
    assert_int_equal(subscribe(&other, "*"), STUDIO_OK);
    assert_int_equal(subscribe(&r, "*", "ARO-002"), STUDIO_OK);
    unsubscribe(&r, "ARO-002"); /* still covered by the star */
    expect_next(&r, "ARO-001 1");
    expect_next(&r, "ARO-002 1");
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
    publish("ARO-001", 2);
    expect_next(&other, "ARO-001 2");
    hub_leave(hub, &other.watcher);
}

static void a_removed_table_ends_and_may_return(void **state)
{
    struct reader named = reader(), all = reader();

    (void)state;
    publish("ARO-001", 1);
    assert_int_equal(subscribe(&named, "ARO-001"), STUDIO_OK);
    assert_int_equal(subscribe(&all, "*"), STUDIO_OK);
    remove_table("ARO-001", 2); /* the documents waiting go with it */
    struct push push;
    assert_false(hub_next(hub, &named.watcher, &push));
    assert_false(hub_next(hub, &all.watcher, &push));
    expect_next(&named, "");
    publish("ARO-001", 3);
    expect_next(&named, "ARO-001 3");
    expect_next(&all, "ARO-001 3");
    expect_next(&named, "");
    expect_next(&all, "");
    remove_table("NEVER", 1);
    hub_leave(hub, &named.watcher);
    hub_leave(hub, &all.watcher);
}

static void a_freed_place_used_again_mixes_up_nothing(void **state)
{
    struct reader r = reader(), all = reader();

    (void)state;
    publish("ARO-001", 1);
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_OK);
    assert_int_equal(subscribe(&all, "*"), STUDIO_OK);
    unsubscribe(&r, "ARO-001");
    assert_int_equal(subscribe(&r, "OTHER"), STUDIO_OK);
    remove_table("ARO-001", 2); /* frees its place, with a mark of `all` on it */
    publish("NEW", 7);
    expect_next(&r, "");
    expect_next(&all, "NEW 7");
    expect_next(&all, "");
    hub_leave(hub, &r.watcher);
    hub_leave(hub, &all.watcher);
}

static void what_was_seen_otherwise_is_not_pushed(void **state)
{
    struct reader r = reader();

    (void)state;
    publish("ARO-001", 1);
    publish("ARO-002", 1);
    assert_int_equal(subscribe(&r, "*"), STUDIO_OK);
    hub_seen(hub, &r.watcher, "ARO-001");
    hub_seen(hub, &r.watcher, "UNKNOWN");
    expect_next(&r, "ARO-002 1");
    expect_next(&r, "");
    hub_leave(hub, &r.watcher);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void a_reader_has_at_most_1024_names_or_changes_nothing(void **state)
{
    const char *names[HUB_SUBSCRIPTIONS_MAX + 1];
    struct reader r = reader();

    (void)state;
    for (int i = 0; i <= HUB_SUBSCRIPTIONS_MAX; i++)
        names[i] = test_printf("T%d", i);
    publish("T1024", 1);
    assert_int_equal(hub_subscribe(hub, &r.watcher, names, HUB_SUBSCRIPTIONS_MAX + 1),
                     STUDIO_ERR_INVALID_DATA);
    assert_int_equal(hub_subscribers(hub), 0);
    assert_int_equal(hub_subscribe(hub, &r.watcher, names, HUB_SUBSCRIPTIONS_MAX), STUDIO_OK);
    assert_int_equal(hub_subscribe(hub, &r.watcher, &names[HUB_SUBSCRIPTIONS_MAX], 1),
                     STUDIO_ERR_INVALID_DATA);
    assert_int_equal(r.watcher.channel_count, HUB_SUBSCRIPTIONS_MAX);
    expect_next(&r, "");
    publish("T1024", 2);
    expect_next(&r, "");
    hub_unsubscribe(hub, &r.watcher, names, 1);
    assert_int_equal(hub_subscribe(hub, &r.watcher, &names[HUB_SUBSCRIPTIONS_MAX], 1), STUDIO_OK);
    expect_next(&r, "T1024 2");
    hub_leave(hub, &r.watcher);
    for (int i = 0; i <= HUB_SUBSCRIPTIONS_MAX; i++)
        free((char *)(uintptr_t)names[i]);
}

static void a_refused_name_under_the_star_keeps_its_document(void **state)
{
    const char *names[HUB_SUBSCRIPTIONS_MAX];
    struct reader r = reader();

    (void)state;
    names[0] = test_printf("*");
    for (int i = 1; i < HUB_SUBSCRIPTIONS_MAX; i++)
        names[i] = test_printf("T%d", i);
    publish("ARO-001", 1);
    assert_int_equal(hub_subscribe(hub, &r.watcher, names, HUB_SUBSCRIPTIONS_MAX), STUDIO_OK);
    assert_int_equal(subscribe(&r, "ARO-001"), STUDIO_ERR_INVALID_DATA);
    expect_next(&r, "ARO-001 1");
    hub_leave(hub, &r.watcher);
    for (int i = 0; i < HUB_SUBSCRIPTIONS_MAX; i++)
        free((char *)(uintptr_t)names[i]);
}

/* --- many of them ---------------------------------------------------------------------------- */

enum { READERS = 5, NAMES = 40, ROUNDS = 2000 };

/* What a reader is to be subscribed to, in order. */
struct wanted {
    size_t count;
    unsigned names[NAMES];
};

static void want(struct wanted *wanted, unsigned name, bool subscribed)
{
    size_t kept = 0;

    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->names[i] == name && subscribed)
            return;
        if (wanted->names[i] != name)
            wanted->names[kept++] = wanted->names[i];
    }
    if (subscribed)
        wanted->names[kept++] = name;
    wanted->count = kept;
}

static void expect_wanted(struct reader *r, const struct wanted *wanted)
{
    struct buf expected;

    buf_init(&expected, SIZE_MAX);
    buf_str(&expected, "{\"status\":\"subscribed\",\"tables\":[");
    for (size_t i = 0; i < wanted->count; i++)
        buf_printf(&expected, "%s\"T%u\"", i ? "," : "", wanted->names[i]);
    buf_str(&expected, "]}");
    expect_answer(r, expected.data);
    buf_finish(&expected);
}

/* Whoever comes and goes, each stays subscribed to just what it said, in its order. */
static void many_come_and_go_and_mix_up_nothing(void **state)
{
    struct reader readers[READERS];
    struct wanted wanted[READERS] = {{0}};
    char text[NAMES][8];
    const char *names[NAMES];
    uint64_t dice = 1;

    (void)state;
    for (unsigned i = 0; i < NAMES; i++)
        snprintf(text[i], sizeof(text[i]), "T%u", i);
    for (int i = 0; i < READERS; i++)
        readers[i] = reader();
    for (int round = 0; round < ROUNDS; round++) {
        dice = dice * 6364136223846793005U + 1442695040888963407U;
        unsigned who = (unsigned)(dice >> 33) % READERS, from = (unsigned)(dice >> 40) % NAMES;
        unsigned n = 1 + (unsigned)(dice >> 50) % 12;
        bool subscribes = dice >> 63;
        for (unsigned i = 0; i < n; i++) {
            unsigned name = (from + i * 7) % NAMES;
            names[i] = text[name];
            want(&wanted[who], name, subscribes);
        }
        if (subscribes)
            assert_int_equal(hub_subscribe(hub, &readers[who].watcher, names, n), STUDIO_OK);
        else
            hub_unsubscribe(hub, &readers[who].watcher, names, n);
        expect_wanted(&readers[who], &wanted[who]);
    }
    for (unsigned name = 0; name < NAMES; name++) {
        struct wanted before[READERS];
        memcpy(before, wanted, sizeof(before));
        publish(text[name], 1);
        for (int i = 0; i < READERS; i++) {
            char expected[16];
            want(&before[i], name, false);
            snprintf(expected, sizeof(expected), "T%u 1", name);
            expect_next(&readers[i], before[i].count < wanted[i].count ? expected : "");
        }
    }
    for (int i = 0; i < READERS; i++)
        hub_leave(hub, &readers[i].watcher);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    hub_destroy(NULL);
    frame_unref(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_subscriber_gets_the_document_and_each_change),
        TEST(a_slow_reader_gets_the_newest_of_each_table_once),
        TEST(an_unknown_name_starts_with_its_table),
        TEST(star_is_all_and_later_ones_too),
        TEST(subscribing_star_brings_only_what_is_new),
        TEST(the_answer_is_the_whole_set_in_order_each_name_once),
        TEST(unsubscribed_tables_send_nothing_more),
        TEST(leaving_star_keeps_what_is_named),
        TEST(a_removed_table_ends_and_may_return),
        TEST(a_freed_place_used_again_mixes_up_nothing),
        TEST(what_was_seen_otherwise_is_not_pushed),
        TEST(a_reader_has_at_most_1024_names_or_changes_nothing),
        TEST(a_refused_name_under_the_star_keeps_its_document),
        TEST(many_come_and_go_and_mix_up_nothing),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
