#include "link_paho.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <MQTTAsync.h>

#include "link_acks.h"
#include "link_cert.h"
#include "link_closing.h"
#include "link_gather.h"
#include "link_props.h"
#include "link_reach.h"
#include "link_watch.h"

enum {
    CONNECT_TIMEOUT_S = 10,
    LIBRARY_INFLIGHT = 65535, /* the window is ours: at its own limit the library sleeps */
    LIBRARY_BUFFER = 1000,
    PATIENCE_US = 10, /* for each message that may be in flight */
    PATIENCE_WINDOW = 100
};

/* The library's lock. Its sending thread is taken to hold it when it calls: as callbacks do. */
extern pthread_mutex_t *mqttasync_mutex;

/* The connection: there is one in the life of this process. */
static struct {
    MQTTAsync handle;
    const struct paho_reports *reports;
    enum link_id id;
    const char *agent_id, *epoch;
    unsigned keepalive_s;
    bool v5;
    struct token {
        unsigned slot;
        int filters;      /* of one packet of a subscription; 0: a publish */
        int left, reason; /* packets without an answer; the last refusal */
    } tokens[LINK_SLOTS];
} c;

/* --- callbacks, on library threads: a report, nothing else ----------------------------------- */

static void on_complaint(enum MQTTASYNC_TRACE_LEVELS level, char *message)
{
    (void)level;
    c.reports->log(LOG_DEBUG, message);
}

/* How an attempt ended. */
static void report_attempt(struct link_event *event)
{
    snprintf(event->address, sizeof(event->address), "%s", reach_address());
    c.reports->event(event);
}

/* So long at most a window waits for its acknowledgements to be read in company: far less than a broker takes
 * to write as many. */
static void be_patient(unsigned window)
{
    if (c.id == LINK_OUT)
        gather_patience((window < PATIENCE_WINDOW ? window : PATIENCE_WINDOW) * PATIENCE_US);
}

static void on_up5(void *context, MQTTAsync_successData5 *data)
{
    struct link_event event = {.kind = LINK_UP};

    (void)context;
    event.limits = (struct link_limits){
        .mqtt_version = 5,
        .receive_max = props_number(&data->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, 65535),
        .max_packet = props_number(&data->properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, 0),
        .retain = props_number(&data->properties, MQTTPROPERTY_CODE_RETAIN_AVAILABLE, 1) != 0,
        .max_qos = (int)props_number(&data->properties, MQTTPROPERTY_CODE_MAXIMUM_QOS, 2),
        .session = data->alt.connect.sessionPresent != 0,
        .keepalive_s = props_number(&data->properties, MQTTPROPERTY_CODE_SERVER_KEEP_ALIVE, 0)};
    be_patient(event.limits.receive_max);
    if (event.limits.keepalive_s && event.limits.keepalive_s < c.keepalive_s)
        acks_close(); /* the library has no ear for it: this connection is not to last */
    report_attempt(&event);
}

static void on_up(void *context, MQTTAsync_successData *data)
{
    struct link_event event = {.kind = LINK_UP};

    (void)context;
    event.limits = (struct link_limits){.mqtt_version = 4,
                                        .receive_max = 65535,
                                        .retain = true,
                                        .max_qos = 2,
                                        .session = data->alt.connect.sessionPresent != 0};
    be_patient(event.limits.receive_max);
    report_attempt(&event);
}

/* `reason`: the broker's, or the library's where it is negative. */
static void connect_failed(int reason, const char *message)
{
    struct link_event event = {.kind = LINK_FAILED, .reason = reason > 0 ? reason : 0};

    closing_failed(&event, message);
    report_attempt(&event);
}

static void on_connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int reason = data->reasonCode > 0 ? (int)data->reasonCode : data->code;

    (void)context;
    connect_failed(reason, data->message);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    connect_failed(data->code, data->message);
}

