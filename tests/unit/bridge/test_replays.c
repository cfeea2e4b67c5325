/* test_replays.c - kept events once more: ranges, pages, errors, limits. */
#include "bridge/replays.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

static struct fake_clock clk;
static struct fake_source source;
static struct fake_link out;
static struct topics topics;
static struct window w;
static struct answers answers;
static struct replays r;

static int setup(void **state)
{
    const struct window_options options = {
        .link = &out.link, .clock = &clk.clock, .topics = &topics, .epoch = "6f1c"};
    const struct link_limits limits = {.receive_max = 100, .retain = true, .max_qos = 1};

    (void)state;
    fake_clock_init(&clk);
    fake_source_init(&source, 1000);
    for (uint64_t i = 0; i < 600; i++) /* odd seqs are A, rev 0 on; even ones B */
        fake_commit(&source, i % 2 ? "B" : "A", i / 2);
    fake_link_init(&out, LINK_OUT);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    window_init(&w, &options);
    window_up(&w, &limits, "mqtt://a");
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    return replays_init(&r, &source.ops, "6f1c", &answers) == STUDIO_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    replays_finish(&r);
    answers_finish(&answers);
    window_finish(&w);
    fake_link_finish(&out);
    fake_source_finish(&source);
    return 0;
}

static const struct fake_sent *newest(void)
{
    assert_true(out.count > 0);
    return &out.sent[out.count - 1];
}

static void done(void)
{
    struct slot was;

    assert_true(window_give_back(&w, &was));
    if (was.traffic == TRAFFIC_REPLAYS)
        replays_done(&r);
    else if (was.traffic == TRAFFIC_ANSWERS)
        answers_done(&answers, &w, was.owner, 0);
}

/* Asks and returns the answer given at once, NULL if none. */
static const char *start(const char *client, struct studio_replay ask)
{
    assert_true(replays_put(&r, reply_create(client, client, NULL, "id", 2, "", 0), &ask));
    replays_start(&r, source.count);
    if (!answers_waiting(&answers))
        return NULL;
    assert_true(answers_send(&answers, &w));
    done();
    assert_string_equal(newest()->topic, client);
    assert_string_equal(newest()->correlation, "id");
    return newest()->payload;
}

static struct studio_replay from(uint64_t seq)
{
    return (struct studio_replay){.from_seq = seq};
}

static struct studio_replay range(uint64_t from_seq, uint64_t to_seq)
{
    return (struct studio_replay){.from_seq = from_seq, .has_to = true, .to_seq = to_seq};
}

static struct studio_replay by_table(const char *table_id, uint64_t from_rev)
{
    struct studio_replay ask = {.by_table = true, .from_rev = from_rev};

    strcpy(ask.table_id, table_id);
    return ask;
}

/* Drains all; seqs of one client from `first` in steps, then its end. */
static void expect_run(uint64_t first, uint64_t last, uint64_t step)
{
    char end[64];
    uint64_t count = 0;

    for (uint64_t seq = first; seq <= last; seq += step, count++) {
        assert_true(replays_send(&r, &w, 0));
        assert_int_equal(newest()->seq, seq);
        assert_non_null(strstr(newest()->payload, ",\"replay\":true}"));
        assert_string_equal(newest()->correlation, "id");
        done();
    }
    assert_true(replays_send(&r, &w, 0));
    assert_int_equal(newest()->seq, 0);
    snprintf(end, sizeof(end), "{\"end\":true,\"count\":%" PRIu64 "}", count);
    assert_string_equal(newest()->payload, end);
    done();
    assert_false(replays_ready(&r, 0));
}

static void by_seq_in_pages(void **state)
{
    (void)state;
    assert_null(start("c", from(101)));
    expect_run(101, 600, 1);
    assert_in_range(source.reads, 500 / REPLAY_PAGE, 500 / REPLAY_PAGE + 2);
    assert_null(start("c", range(5, 7)));
    expect_run(5, 7, 1);
    assert_null(start("c", range(0, 2)));
    expect_run(1, 2, 1);
}

static void nothing_to_replay_is_an_end(void **state)
{
    (void)state;
    assert_null(start("c", from(601)));
    expect_run(1, 0, 1);
    assert_null(start("c", range(9, 8)));
    expect_run(1, 0, 1);
    assert_null(start("c", by_table("X", 0)));
    expect_run(1, 0, 1);
}

