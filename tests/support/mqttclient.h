/*
 * mqttclient.h - an MQTT 5 or 3.1.1 client that remembers all it receives.
 *
 * On libmosquitto, independent of the library the agent uses. It receives on a thread of its own
 * and reconnects by itself (subscribing again unless its session was kept). Every other function
 * belongs to the test's thread.
 */
#ifndef TESTS_SUPPORT_MQTTCLIENT_H
#define TESTS_SUPPORT_MQTTCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A received message; lives and stays as it is until mqttclient_destroy. */
struct mqtt_message {
    char *topic;
    char *payload; /* NUL-terminated */
    size_t len;
    bool retain;
    bool again; /* the broker sends it once more: it did not hear that it had come */
    int qos;
    uint16_t id;
    int64_t at_ms; /* now_ms() of its arrival */
    /* MQTT 5; NULL or 0 where absent */
    char *content_type;
    int payload_format;
    uint32_t expiry_s;
    char *user_agent, *user_epoch, *user_seq; /* user properties agent, epoch, seq */
    char *correlation;                        /* as text */
};

/* Zeroed: MQTT 5, any client id, a new session, subscribed to nothing. */
struct mqttclient_options {
    const char *host; /* an address; NULL: 127.0.0.1 */
    uint16_t port;
    int version;           /* 5 or 4 (3.1.1); 0 is 5 */
    const char *client_id; /* needed to keep a session */
    const char *username, *password;
    bool keep_session;     /* over reconnects and restarts of the broker */
    const char *subscribe; /* topic filters separated by blanks; NULL: none */
};

struct mqttclient;

/* Connects and has its SUBACKs when it returns. */
struct mqttclient *mqttclient_create(const struct mqttclient_options *options);
void mqttclient_destroy(struct mqttclient *client);

/* Connects and returns the broker's CONNACK reason (0: let in), then goes away again. */
int mqttclient_try(const struct mqttclient_options *options);

/* Waits until connected and subscribed (again). */
void mqttclient_wait_connected(struct mqttclient *client);
/* Since when it is (now_ms()); 0: it is not. */
int64_t mqttclient_connected_since(struct mqttclient *client);

/* --- what was received ----------------------------------------------------------------------- */

/* How many so far; message i (i < count) in order of arrival. */
size_t mqttclient_count(struct mqttclient *client);
const struct mqtt_message *mqttclient_message(struct mqttclient *client, size_t i);

/* The next message that was not taken yet, in order of arrival, and one that stays; NULL if none. */
const struct mqtt_message *mqttclient_take(struct mqttclient *client);
const struct mqtt_message *mqttclient_peek(struct mqttclient *client);

/* Searches and waits look only at messages from the mark on; it starts at 0. This sets it to now.
 */
void mqttclient_mark(struct mqttclient *client);

typedef bool mqtt_predicate(void *ctx, const struct mqtt_message *message);

/* The first message since the mark whose topic matches `filter` and that the predicate (NULL: any)
 * accepts; waits for it, fails the test at the deadline, showing what came. */
const struct mqtt_message *mqttclient_wait(struct mqttclient *client, const char *filter,
                                           mqtt_predicate *accept, void *ctx);
/* The same where the member at `path` is `value` (json.h). */
const struct mqtt_message *mqttclient_wait_json(struct mqttclient *client, const char *filter,
                                                const char *path, const char *value);
/* The same where the payload is exactly this. */
const struct mqtt_message *mqttclient_wait_payload(struct mqttclient *client, const char *filter,
                                                   const char *payload);
/* The same with a timeout and no failure: NULL when nothing came. */
const struct mqtt_message *mqttclient_poll(struct mqttclient *client, const char *filter,
                                           mqtt_predicate *accept, void *ctx, int timeout_ms);
/* Waits until there is a message to take; false at the deadline (a now_ms value). */
bool mqttclient_wait_peek(struct mqttclient *client, int64_t deadline);

/* The newest message on this very topic, NULL if none. */
const struct mqtt_message *mqttclient_newest(struct mqttclient *client, const char *topic);

/* Everything the broker had to send so far has arrived: a message through the broker and back. */
void mqttclient_sync(struct mqttclient *client);

/* --- sending --------------------------------------------------------------------------------- */

struct mqttclient_publish {
    const char *topic, *payload;
    size_t len; /* 0: strlen(payload) */
    bool retain;
    bool no_wait;               /* do not wait for the PUBACK, nor for a connection */
    const char *response_topic; /* MQTT 5; NULL: none */
    const char *correlation;
    uint32_t expiry_s;
};
/* QoS 1; waits for the PUBACK and returns its reason code (0: accepted). */
int mqttclient_send(struct mqttclient *client, const struct mqttclient_publish *message);
/* The usual case; fails the test unless the broker takes it. */
void mqttclient_publish(struct mqttclient *client, const char *topic, const char *payload);

#endif
