/*
 * link.h - MQTT as the relay sees it: one connection of one client id at a time, asked through a
 * small table of functions, heard through event records and, where commands come in, commands.
 *
 * Everything here is the bridge thread's: the functions never block, and what a connection has to say
 * is handed over by that thread as well, never from inside one of the functions. Records and commands
 * carry the generation of their connection: those of an older one are ignored. Unit tests have a link
 * of their own.
 */
#ifndef BRIDGE_LINK_H
#define BRIDGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The connections of an agent: publishing (with the will), commands, and the probe of a preferred
 * broker. */
enum link_id { LINK_OUT, LINK_IN, LINK_PROBE, LINK_COUNT };

/* One slot for each message that waits for its acknowledgement. */
enum { LINK_SLOTS = 104, LINK_TEXT_MAX = 128, LINK_ADDRESS_MAX = 64 };

/* Commands: so many without a verdict, then the connection reads no more; no packet larger than this
 * is taken from the broker (where it can be told: MQTT 5). */
enum { LINK_COMMANDS_MAX = 256, LINK_COMMAND_MAX = 128 << 10 };

enum link_event_kind {
    LINK_UP,     /* connected: `limits` */
    LINK_FAILED, /* the attempt ended: `reason` of the CONNACK or 0, `text` */
    LINK_LOST,   /* the connection ended: `reason` of the broker's DISCONNECT or 0, `text` */
    LINK_DONE,   /* `slot` ended: `reason` 0 acknowledged, >= 0x80 refused, -1 lost: LOST follows */
    LINK_HEARD,  /* a watched topic: `wiped`; if not, it is the one compared, and not the `same` */
    LINK_ECHO,   /* what was published to ourselves is back: on the `same` topic, or another */
    LINK_CLOSED  /* an orderly disconnect is through */
};

/* What the broker allows. */
struct link_limits {
    int mqtt_version;
    unsigned receive_max; /* messages in flight */
    uint32_t max_packet;  /* bytes; 0: no limit */
    bool retain;
    int max_qos;
    bool session;         /* it had kept our session */
    unsigned keepalive_s; /* signs of life at least so often; 0: as we said */
};

struct link_event {
    enum link_id link;
    enum link_event_kind kind;
    uint64_t generation;
    unsigned slot;
    int reason;
    bool same, wiped;
    bool reached; /* FAILED: the CONNECT may have reached the broker */
    bool closed;  /* FAILED: it closed the connection instead of answering; LOST: it ended it */
    struct link_limits limits;
    char address
        [LINK_ADDRESS_MAX]; /* UP, FAILED: in numbers; empty: of a FAILED that reached none */
    char text[LINK_TEXT_MAX];
};

/* A command as it arrives. Pointers are valid during the call that hands it over. */
struct link_command {
    uint64_t generation, token; /* for its verdict */
    const char *topic;
    size_t topic_len;
    const char *payload; /* cut off at LINK_COMMAND_MAX bytes */
    size_t payload_len;
    bool retained;        /* or may be: an empty one on MQTT 3.1.1 */
    const char *response; /* MQTT 5 Response Topic, NULL if none */
    size_t response_len;
    const void *correlation; /* NULL if none */
    size_t correlation_len;
    int64_t expiry_s; /* what is left of it; -1: none given */
};

/* Where and as whom. Strings need to live only during the call. */
struct link_target {
    const char *uri;  /* tcp://HOST[:PORT] or ssl://HOST[:PORT] */
    const char *last; /* addresses to be tried last, in this order, by comma; NULL: none */
    const char *client_id;
    const char *username, *password, *ca_file; /* NULL: none */
    const char *cert_file, *key_file;          /* ours, for TLS; both or none */
    unsigned keepalive_s;
    int mqtt_version; /* 5 or 4 */
    bool clean;
    unsigned session_expiry_s;     /* the broker keeps the session as long; 0: not at all */
    const char *will_topic, *will; /* NULL: no will */
};

/* QoS 1. Pointers need to live only during the call. */
struct link_message {
    const char *topic;
    const char *payload;
    size_t len;
    bool retained;
    bool plain;        /* text/plain instead of JSON */
    uint64_t seq;      /* 0: no user property `seq` */
    unsigned expiry_s; /* 0: never */
    const void *correlation;
    size_t correlation_len;
};

/* What a subscription is for. */
enum link_watch {
    LINK_WATCH_COMMANDS,
    LINK_WATCH_OWN, /* the first filter is a topic: what is said there is compared with a text, and
                         reported as HEARD */
    LINK_WATCH_WIPED, /* only messages of others without a payload are (MQTT 5) */
    LINK_WATCH_ECHO /* the first filter is <topics>/#: messages whose payload is the topic they were
                         published to, one of those; reported as ECHO */
};

struct link;
struct link_ops {
    /* Starts an attempt; ends in exactly one UP or FAILED of this generation. False: it could not
     * even start (`text` says why). Any older connection is closed first. */
    bool (*connect)(struct link *link, uint64_t generation, const struct link_target *target,
                    char text[LINK_TEXT_MAX]);
    /* True: exactly one DONE of this slot will come, or the connection is lost. */
    bool (*publish)(struct link *link, unsigned slot, const struct link_message *message);
    /* Subscribes with QoS 1. `own`: for LINK_WATCH_OWN, else NULL. */
    bool (*subscribe)(struct link *link, unsigned slot, const char *const *filters, size_t count,
                      enum link_watch watch, const char *own);
    /* This command is done with, committed or refused: the broker may forget it. Acknowledgements leave
     * in the order of arrival. Ignored when the command's connection is gone. */
    void (*verdict)(struct link *link, uint64_t generation, uint64_t token);
    /* Starts an orderly disconnect; ends in CLOSED or LOST. No further command is read; those that were
     * read get their verdicts first. `will`: ask the broker to send it. */
    bool (*disconnect)(struct link *link, bool will);
    /* Drops the connection and forgets it; nothing of it is reported afterwards. */
    void (*close)(struct link *link);
};

struct link {
    const struct link_ops *ops;
};

#endif
