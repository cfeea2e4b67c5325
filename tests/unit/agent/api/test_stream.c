/* test_stream.c - the live stream without a socket: documents, places, the store, slow readers. */
#include "unit/agent/api/stream_fixture.h"

/* --- what is told ----------------------------------------------------------------------------- */

static void documents_then_events(void **state)
{
    const char *text;

    (void)state;
    ask(&wire, NULL, NULL, NULL);
    text = told(&wire);
    assert_int_equal(wire.status, 200);
    assert_string_equal(wire.answer.type, "text/event-stream; charset=utf-8");
    assert_int_equal(wire.answer.length, -1);
    assert_string_equal(wire.answer.headers[0].name, "x-accel-buffering");
    begins(text, "retry: 1000\n: the tables follow\n\n");
    text = strstr(text, "\n\n") + 2;
    begins(text, "event: status\ndata: {\"TABLE_ID\":\"ARO-001\",");
    text = strstr(text, "\n\n") + 2;
    begins(text, "event: status\ndata: {\"TABLE_ID\":\"ARO-002\",");
    assert_string_equal(strstr(text, "\n\n"), "\n\nid: 6f1c:2\n\n");
    update(0, "{\"sdp\":\"up\"}");
    text = told(&wire);
    begins(text, "id: 6f1c:3\nevent: change\ndata: {\"seq\":3,\"epoch\":\"6f1c\",");
    assert_non_null(strstr(text, "\"changes\":{\"SDP\":[\"standby\",\"up\"]}}\n\n"));
    update(1, "{\"event\":\"exception\",\"data\":\"NO BALL\"}");
    begins(told(&wire), "id: 6f1c:4\nevent: exception\n");
    assert_true(wire.paused);
    hang_up(&wire);
}

static void many_documents_come_in_pages(void **state)
{
    enum { MORE = 200 };
    static char text[1 << 18];
    size_t documents = 0, pieces = 0, len = 0;

    (void)state;
    for (int i = 0; i < MORE; i++) {
        struct fake_actor device;
        char *id = test_printf("MANY-%d", i);
        fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, id, id);
        join(&f, &device);
        settle();
        fake_actor_finish(&f, &device);
        free(id);
    }
    ask(&wire, NULL, NULL, NULL);
    for (; wire.wanted; pieces++) {
        wire.len = 0;
        wire_step(&wire);
        memcpy(text + len, wire.body, wire.len + 1);
        len += wire.len;
        if (pieces == 0) /* what has been told already changes */
            update(0, "{\"sdp\":\"up\"}");
    }
    for (const char *at = text; (at = strstr(at, "event: status\n")) != NULL; at++)
        documents++;
    assert_int_equal(documents, MORE + 2);
    assert_in_range(pieces, 4, 12);
    assert_int_equal(count_events(strstr(text, "id: 6f1c:202\n\n"), 202), 1);
    hang_up(&wire);
}

static void nothing_is_missed_between_documents_and_events(void **state)
{
    const char *text;

    (void)state;
    ask(&wire, NULL, NULL, NULL);
    update(0, "{\"sdp\":\"up\"}"); /* the first piece has not been asked for yet */
    text = told(&wire);
    assert_non_null(strstr(text, "\"UPTIME\":1"));
    text = strstr(text, "id: 6f1c:2\n\n");
    assert_int_equal(count_events(text, 2), 1);
    hang_up(&wire);
}

static void a_new_table_and_a_removed_one(void **state)
{
    struct fake_actor device, operator_;

    (void)state;
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-003", "ARO-003");
    fake_actor_init(&operator_, VIA_WEBSOCKET, ROLE_OPERATOR, "OPS", "OPS");
    ask(&wire, "tables=ARO-003", NULL, NULL);
    assert_null(strstr(told(&wire), "event: status"));
    update(0, "{\"sdp\":\"up\"}");
    assert_string_equal(told(&wire), "");
    join(&f, &device);
    settle();
    begins(told(&wire), "id: 6f1c:4\nevent: change\n");
    fake_actor_finish(&f, &device);
    join(&f, &operator_);
    say(&f, &operator_, "{\"event\":\"remove_table\",\"data\":{\"table_id\":\"ARO-003\"}}");
    settle();
    begins(told(&wire), "id: 6f1c:5\nevent: removed\n");
    fake_actor_finish(&f, &operator_);
    hang_up(&wire);
}

