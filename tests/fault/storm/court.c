#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm/court_internal.h"
#include "support/deadline.h"

enum { STEP_MS = 20 };

/* --- hearing ---------------------------------------------------------------------------------- */

void court_open(struct court *c, struct rig *rig, struct court_memory *memory)
{
    *c = (struct court){.rig = rig, .memory = memory, .judge = judge_create("studio")};
    c->senders = rig->o.writers.writers + (rig->commander != NULL);
    c->arrivals = test_alloc(c->senders * sizeof *c->arrivals);
    c->revs = test_alloc(rig->o.writers.tables * sizeof *c->revs);
    for (unsigned i = 0; i < c->senders; i++)
        c->arrivals[i].base = court_last(c, i);
    if (memory->event)
        judge_feed(c->judge, memory->topic, memory->event, false);
    else
        judge_start(c->judge, 1); /* it listens before the agent starts */
    for (unsigned i = 0; i < rig->o.brokers; i++) {
        char name[] = COURT_NAME "-0"; /* in a cluster one name is one session */
        name[sizeof name - 2] = (char)('0' + i);
        c->clients[i] = mqttclient_create(&(struct mqttclient_options){
            .host = broker_host(rig->brokers[i]),
            .port = broker_port(rig->brokers[i]),
            .version = rig_mqtt_version(rig),
            .client_id = name,
            .keep_session = true,
            .subscribe = "studio/tables/# studio/agents/" COURT_AGENT "/replayed/" COURT_NAME});
    }
}

void court_close(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++) {
        mqttclient_destroy(c->clients[i]);
        free(c->heard[i]);
    }
    for (unsigned i = 0; i < c->senders; i++)
        free(c->arrivals[i].seq);
    if (c->newest_event) {
        free(c->memory->topic);
        free(c->memory->event);
        c->memory->topic = c->newest_topic;
        c->memory->event = c->newest_event;
        c->memory->seq = c->newest;
    }
    judge_destroy(c->judge);
    free(c->arrivals);
    free(c->revs);
}

void court_memory_finish(struct court_memory *memory)
{
    free(memory->epoch);
    free(memory->topic);
    free(memory->event);
}

static void arrived(struct court *c, unsigned writer, uint64_t value, uint64_t seq)
{
    struct arrivals *a = &c->arrivals[writer];
    if (value <= a->base) /* of an earlier round: heard again */
        return;
    size_t at = (size_t)(value - a->base - 1);
    if (at >= a->cap) {
        size_t cap = (at + 1) * 2;
        a->seq = realloc(a->seq, cap * sizeof *a->seq);
        if (!a->seq)
            test_fail("out of memory in the test");
        memset(a->seq + a->cap, 0, (cap - a->cap) * sizeof *a->seq);
        a->cap = cap;
    }
    if (a->seq[at] != 0 && a->seq[at] != seq)
        rig_complain(c->rig, COMPLAINT_TWICE,
                     "value %" PRIu64 " of writer %u was applied twice: events %" PRIu64
                     " and %" PRIu64,
                     value, writer, a->seq[at], seq);
    a->seq[at] = seq;
}

/* The values an update has set; the one an exception carries. */
static void hear_values(struct court *c, const char *event, uint64_t seq)
{
    unsigned sender;
    unsigned long long value;
    const char *at = strstr(event, "\"changes\":{");
    const char *data = at ? NULL : strstr(event, "\"data\":\"");
    if (data && sscanf(data, "\"data\":\"%u:%llu\"", &sender, &value) == 2 && sender < c->senders)
        arrived(c, sender, value, seq);
    while (at && (at = strstr(at, "\"w"))) {
        const char *comma = strchr(at, ',');
        if (comma && sscanf(at, "\"w%u\":[", &sender) == 1 &&
            sscanf(comma, ",%llu]", &value) == 1 && sender < c->senders)
            arrived(c, sender, value, seq);
        at += 2;
    }
}

