/* mqttclient.c - libmosquitto's callbacks fill a list, the test's thread waits on it. */
#include "support/mqttclient.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/capture.h"
#include "support/deadline.h"
#include "support/json.h"

enum { FILTERS_MAX = 64, SHOWN_MAX = 20, KEEP_SESSION_S = 3600, RESENT_MAX = 1000 };

struct mqttclient {
    struct mosquitto *mosq;
    int version;
    bool keep_session;
    char *filters[FILTERS_MAX];
    size_t filter_count;
    char sync_topic[128];

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t cond;   /* any of it changed */
    struct mqtt_message **messages;
    size_t count, cap;
    size_t before;    /* so many came over connections before this one, of the same session */
    unsigned subacks; /* since the last CONNACK */
    bool ready;       /* connected and subscribed */
    int64_t ready_ms; /* since when */
    bool answered;
    int connack;
    unsigned char acked[65536]; /* by message id: 0, or PUBACK reason + 1, at most 255 */

    size_t mark, taken; /* the test's thread only */
};

static void *or_abort(void *memory)
{
    if (!memory)
        abort(); /* on the library's thread no test can be failed */
    return memory;
}

static void changed(struct mqttclient *c)
{
    pthread_cond_broadcast(&c->cond);
    pthread_mutex_unlock(&c->mutex);
}

/* --- on the library's thread ------------------------------------------------------------------ */

static void on_connect(struct mosquitto *mosq, void *arg, int rc, int flags,
                       const mosquitto_property *properties)
{
    struct mqttclient *c = arg;
    (void)properties;
    pthread_mutex_lock(&c->mutex);
    c->answered = true;
    c->connack = rc;
    c->subacks = 0;
    c->ready = rc == 0 && (flags & 1); /* the session with its subscriptions was kept */
    c->before = c->ready ? c->count : 0;
    c->ready_ms = now_ms();
    bool subscribe = rc == 0 && !c->ready;
    changed(c);
    for (size_t i = 0; subscribe && i < c->filter_count; i++)
        mosquitto_subscribe_v5(mosq, NULL, c->filters[i], 1, 0, NULL);
}

static void on_disconnect(struct mosquitto *mosq, void *arg, int rc,
                          const mosquitto_property *properties)
{
    struct mqttclient *c = arg;
    (void)mosq, (void)rc, (void)properties;
    pthread_mutex_lock(&c->mutex);
    c->ready = false;
    changed(c);
}

static void on_subscribe(struct mosquitto *mosq, void *arg, int mid, int count, const int *granted,
                         const mosquitto_property *properties)
{
    struct mqttclient *c = arg;
    (void)mosq, (void)mid, (void)count, (void)granted, (void)properties;
    pthread_mutex_lock(&c->mutex);
    c->ready = ++c->subacks == c->filter_count;
    c->ready_ms = now_ms();
    changed(c);
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid, int reason,
                       const mosquitto_property *properties)
{
    struct mqttclient *c = arg;
    (void)mosq, (void)properties;
    pthread_mutex_lock(&c->mutex);
    c->acked[mid & 0xffff] = (unsigned char)(reason >= 0 && reason < 255 ? reason + 1 : 255);
    changed(c);
}

static void read_properties(struct mqtt_message *m, const mosquitto_property *properties)
{
    uint8_t byte = 0;
    void *data = NULL;
    uint16_t len = 0;
    (void)mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, &m->content_type,
                                         false);
    if (mosquitto_property_read_byte(properties, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, &byte, false))
        m->payload_format = byte;
    (void)mosquitto_property_read_int32(properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, &m->expiry_s,
                                        false);
    if (mosquitto_property_read_binary(properties, MQTT_PROP_CORRELATION_DATA, &data, &len,
                                       false)) {
        m->correlation = or_abort(strndup(data ? data : "", len));
        free(data);
    }
    char *name = NULL, *value = NULL;
    const mosquitto_property *p = mosquitto_property_read_string_pair(
        properties, MQTT_PROP_USER_PROPERTY, &name, &value, false);
    while (p) {
        char **slot = strcmp(name, "agent") == 0   ? &m->user_agent
                      : strcmp(name, "epoch") == 0 ? &m->user_epoch
                      : strcmp(name, "seq") == 0   ? &m->user_seq
                                                   : NULL;
        free(name);
        if (slot && !*slot)
            *slot = value;
        else
            free(value);
        p = mosquitto_property_read_string_pair(p, MQTT_PROP_USER_PROPERTY, &name, &value, true);
    }
}

