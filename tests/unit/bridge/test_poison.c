/* test_poison.c - suspected, set apart, parked, tried again. */
#include "bridge/poison.h"

#include "unit/bridge/sender_rig.h"

static struct poison p;

static int setup(void **state)
{
    (void)state;
    p = (struct poison){.entries = NULL};
    poison_up(&p, "mqtt://a");
    p.answered = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    poison_finish(&p);
    return 0;
}

static struct poison_message message(enum traffic traffic, uint64_t key, size_t size)
{
    return (struct poison_message){traffic, "t", key, size};
}

/* The broker hangs up on it alone until it is parked; how often that took. */
static unsigned hang_up(const struct poison_message *m)
{
    unsigned n = 1;

    while (!poison_hung_up(&p, m, true) && n < 20)
        n++;
    p.answered = true;
    return n;
}

static void the_third_time_in_a_row_parks(void **state)
{
    const struct poison_message m = message(TRAFFIC_RETAINED, 0, 10),
                                shorter = message(TRAFFIC_RETAINED, 0, 9);

    (void)state;
    assert_int_equal(poison_look(&p, &m), POISON_CLEAR);
    for (int i = 0; i < 5; i++) /* with others beside it, it is suspected, no more */
        assert_false(poison_hung_up(&p, &m, false));
    assert_int_equal(poison_look(&p, &m), POISON_ALONE);
    assert_int_equal(hang_up(&m), POISON_HANGUPS - 1);
    assert_int_equal(poison_look(&p, &m), POISON_PARKED);
    assert_int_equal(poison_look(&p, &shorter), POISON_ALONE);
    assert_int_equal(hang_up(&shorter), 1);
    assert_int_equal(poison_look(&p, &shorter), POISON_PARKED);
}

static void an_answer_clears_it_and_so_does_an_end_with_nothing_in_flight(void **state)
{
    const struct poison_message m = message(TRAFFIC_ANSWERS, 1, 10);

    (void)state;
    assert_false(poison_hung_up(&p, &m, true));
    assert_false(poison_hung_up(&p, &m, true));
    poison_answered(&p, &m);
    assert_int_equal(poison_look(&p, &m), POISON_CLEAR);
    assert_false(poison_hung_up(&p, &m, true));
    assert_false(poison_hung_up(&p, &m, true));
    poison_forgive(&p);
    assert_int_equal(poison_look(&p, &m), POISON_CLEAR);
    assert_int_equal(hang_up(&m), POISON_HANGUPS);
    poison_forgive(&p); /* what is parked stays so */
    assert_int_equal(poison_look(&p, &m), POISON_PARKED);
}

static void events_are_tried_one_by_one_before_their_topic_is_given_up(void **state)
{
    (void)state;
    for (uint64_t seq = 1; seq <= POISON_EVENTS; seq++) {
        const struct poison_message m = message(TRAFFIC_EVENTS, seq, 10);

        assert_int_equal(poison_look(&p, &m), seq == 1 ? POISON_CLEAR : POISON_ALONE);
        assert_int_equal(hang_up(&m), seq == 1 ? POISON_HANGUPS : 1);
    }
    assert_int_equal(poison_look(&p, &(struct poison_message){TRAFFIC_EVENTS, "t", 9, 10}),
                     POISON_PARKED);
    assert_int_equal(poison_look(&p, &(struct poison_message){TRAFFIC_EVENTS, "u", 9, 10}),
                     POISON_CLEAR);
}

static void another_broker_is_another_matter(void **state)
{
    const struct poison_message m = message(TRAFFIC_RETAINED, 0, 10);

    (void)state;
    hang_up(&m);
    poison_up(&p, "mqtt://b");
    assert_int_equal(poison_look(&p, &m), POISON_CLEAR);
    poison_up(&p, "mqtt://a");
    assert_int_equal(poison_look(&p, &m), POISON_PARKED);
}

static void a_broker_that_hangs_up_on_everything_parks_nothing(void **state)
{
    const struct poison_message m = message(TRAFFIC_EVENTS, 1, 10);

    (void)state;
    p.answered = false;
    for (int i = 0; i < 20; i++)
        assert_false(poison_hung_up(&p, &m, true));
}