/* Comes before the library has finished closing: only queue. */
static void on_lost(void *context, char *cause)
{
    struct link_event event = {.kind = LINK_LOST, .closed = closing_by_peer()};

    (void)context;
    (void)cause; /* always NULL */
    snprintf(event.text, sizeof(event.text), "%s",
             event.closed ? "it closed the connection" : "the connection broke off");
    c.reports->event(&event);
}

/* The broker's DISCONNECT: the library closes the connection then without calling on_lost. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    struct link_event event = {.kind = LINK_LOST,
                               .reason = (int)reason,
                               .closed = true,
                               .text = "it closed the connection"};

    (void)context;
    (void)properties;
    c.reports->event(&event);
}

static void done(struct token *token, int reason)
{
    struct link_event event = {.kind = LINK_DONE, .slot = token->slot};

    if (reason != 0)
        token->reason = reason;
    if (--token->left > 0)
        return;
    event.reason = token->reason;
    c.reports->event(&event);
}

/* For a publish the reason is not filled in: a refusal comes as a failure. For several filters it is
 * the other way round: refusals come as a success. There is no list of a single one. */
static void on_done5(void *context, MQTTAsync_successData5 *data)
{
    struct token *token = context;
    const int count = token->filters > 1 ? data->alt.sub.reasonCodeCount : 0;
    int reason = 0;

    if (token->filters > 1 && count != token->filters) {
        done(token, MQTTREASONCODE_UNSPECIFIED_ERROR); /* which of them does it speak of? */
        return;
    }
    for (int i = 0; i < count; i++)
        if ((int)data->alt.sub.reasonCodes[i] >= 0x80)
            reason = (int)data->alt.sub.reasonCodes[i];
    done(token, reason);
}

static void on_done(void *context, MQTTAsync_successData *data)
{
    (void)data;
    done(context, 0);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    done(context, (int)data->reasonCode >= 0x80 ? (int)data->reasonCode : -1);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    done(context, data->code >= 0x80 ? data->code : -1);
}

static void on_closed5(void *context, MQTTAsync_successData5 *data)
{
    struct link_event event = {.kind = LINK_CLOSED};

    (void)context;
    (void)data;
    c.reports->event(&event);
}

static void on_closed(void *context, MQTTAsync_successData *data)
{
    struct link_event event = {.kind = LINK_CLOSED};

    (void)context;
    (void)data;
    c.reports->event(&event);
}

static void command(const char *topic, size_t topic_len, MQTTAsync_message *message)
{
    MQTTProperties *p = &message->properties;
    size_t len = (size_t)message->payloadlen;
    struct link_command in = {.topic = topic,
                              .topic_len = topic_len,
                              .payload = message->payload,
                              .payload_len = len < LINK_COMMAND_MAX ? len : LINK_COMMAND_MAX,
                              /* 3.1.1 tells it to new subscriptions only: an empty one may be */
                              .retained = message->retained != 0 || (!c.v5 && len == 0),
                              .expiry_s = -1};
    MQTTProperty *property;

    if (c.v5 && (property = MQTTProperties_getProperty(p, MQTTPROPERTY_CODE_RESPONSE_TOPIC))) {
        in.response = property->value.data.data;
        in.response_len = (size_t)property->value.data.len;
    }
    if (c.v5 && (property = MQTTProperties_getProperty(p, MQTTPROPERTY_CODE_CORRELATION_DATA))) {
        in.correlation = property->value.data.data;
        in.correlation_len = (size_t)property->value.data.len;
    }
    if (c.v5 && MQTTProperties_hasProperty(p, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL))
        in.expiry_s = props_number(p, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, 0);
    if (!acks_command(message->qos > 0 ? message->msgid : 0, &in.token))
        _exit(1); /* it sends far more than it was told it may */
    c.reports->command(&in);
}

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct link_event event;

    (void)context;
    if (c.id == LINK_IN) /* topic_len is 0 unless there is a NUL inside */
        command(topic, topic_len > 0 ? (size_t)topic_len : strlen(topic), message);
    else if (watch_heard(topic, message->payload, (size_t)message->payloadlen, &event))
        c.reports->event(&event);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