static void filters_move_the_place(void **state)
{
    (void)state;
    ask(&wire, "tables=ARO-001", "kinds=exceptions,exceptions", "6f1c:2");
    told(&wire);
    update(0, "{\"sdp\":\"up\"}");
    update(1, "{\"event\":\"exception\",\"data\":\"X\"}");
    assert_string_equal(told(&wire), "");
    fake_clock_advance(&wire_clock, 15000);
    exchange_tick(wire.exchange);
    assert_string_equal(told(&wire), COMMENT("0", "4"));
    update(0, "{\"event\":\"exception\",\"data\":\"X\"}");
    begins(told(&wire), "id: 6f1c:5\nevent: exception\n");
    hang_up(&wire);
}

static void told_at_most_so_often(void **state)
{
    (void)state;
    ask(&wire, NULL, NULL, "6f1c:2");
    told(&wire);
    update(0, "{\"sdp\":\"up\"}");
    assert_int_equal(count_events(told(&wire), 2), 1);
    for (int i = 0; i < 2; i++) { /* in the same moment: one write */
        say(&f, &devices[0], "{\"sdp\":\"down\"}");
        fake_committer_settle(&f, &committer);
        assert_int_equal(wire.wanted, i == 0);
        if (wire.wanted)
            assert_int_equal(count_events(told(&wire), 3), 1);
    }
    streams_tick(api.streams);
    assert_false(wire.wanted);
    fake_clock_advance(&wire_clock, 20);
    streams_tick(api.streams);
    assert_int_equal(count_events(told(&wire), 4), 1);
    hang_up(&wire);
}

/* --- places ----------------------------------------------------------------------------------- */

static void from_the_store_then_live(void **state)
{
    const char *text;

    (void)state;
    for (int i = 0; i < 200; i++)
        update(i % 2, i % 4 < 2 ? "{\"sdp\":\"up\"}" : "{\"sdp\":\"down\"}");
    ask(&wire, NULL, NULL, "6f1c:1");
    assert_string_equal(told(&wire), "retry: 1000\n" COMMENT("201", "1"));
    uint64_t place = 1;
    for (size_t n; place < 202; place += n) {
        settle(); /* a page has been read */
        n = count_events(told(&wire), place);
        assert_in_range(n, 1, 64);
    }
    assert_int_equal(place, 202);
    settle();
    assert_string_equal(told(&wire), "");
    update(0, "{\"sdp\":\"standby\"}");
    text = told(&wire);
    assert_int_equal(count_events(text, 202), 1);
    hang_up(&wire);
    ask(&wire, "from_seq=202", NULL, NULL);
    told(&wire);
    settle();
    assert_int_equal(count_events(told(&wire), 201), 2);
    hang_up(&wire);
}

static void expect_reset(const char *arg, const char *last, const char *why)
{
    const char *text;
    char *reset = test_printf("event: reset\ndata: {\"error\":\"%s\",\"epoch\":\"6f1c\","
                              "\"oldest_seq\":1}\n\nevent: status\n",
                              why);

    ask(&wire, arg, NULL, last);
    assert_string_equal(told(&wire), "retry: 1000\n: the tables follow\n\n");
    settle();
    text = told(&wire);
    assert_memory_equal(text, reset, strlen(reset));
    assert_string_equal(strstr(text, "id: "), "id: 6f1c:2\n\n"); /* only with the last */
    hang_up(&wire);
    free(reset);
}

