/* sender_rig.h - a sender with everything around it faked, for the tests of its two halves. */
#ifndef TESTS_UNIT_BRIDGE_SENDER_RIG_H
#define TESTS_UNIT_BRIDGE_SENDER_RIG_H

#include "bridge/sender.h"
#include "support/cmocka_all.h"
#include "unit/bridge/fakes.h"

static struct fake_clock clk;
static struct fake_source source;
static struct fake_link out;
static struct topics topics;
static struct intake intake;
static struct sender s;

static int rig_setup(void **state)
{
    struct sender_options options = {.topics = &topics,
                                     .source = &source.ops,
                                     .clock = &clk.clock,
                                     .link = &out.link,
                                     .epoch = "6f1c",
                                     .info = "{\"info\":true}",
                                     .intake = &intake};

    (void)state;
    fake_clock_init(&clk);
    fake_source_init(&source, 20000);
    fake_link_init(&out, LINK_OUT);
    assert_true(topics_init(&topics, "studio", "edge-1"));
    assert_int_equal(intake_init(&intake, 0), STUDIO_OK);
    assert_int_equal(sender_init(&s, &options), STUDIO_OK);
    return 0;
}

static int rig_teardown(void **state)
{
    (void)state;
    sender_finish(&s);
    intake_finish(&intake);
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
        .epoch = "6f1c", .boot = 1, .conn = 1, .since_ms = clk.wall};

    sender_up(&s, limits, "mqtt://a", &presence);
}

/* A new connection without a word sent yet. */
static inline void rig_up(void)
{
    struct link_limits limits = rig_limits();

    rig_up_with(&limits);
}

/* Acknowledges what is not, from `from` on, until nothing more comes. */
static inline void rig_settle(size_t from)
{
    sender_step(&s);
    for (; from < out.count; from++) {
        struct fake_sent *sent = &out.sent[from];

        if (!sent->answered) {
            sent->answered = true;
            sender_done(&s, sent->slot, 0);
            sender_step(&s);
        }
    }
}

/* Acknowledges what is no event, from `from` on. */
static inline void rig_settle_words(size_t from)
{
    sender_step(&s);
    for (; from < out.count; from++) {
        struct fake_sent *sent = &out.sent[from];

        if (!sent->answered && !sent->seq) {
            sent->answered = true;
            sender_done(&s, sent->slot, 0);
            sender_step(&s);
        }
    }
}

static inline void rig_commit(unsigned n)
{
    while (n-- > 0)
        feed_add(&s.feed, fake_event(&source, fake_commit(&source, "T", source.count + 1)));
}

static inline void rig_show(uint64_t rev, const char *sdp)
{
    struct studio_snapshot *snapshot = fake_snapshot("T", rev, sdp, NULL);

    assert_int_equal(mirror_table(s.mirror, snapshot), STUDIO_OK);
    studio_snapshot_unref(snapshot);
}

#endif
