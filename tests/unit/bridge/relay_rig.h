/* relay_rig.h - a relay on fake links and a fake clock, for the tests of its states. */
#ifndef TESTS_UNIT_BRIDGE_RELAY_RIG_H
#define TESTS_UNIT_BRIDGE_RELAY_RIG_H

#include "bridge/relay.h"

#include "support/bridge_fakes.h"
#include "support/cmocka_all.h"
#include "support/fake_clock.h"

static struct fake_clock clk;
static struct fake_source source;
static struct fake_link links[LINK_COUNT];
static struct topics topics;
static struct feed feed;
static struct mirror *mirror;
static struct answers answers;
static struct replays replays;
static struct brokers brokers;
static struct relay r;

static uint32_t zero(void *ctx)
{
    (void)ctx;
    return 0;
}

static bool ours; /* what the agent says, with source.ops.owned set to this: */

static inline bool is_ours(void *ctx)
{
    (void)ctx;
    return ours;
}

static inline void start(const char *uris)
{
    static struct bridge_config config;
    struct studio_error error;
    struct relay_options options = {
        .config = &config,
        .brokers = &brokers,
        .topics = &topics,
        .source = &source.ops,
        .clock = &clk.clock,
        .in = {.feed = &feed, .mirror = mirror, .answers = &answers, .replays = &replays},
        .control = {.source = &source.ops, .info = "{}"},
        .random = zero};

    config = (struct bridge_config){.brokers = uris,
                                    .username = "me",
                                    .password = "secret",
                                    .epoch = "6f1c",
                                    .boot = 41,
                                    .mqtt_version = 5,
                                    .keepalive_s = 30,
                                    .session_expiry_s = 3600};
    assert_int_equal(brokers_init(&brokers, &config, &error), STUDIO_OK);
    for (size_t i = 0; i < LINK_COUNT; i++)
        options.links[i] = &links[i].link;
    assert_int_equal(relay_init(&r, &options), STUDIO_OK);
}

static inline int setup(void **state)
{
    (void)state;
    fake_clock_init(&clk);
    fake_source_init(&source, 1000);
    for (size_t i = 0; i < LINK_COUNT; i++)
        fake_link_init(&links[i], (enum link_id)i);
    assert_true(topics_init(&topics, "studio", "edge-1", false));
    assert_int_equal(feed_init(&feed, &source.ops, 1, 0), STUDIO_OK);
    assert_int_equal(mirror_create(&mirror), STUDIO_OK);
    assert_int_equal(answers_init(&answers), STUDIO_OK);
    return replays_init(&replays, &source.ops, "6f1c", &answers) == STUDIO_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    relay_finish(&r);
    brokers_finish(&brokers);
    replays_finish(&replays);
    answers_finish(&answers);
    mirror_destroy(mirror);
    feed_finish(&feed);
    for (size_t i = 0; i < LINK_COUNT; i++)
        fake_link_finish(&links[i]);
    fake_source_finish(&source);
    return 0;
}

static inline void commit(unsigned n)
{
    while (n-- > 0) {
        struct studio_event *event =
            fake_event(&source, fake_commit(&source, "T", source.count + 1));

        feed_add(&feed, &event, 1);
        studio_event_unref(event);
    }
}

static struct fake_link *out = &links[LINK_OUT];

static inline void tell(struct link_event event)
{
    relay_event(&r, &event);
    relay_step(&r);
}

/* Acknowledges everything on the publishing connection. */
static inline void settle(void)
{
    relay_step(&r);
    for (size_t i = 0; i < out->count; i++)
        if (!out->sent[i].answered)
            tell(fake_done(out, i, 0));
}

static inline struct bridge_stats stats(void)
{
    struct bridge_stats out_stats;

    relay_get_stats(&r, &out_stats);
    return out_stats;
}

/* The last word on the own topic is this state. */
static inline bool said(const char *word)
{
    char state[32];

    snprintf(state, sizeof(state), "\"state\":\"%s\"", word);
    for (size_t i = out->count; i-- > 0;)
        if (!out->sent[i].subscribe && strstr(out->sent[i].topic, "/availability"))
            return strstr(out->sent[i].payload, state) != NULL;
    return false;
}

/* The number of the connection in the will of the newest attempt. */
static inline int conn(void)
{
    const char *at = strstr(out->will, "\"conn\":");

    return at ? atoi(at + 7) : -1;
}

static inline void forget_sent(void)
{
    out->count = 0;
}

static inline void wait_ms(int64_t ms)
{
    fake_clock_advance(&clk, ms);
    relay_step(&r);
}

#endif