/* With the mutex. libmosquitto does not show DUP; what it had not acknowledged is among the last. */
static bool came_before(const struct mqttclient *c, const struct mqtt_message *m)
{
    for (size_t i = c->before, n = 0; m->qos > 0 && i > 0 && n < RESENT_MAX; i--, n++) {
        const struct mqtt_message *old = c->messages[i - 1];
        if (old->qos > 0 && old->id == m->id)
            return strcmp(old->topic, m->topic) == 0 && strcmp(old->payload, m->payload) == 0;
    }
    return false;
}

static void on_message(struct mosquitto *mosq, void *arg, const struct mosquitto_message *in,
                       const mosquitto_property *properties)
{
    struct mqttclient *c = arg;
    (void)mosq;
    struct mqtt_message *m = or_abort(calloc(1, sizeof *m));
    m->topic = or_abort(strdup(in->topic));
    m->len = (size_t)in->payloadlen;
    m->payload = or_abort(calloc(1, m->len + 1));
    if (m->len > 0)
        memcpy(m->payload, in->payload, m->len);
    m->retain = in->retain;
    m->qos = in->qos;
    m->id = (uint16_t)in->mid;
    m->at_ms = now_ms();
    read_properties(m, properties);
    capture("mqtt", m->topic, m->payload, m->len);
    pthread_mutex_lock(&c->mutex);
    if (c->count == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 256;
        c->messages = or_abort(realloc(c->messages, c->cap * sizeof *c->messages));
    }
    m->again = came_before(c, m);
    c->messages[c->count++] = m;
    changed(c);
}

/* --- on the test's thread --------------------------------------------------------------------- */