static void by_table_only_its_changes(void **state)
{
    (void)state;
    source.events[102].kind = EVENT_EXCEPTION;
    assert_null(start("c", by_table("A", 52)));
    expect_run(105, 599, 2);
}

static void events_after_the_request_are_live_ones(void **state)
{
    (void)state;
    assert_null(start("c", from(599)));
    fake_commit(&source, "A", 300);
    expect_run(599, 600, 1);
}

static void what_is_gone_is_named(void **state)
{
    (void)state;
    source.oldest = 201;
    assert_string_equal(start("c", from(200)), "{\"error\":\"too old\",\"oldest_seq\":201}");
    assert_string_equal(start("c", by_table("B", 99)),
                        "{\"error\":\"too old\",\"oldest_seq\":202,\"oldest_rev\":100}");
    assert_null(start("c", range(201, 201)));
    expect_run(201, 201, 1);
    assert_null(start("c", by_table("B", 299)));
    expect_run(600, 600, 1);
}

static void errors_are_answered_at_once(void **state)
{
    (void)state;
    assert_string_equal(start("c", (struct studio_replay){.from_seq = 1, .epoch = "other"}),
                        "{\"error\":\"other epoch\",\"epoch\":\"6f1c\"}");
    assert_false(replays_ready(&r, 0));
    assert_null(start("c", (struct studio_replay){.from_seq = 600, .epoch = "6f1c"}));
    expect_run(600, 600, 1);
}

static void the_newer_request_of_a_client_counts(void **state)
{
    (void)state;
    assert_null(start("c", from(1)));
    assert_true(replays_send(&r, &w, 0));
    assert_true(replays_send(&r, &w, 0));
    done();
    done();
    assert_string_equal(start("c", from(600)), "{\"end\":true,\"count\":2,\"replaced\":true}");
    expect_run(600, 600, 1);
}

static void only_so_many_at_once(void **state)
{
    char client[] = "c0";
    (void)state;
    for (int i = 0; i < REPLAYS_MAX; i++) {
        client[1] = (char)('0' + i);
        assert_null(start(client, from(1)));
    }
    assert_string_equal(start("more", from(1)), "{\"error\":\"Try again later\"}");
    for (int i = 0; i < REPLAY_IN_FLIGHT; i++) { /* each has its turn */
        client[1] = (char)('0' + i);
        assert_true(replays_ready(&r, 0) && replays_send(&r, &w, 0));
        assert_string_equal(newest()->topic, client);
        assert_int_equal(newest()->seq, 1);
    }
    assert_false(replays_ready(&r, 0));
    done();
    assert_true(replays_ready(&r, 0));
}

static void a_link_that_takes_nothing_costs_no_event(void **state)
{
    (void)state;
    assert_null(start("c", from(599)));
    out.refuses = true;
    assert_false(replays_send(&r, &w, 0));
    assert_false(replays_send(&r, &w, 0));
    out.refuses = false;
    expect_run(599, 600, 1);
}

static void so_many_requests_may_wait(void **state)
{
    const struct studio_replay ask = from(600);
    struct reply *more = reply_create("c", "c", NULL, NULL, 0, "", 0);

    (void)state;
    for (int i = 0; i < REPLAYS_WAITING; i++)
        assert_true(replays_put(&r, reply_create("c", "c", NULL, NULL, 0, "", 0), &ask));
    assert_false(replays_put(&r, more, &ask));
    replays_start(&r, source.count);
    assert_true(replays_put(&r, more, &ask)); /* freed with the rest */
}

static void a_store_that_cannot_be_read_is_asked_again_later(void **state)
{
    (void)state;
    assert_null(start("c", from(600)));
    source.read_fails = true;
    assert_false(replays_send(&r, &w, 0));
    assert_false(replays_ready(&r, REPLAY_RETRY_MS - 1));
    source.read_fails = false;
    assert_true(replays_ready(&r, REPLAY_RETRY_MS));
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
        TEST(a_link_that_takes_nothing_costs_no_event),
        TEST(so_many_requests_may_wait),
        TEST(a_store_that_cannot_be_read_is_asked_again_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
