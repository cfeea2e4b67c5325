#include "fault/two/availability.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"
#include "support/json.h"
#include "support/mqttclient.h"

struct availability {
    struct mqttclient *client;
    struct availability_word *words;
    size_t count, cap;
    uint64_t boot, conn; /* of the newest `online` */
    char *complaint;
};

struct availability *availability_create(const struct broker *broker, const char *agent)
{
    struct availability *a = test_alloc(sizeof *a);
    char *topic = test_printf("studio/agents/%s/availability", agent);
    a->client = mqttclient_create(&(struct mqttclient_options){.host = broker_host(broker),
                                                               .port = broker_port(broker),
                                                               .client_id = "availability",
                                                               .keep_session = true,
                                                               .subscribe = topic});
    free(topic);
    return a;
}

void availability_destroy(struct availability *a)
{
    if (!a)
        return;
    mqttclient_destroy(a->client);
    free(a->words);
    free(a->complaint);
    free(a);
}

static bool is_older(uint64_t boot, uint64_t conn, uint64_t than_boot, uint64_t than_conn)
{
    return boot < than_boot || (boot == than_boot && conn < than_conn);
}

static bool has_ended(const struct availability *a, uint64_t boot, uint64_t conn)
{
    for (size_t i = a->count; i-- > 0;)
        if (!a->words[i].online && a->words[i].boot == boot && a->words[i].conn == conn)
            return true;
    return false;
}

static void complain(struct availability *a, const char *what, const struct mqtt_message *m)
{
    if (!a->complaint)
        a->complaint = test_printf("%s (boot %" PRIu64 ", conn %" PRIu64 " was online before): %s",
                                   what, a->boot, a->conn, m->payload);
}

static void take(struct availability *a, const struct mqtt_message *m)
{
    struct availability_word word = {.online = json_is(m->payload, "state", "online"),
                                     .boot = json_number(m->payload, "boot"),
                                     .conn = json_number(m->payload, "conn"),
                                     .at_ms = m->at_ms};
    if (word.online && is_older(word.boot, word.conn, a->boot, a->conn))
        complain(a, "online went back", m);
    else if (word.online && has_ended(a, word.boot, word.conn))
        complain(a, "online again after its end", m);
    if (word.online && !is_older(word.boot, word.conn, a->boot, a->conn)) {
        a->boot = word.boot;
        a->conn = word.conn;
    }
    if (a->count == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 64;
        a->words = realloc(a->words, a->cap * sizeof *a->words);
        if (!a->words)
            test_fail("out of memory in the test");
    }
    a->words[a->count++] = word;
}

static bool was_heard(const struct availability *a, const struct mqtt_message *m)
{
    bool online = json_is(m->payload, "state", "online");
    uint64_t boot = json_number(m->payload, "boot"), conn = json_number(m->payload, "conn");
    for (size_t i = a->count; i-- > 0;)
        if (a->words[i].online == online && a->words[i].boot == boot && a->words[i].conn == conn)
            return true;
    return false;
}

/* One that has expired or was taken away says nothing, and is no word of the agent's. */
void availability_hear(struct availability *a)
{
    const struct mqtt_message *m;
    while ((m = mqttclient_take(a->client)))
        if (strstr(m->topic, "/availability") && m->len > 0 && !(m->again && was_heard(a, m)))
            take(a, m);
}

struct availability_word availability_newest(const struct availability *a)
{
    return a->count > 0 ? a->words[a->count - 1] : (struct availability_word){.online = false};
}

int64_t availability_after(const struct availability *a, uint64_t boot)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->words[i].online && a->words[i].boot > boot)
            return a->words[i].at_ms;
    return 0;
}

char *availability_complaint(struct availability *a)
{
    char *complaint = a->complaint;
    a->complaint = NULL;
    return complaint;
}
