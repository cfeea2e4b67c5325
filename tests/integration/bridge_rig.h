/*
 * bridge_rig.h - a bridge with an agent in memory, for the integration tests of the bridge; every
 * program includes it once.
 */
#ifndef TESTS_INTEGRATION_BRIDGE_RIG_H
#define TESTS_INTEGRATION_BRIDGE_RIG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "protocol/decode_replay.h"
#include "studio/status.h"
#include "support/agent.h"
#include "support/bridge_fakes.h"
#include "support/broker.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"

static const char epoch[] = "6f1c0000000000000000000000000001";

enum { EVENTS = 40000 };

static struct fake_source source;
static struct bridge *bridge;

static inline struct bridge_config config_for(const char *uris)
{
    return (struct bridge_config){.brokers = uris,
                                  .agent_id = "edge-1",
                                  .topic_root = "studio",
                                  .lists = &studio_built_in_values,
                                  .epoch = epoch,
                                  .boot = 1,
                                  .mqtt_version = 5,
                                  .keepalive_s = 30,
                                  .session_expiry_s = 3600,
                                  .link_program = studio_program("studio-agent")};
}

/* An agent that knows replay requests, which the judge sends for what a killed broker lost. */
static inline bool take_command(void *ctx, struct bridge_command *command)
{
    struct studio_replay asked;
    struct message message;
    struct studio_error error;

    (void)ctx;
    if (message_decode_replay(command->payload, command->payload_len, &asked, &message, &error) !=
        STUDIO_OK)
        test_fail("%s: %s", command->payload, error.text);
    message_finish(&message);
    bridge_replay(bridge, command, &asked);
    return true;
}

static inline void start(const struct bridge_config *config)
{
    struct studio_error error;

    fake_source_init(&source, EVENTS);
    source.ops.command = take_command;
    if (bridge_create(config, &source.ops, clock_system(), &bridge, &error) != STUDIO_OK)
        test_fail("%s", error.text);
    assert_int_equal(bridge_start(bridge), STUDIO_OK);
}

static inline void stop(void)
{
    bridge_stop(bridge);
    bridge_destroy(bridge);
    fake_source_finish(&source);
}

static inline void commit(unsigned n)
{
    while (n-- > 0)
        fake_hand_over(&source, bridge, fake_commit(&source, "T", source.count));
}

static inline void wait_acked(uint64_t seq)
{
    int64_t deadline = now_ms() + WAIT_MS;

    while (fake_source_acked(&source) < seq) {
        if (now_ms() > deadline)
            test_fail("only %" PRIu64 " of %" PRIu64 " events acknowledged",
                      fake_source_acked(&source), seq);
        usleep(1000);
    }
}

/* The bridge says it is connected to this broker, for the n-th time in all. */
static inline void wait_connected(const char *uri, uint64_t connections)
{
    int64_t deadline = now_ms() + 2 * WAIT_MS;
    struct bridge_stats stats;

    do {
        if (now_ms() > deadline)
            test_fail("not connected to %s", uri);
        usleep(1000);
        bridge_get_stats(bridge, &stats);
    } while (!stats.connected || stats.connections < connections || strcmp(stats.broker, uri) != 0);
}

static inline struct mqttclient *listen_to(struct broker *broker, const struct broker_user *as)
{
    struct mqttclient_options options = {.port = broker_port(broker), .subscribe = "studio/#"};

    if (as) {
        options.username = as->name;
        options.password = as->password;
    }
    return mqttclient_create(&options);
}

static inline char *both(struct broker *a, struct broker *b)
{
    return test_printf("%s,%s", broker_uri(a), broker_uri(b));
}

/* What the bridge has said. */
static struct {
    pthread_mutex_t lock;
    char text[32768];
} said = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void note_line(void *ctx, int level, const char *module, const char *message)
{
    (void)ctx;
    (void)level;
    (void)module;
    pthread_mutex_lock(&said.lock);
    strncat(said.text, message, sizeof(said.text) - strlen(said.text) - 1);
    pthread_mutex_unlock(&said.lock);
}

static inline bool was_said(const char *words)
{
    bool found;

    pthread_mutex_lock(&said.lock);
    found = strstr(said.text, words) != NULL;
    pthread_mutex_unlock(&said.lock);
    return found;
}

/* A broker that hangs up is come back to ever later. */
enum { SAID_WAIT_MS = 4 * WAIT_MS };
static inline void wait_said(const char *words)
{
    int64_t deadline = now_ms() + SAID_WAIT_MS;

    while (!was_said(words)) {
        if (now_ms() > deadline)
            test_fail("not said: %s, but %s", words, said.text);
        usleep(1000);
    }
}

static inline struct bridge_config tls_config(const char *uri, const char *ca_file)
{
    struct bridge_config config = config_for(uri);

    config.ca_file = ca_file;
    return config;
}

/* The bridge says this of a broker it is to connect to. */
static inline void expect_said(struct bridge_config config, const char *words)
{
    struct log log;
    const struct log *before;

    log_init(&log, LOG_INFO, LOG_TEXT);
    log.sink = note_line;
    said.text[0] = '\0';
    before = log_use(&log);
    start(&config);
    wait_said(words);
    stop();
    log_use(before);
}

#endif
