/* sender_rig.h - a sender with everything around it faked, for the tests of its kinds of traffic. */
#ifndef TESTS_UNIT_BRIDGE_SENDER_RIG_H
#define TESTS_UNIT_BRIDGE_SENDER_RIG_H

#include "bridge/sender.h"
#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

static struct fake_clock clk;
static struct fake_source source;
static struct fake_link out;
static struct topics topics;
static struct feed feed;
static struct mirror *mirror;
static struct answers answers;
static struct replays replays;
static struct sender s;

static int rig_setup(void **state)
{
    struct sender_options options = {
        .window = {.link = &out.link, .clock = &clk.clock, .topics = &topics, .epoch = "6f1c"},
        .control = {.source = &source.ops, .info = "{\"info\":true}"},
        .source = &source.ops,
        .in = {.feed = &feed, .answers = &answers, .replays = &replays}};

    (void)state;
    fake_clock_init(&clk);
    fake_source_init(&source, 20000);
    fake_link_init(&out, LINK_OUT);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    assert_int_equal(feed_init(&feed, &source.ops, 1, 0), STUDIO_OK);
    assert_int_equal(mirror_create(&mirror), STUDIO_OK);
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    assert_int_equal(replays_init(&replays, &source.ops, "6f1c", &answers), STUDIO_OK);
    options.in.mirror = mirror;
    assert_int_equal(sender_init(&s, &options), STUDIO_OK);
    return 0;
}

static int rig_teardown(void **state)
{
    (void)state;
    sender_finish(&s);
    replays_finish(&replays);
    answers_finish(&answers);
    mirror_destroy(mirror);
    feed_finish(&feed);
    fake_link_finish(&out);
    fake_source_finish(&source);
    assert_int_equal(fake_snapshots(), 0);
    return 0;
}

static inline struct link_limits rig_limits(void)
{
    return (struct link_limits){
        .mqtt_version = 5, .receive_max = 65535, .retain = true, .max_qos = 2};
}

static inline void rig_up_with(const struct link_limits *limits)
{
    const struct announce_presence presence = {
        .epoch = "6f1c", .boot = 1, .conn = 1, .since_ms = clk.wall_ms};

    sender_up(&s, limits, "mqtt://a", &presence);
}

/* A new connection without a word sent yet. */
static inline void rig_up(void)
{
    struct link_limits limits = rig_limits();

    rig_up_with(&limits);
}

/* The message of that number has ended. */
static inline void rig_done(size_t index, int reason)
{
    out.sent[index].answered = true;
    sender_done(&s, out.sent[index].slot, reason);
}

/* Acknowledges what is not (only what is no event, if `words`), from `from` on, until nothing more
 * comes. */
static inline void rig_acknowledge(size_t from, bool words)
{
    sender_step(&s);
    for (; from < out.count; from++)
        if (!out.sent[from].answered && !(words && out.sent[from].seq)) {
            rig_done(from, 0);
            sender_step(&s);
        }
}

static inline void rig_settle(size_t from)
{
    rig_acknowledge(from, false);
}

static inline void rig_settle_words(size_t from)
{
    rig_acknowledge(from, true);
}

/* Connects and gets what the agent says of itself out of the way; returns where the rest begins. */
static inline size_t rig_connect(void)
{
    rig_up();
    rig_settle(0);
    return out.count;
}

static inline void rig_hand_over(uint64_t seq)
{
    struct studio_event *event = fake_event(&source, seq);

    feed_add(&feed, &event, 1);
    studio_event_unref(event);
}

static inline void rig_commit(unsigned n)
{
    while (n-- > 0)
        rig_hand_over(fake_commit(&source, "T", source.count + 1));
}

/* A start with n events that only the store has. */
static inline void rig_start_with(unsigned n)
{
    while (n-- > 0)
        fake_commit(&source, "T", source.count + 1);
    feed_finish(&feed);
    assert_int_equal(feed_init(&feed, &source.ops, 1, source.count), STUDIO_OK);
}

static inline void rig_show(const char *table_id, uint64_t rev, const char *sdp)
{
    struct studio_snapshot *snapshot = fake_snapshot(table_id, rev, sdp, NULL);

    assert_int_equal(mirror_tables(mirror, &snapshot, 1), STUDIO_OK);
    studio_snapshot_unref(snapshot);
}

static inline void rig_answer(const char *topic, const char *id, const char *text)
{
    assert_true(
        answers_put(&answers, reply_create(NULL, topic, NULL, id, id ? 2 : 0, text, strlen(text))));
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