static struct mqttclient *create(const struct mqttclient_options *o)
{
    struct mqttclient *c = test_alloc(sizeof *c);
    static bool initialised;
    if (!initialised)
        initialised = mosquitto_lib_init() == MOSQ_ERR_SUCCESS;
    c->version = o->version ? o->version : 5;
    c->keep_session = o->keep_session;
    pthread_mutex_init(&c->mutex, NULL);
    deadline_cond_init(&c->cond);
    c->mosq = mosquitto_new(o->client_id, !o->keep_session, c);
    if (!c->mosq)
        test_fail("mosquitto_new failed");
    mosquitto_int_option(c->mosq, MOSQ_OPT_PROTOCOL_VERSION,
                         c->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(c->mosq, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_int_option(c->mosq, MOSQ_OPT_RECEIVE_MAXIMUM, 1000);
    mosquitto_reconnect_delay_set(c->mosq, 1, 1, false);
    if (o->username)
        mosquitto_username_pw_set(c->mosq, o->username, o->password);
    mosquitto_connect_v5_callback_set(c->mosq, on_connect);
    mosquitto_disconnect_v5_callback_set(c->mosq, on_disconnect);
    mosquitto_subscribe_v5_callback_set(c->mosq, on_subscribe);
    mosquitto_publish_v5_callback_set(c->mosq, on_publish);
    mosquitto_message_v5_callback_set(c->mosq, on_message);
    return c;
}

/* Connects and waits for the CONNACK; returns its reason. */
static int connect_to(struct mqttclient *c, const struct mqttclient_options *o)
{
    mosquitto_property *kept = NULL;
    if (c->keep_session && c->version == 5)
        mosquitto_property_add_int32(&kept, MQTT_PROP_SESSION_EXPIRY_INTERVAL, KEEP_SESSION_S);
    int rc = mosquitto_connect_bind_v5(c->mosq, o->host ? o->host : "127.0.0.1", o->port, 60, NULL,
                                       kept);
    mosquitto_property_free_all(&kept);
    if (rc != MOSQ_ERR_SUCCESS || mosquitto_loop_start(c->mosq) != MOSQ_ERR_SUCCESS)
        test_fail("MQTT connection to port %u: %s", o->port, mosquitto_strerror(rc));
    int64_t deadline = now_ms() + WAIT_MS;
    bool in_time = true;
    pthread_mutex_lock(&c->mutex);
    while (!c->answered && in_time)
        in_time = deadline_cond_wait(&c->cond, &c->mutex, deadline);
    rc = c->connack;
    pthread_mutex_unlock(&c->mutex);
    if (!in_time)
        test_fail("no CONNACK from port %u", o->port);
    return rc;
}

static void add_filter(struct mqttclient *c, const char *text, size_t len)
{
    if (c->filter_count == FILTERS_MAX)
        test_fail("too many topic filters");
    c->filters[c->filter_count++] = or_abort(strndup(text, len));
}

struct mqttclient *mqttclient_create(const struct mqttclient_options *o)
{
    static unsigned number;
    struct mqttclient *c = create(o);
    /* A kept session is subscribed already, to what it had before. */
    if (o->keep_session)
        snprintf(c->sync_topic, sizeof c->sync_topic, "test-sync/%s", o->client_id);
    else
        snprintf(c->sync_topic, sizeof c->sync_topic, "test-sync/%d/%u", (int)getpid(), ++number);
    for (const char *at = o->subscribe; at && *at;) {
        size_t len = strcspn(at, " ");
        add_filter(c, at, len);
        at += len + (at[len] == ' ');
    }
    add_filter(c, c->sync_topic, strlen(c->sync_topic));
    int rc = connect_to(c, o);
    if (rc != 0)
        test_fail("the broker on port %u refused the client: %s", o->port,
                  mosquitto_reason_string(rc));
    mqttclient_wait_connected(c);
    return c;
}

int mqttclient_try(const struct mqttclient_options *o)
{
    struct mqttclient *c = create(o);
    int rc = connect_to(c, o);
    mqttclient_destroy(c);
    return rc;
}

static void message_destroy(struct mqtt_message *m)
{
    free(m->topic);
    free(m->payload);
    free(m->content_type);
    free(m->user_agent);
    free(m->user_epoch);
    free(m->user_seq);
    free(m->correlation);
    free(m);
}

void mqttclient_destroy(struct mqttclient *c)
{
    if (!c)
        return;
    mosquitto_disconnect(c->mosq);
    mosquitto_loop_stop(c->mosq, false);
    mosquitto_destroy(c->mosq);
    for (size_t i = 0; i < c->count; i++)
        message_destroy(c->messages[i]);
    for (size_t i = 0; i < c->filter_count; i++)
        free(c->filters[i]);
    free(c->messages);
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

void mqttclient_wait_connected(struct mqttclient *c)
{
    int64_t deadline = now_ms() + WAIT_MS;
    bool in_time = true;
    pthread_mutex_lock(&c->mutex);
    while (!c->ready && in_time)
        in_time = deadline_cond_wait(&c->cond, &c->mutex, deadline);
    pthread_mutex_unlock(&c->mutex);
    if (!in_time)
        test_fail("the MQTT client of the test did not get connected and subscribed");
}

int64_t mqttclient_connected_since(struct mqttclient *c)
{
    pthread_mutex_lock(&c->mutex);
    int64_t since = c->ready ? c->ready_ms : 0;
    pthread_mutex_unlock(&c->mutex);
    return since;
}

size_t mqttclient_count(struct mqttclient *c)
{
    pthread_mutex_lock(&c->mutex);
    size_t count = c->count;
    pthread_mutex_unlock(&c->mutex);
    return count;
}

const struct mqtt_message *mqttclient_message(struct mqttclient *c, size_t i)
{
    pthread_mutex_lock(&c->mutex);
    const struct mqtt_message *m = i < c->count ? c->messages[i] : NULL;
    pthread_mutex_unlock(&c->mutex);
    return m;
}

void mqttclient_mark(struct mqttclient *c)
{
    c->mark = mqttclient_count(c);
}

static bool wait_more(struct mqttclient *c, size_t count, int64_t deadline)
{
    bool in_time = true;
    pthread_mutex_lock(&c->mutex);
    while (c->count <= count && in_time)
        in_time = deadline_cond_wait(&c->cond, &c->mutex, deadline);
    bool more = c->count > count;
    pthread_mutex_unlock(&c->mutex);
    return more;
}

const struct mqtt_message *mqttclient_peek(struct mqttclient *c)
{
    return mqttclient_message(c, c->taken);
}

const struct mqtt_message *mqttclient_take(struct mqttclient *c)
{
    const struct mqtt_message *m = mqttclient_peek(c);
    c->taken += m != NULL;
    return m;
}

bool mqttclient_wait_peek(struct mqttclient *c, int64_t deadline)
{
    return wait_more(c, c->taken, deadline);
}

static bool topic_matches(const char *filter, const char *topic)
{
    bool result = false;
    return mosquitto_topic_matches_sub(filter, topic, &result) == MOSQ_ERR_SUCCESS && result;
}

const struct mqtt_message *mqttclient_poll(struct mqttclient *c, const char *filter,
                                           mqtt_predicate *accept, void *ctx, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    size_t i = c->mark;
    do {
        const struct mqtt_message *m;
        for (; (m = mqttclient_message(c, i)); i++) {
            if (topic_matches(filter, m->topic) && (!accept || accept(ctx, m)))
                return m;
        }
    } while (wait_more(c, i, deadline));
    return NULL;
}

/* Waits, or fails and shows the newest messages. */
static const struct mqtt_message *wait_for(struct mqttclient *c, const char *filter,
                                           mqtt_predicate *accept, void *ctx, const char *what)
{
    const struct mqtt_message *m = mqttclient_poll(c, filter, accept, ctx, WAIT_MS);
    if (m)
        return m;
    size_t count = mqttclient_count(c);
    for (size_t i = count > SHOWN_MAX ? count - SHOWN_MAX : 0; i < count; i++) {
        m = mqttclient_message(c, i);
        fprintf(stderr, "    received%s %s: %s\n", m->retain ? " (retained)" : "", m->topic,
                m->payload);
    }
    test_fail("nothing on %s with %s in time", filter, what);
}

const struct mqtt_message *mqttclient_wait(struct mqttclient *c, const char *filter,
                                           mqtt_predicate *accept, void *ctx)
{
    return wait_for(c, filter, accept, ctx, "what the test waits for");
}

struct json_wanted {
    const char *path, *value;
};

static bool accept_json(void *ctx, const struct mqtt_message *m)
{
    const struct json_wanted *wanted = ctx;
    return json_is(m->payload, wanted->path, wanted->value);
}

const struct mqtt_message *mqttclient_wait_json(struct mqttclient *c, const char *filter,
                                                const char *path, const char *value)
{
    struct json_wanted wanted = {path, value};
    char *what = test_printf("%s = %s", path, value);
    const struct mqtt_message *m = wait_for(c, filter, accept_json, &wanted, what);
    free(what);
    return m;
}

static bool accept_payload(void *ctx, const struct mqtt_message *m)
{
    const char *payload = ctx;
    return strcmp(m->payload, payload) == 0;
}

const struct mqtt_message *mqttclient_wait_payload(struct mqttclient *c, const char *filter,
                                                   const char *payload)
{
    return wait_for(c, filter, accept_payload, (void *)(uintptr_t)payload, payload);
}

const struct mqtt_message *mqttclient_newest(struct mqttclient *c, const char *topic)
{
    for (size_t i = mqttclient_count(c); i > 0; i--) {
        const struct mqtt_message *m = mqttclient_message(c, i - 1);
        if (strcmp(m->topic, topic) == 0)
            return m;
    }
    return NULL;
}

void mqttclient_sync(struct mqttclient *c)
{
    static unsigned number; /* of all clients: an earlier one may have left its own behind */
    char text[16];
    snprintf(text, sizeof text, "%u", ++number);
    mqttclient_publish(c, c->sync_topic, text);
    (void)wait_for(c, c->sync_topic, accept_payload, text, "the test's own message");
}

int mqttclient_send(struct mqttclient *c, const struct mqttclient_publish *p)
{
    mosquitto_property *properties = NULL;
    if (p->response_topic)
        mosquitto_property_add_string(&properties, MQTT_PROP_RESPONSE_TOPIC, p->response_topic);
    if (p->correlation)
        mosquitto_property_add_binary(&properties, MQTT_PROP_CORRELATION_DATA, p->correlation,
                                      (uint16_t)strlen(p->correlation));
    if (p->expiry_s)
        mosquitto_property_add_int32(&properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, p->expiry_s);
    size_t len = p->len ? p->len : strlen(p->payload);
    int mid = 0;
    capture("own", p->topic, p->payload, len);
    int rc = mosquitto_publish_v5(c->mosq, &mid, p->topic, (int)len, p->payload, 1, p->retain,
                                  properties);
    mosquitto_property_free_all(&properties);
    if (p->no_wait && rc == MOSQ_ERR_NO_CONN) /* the library sends it when it is connected again */
        return 0;
    if (rc != MOSQ_ERR_SUCCESS)
        test_fail("publishing on %s: %s", p->topic, mosquitto_strerror(rc));
    if (p->no_wait)
        return 0;
    int64_t deadline = now_ms() + WAIT_MS;
    bool in_time = true;
    pthread_mutex_lock(&c->mutex);
    while (c->acked[mid & 0xffff] == 0 && in_time)
        in_time = deadline_cond_wait(&c->cond, &c->mutex, deadline);
    int reason = c->acked[mid & 0xffff] - 1;
    c->acked[mid & 0xffff] = 0;
    pthread_mutex_unlock(&c->mutex);
    if (!in_time)
        test_fail("no PUBACK for a message on %s", p->topic);
    return reason;
}

void mqttclient_publish(struct mqttclient *c, const char *topic, const char *payload)
{
    int reason =
        mqttclient_send(c, &(struct mqttclient_publish){.topic = topic, .payload = payload});
    if (reason >= 128)
        test_fail("the broker refused a message on %s: %s", topic, mosquitto_reason_string(reason));
}
