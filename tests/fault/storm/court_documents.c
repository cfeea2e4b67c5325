#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fault/storm/court_internal.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define AVAILABILITY "studio/agents/" COURT_AGENT "/availability"
#define HEALTH       "studio/agents/" COURT_AGENT "/health"

enum {
    STEP_MS = 150,    /* 20 questions each: less than the agent's limit of messages */
    CHOOSE_MS = 3000, /* the agent may have changed the broker meanwhile */
    HEALTH_MS = 20000 /* it comes every 10 s */
};

/* A subscriber that comes when all is over. */
struct late {
    struct mqttclient *client;
    cJSON *tables; /* for each table: what follows its name in a topic, and the newest payload */
    char *event;   /* one that is retained, which none may be; NULL */
};

static void late_close(struct late *l)
{
    mqttclient_destroy(l->client);
    cJSON_Delete(l->tables);
    free(l->event);
    *l = (struct late){0};
}

/* The newest payload of every topic of a table; an empty one means none. */
static void late_hear(struct late *l)
{
    const struct mqtt_message *m;
    while ((m = mqttclient_take(l->client))) {
        char table[80], rest[120];
        if (sscanf(m->topic, "studio/tables/%79[^/]/%119s", table, rest) != 2)
            continue;
        if (m->retain && (strcmp(rest, "changes") == 0 || strcmp(rest, "exceptions") == 0) &&
            !l->event)
            l->event = test_printf("%s: %s", m->topic, m->payload);
        cJSON *topics = cJSON_GetObjectItemCaseSensitive(l->tables, table);
        if (!topics)
            topics = cJSON_AddObjectToObject(l->tables, table);
        cJSON_DeleteItemFromObjectCaseSensitive(topics, rest);
        if (*m->payload)
            cJSON_AddStringToObject(topics, rest, m->payload);
    }
}

/* What is retained comes by wildcards, where the broker knows that. */
static bool by_wildcards(const struct rig *r)
{
    return !r->o.cluster || r->o.cluster->wildcards;
}

/* What to subscribe to; without wildcards the statuses and presences, one by one. Free(). */
static char *late_filters(const struct rig *r)
{
    const struct writers_options *o = &r->o.writers;
    char *filters =
        test_printf("%s" AVAILABILITY " " HEALTH, by_wildcards(r) ? "studio/tables/# " : "");
    for (unsigned t = 0; !by_wildcards(r) && t < o->tables && t < o->writers; t++) {
        char id[16];
        writers_table(o, t, id);
        char *longer =
            test_printf("%s studio/tables/%s/status studio/tables/%s/presence", filters, id, id);
        free(filters);
        filters = longer;
    }
    return filters;
}

/* Comes to the broker the agent is connected to: where it said so last, by boot and conn; the others
 * may have been out of reach when it left them. False: no broker says that it is online. */
static bool late_open(struct late *l, const struct rig *r)
{
    uint64_t newest = 0;
    char *filters = late_filters(r);
    for (unsigned i = 0; i < r->o.brokers; i++) {
        struct mqttclient *client =
            mqttclient_create(&(struct mqttclient_options){.host = broker_host(r->brokers[i]),
                                                           .port = broker_port(r->brokers[i]),
                                                           .version = rig_mqtt_version(r),
                                                           .subscribe = filters});
        mqttclient_sync(client);
        const struct mqtt_message *m = mqttclient_newest(client, AVAILABILITY);
        bool online = m && json_is(m->payload, "state", "online");
        uint64_t number =
            online ? json_number(m->payload, "boot") << 32 | json_number(m->payload, "conn") : 0;
        if (number > newest) {
            mqttclient_destroy(l->client);
            l->client = client;
            newest = number;
        } else {
            mqttclient_destroy(client);
        }
    }
    free(filters);
    l->tables = cJSON_CreateObject();
    return l->client != NULL;
}

/* --- one table -------------------------------------------------------------------------------- */

static const char *retained(const cJSON *topics, const char *rest)
{
    const char *payload = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(topics, rest));
    return payload ? payload : "nothing";
}

static bool is_field(const char *name)
{
    return strcmp(name, "TABLE_ID") != 0 && strcmp(name, "UPTIME") != 0 &&
           strcmp(name, "TIMESTAMP") != 0;
}

/* Each field of the document has its topic, and there are no others. */
static char *fields_fault(const cJSON *document, const cJSON *topics)
{
    int fields = 0, found = 0;
    const cJSON *item;
    char *fault = NULL;
    cJSON_ArrayForEach(item, document)
    {
        if (!is_field(item->string))
            continue;
        char *topic = test_printf("fields/%s", item->string);
        char *text = cJSON_IsString(item) ? test_printf("%s", item->valuestring)
                                          : cJSON_PrintUnformatted(item);
        fields++;
        if (!fault && strcmp(retained(topics, topic), text) != 0)
            fault = test_printf("%s is '%s', not '%s'", topic, retained(topics, topic), text);
        free(topic);
        free(text);
    }
    cJSON_ArrayForEach(item, topics) found += strncmp(item->string, "fields/", 7) == 0;
    if (!fault && found != fields)
        fault = test_printf("%d topics for %d fields", found, fields);
    return fault;
}