static void hear_rev(struct court *c, const char *event)
{
    const char *at = strstr(event, "\"table_id\":");
    unsigned table;
    unsigned long long rev;
    if (at && sscanf(at, "\"table_id\":\"ST-%u\",\"rev\":%llu", &table, &rev) == 2 &&
        table < c->rig->o.writers.tables && rev > c->revs[table])
        c->revs[table] = rev;
}

static bool is_replay(const struct mqtt_message *m)
{
    return strstr(m->topic, "/replayed/") != NULL;
}

/* What each subscriber is given by its own broker. */
static void note_heard(struct court *c, unsigned broker, uint64_t seq)
{
    size_t at = (size_t)(seq - c->memory->seq);
    if (at >= c->heard_cap[broker]) {
        size_t cap = (at + 1) * 2;
        unsigned char *longer = realloc(c->heard[broker], cap);
        if (!longer)
            test_fail("out of memory in the test");
        memset(longer + c->heard_cap[broker], 0, cap - c->heard_cap[broker]);
        c->heard[broker] = longer;
        c->heard_cap[broker] = cap;
    }
    c->heard[broker][at] = 1;
}

static void count_missed(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        for (uint64_t seq = c->memory->seq + 1; seq <= c->newest; seq++) {
            size_t at = (size_t)(seq - c->memory->seq);
            c->missed[i] += at >= c->heard_cap[i] || !c->heard[i][at];
        }
}

static void hear_event(struct court *c, unsigned broker, const struct mqtt_message *m)
{
    char epoch[80];
    unsigned long long seq;
    if (sscanf(m->payload, "{\"seq\":%llu,\"epoch\":\"%79[^\"]\"", &seq, epoch) != 2)
        return; /* the judge complains; or the end of a replay */
    if (!c->memory->epoch)
        c->memory->epoch = test_printf("%s", epoch);
    if (strcmp(c->memory->epoch, epoch) != 0)
        rig_complain(c->rig, COMPLAINT_CHANGES, "event %llu is of epoch %s, not %s", seq, epoch,
                     c->memory->epoch);
    if (!is_replay(m))
        note_heard(c, broker, seq);
    if (seq > c->newest && !is_replay(m)) {
        free(c->newest_topic);
        free(c->newest_event);
        c->newest_topic = test_printf("%s", m->topic);
        c->newest_event = test_printf("%s", m->payload);
        c->newest = seq;
    }
    hear_rev(c, m->payload);
    hear_values(c, m->payload, seq);
}

static bool is_event(const struct mqtt_message *m)
{
    return strstr(m->topic, "/changes") || strstr(m->topic, "/exceptions");
}

/* Of an earlier round, heard again: an agent that was killed may not know yet how far it was, and a
 * replay asked for at one broker may be answered when the agent comes there. */
static bool is_old(const struct court *c, const struct mqtt_message *m)
{
    unsigned long long seq;
    return (is_event(m) || is_replay(m)) && sscanf(m->payload, "{\"seq\":%llu", &seq) == 1 &&
           seq < c->memory->seq;
}

/* Order counts at the first broker, as long as that was not killed: it may then deliver what it had
 * kept after what is new, or an old status once more. Other events are fed as if replayed. The order
 * of sending is checked at the wiretap in any case. */
static void feed(struct court *c, unsigned broker, const struct mqtt_message *m)
{
    size_t len = strlen(m->payload);
    bool ordered = broker == 0 && !c->rig->broker_forgot;
    if (is_event(m) && !ordered && len > 0) {
        char *marked = test_printf("%.*s,\"replay\":true}", (int)(len - 1), m->payload);
        judge_feed(c->judge, m->topic, marked, m->retain);
        free(marked);
    } else if (broker == 0 || is_replay(m)) {
        judge_feed(c->judge, m->topic, m->payload, m->retain || c->rig->broker_forgot);
    }
}

void court_hear(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++) {
        const struct mqtt_message *m;
        while ((m = mqttclient_take(c->clients[i]))) {
            if (is_old(c, m))
                continue;
            /* Of several brokers none has all documents. */
            if (c->rig->o.brokers == 1 || is_event(m) || is_replay(m))
                feed(c, i, m);
            if (is_event(m) || is_replay(m))
                hear_event(c, i, m);
        }
    }
}

