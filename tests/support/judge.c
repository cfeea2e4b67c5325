/* judge.c - collects events and documents as they arrive; judge_check.c finds what is wrong. */
#include "support/judge.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"
#include "support/judge_internal.h"
#include "support/mqttclient.h"

struct judge *judge_create(const char *root)
{
    struct judge *j = test_alloc(sizeof *j);
    j->root = test_printf("%s", root);
    return j;
}

void judge_start(struct judge *j, uint64_t seq)
{
    j->start = seq;
}

static void table_finish(struct judge_table *t)
{
    free(t->id);
    free(t->status);
    cJSON_Delete(t->fields);
}

void judge_destroy(struct judge *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->event_count; i++)
        free(j->events[i].payload);
    for (size_t i = 0; i < j->epoch_count; i++)
        free(j->epochs[i].name);
    for (size_t i = 0; i < j->table_count; i++)
        table_finish(&j->tables[i]);
    for (size_t i = 0; i < j->note_count; i++)
        free(j->notes[i]);
    free(j->events);
    free(j->epochs);
    free(j->tables);
    free(j->notes);
    free(j->root);
    free(j);
}

void *judge_grow(void *array, size_t count, size_t size)
{
    /* Doubles whenever the count is a power of two. */
    if (count & (count - 1))
        return array;
    void *bigger = realloc(array, (count ? count * 2 : 1) * size);
    if (!bigger)
        test_fail("out of memory in the test");
    return bigger;
}

/* Remembers a violation that is seen on arrival. Takes the text. */
static void note(struct judge *j, char *text)
{
    j->notes = judge_grow(j->notes, j->note_count, sizeof *j->notes);
    j->notes[j->note_count++] = text;
}

static size_t epoch_index(struct judge *j, const char *name)
{
    for (size_t i = j->epoch_count; i > 0; i--) {
        if (strcmp(j->epochs[i - 1].name, name) == 0)
            return i - 1;
    }
    j->epochs = judge_grow(j->epochs, j->epoch_count, sizeof *j->epochs);
    j->epochs[j->epoch_count] = (struct judge_epoch){.name = test_printf("%s", name)};
    return j->epoch_count++;
}

static size_t table_index(struct judge *j, const char *id)
{
    for (size_t i = 0; i < j->table_count; i++) {
        if (strcmp(j->tables[i].id, id) == 0)
            return i;
    }
    j->tables = judge_grow(j->tables, j->table_count, sizeof *j->tables);
    j->tables[j->table_count] =
        (struct judge_table){.id = test_printf("%s", id), .fields = cJSON_CreateObject()};
    return j->table_count++;
}

/* The table by its name; the pointer is good until the next new table. */
static struct judge_table *table_of(struct judge *j, const char *id)
{
    size_t i = table_index(j, id); /* may move the array */
    return &j->tables[i];
}

static const char *string_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool number_of(const cJSON *object, const char *name, uint64_t *number)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || item->valuedouble < 0)
        return false;
    *number = (uint64_t)item->valuedouble;
    return true;
}

/* The payload as it was the first time: without the mark of a replay. Free(). */
static char *without_replay_mark(const char *payload, bool *replayed)
{
    static const char mark[] = ",\"replay\":true}";
    size_t len = strlen(payload), n = sizeof mark - 1;
    *replayed = len >= n && strcmp(payload + len - n, mark) == 0;
    return *replayed ? test_printf("%.*s}", (int)(len - n), payload) : test_printf("%s", payload);
}

static void feed_event(struct judge *j, const char *topic, const char *table, const char *payload)
{
    cJSON *json = cJSON_Parse(payload);
    const char *epoch = string_of(json, "epoch");
    const char *id = string_of(json, "table_id");
    struct judge_event e = {.arrival = j->arrivals++};
    if (!epoch || !id || !number_of(json, "seq", &e.seq) || (table && strcmp(table, id) != 0)) {
        note(j, test_printf("not an event on %s: %s", topic, payload));
        cJSON_Delete(json);
        return;
    }
    e.is_change = cJSON_HasObjectItem(json, "changes");
    if (e.is_change && !number_of(json, "rev", &e.rev))
        note(j, test_printf("a change without rev on %s: %s", topic, payload));
    e.epoch = epoch_index(j, epoch);
    e.table = table_index(j, id);
    e.payload = without_replay_mark(payload, &e.replayed);
    cJSON_Delete(json);

    struct judge_epoch *ep = &j->epochs[e.epoch];
    if (e.seq > ep->newest)
        ep->newest = e.seq;
    j->events = judge_grow(j->events, j->event_count, sizeof *j->events);
    j->events[j->event_count++] = e;
    j->sorted = false;
}

