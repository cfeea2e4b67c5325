/* test_mirror.c - what of a table goes out, when, and what is cleared. */
#include "bridge/announce.h"
#include "bridge/mirror.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fields.h"

static struct mirror *m;

static int setup(void **state)
{
    (void)state;
    return mirror_create(&m) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    mirror_destroy(m);
    assert_int_equal(fake_snapshots(), 0);
    return 0;
}

static void show(struct studio_snapshot *s)
{
    assert_int_equal(mirror_tables(m, &s, 1), STUDIO_OK);
    studio_snapshot_unref(s);
}

static void present(const char *json)
{
    assert_int_equal(mirror_presence(m, "T", json), STUDIO_OK);
}

static void clear(const char *table, const char *field)
{
    assert_int_equal(mirror_clear(m, table, field), STUDIO_OK);
}

/* All that may go out now as "topic=payload" words, in order. */
static const char *drain(int64_t now)
{
    static char text[4096];
    static const char *const names[] = {
        [TOPIC_STATUS] = "status", [TOPIC_FIELD] = "", [TOPIC_PRESENCE] = "presence"};
    struct mirror_message out;
    size_t n = 0;

    text[0] = '\0';
    while (mirror_next(m, now, &out)) {
        bool document = out.topic == TOPIC_STATUS && out.len > 0;

        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s=%s", n ? " " : "",
                              names[out.topic], out.field ? out.field : "",
                              document ? "doc" : out.payload);
        assert_int_equal(strlen(out.payload), out.len);
    }
    return text;
}

static const char *all_fields(void)
{
    static char text[1000];

    snprintf(text, sizeof(text), "status=doc %s", fields(FIELDS_PLAIN, "sdp=up"));
    return text;
}

static const char *all_empty(void)
{
    static char text[1000];

    snprintf(text, sizeof(text), "status= %s", fields(FIELDS_EMPTY, ""));
    return text;
}

static void the_first_round_has_all_the_next_what_changed(void **state)
{
    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    assert_string_equal(drain(1000), all_fields());
    show(fake_snapshot("T", 2, "down", NULL));
    assert_string_equal(drain(1099), ""); /* not within 100 ms */
    assert_int_equal(mirror_deadline(m), 1100);
    show(fake_snapshot("T", 3, "up2", NULL));
    assert_string_equal(drain(1100), "status=doc SDP=up2"); /* the newest, once */
    assert_string_equal(drain(9000), "");
    show(fake_snapshot("T", 4, "up2", NULL));
    assert_string_equal(drain(9000), "status=doc"); /* at once again */
}

static void an_older_snapshot_never_goes_out_after_a_newer_one(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 5, "up", NULL));
    show(fake_snapshot("T", 4, "down", NULL));
    assert_true(mirror_next(m, 0, &out));
    assert_non_null(strstr(out.payload, "\"UPTIME\":5"));
}

static void custom_fields_come_change_and_go(void **state)
{
    (void)state;
    show(fake_snapshot("T", 1, "up", "a=1,b=2"));
    drain(0);
    show(fake_snapshot("T", 2, "up", "b=3,c=4"));
    assert_string_equal(drain(100), "status=doc b=3 c=4 a=");
    show(fake_snapshot("T", 3, "up", "b=3,c=4"));
    assert_string_equal(drain(200), "status=doc");
}

static void texts_are_marked_as_what_they_are(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 1, "up", "a=1"));
    while (mirror_next(m, 0, &out))
        assert_int_equal(out.plain, out.topic == TOPIC_FIELD && strcmp(out.field, "a") != 0);
}

static void a_new_connection_says_all_again(void **state)
{
    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    drain(0);
    present("p");
    assert_string_equal(drain(0), "presence=p");
    mirror_restart(m, false);
    assert_true(mirror_ready(m, 1));
    char expected[1100];
    snprintf(expected, sizeof(expected), "presence=p %s", all_fields());
    assert_string_equal(drain(1), expected);
}

static void a_connection_lost_in_the_middle_of_a_round_starts_it_again(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    for (int i = 0; i < 4; i++)
        assert_true(mirror_next(m, 0, &out));
    mirror_restart(m, false);
    assert_string_equal(drain(1), all_fields());
}