/* What the writers of the table have set last is there, and every update was counted. */
static char *values_fault(const struct court *c, unsigned table, const cJSON *document)
{
    const struct writers_options *o = &c->rig->o.writers;
    const cJSON *uptime = cJSON_GetObjectItemCaseSensitive(document, "UPTIME");
    if (!cJSON_IsNumber(uptime) || (uint64_t)uptime->valuedouble != c->revs[table])
        return test_printf("UPTIME is not %" PRIu64 ", the newest revision", c->revs[table]);
    for (unsigned i = table; i < c->senders; i += o->tables) {
        char name[16];
        snprintf(name, sizeof name, "w%u", i);
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(document, name);
        if (!cJSON_IsNumber(value) || (uint64_t)value->valuedouble != court_last(c, i))
            return test_printf("%s is not %" PRIu64 ", what was set last", name, court_last(c, i));
    }
    return NULL;
}

static char *presence_fault(const struct court *c, unsigned table, const char *presence)
{
    const struct writers_options *o = &c->rig->o.writers;
    char count[16];
    snprintf(count, sizeof count, "%u", (o->writers - table + o->tables - 1) / o->tables);
    if (json_is(presence, "online", "true") && json_is(presence, "count", count))
        return NULL;
    return test_printf("of %s clients the presence says %s", count, presence);
}

/* Those who were there all the time have been told the newest: then what is not retained is what the
 * broker has lost, though it acknowledged it. */
static bool was_told(const struct court *c, const char *id, const char *text)
{
    char *topic = test_printf("studio/tables/%s/status", id);
    bool told = false;
    for (unsigned i = 0; i < c->rig->o.brokers; i++) {
        const struct mqtt_message *m = mqttclient_newest(c->clients[i], topic);
        told = told || (m && strcmp(m->payload, text) == 0);
    }
    free(topic);
    return told;
}

/* What a late subscriber finds, against what the agent has. */
static char *retained_fault(const struct court *c, unsigned table, const char *text,
                            const cJSON *document, const cJSON *topics)
{
    const char *status = retained(topics, "status");
    char *fault = NULL;
    if (strcmp(status, text) != 0)
        fault = test_printf("retained is %s", status);
    if (!fault && by_wildcards(c->rig))
        fault = fields_fault(document, topics);
    return fault ? fault : presence_fault(c, table, retained(topics, "presence"));
}

/* What is wrong with a table, NULL: nothing. Free(). `forgive`: what a broker has lost is only counted. */
static char *table_fault(struct court *c, unsigned table, struct wsclient *viewer,
                         const struct late *late, bool forgive)
{
    char id[16];
    writers_table(&c->rig->o.writers, table, id);
    wsclient_sendf(viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"%s\"}}", id);
    char *text = json_at(wsclient_text(viewer), "data");
    cJSON *document = cJSON_Parse(text);
    const cJSON *topics = cJSON_GetObjectItemCaseSensitive(late->tables, id);
    char *fault = document ? values_fault(c, table, document) : test_printf("no document");
    if (!fault)
        fault = retained_fault(c, table, text, document, topics);
    else
        forgive = false;
    if (fault && forgive && was_told(c, id, text)) {
        c->behind++;
        free(fault);
        fault = NULL;
    }
    if (fault) {
        char *longer = test_printf("%s: %s; the agent has %s", id, fault, text ? text : "nothing");
        free(fault);
        fault = longer;
    } else if (c->rig->o.brokers > 1) {
        /* No one broker has heard it all: the judge has events only, here is the document. */
        char *topic = test_printf("studio/tables/%s/status", id);
        judge_feed(c->judge, topic, text, true);
        free(topic);
    }
    cJSON_Delete(document);
    free(text);
    return fault;
}

/* --- all of it -------------------------------------------------------------------------------- */

static char *health_fault(const struct court *c, struct mqttclient *late)
{
    const struct mqtt_message *m = mqttclient_newest(late, HEALTH);
    char newest[24];
    snprintf(newest, sizeof newest, "%" PRIu64, c->newest);
    if (m && json_is(m->payload, "backlog.events", "0") &&
        json_is(m->payload, "seq.committed", newest) && json_is(m->payload, "seq.acked", newest))
        return NULL;
    return test_printf("event %s is the newest, the last health is %s", newest,
                       m ? m->payload : "none");
}

static char *fault_of(struct court *c, const struct court_rules *rules, struct wsclient *viewer,
                      struct late *late, bool forgive)
{
    const struct writers_options *o = &c->rig->o.writers;
    char *fault = NULL;
    late_hear(late);
    if (late->event)
        return test_printf("an event is retained: %s", late->event);
    for (unsigned t = 0; !fault && t < o->tables && t < o->writers; t++)
        fault = table_fault(c, t, viewer, late, forgive);
    return fault || !rules->health ? fault : health_fault(c, late->client);
}

void court_check_documents(struct court *c, const struct court_rules *rules)
{
    int64_t wait = rules->health && c->agree_ms < HEALTH_MS ? HEALTH_MS : c->agree_ms;
    int64_t deadline = now_ms() + wait, choose = 0;
    struct wsclient *viewer = wsclient_login_at(c->rig->host ? c->rig->host : "127.0.0.1",
                                                c->rig->port.number, COURT_NAME, TOKEN_VIEWER);
    static const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    struct late late = {0};
    char *fault;
    for (;;) {
        if (now_ms() >= choose) {
            late_close(&late);
            (void)late_open(&late, c->rig);
            choose = now_ms() + CHOOSE_MS;
        }
        fault = late.client ? fault_of(c, rules, viewer, &late,
                                       c->rig->cluster && deadline_left(deadline) == 0)
                            : test_printf("no broker says that the agent is online");
        if (!fault || deadline_left(deadline) == 0)
            break;
        free(fault);
        nanosleep(&step, NULL);
    }
    if (fault)
        rig_complain(c->rig, COMPLAINT_DOCUMENTS, "%s", fault);
    free(fault);
    late_close(&late);
    wsclient_close(viewer);
}
