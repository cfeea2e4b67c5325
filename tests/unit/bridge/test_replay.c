/* test_replay.c - kept events once more: ranges, pages, errors, limits. */
#include "bridge/replay.h"

#include "support/cmocka_all.h"
#include "unit/bridge/fakes.h"

static struct fake_source source;
static struct replays r;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    fake_source_init(&source, 1000);
    for (uint64_t i = 0; i < 600; i++) /* odd seqs are A, rev 0 on; even ones B */
        fake_commit(&source, i % 2 ? "B" : "A", i / 2);
    replays_init(&r, &source.ops, "6f1c");
    buf_init(&out, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    replays_clear(&r);
    buf_finish(&out);
    fake_source_finish(&source);
    return 0;
}

/* Starts a request and returns the answer given at once, NULL if none; valid until the next. */
static const char *start(const char *client, const char *json)
{
    static char text[256];
    struct reply *request = reply_create(client, client, "id", 2, json, strlen(json));
    struct reply *answer = replays_start(&r, request, source.count);

    if (!answer)
        return NULL;
    assert_memory_equal(answer->correlation, "id", 2);
    snprintf(text, sizeof(text), "%s", answer->payload);
    free(answer);
    return text;
}

static bool next(struct replay_message *m)
{
    buf_clear(&out);
    return replays_next(&r, 0, &out, m);
}

/* Drains all; seqs of one client from `first` in steps, then its end. */
static void expect_run(uint64_t first, uint64_t last, uint64_t step)
{
    struct replay_message m;
    char end[64];
    uint64_t count = 0;

    for (uint64_t seq = first; seq <= last; seq += step, count++) {
        assert_true(next(&m));
        assert_int_equal(m.seq, seq);
        assert_non_null(strstr(out.data, ",\"replay\":true}"));
        replays_done(&r);
    }
    assert_true(next(&m));
    assert_int_equal(m.seq, 0);
    snprintf(end, sizeof(end), "{\"end\":true,\"count\":%" PRIu64 "}", count);
    assert_string_equal(out.data, end);
    replays_done(&r);
    assert_false(replays_ready(&r, 0));
}

static void by_seq_in_pages(void **state)
{
    (void)state;
    assert_null(start("c", "{\"from_seq\":101}"));
    expect_run(101, 600, 1);
    assert_in_range(source.reads, 500 / REPLAY_PAGE, 500 / REPLAY_PAGE + 2);
    assert_null(start("c", "{\"from_seq\":5,\"to_seq\":7}"));
    expect_run(5, 7, 1);
    assert_null(start("c", "{\"from_seq\":0,\"to_seq\":2}"));
    expect_run(1, 2, 1);
}

static void nothing_to_replay_is_an_end(void **state)
{
    (void)state;
    assert_null(start("c", "{\"from_seq\":601}"));
    expect_run(1, 0, 1);
    assert_null(start("c", "{\"from_seq\":9,\"to_seq\":8}"));
    expect_run(1, 0, 1);
    assert_null(start("c", "{\"table_id\":\"X\",\"from_rev\":0}"));
    expect_run(1, 0, 1);
}

static void by_table_only_its_changes(void **state)
{
    (void)state;
    source.events[102].kind = EVENT_EXCEPTION;
    assert_null(start("c", "{\"table_id\":\"A\",\"from_rev\":52}"));
    expect_run(105, 599, 2);
}

static void events_after_the_request_are_live_ones(void **state)
{
    (void)state;
    assert_null(start("c", "{\"from_seq\":599}"));
    fake_commit(&source, "A", 300);
    expect_run(599, 600, 1);
}

static void what_is_gone_is_named(void **state)
{
    (void)state;
    source.oldest = 201;
    assert_string_equal(start("c", "{\"from_seq\":200}"),
                        "{\"error\":\"too old\",\"oldest_seq\":201}");
    assert_string_equal(start("c", "{\"table_id\":\"B\",\"from_rev\":99}"),
                        "{\"error\":\"too old\",\"oldest_seq\":202,\"oldest_rev\":100}");
    assert_null(start("c", "{\"from_seq\":201,\"to_seq\":201}"));
    expect_run(201, 201, 1);
    assert_null(start("c", "{\"table_id\":\"B\",\"from_rev\":299}"));
    expect_run(600, 600, 1);
}

static void errors_are_answered_at_once(void **state)
{
    (void)state;
    assert_string_equal(start("c", "{\"from_seq\":1,\"epoch\":\"other\"}"),
                        "{\"error\":\"other epoch\",\"epoch\":\"6f1c\"}");
    assert_string_equal(start("c", "{"), "{\"error\":\"Invalid JSON format\"}");
    assert_false(replays_ready(&r, 0));
    assert_null(start("c", "{\"from_seq\":600,\"epoch\":\"6f1c\"}"));
    expect_run(600, 600, 1);
}

static void the_newer_request_of_a_client_counts(void **state)
{
    struct replay_message m;

    (void)state;
    assert_null(start("c", "{\"from_seq\":1}"));
    assert_true(next(&m));
    assert_true(next(&m));
    replays_done(&r);
    replays_done(&r);
    assert_string_equal(start("c", "{\"from_seq\":600}"),
                        "{\"end\":true,\"count\":2,\"replaced\":true}");
    expect_run(600, 600, 1);
}

static void only_so_many_at_once(void **state)
{
    char client[] = "c0";
    struct replay_message m;

    (void)state;
    for (int i = 0; i < REPLAYS_MAX; i++) {
        client[1] = (char)('0' + i);
        assert_null(start(client, "{\"from_seq\":1}"));
    }
    assert_string_equal(start("more", "{\"from_seq\":1}"), "{\"error\":\"Try again later\"}");
    for (int i = 0; i < REPLAY_IN_FLIGHT; i++) { /* each has its turn */
        client[1] = (char)('0' + i);
        assert_true(replays_ready(&r, 0) && next(&m));
        assert_string_equal(m.topic, client);
        assert_int_equal(m.seq, 1);
    }
    assert_false(replays_ready(&r, 0));
    replays_done(&r);
    assert_true(replays_ready(&r, 0));
}

static void a_store_that_cannot_be_read_is_asked_again_later(void **state)
{
    struct replay_message m;

    (void)state;
    assert_null(start("c", "{\"from_seq\":600}"));
    source.read_fails = true;
    assert_false(next(&m));
    assert_false(replays_ready(&r, REPLAY_RETRY_MS - 1));
    source.read_fails = false;
    assert_true(replays_ready(&r, REPLAY_RETRY_MS));
    r.retry_ms = 0;
    expect_run(600, 600, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(by_seq_in_pages),
        TEST(nothing_to_replay_is_an_end),
        TEST(by_table_only_its_changes),
        TEST(events_after_the_request_are_live_ones),
        TEST(what_is_gone_is_named),
        TEST(errors_are_answered_at_once),
        TEST(the_newer_request_of_a_client_counts),
        TEST(only_so_many_at_once),
        TEST(a_store_that_cannot_be_read_is_asked_again_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