static void a_round_shows_one_state_throughout(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    assert_true(mirror_next(m, 0, &out));
    show(fake_snapshot("T", 2, "down", NULL));
    assert_true(mirror_next(m, 0, &out) && mirror_next(m, 0, &out));
    assert_string_equal(out.field, "SDP");
    assert_string_equal(out.payload, "up");
    drain(0);
    assert_string_equal(drain(100), "status=doc SDP=down");
}

static void a_removed_table_is_cleared_and_may_come_back(void **state)
{
    char expected[1100];

    (void)state;
    show(fake_snapshot("T", 1, "up", "a=1"));
    present("p");
    drain(0);
    present(NULL);
    show(fake_removed("T", 2));
    snprintf(expected, sizeof(expected), "%s presence= a=", all_empty());
    assert_string_equal(drain(100), expected);
    assert_string_equal(drain(1100), "presence="); /* once more at its own pace: harmless */
    mirror_restart(m, false);                      /* again after every new connection */
    snprintf(expected, sizeof(expected), "presence= %s presence=", all_empty());
    assert_string_equal(drain(2000), expected);
    show(fake_snapshot("T", 3, "up", NULL));
    assert_string_equal(drain(3000), all_fields());
}

static void topics_of_removed_fields_are_cleared_once(void **state)
{
    char expected[1100];

    (void)state;
    show(fake_snapshot("T", 1, "up", "a=1"));
    mirror_restart(m, false);
    clear("T", "old");
    clear("T", "a"); /* it is there again */
    snprintf(expected, sizeof(expected), "%s a=1 old=", all_fields());
    assert_string_equal(drain(0), expected);
    show(fake_snapshot("T", 2, "up", "a=1"));
    assert_string_equal(drain(100), "status=doc");
    clear("GONE", NULL); /* a table nobody knows any more */
    snprintf(expected, sizeof(expected), "%s presence=", all_empty());
    assert_string_equal(drain(200), expected);
}

/* Removed between the list's reading and the table's first round: neither the list nor an earlier
 * round of this connection knows of it. */
static void what_goes_before_the_first_round_is_cleared(void **state)
{
    char expected[1100];

    (void)state;
    show(fake_snapshot("T", 1, "up", "a=1"));
    drain(0);
    mirror_restart(m, false);
    show(fake_snapshot("T", 2, "up", NULL));
    snprintf(expected, sizeof(expected), "%s a=", all_fields());
    assert_string_equal(drain(100), expected);
}

static void a_refused_round_is_repeated_whole(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    assert_true(mirror_next(m, 0, &out));
    mirror_again(m, out.entry); /* in the middle of it */
    drain(0);
    assert_string_equal(drain(100), all_fields());
    assert_string_equal(drain(200), "");
}

static void what_is_to_be_cleared_again_while_its_round_goes_on_is_not_forgotten(void **state)
{
    struct mirror_message out;

    (void)state;
    show(fake_snapshot("T", 1, "up", NULL));
    clear("T", "a");
    do
        assert_true(mirror_next(m, 0, &out));
    while (!out.field || strcmp(out.field, "a") != 0);
    mirror_again(m, out.entry); /* it was refused at once */
    clear("T", "a");
    assert_non_null(strstr(drain(0), " a="));
    show(fake_snapshot("T", 2, "down", NULL));
    assert_string_equal(drain(200), "status=doc SDP=down");
}

static void presence_goes_out_at_most_once_a_second(void **state)
{
    (void)state;
    present("1");
    assert_string_equal(drain(0), "presence=1");
    present("2");
    present("3");
    assert_string_equal(drain(999), "");
    assert_string_equal(drain(1000), "presence=3");
}

static struct mirror_message next_of(int64_t now)
{
    struct mirror_message out;

    assert_true(mirror_next(m, now, &out));
    return out;
}

/* Where messages can expire, who is there is said again and again; that nobody is, once. */
static void presence_that_expires_is_said_again_in_time(void **state)
{
    struct mirror_message out;

    (void)state;
    mirror_restart(m, true);
    present("{\"online\":true}");
    assert_int_equal(next_of(0).expiry_s, ANNOUNCE_EXPIRY_S);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(mirror_deadline(m), i < 2 ? 1000 : i * ANNOUNCE_REFRESH_MS);
        assert_false(mirror_next(m, i * ANNOUNCE_REFRESH_MS - 1, &out));
        assert_false(mirror_ready(m, i * ANNOUNCE_REFRESH_MS - 1));
        out = next_of(i * ANNOUNCE_REFRESH_MS);
        assert_int_equal(out.expiry_s, ANNOUNCE_EXPIRY_S);
        assert_string_equal(out.payload, "{\"online\":true}");
    }
    present("{\"online\":false,\"clients\":\"\\\"online\\\":true\"}");
    assert_int_equal(next_of(4 * ANNOUNCE_REFRESH_MS).expiry_s, 0);
    assert_false(mirror_next(m, 40 * ANNOUNCE_REFRESH_MS, &out));
}

