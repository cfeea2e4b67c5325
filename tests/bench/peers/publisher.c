/*
 * publisher.c - what the backlog is measured beside: nothing but the MQTT library, as it is installed.
 *
 * Events of the usual size with QoS 1, a hundred on their way, from memory. Usage: bench-publisher
 * BROKER_URI COUNT  (prints `connected`, ends when all are acknowledged)
 */
#include <MQTTAsync.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 100 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned long acknowledged;
static int state; /* 1: connected, -1: failed */

static void set(int to)
{
    pthread_mutex_lock(&mutex);
    state = to;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void on_connect(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    set(1);
}

static void on_failure(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    (void)data;
    set(-1);
}

static void on_acknowledged(void *context, MQTTAsync_successData5 *data)
{
    (void)context;
    (void)data;
    pthread_mutex_lock(&mutex);
    acknowledged++;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

/* Until connected, or until at most so many are on their way. */
static void wait_until(unsigned long sent, unsigned long window)
{
    pthread_mutex_lock(&mutex);
    while (state == 0 || (state > 0 && sent - acknowledged > window))
        pthread_cond_wait(&changed, &mutex);
    int failed = state < 0;
    pthread_mutex_unlock(&mutex);
    if (failed)
        exit(1);
}

static void publish(MQTTAsync client, unsigned long n)
{
    char topic[64], payload[400];
    MQTTAsync_message message = MQTTAsync_message_initializer;
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    snprintf(topic, sizeof topic, "studio/tables/B-%lu/changes", n % 50);
    message.payload = payload;
    message.payloadlen = snprintf(payload, sizeof payload,
                                  "{\"seq\":%lu,\"epoch\":\"0123456789abcdef0123456789abcdef\","
                                  "\"table_id\":\"B-%lu\",\"rev\":%lu,"
                                  "\"ts\":\"2026-01-02T03:04:05.678Z\",\"by\":\"B-%lu_d%lu\","
                                  "\"via\":\"websocket\",\"changes\":{"
                                  "\"SDP\":[\"standby\",\"up\"],\"ROULETTE\":[\"up\",\"down\"]}}",
                                  n + 1, n % 50, n / 50 + 1, n % 50, n % 50);
    message.qos = 1;
    options.onSuccess5 = on_acknowledged;
    options.onFailure5 = on_failure;
    if (MQTTAsync_sendMessage(client, topic, &message, &options) != MQTTASYNC_SUCCESS)
        exit(1);
}

int main(int argc, char **argv)
{
    MQTTAsync client;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    if (argc != 3)
        return 2;
    unsigned long count = strtoul(argv[2], NULL, 10);
    connect.maxInflight = 65535;
    connect.onSuccess5 = on_connect;
    connect.onFailure5 = on_failure;
    if (MQTTAsync_createWithOptions(&client, argv[1], "bench-publisher",
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &create) != MQTTASYNC_SUCCESS ||
        MQTTAsync_connect(client, &connect) != MQTTASYNC_SUCCESS)
        return 1;
    wait_until(0, 0);
    printf("connected\n");
    fflush(stdout);
    for (unsigned long n = 0; n < count; n++) {
        wait_until(n, WINDOW - 1);
        publish(client, n);
    }
    wait_until(count, 0);
    MQTTAsync_destroy(&client);
    return 0;
}