static void feed_status(struct judge *j, const char *table, const char *payload, bool retain)
{
    struct judge_table *t = table_of(j, table);
    free(t->status);
    t->status = NULL;
    if (*payload == '\0') { /* the table was removed */
        t->has_uptime = false;
        return;
    }
    cJSON *json = cJSON_Parse(payload);
    uint64_t uptime = 0;
    if (!number_of(json, "UPTIME", &uptime))
        note(j, test_printf("not a document in the status of %s: %s", table, payload));
    else if (!retain && t->has_uptime && uptime < t->uptime)
        note(j, test_printf("status of %s went back from UPTIME %llu to %llu", table,
                            (unsigned long long)t->uptime, (unsigned long long)uptime));
    cJSON_Delete(json);
    t->uptime = uptime;
    t->has_uptime = true;
    t->status = test_printf("%s", payload);
}

static void feed_field(struct judge *j, const char *table, const char *field, const char *payload)
{
    cJSON *fields = table_of(j, table)->fields;
    cJSON_DeleteItemFromObjectCaseSensitive(fields, field);
    if (*payload)
        cJSON_AddStringToObject(fields, field, payload);
}

void judge_feed(struct judge *j, const char *topic, const char *payload, bool retain)
{
    size_t root = strlen(j->root);
    if (strncmp(topic, j->root, root) != 0 || topic[root] != '/')
        return;
    const char *rest = topic + root + 1;
    if (strncmp(rest, "agents/", 7) == 0 && strstr(rest, "/replayed/")) {
        if (strstr(payload, "\"seq\":"))
            feed_event(j, topic, NULL, payload);
        return;
    }
    if (strncmp(rest, "tables/", 7) != 0)
        return;
    char *table = test_printf("%s", rest + 7);
    char *kind = strchr(table, '/');
    if (kind) {
        *kind++ = '\0';
        if (strcmp(kind, "changes") == 0 || strcmp(kind, "exceptions") == 0)
            feed_event(j, topic, table, payload);
        else if (strcmp(kind, "status") == 0)
            feed_status(j, table, payload, retain);
        else if (strncmp(kind, "fields/", 7) == 0)
            feed_field(j, table, kind + 7, payload);
    }
    free(table);
}

void judge_feed_client(struct judge *j, struct mqttclient *client)
{
    const struct mqtt_message *m;
    while ((m = mqttclient_take(client)))
        judge_feed(j, m->topic, m->payload, m->retain || m->again);
}

uint64_t judge_newest(const struct judge *j)
{
    return j->epoch_count ? j->epochs[j->epoch_count - 1].newest : 0;
}

void judge_wait_seq(struct judge *j, struct mqttclient *client, uint64_t seq)
{
    int64_t deadline = now_ms() + WAIT_MS;
    judge_feed_client(j, client);
    while (judge_newest(j) < seq) {
        if (!mqttclient_wait_peek(client, deadline))
            test_fail("event %llu did not arrive in time; the newest is %llu",
                      (unsigned long long)seq, (unsigned long long)judge_newest(j));
        judge_feed_client(j, client);
    }
}

size_t judge_fetch_holes(struct judge *j, struct mqttclient *client, const char *agent,
                         const char *name)
{
    size_t missing = 0;
    uint64_t from, to;
    char *ask = test_printf("%s/agents/%s/replay/%s", j->root, agent, name);
    char *answers = test_printf("%s/agents/%s/replayed/%s", j->root, agent, name);
    judge_feed_client(j, client);
    while (judge_hole(j, &from, &to)) {
        char *request = test_printf("{\"from_seq\":%llu,\"to_seq\":%llu}", (unsigned long long)from,
                                    (unsigned long long)to);
        mqttclient_mark(client);
        mqttclient_publish(client, ask, request);
        (void)mqttclient_wait_json(client, answers, "end", "true");
        judge_feed_client(j, client);
        uint64_t next_from, next_to;
        if (judge_hole(j, &next_from, &next_to) && next_from == from)
            test_fail("the replay of %s did not bring event %llu", request,
                      (unsigned long long)from);
        missing += (size_t)(to - from + 1);
        free(request);
    }
    free(ask);
    free(answers);
    return missing;
}

void judge_expect_clean(struct judge *j, struct mqttclient *client)
{
    int64_t deadline = now_ms() + WAIT_MS;
    judge_feed_client(j, client);
    while (judge_check(j, NULL) > 0 && mqttclient_wait_peek(client, deadline))
        judge_feed_client(j, client);
    size_t count = judge_check(j, stderr);
    if (count > 0)
        test_fail("%zu broken promises (above)", count);
}