static void presence_that_cannot_expire_is_said_once(void **state)
{
    struct mirror_message out;

    (void)state;
    mirror_restart(m, false);
    present("{\"online\":true}");
    assert_int_equal(next_of(0).expiry_s, 0);
    assert_false(mirror_next(m, 40 * ANNOUNCE_REFRESH_MS, &out));
}

/* Many tables' presence comes due at once: rounds go on in between, and the other way round. */
static void refreshes_and_rounds_take_turns(void **state)
{
    enum { TABLES = 20, LATER = ANNOUNCE_REFRESH_MS };
    unsigned refreshes = 0, in_a_row = 0, rounds = 0;
    struct mirror_message out;

    (void)state;
    mirror_restart(m, true);
    for (int i = 0; i < TABLES; i++) {
        char id[16];

        snprintf(id, sizeof(id), "T%d", i);
        assert_int_equal(mirror_presence(m, id, "{\"online\":true}"), STUDIO_OK);
        assert_true(mirror_next(m, 0, &out));
    }
    for (int i = 0; i < TABLES; i++) {
        char id[16];

        snprintf(id, sizeof(id), "T%d", i);
        show(fake_snapshot(id, 1, "up", NULL));
    }
    while (refreshes < TABLES && mirror_next(m, LATER, &out)) {
        if (out.topic == TOPIC_PRESENCE) {
            refreshes++;
            in_a_row++;
        } else {
            assert_true(in_a_row <= MIRROR_REFRESHES_PER_ROUND);
            in_a_row = 0;
            rounds += out.topic == TOPIC_STATUS;
        }
    }
    assert_int_equal(refreshes, TABLES);
    assert_int_equal(rounds, TABLES / MIRROR_REFRESHES_PER_ROUND - 1);
}

/* Two of three tables have nothing new: they come within the time, one after the other. */
static void after_a_connection_tables_may_be_spread(void **state)
{
    struct mirror_message message;
    char id[16];
    int64_t at = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(id, sizeof(id), "T%d", i);
        show(fake_snapshot(id, 1, "up", NULL));
    }
    mirror_restart(m, true);
    mirror_spread(m, 0, 4000, 500); /* 1,000 ms between them, the first after 500 */
    assert_false(mirror_ready(m, 499));
    assert_int_equal(mirror_deadline(m), 500);
    show(fake_snapshot("T2", 2, "down", NULL));
    assert_true(mirror_ready(m, 10)); /* news do not wait */
    for (int rounds = 0; rounds < 3; at += 10)
        while (mirror_next(m, at, &message)) {
            if (message.topic != TOPIC_STATUS)
                continue;
            assert_string_equal(message.table_id, rounds == 0 ? "T2" : rounds == 1 ? "T0" : "T1");
            assert_int_equal(at, rounds == 0 ? 0 : rounds * 1000 - 500);
            rounds++;
        }
    mirror_restart(m, true);
    mirror_spread(m, at, 0, 500); /* at once */
    assert_true(mirror_ready(m, at + 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_round_has_all_the_next_what_changed),
        TEST(an_older_snapshot_never_goes_out_after_a_newer_one),
        TEST(custom_fields_come_change_and_go),
        TEST(texts_are_marked_as_what_they_are),
        TEST(a_new_connection_says_all_again),
        TEST(a_connection_lost_in_the_middle_of_a_round_starts_it_again),
        TEST(a_round_shows_one_state_throughout),
        TEST(a_removed_table_is_cleared_and_may_come_back),
        TEST(topics_of_removed_fields_are_cleared_once),
        TEST(what_goes_before_the_first_round_is_cleared),
        TEST(a_refused_round_is_repeated_whole),
        TEST(what_is_to_be_cleared_again_while_its_round_goes_on_is_not_forgotten),
        TEST(presence_goes_out_at_most_once_a_second),
        TEST(presence_that_expires_is_said_again_in_time),
        TEST(presence_that_cannot_expire_is_said_once),
        TEST(refreshes_and_rounds_take_turns),
        TEST(after_a_connection_tables_may_be_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