static void places_that_cannot_be(void **state)
{
    (void)state;
    expect_reset(NULL, "aa:2", "other epoch");
    expect_reset(NULL, "6f1c:3", "not yet there");
    expect_reset("from_seq=4", NULL, "not yet there");
    expect_reset("from_seq=1", "aa:1",
                 "other epoch");          /* who comes back says more than the address */
    ask(&wire, "from_seq=3", NULL, NULL); /* the next one there will be */
    assert_string_equal(told(&wire), "retry: 1000\n" COMMENT("0", "2"));
    hang_up(&wire);
}

/* --- readers ---------------------------------------------------------------------------------- */

static void a_slow_reader_is_read_for_slowly(void **state)
{
    size_t total = 0;

    (void)state;
    ask(&wire, NULL, NULL, "6f1c:2");
    for (int i = 0; i < 3000; i++)
        update(0, i % 2 ? "{\"sdp\":\"up\"}" : "{\"sdp\":\"down\"}");
    /* Nothing was read, nothing was asked for. */
    assert_int_equal(f.lookup.submitted, 0);
    for (int i = 0; i < 1000 && total < 3000; i++) {
        wire.len = 0;
        if (wire.wanted)
            wire_step(&wire);
        else
            settle();
        wire.body[wire.len] = '\0';
        total += count_events(wire.body, 2 + total);
    }
    assert_int_equal(total, 3000);
    assert_in_range(f.lookup.submitted, 20, 60); /* the last thousand are in memory */
    hang_up(&wire);
}

static void who_leaves_while_the_store_is_asked(void **state)
{
    (void)state;
    ask(&wire, NULL, NULL, "6f1c:1");
    told(&wire);
    assert_int_equal(f.lookup.count, 1);
    hang_up(&wire);
    settle(); /* comes back to nobody */
    assert_int_equal(f.lookup.count, 0);
    ask(&wire, NULL, NULL, "6f1c:1");
    told(&wire);
    hang_up(&wire); /* and this never comes back */
    f.lookup.first = f.lookup.last = NULL;
}

static void the_store_is_asked_by_a_few_at_once(void **state)
{
    enum { READERS = 40 };
    static struct wire wires[READERS];
    size_t done = 0;

    (void)state;
    for (int i = 0; i < READERS; i++) {
        ask(&wires[i], NULL, NULL, "6f1c:1");
        told(&wires[i]);
    }
    assert_int_equal(f.lookup.count, 16);
    for (int turn = 0; turn < 4; turn++) {
        settle();
        for (int i = 0; i < READERS; i++)
            done += count_events(told(&wires[i]), 1);
    }
    assert_int_equal(done, READERS);
    for (int i = 0; i < READERS; i++)
        hang_up(&wires[i]);
}

static void who_is_refused_by_the_lookup_comes_again(void **state)
{
    (void)state;
    f.lookup.max = 1;
    f.lookup.count = 1; /* somebody else's */
    ask(&wire, NULL, NULL, "6f1c:1");
    told(&wire);
    assert_int_equal(f.lookup.submitted, 0);
    f.lookup.count = 0;
    settle();
    told(&wire);
    assert_int_equal(f.lookup.submitted, 1);
    settle();
    assert_int_equal(count_events(told(&wire), 1), 1);
    hang_up(&wire);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(documents_then_events),
        TEST(many_documents_come_in_pages),
        TEST(nothing_is_missed_between_documents_and_events),
        TEST(a_new_table_and_a_removed_one),
        TEST(filters_move_the_place),
        TEST(told_at_most_so_often),
        TEST(from_the_store_then_live),
        TEST(places_that_cannot_be),
        TEST(a_slow_reader_is_read_for_slowly),
        TEST(who_leaves_while_the_store_is_asked),
        TEST(the_store_is_asked_by_a_few_at_once),
        TEST(who_is_refused_by_the_lookup_comes_again),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