void paho_touch(void)
{
    (void)MQTTAsync_isConnected(c.handle); /* takes the library's lock */
}

/* --- what the agent wants ------------------------------------------------------------------------- */

static int create_handle(const struct link_target *target)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;
    int rc;

    options.MQTTVersion = target->mqtt_version;
    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = LIBRARY_BUFFER;
    rc = MQTTAsync_createWithOptions(&c.handle, target->uri, target->client_id,
                                     MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    if (rc != MQTTASYNC_SUCCESS)
        return rc;
    rc = MQTTAsync_setCallbacks(c.handle, NULL, on_lost, on_message, NULL);
    if (rc == MQTTASYNC_SUCCESS && target->mqtt_version == 5)
        rc = MQTTAsync_setDisconnected(c.handle, NULL, on_disconnected);
    return rc;
}

static int start_connect(const struct link_target *target)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions options4 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    struct props props, will_props;

    if (!c.v5) {
        options = options4;
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = target->clean;
        options.onSuccess = on_up;
        options.onFailure = on_connect_failed;
    } else {
        options.cleanstart = target->clean;
        options.onSuccess5 = on_up5;
        options.onFailure5 = on_connect_failed5;
        props_of_connect(&props, target);
        options.connectProperties = &props.all;
    }
    options.keepAliveInterval = (int)target->keepalive_s;
    options.maxInflight = LIBRARY_INFLIGHT;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.automaticReconnect = 0;
    options.username = target->username;
    options.password = target->password;
    if (target->will) {
        will.topicName = target->will_topic;
        will.message = target->will;
        will.qos = 1;
        will.retained = 1;
        options.will = &will;
        props_of_message(&will_props, &(struct link_message){.retained = true}, c.agent_id,
                         c.epoch);
        if (c.v5)
            options.willProperties = &will_props.all;
    }
    if (strncmp(target->uri, "ssl://", 6) == 0) {
        ssl.trustStore = target->ca_file;
        ssl.keyStore = target->cert_file;
        ssl.privateKey = target->key_file;
        ssl.verify = 1; /* the host name as well */
        ssl.ssl_error_cb = closing_complaint;
        options.ssl = &ssl;
    }
    return MQTTAsync_connect(c.handle, &options);
}

bool paho_connect(const struct wire_message *in, const struct paho_reports *reports,
                  char text[LINK_TEXT_MAX])
{
    const struct link_target *target = &in->connect.target;
    const char *trouble =
        target->cert_file ? cert_trouble(target->cert_file, target->key_file) : NULL;
    int rc;

    c.reports = reports;
    c.id = in->connect.id;
    c.agent_id = in->connect.agent_id;
    c.epoch = in->connect.epoch;
    c.v5 = target->mqtt_version == 5;
    c.keepalive_s = target->keepalive_s;
    for (unsigned i = 0; i < LINK_SLOTS; i++)
        c.tokens[i].slot = i;
    if (c.id == LINK_IN)
        acks_hold(target->mqtt_version);
    gather_start(reports->idle, reports->sleep, reports->wake);
    if (trouble) {
        snprintf(text, LINK_TEXT_MAX, "%s", trouble);
        return false;
    }
    reach_last(target->last);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    MQTTAsync_setTraceCallback(on_complaint);
    rc = create_handle(target);
    if (rc == MQTTASYNC_SUCCESS)
        rc = start_connect(target);
    if (rc == MQTTASYNC_SUCCESS)
        return true;
    snprintf(text, LINK_TEXT_MAX, "the MQTT library refuses the settings: %s",
             MQTTAsync_strerror(rc));
    return false;
}

