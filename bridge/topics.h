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
    /* <root>/agents/<agent>/availability and <root>/tables/<table>/fields/<FIELD> fit */
    TOPIC_MAX = TOPIC_ROOT_MAX + 256,
    RESPONSE_LEVELS_MAX = 16,
    RESPONSE_MAX = 256 /* bytes */
};

/* Where everything of one agent lives. Plain memory. */
struct topics {
    char root[TOPIC_ROOT_MAX + 1];
    char agent[STUDIO_USER_ID_MAX + 1];
};

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
    TOPIC_REPLAYED /* with the client's name below */
};

/* True if `root` can be a root topic: 1-256 bytes of UTF-8, no wildcard, no control character, no
 * leading '$' or '/', no trailing '/', no empty level. */
bool topics_root_valid(const char *root);

/* False if one of the names is not valid. */
bool topics_init(struct topics *topics, const char *root, const char *agent);

/* Builds a topic; `below` is NULL unless the topic has a level below. False if it does not fit. */
bool topics_table(const struct topics *topics, const char *table, enum table_topic kind,
                  const char *below, char out[TOPIC_MAX]);
bool topics_agent(const struct topics *topics, enum agent_topic kind, const char *below,
                  char out[TOPIC_MAX]);

/* The two filters commands and replay requests come in by. */
bool topics_filter_set(const struct topics *topics, char out[TOPIC_MAX]);
bool topics_filter_replay(const struct topics *topics, char out[TOPIC_MAX]);

/* The filters of all that is retained of tables. */
enum { TOPICS_RETAINED = 3 };
bool topics_filters_retained(const struct topics *topics, char out[TOPICS_RETAINED][TOPIC_MAX]);

enum topic_request_kind { TOPIC_NOT_OURS, TOPIC_SET, TOPIC_SET_FIELD, TOPIC_REPLAY };

/* An incoming topic taken apart; it is UTF-8, beyond that the names are not checked. */
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
