/*
 * fake_bridge.h - a bridge that writes down what it is given.
 *
 * It defines the functions of bridge/bridge.h the agent's core and inbox call, so one source of a
 * program includes it and the real ones are not linked.
 */
#ifndef TESTS_SUPPORT_FAKE_BRIDGE_H
#define TESTS_SUPPORT_FAKE_BRIDGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bridge.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"

enum { FAKE_BRIDGE_MAX = 1024 };

struct bridge {
    char *
        log[FAKE_BRIDGE_MAX]; /* "event 1 ARO-001 rev 0", "table ARO-001 rev 1", "answer C {...}" */
    size_t count, read;
    uint64_t last_seq; /* of the events so far */
    unsigned calls;    /* of bridge_committed */
    bool silent;       /* nothing is written down */
};

static inline void fake_bridge_note(struct bridge *bridge, char *line)
{
    assert_true(bridge->count < FAKE_BRIDGE_MAX);
    bridge->log[bridge->count++] = line;
}

/* *out is the fake. */
enum studio_err bridge_create(const struct bridge_config *config,
                              const struct bridge_source *source, const struct clock *clock,
                              struct bridge **out, struct studio_error *error)
{
    (void)source;
    (void)clock;
    (void)error;
    fake_bridge_note(*out, test_printf("%s as %s at %llu: %s", config->brokers, config->agent_id,
                                       (unsigned long long)config->committed, config->info));
    return STUDIO_OK;
}

bool bridge_committed(struct bridge *bridge, struct studio_event *const *events, size_t n,
                      struct studio_snapshot *const *snapshots, size_t m)
{
    bridge->calls++;
    if (bridge->silent)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (bridge->last_seq)
            assert_int_equal(events[i]->seq, bridge->last_seq + 1);
        bridge->last_seq = events[i]->seq;
        fake_bridge_note(bridge,
                         test_printf("%s %llu %s rev %llu",
                                     events[i]->kind == EVENT_CHANGE ? "change" : "exception",
                                     (unsigned long long)events[i]->seq, events[i]->table_id,
                                     (unsigned long long)events[i]->rev));
    }
    for (size_t i = 0; i < m; i++)
        fake_bridge_note(bridge, test_printf("table %s rev %llu%s", snapshots[i]->table_id,
                                             (unsigned long long)snapshots[i]->rev,
                                             snapshots[i]->removed ? " removed" : ""));
    return true;
}

void bridge_presence(struct bridge *bridge, const char *table_id, const char *json)
{
    fake_bridge_note(bridge, test_printf("presence %s %s", table_id, json ? json : "gone"));
}

/* Commands are made by fake_command() and end here. */
void bridge_answer(struct bridge *bridge, struct bridge_command *command, const char *json,
                   size_t len)
{
    fake_bridge_note(bridge, test_printf("answer %s %.*s", command->client, json ? (int)len : 7,
                                         json ? json : "silence"));
    free(command);
}

void bridge_replay(struct bridge *bridge, struct bridge_command *command,
                   const struct studio_replay *replay)
{
    fake_bridge_note(bridge, test_printf("replay %s from %llu", command->client,
                                         (unsigned long long)replay->from_seq));
    free(command);
}

/* The strings must live until the command is answered. */
static inline struct bridge_command *fake_command(const char *table_id, const char *client,
                                                  const char *payload)
{
    struct bridge_command *command = test_alloc(sizeof(*command));

    *command = (struct bridge_command){
        .table_id = table_id,
        .client = client,
        .payload = payload,
        .payload_len = strlen(payload),
    };
    return command;
}

/* The next line of the log, or "". */
static inline const char *fake_bridge_next(struct bridge *bridge)
{
    return bridge->read < bridge->count ? bridge->log[bridge->read++] : "";
}

static inline void fake_bridge_finish(struct bridge *bridge)
{
    for (size_t i = 0; i < bridge->count; i++)
        free(bridge->log[i]);
    memset(bridge, 0, sizeof(*bridge));
}

#endif