/* With the lock. */
static MQTTAsync_responseOptions response_to(unsigned slot, int filters)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    c.tokens[slot].filters = filters; /* nothing of this slot is under way */
    c.tokens[slot].left = 1;
    c.tokens[slot].reason = 0;
    response.context = &c.tokens[slot];
    if (c.v5) {
        response.onSuccess5 = on_done5;
        response.onFailure5 = on_failed5;
    } else {
        response.onSuccess = on_done;
        response.onFailure = on_failed;
    }
    return response;
}

bool paho_publish(unsigned slot, const struct link_message *m)
{
    MQTTAsync_responseOptions response;
    struct props props;
    int rc;

    pthread_mutex_lock(mqttasync_mutex);
    response = response_to(slot, 0);
    if (c.v5) {
        props_of_message(&props, m, c.agent_id, c.epoch);
        response.properties = props.all;
    }
    rc = MQTTAsync_send(c.handle, m->topic, (int)m->len, m->payload, 1, m->retained, &response);
    pthread_mutex_unlock(mqttasync_mutex);
    if (rc == MQTTASYNC_BAD_UTF8_STRING) { /* any connection would end on it */
        done(&c.tokens[slot], MQTTREASONCODE_TOPIC_NAME_INVALID);
        return true;
    }
    return rc == MQTTASYNC_SUCCESS;
}

/* On MQTT 3.1.1 the library does not tell how many answers there are to several filters: one at a time. */
static bool subscribe_each(unsigned slot, const char *const *filters, size_t count, int qos)
{
    MQTTAsync_responseOptions response;
    bool taken = true;

    pthread_mutex_lock(mqttasync_mutex);
    response = response_to(slot, 1);
    c.tokens[slot].left = (int)count;
    for (size_t i = 0; taken && i < count; i++)
        taken = MQTTAsync_subscribe(c.handle, filters[i], qos, &response) == MQTTASYNC_SUCCESS;
    pthread_mutex_unlock(mqttasync_mutex);
    return taken;
}

bool paho_subscribe(unsigned slot, const char *const *filters, size_t count, enum link_watch watch,
                    const char *own)
{
    MQTTAsync_responseOptions response;
    MQTTSubscribe_options options[WIRE_FILTERS_MAX];
    char *topics[WIRE_FILTERS_MAX];
    int qos[WIRE_FILTERS_MAX], rc;

    watch_begin(watch, filters[0], own);
    /* Commands are of QoS 1; what we only watch is of QoS 0. For QoS 1 RabbitMQ 3 keeps a queue at the node we
     * came to, and when that one dies it hangs up on whoever asks for it at the others. */
    if (!c.v5)
        return subscribe_each(slot, filters, count, watch == LINK_WATCH_COMMANDS ? 1 : 0);
    for (size_t i = 0; i < count; i++) {
        topics[i] = (char *)(uintptr_t)filters[i];
        qos[i] = 1;
        options[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
        options[i].retainAsPublished = 1;
        options[i].noLocal = watch == LINK_WATCH_WIPED;
        options[i].retainHandling =
            watch == LINK_WATCH_OWN ? 0 : 2; /* else none that were retained before */
    }
    pthread_mutex_lock(mqttasync_mutex);
    response = response_to(slot, (int)count);
    if (count == 1) {
        response.subscribeOptions = options[0];
    } else {
        response.subscribeOptionsList = options;
        response.subscribeOptionsCount = (int)count;
    }
    rc = MQTTAsync_subscribeMany(c.handle, (int)count, topics, qos, &response);
    pthread_mutex_unlock(mqttasync_mutex);
    return rc == MQTTASYNC_SUCCESS;
}

bool paho_disconnect(bool will)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions options5 = MQTTAsync_disconnectOptions_initializer5;

    if (c.v5) {
        options = options5;
        options.onSuccess5 = on_closed5;
        if (will)
            options.reasonCode = MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE;
    } else {
        options.onSuccess = on_closed;
    }
    options.timeout = 0; /* we have waited ourselves; the library looks only every 3 s */
    return MQTTAsync_disconnect(c.handle, &options) == MQTTASYNC_SUCCESS;
}