void court_hear_on(struct court *c)
{
    /* In short steps: any of the clients may be the next to hear something. */
    mqttclient_wait_peek(c->clients[0], now_ms() + STEP_MS);
    court_hear(c);
}

void court_watch(struct court *c)
{
    bool all = true;
    for (unsigned i = 0; i < c->rig->o.brokers; i++) {
        bool back = mqttclient_connected_since(c->clients[i]) > c->rig->broker_killed_ms[i];
        if (back && !c->rig->cluster)
            wiretap_forgets(c->rig->tap, i, false);
        all = all && back;
    }
    for (unsigned i = 0; all && c->rig->cluster && i < c->rig->o.brokers; i++)
        wiretap_forgets(c->rig->tap, i, false);
}

void court_wait(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_wait_connected(c->clients[i]);
    court_watch(c);
}

/* --- judging ---------------------------------------------------------------------------------- */

uint64_t court_last(const struct court *c, unsigned sender)
{
    return sender < c->rig->o.writers.writers ? writers_last(c->rig->writers, sender)
                                              : commander_last(c->rig->commander);
}

uint64_t court_seq_of(const struct court *c, unsigned sender, uint64_t value)
{
    const struct arrivals *a = &c->arrivals[sender];
    return value > a->base && value - a->base <= a->cap ? a->seq[value - a->base - 1] : 0;
}

/* Every last message has arrived, so nothing is on its way any more. */
static bool drained(struct court *c)
{
    for (unsigned i = 0; i < c->senders; i++)
        if (court_last(c, i) > c->arrivals[i].base && court_seq_of(c, i, court_last(c, i)) == 0)
            return false;
    return true;
}

static void drain(struct court *c, unsigned drain_s)
{
    int64_t began = now_ms(), deadline = began + (int64_t)drain_s * 1000;
    court_hear(c);
    while (!drained(c) && deadline_left(deadline) > 0)
        court_hear_on(c);
    c->drain_ms = (unsigned)(now_ms() - began);
    if (!drained(c))
        rig_complain(c->rig, COMPLAINT_TIME, "the last updates did not arrive in %u s", drain_s);
    /* A broker may have kept more, from before. */
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_sync(c->clients[i]);
    court_hear(c);
}

static void complain_of(struct court *c)
{
    static const enum complaint kinds[JUDGE_KINDS] = {
        [JUDGE_MISSING] = COMPLAINT_MISSING,     [JUDGE_ORDER] = COMPLAINT_HEARD_LATE,
        [JUDGE_BYTES] = COMPLAINT_BYTES,         [JUDGE_CHANGES] = COMPLAINT_CHANGES,
        [JUDGE_DOCUMENTS] = COMPLAINT_DOCUMENTS,
    };
    judge_check(c->judge, c->rig->complaints);
    for (enum judge_kind kind = 0; kind < JUDGE_KINDS; kind++)
        if (judge_found(c->judge, kind) > 0)
            rig_complain(c->rig, kinds[kind], "%zu broken promises (above)",
                         judge_found(c->judge, kind));
}

/* What else the judge finds, once documents have had time to follow. */
static void check_promises(struct court *c)
{
    int64_t deadline = now_ms() + c->agree_ms;
    court_hear(c);
    while (judge_check(c->judge, NULL) > 0 && deadline_left(deadline) > 0)
        court_hear_on(c);
    if (judge_check(c->judge, NULL) > 0)
        complain_of(c);
}

void court_judge(struct court *c, const struct court_rules *rules)
{
    court_wait(c);
    c->agree_ms = (int64_t)rules->drain_s * 250;
    drain(c, rules->drain_s);
    court_check_sends(c);
    court_fetch_holes(c);
    court_check_notes(c, rules);
    court_check_order(c);
    court_check_documents(c, rules);
    check_promises(c);
    count_missed(c); /* late ones had time to come */
    c->events = judge_events(c->judge);
    c->repeats = judge_repeats(c->judge);
}
