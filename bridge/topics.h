/*
 * topics.h - the topic names of protocol section 4: build them, take them apart. Pure; any thread.
 */
#ifndef BRIDGE_TOPICS_H
#define BRIDGE_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "studio/status.h"

enum {
    TOPIC_ROOT_MAX = 256,
    /* <root>/tables/<table>/fields/<FIELD> fits, every character of both names escaped */
    TOPIC_MAX = TOPIC_ROOT_MAX + 512,
    TOPIC_LEVEL_MAX = 3 * STUDIO_USER_ID_MAX + 1, /* one name, escaped */
    RESPONSE_LEVELS_MAX = 16,
    RESPONSE_MAX = 256 /* bytes */
};

/* Where everything of one agent lives. Plain memory. */
struct topics {
    char root[TOPIC_ROOT_MAX + 1];
    char agent[STUDIO_USER_ID_MAX + 1];
    bool escape; /* names are written with %2E, %20, %25; the root stays as it is */
};

/* What some brokers cannot carry in a name. */
extern const char topics_awkward[]; /* ". %" */

/* What is said of a table: <root>/tables/<table>/<leaf>. */
enum table_topic {
    TOPIC_STATUS,
    TOPIC_FIELD, /* with the field's name below */
    TOPIC_CHANGES,
    TOPIC_EXCEPTIONS,
    TOPIC_PRESENCE,
    TOPIC_REPLY /* with the client's name below */
};
/* What is said of the agent: <root>/agents/<agent>/<leaf>. */
enum agent_topic {
    TOPIC_AVAILABILITY,
    TOPIC_INFO,
    TOPIC_HEALTH,
    TOPIC_REPLAYED, /* with the client's name below */
    TOPIC_CHECK     /* with a level of awkward characters below, see carry.h */
};

/* True if `root` can be a root topic: 1-256 bytes of UTF-8, no wildcard, no control character, no
 * leading '$' or '/', no trailing '/', no empty level. */
bool topics_root_valid(const char *root);

/* False if one of the names is not valid. */
bool topics_init(struct topics *topics, const char *root, const char *agent, bool escape);

/* Builds a topic; `below` is NULL unless the topic has a level below. Names are given as they are, and
 * escaped here; the level below TOPIC_CHECK is not. False if it does not fit. */
bool topics_table(const struct topics *topics, const char *table, enum table_topic kind,
                  const char *below, char out[TOPIC_MAX]);
bool topics_agent(const struct topics *topics, enum agent_topic kind, const char *below,
                  char out[TOPIC_MAX]);

/* `topic` without "<root>/", NULL if it is not under the root. */
const char *topics_below_root(const struct topics *topics, const char *topic, size_t len);

/* The two filters commands and replay requests come in by. */
bool topics_filter_set(const struct topics *topics, char out[TOPIC_MAX]);
bool topics_filter_replay(const struct topics *topics, char out[TOPIC_MAX]);
/* What the agent sends to itself on TOPIC_CHECK, also as a broker may have changed it. */
bool topics_filter_check(const struct topics *topics, char out[TOPIC_MAX]);

/* The filters of all that is retained of tables. */
enum { TOPICS_RETAINED = 3 };
bool topics_filters_retained(const struct topics *topics, char out[TOPICS_RETAINED][TOPIC_MAX]);

enum topic_request_kind { TOPIC_NOT_OURS, TOPIC_SET, TOPIC_SET_FIELD, TOPIC_REPLAY };

/* An incoming topic taken apart, its names without escapes; it is UTF-8, beyond that they are not checked. */
struct topic_request {
    enum topic_request_kind kind;
    char table[TOPIC_MAX];  /* SET, SET_FIELD */
    char client[TOPIC_MAX]; /* all */
    char field[TOPIC_MAX];  /* SET_FIELD */
};
/* `topic` need not be NUL-terminated. */
void topics_parse(const struct topics *topics, const char *topic, size_t len,
                  struct topic_request *out);

/*
 * Where an answer goes: `response` (the MQTT 5 Response Topic, NULL if none) when it may be used,
 * else `fallback`. Under the root only `tables/<any>/reply/<client>` and
 * `agents/<any>/replayed/<client>` of that very client are honoured; wildcards, '$' topics, empty
 * ones, and those a broker might not carry (RESPONSE_LEVELS_MAX, RESPONSE_MAX) are not.
 */
const char *topics_response(const struct topics *topics, const char *response, const char *client,
                            const char *fallback);

#endif