static void what_another_broker_answered_says_nothing(void **state)
{
    const struct poison_message m = message(TRAFFIC_EVENTS, 1, 10);

    (void)state;
    poison_answered(&p, &m);
    poison_up(&p, "mqtt://b");
    for (int i = 0; i < 20; i++)
        assert_false(poison_hung_up(&p, &m, true));
    poison_up(&p, "mqtt://b"); /* the same one again */
    poison_answered(&p, &(struct poison_message){TRAFFIC_CONTROL, "u", 0, 10});
    poison_up(&p, p.broker);
    assert_true(poison_hung_up(&p, &m, true));
}

static void so_many_are_remembered(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < POISON_MAX + 10; i++) {
        const struct poison_message m = message(TRAFFIC_REPLAYS, i, 10);

        (void)poison_hung_up(&p, &m, false);
    }
    assert_int_equal(poison_look(&p, &(struct poison_message){TRAFFIC_REPLAYS, "t", 9, 10}),
                     POISON_CLEAR);
    assert_int_equal(poison_look(&p, &(struct poison_message){TRAFFIC_REPLAYS, "t", 10, 10}),
                     POISON_ALONE);
}

/* A broker that hangs up on one topic: everything else arrives, each of it once suspected alone. */
static size_t live_with(const char *poison, int hangups_max)
{
    size_t from = 0;

    for (int hangups = 0; hangups <= hangups_max; hangups++) {
        bool hung_up = false;

        rig_up();
        fake_clock_advance(&clk, 1000);
        sender_step(&s);
        for (from = out.count - s.window.in_flight; !hung_up && from < out.count; from++) {
            hung_up = strstr(out.sent[from].topic, poison) != NULL;
            if (!hung_up && !out.sent[from].answered)
                rig_done(from, 0);
            sender_step(&s);
        }
        if (!hung_up)
            return out.count;
        sender_down(&s, true);
    }
    fail_msg("it hangs up more often than %d times", hangups_max);
    return 0;
}

static void an_answer_falls_back_and_the_others_go_on(void **state)
{
    (void)state;
    assert_true(answers_put(&answers, reply_create(NULL, "bad", "good", NULL, 0, "1", 1)));
    assert_true(answers_put(&answers, reply_create(NULL, "bad", NULL, NULL, 0, "2", 1)));
    rig_commit(10);
    rig_show("T", 1, "up");
    live_with("bad", 12);
    assert_int_equal(source.acked, 10);
    assert_int_equal(source.parked_count, 0);
    assert_int_equal(s.window.parked[TRAFFIC_ANSWERS], 2); /* the second was in flight, too */
    assert_string_equal(out.sent[fake_find(&out, 0, "good")].payload, "1");
    assert_false(answers_waiting(&answers));
    /* One more, for a topic that is known by now: not even sent. */
    assert_true(answers_put(&answers, reply_create(NULL, "bad", NULL, NULL, 0, "3", 1)));
    sender_step(&s);
    assert_false(answers_waiting(&answers));
    assert_int_equal(s.window.parked[TRAFFIC_ANSWERS], 3);
}

static void a_replay_falls_back_when_it_is_asked_for_again(void **state)
{
    const struct studio_replay ask = {.from_seq = 1};

    (void)state;
    rig_commit(3);
    for (int i = 0; i < POISON_HANGUPS + 1; i++) {
        rig_up();
        rig_settle(out.count);
        assert_true(replays_put(&replays, reply_create("bo", "bad", "good", NULL, 0, "", 0), &ask));
        live_with("bad", 3);
    }
    assert_int_not_equal(fake_find(&out, 0, "good"), SIZE_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_third_time_in_a_row_parks),
        TEST(an_answer_clears_it_and_so_does_an_end_with_nothing_in_flight),
        TEST(events_are_tried_one_by_one_before_their_topic_is_given_up),
        TEST(another_broker_is_another_matter),
        TEST(a_broker_that_hangs_up_on_everything_parks_nothing),
        TEST(what_another_broker_answered_says_nothing),
        TEST(so_many_are_remembered),
        RIG_TEST(an_answer_falls_back_and_the_others_go_on),
        RIG_TEST(a_replay_falls_back_when_it_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
