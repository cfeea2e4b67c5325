#include "fault/storm/court.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/agent.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/judge_internal.h"
#include "support/tokens.h"
#include "support/wsclient.h"

#define AGENT "edge-1"
#define NAME  "court"

enum { SHOWN_MAX = 10 /* complaints of one kind */ };

/* --- hearing ---------------------------------------------------------------------------------- */

void court_open(struct court *c, struct rig *rig, struct court_memory *memory)
{
    *c = (struct court){.rig = rig, .memory = memory, .judge = judge_create("studio")};
    wiretap_pause(rig->tap, false);
    c->arrivals = test_alloc(rig->o.writers.writers * sizeof *c->arrivals);
    for (unsigned i = 0; i < rig->o.writers.writers; i++)
        c->arrivals[i].base = writers_last(rig->writers, i);
    if (memory->event)
        judge_feed(c->judge, memory->topic, memory->event, false);
    else
        judge_start(c->judge, 1); /* it listens before the agent starts */
    for (unsigned i = 0; i < rig->o.brokers; i++)
        c->clients[i] = mqttclient_create(&(struct mqttclient_options){
            .port = broker_port(rig->brokers[i]),
            .client_id = NAME,
            .keep_session = true,
            .subscribe = "studio/tables/# studio/agents/" AGENT "/replayed/" NAME});
}

void court_close(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_destroy(c->clients[i]);
    for (unsigned i = 0; i < c->rig->o.writers.writers; i++)
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
        rig_complain(c->rig,
                     "value %" PRIu64 " of writer %u was applied twice: events %" PRIu64
                     " and %" PRIu64,
                     value, writer, a->seq[at], seq);
    a->seq[at] = seq;
}

static void hear_event(struct court *c, const struct mqtt_message *m)
{
    char epoch[80];
    unsigned long long seq;
    const char *at = strstr(m->payload, "\"changes\":{");
    if (sscanf(m->payload, "{\"seq\":%llu,\"epoch\":\"%79[^\"]\"", &seq, epoch) != 2)
        return; /* the judge complains; or the end of a replay */
    if (!c->memory->epoch)
        c->memory->epoch = test_printf("%s", epoch);
    if (strcmp(c->memory->epoch, epoch) != 0)
        rig_complain(c->rig, "event %llu is of epoch %s, not %s", seq, epoch, c->memory->epoch);
    if (seq > c->newest && !strstr(m->topic, "/replayed/")) {
        free(c->newest_topic);
        free(c->newest_event);
        c->newest_topic = test_printf("%s", m->topic);
        c->newest_event = test_printf("%s", m->payload);
        c->newest = seq;
    }
    while (at && (at = strstr(at, "\"w"))) {
        unsigned writer;
        unsigned long long value;
        const char *comma = strchr(at, ',');
        if (comma && sscanf(at, "\"w%u\":[", &writer) == 1 &&
            sscanf(comma, ",%llu]", &value) == 1 && writer < c->rig->o.writers.writers)
            arrived(c, writer, value, seq);
        at += 2;
    }
}

/* Order counts at the first broker, as long as that was not killed: it may then deliver what it had
 * kept after what is new, or an old status once more. Other events are fed as if replayed. The order
 * of sending is checked at the wiretap in any case. */
static void feed(struct court *c, unsigned broker, const struct mqtt_message *m)
{
    size_t len = strlen(m->payload);
    bool event = strstr(m->topic, "/changes") || strstr(m->topic, "/exceptions");
    bool ordered = broker == 0 && !c->rig->broker_forgot;
    if (event && !ordered && len > 0) {
        char *marked = test_printf("%.*s,\"replay\":true}", (int)(len - 1), m->payload);
        judge_feed(c->judge, m->topic, marked, m->retain);
        free(marked);
    } else if (broker == 0 || strstr(m->topic, "/replayed/")) {
        judge_feed(c->judge, m->topic, m->payload, m->retain || c->rig->broker_forgot);
    }
}

void court_hear(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++) {
        const struct mqtt_message *m;
        while ((m = mqttclient_take(c->clients[i]))) {
            if (c->rig->o.brokers == 1 || !strstr(m->topic, "/status"))
                feed(c, i, m);
            if (strstr(m->topic, "/changes") || strstr(m->topic, "/replayed/"))
                hear_event(c, m);
        }
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

static uint64_t seq_of(const struct court *c, unsigned writer, uint64_t value)
{
    const struct arrivals *a = &c->arrivals[writer];
    return value > a->base && value - a->base <= a->cap ? a->seq[value - a->base - 1] : 0;
}

/* Every writer's last update has arrived, so nothing is on its way any more. */
static bool drained(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.writers.writers; i++)
        if (seq_of(c, i, writers_last(c->rig->writers, i)) == 0)
            return false;
    return true;
}

static void drain(struct court *c, unsigned drain_s)
{
    int64_t began = now_ms(), deadline = began + (int64_t)drain_s * 1000;
    court_hear(c);
    /* In short steps: any of the clients may be the next to hear something. */
    while (!drained(c) && deadline_left(deadline) > 0) {
        mqttclient_wait_peek(c->clients[0], now_ms() + 20);
        court_hear(c);
    }
    c->drain_ms = (unsigned)(now_ms() - began);
    if (!drained(c))
        rig_complain(c->rig, "the last updates did not arrive in %u s", drain_s);
}

/* Asks every broker's agent for the events again, and waits until they have come. */
static bool replay(struct court *c, uint64_t from, uint64_t to)
{
    int64_t deadline = now_ms() + c->agree_ms;
    uint64_t hole, end;
    char *request = test_printf("{\"from_seq\":%" PRIu64 ",\"to_seq\":%" PRIu64 "}", from, to);
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_publish(c->clients[i], "studio/agents/" AGENT "/replay/" NAME, request);
    free(request);
    while (judge_hole(c->judge, &hole, &end) && hole <= to) {
        if (deadline_left(deadline) == 0)
            return false;
        mqttclient_wait_peek(c->clients[0], now_ms() + 20);
        court_hear(c);
    }
    return true;
}

static void fetch_holes(struct court *c)
{
    uint64_t from, to;
    while (judge_hole(c->judge, &from, &to)) {
        if (!c->rig->broker_forgot)
            rig_complain(c->rig, "events %" PRIu64 " to %" PRIu64 " did not arrive", from, to);
        if (!replay(c, from, to)) {
            rig_complain(c->rig, "the replay did not bring events %" PRIu64 " to %" PRIu64, from,
                         to);
            return;
        }
        c->holes += (size_t)(to - from + 1);
    }
}

/* What the agent sends is in order for every event, whatever its broker makes of it. */
static void check_first_sends(struct court *c)
{
    unsigned long long example;
    wiretap_pause(c->rig->tap, true);
    size_t disorder = wiretap_disorder(c->rig->tap, &example);
    if (disorder > 0)
        rig_complain(c->rig, "%zu events were sent after later ones, event %llu is one", disorder,
                     example);
}

static bool in_sync_failure(const struct court_rules *rules, const struct write_note *note)
{
    for (size_t i = 0; i + 1 < 2 * rules->sync_failure_count; i += 2)
        if (note->done_ms >= rules->sync_failures[i] &&
            note->sent_ms <= rules->sync_failures[i + 1])
            return true;
    return false;
}

static void check_notes(struct court *c, const struct court_rules *rules)
{
    size_t count, lost = 0, conjured = 0;
    const struct write_note *notes = writers_notes(c->rig->writers, &count);
    for (size_t i = 0; i < count; i++) {
        const struct write_note *n = &notes[i];
        bool seen = seq_of(c, n->writer, n->value) != 0;
        c->acked += n->outcome == WRITE_ACKED;
        if (n->outcome == WRITE_ACKED && !seen && lost++ < SHOWN_MAX)
            rig_complain(c->rig, "value %" PRIu64 " of writer %u was acknowledged and is lost",
                         n->value, n->writer);
        if (n->outcome == WRITE_REFUSED && seen && !in_sync_failure(rules, n) &&
            conjured++ < SHOWN_MAX)
            rig_complain(c->rig, "value %" PRIu64 " of writer %u was refused and is applied",
                         n->value, n->writer);
    }
    if (lost > SHOWN_MAX)
        rig_complain(c->rig, "%zu acknowledged updates are lost in all", lost);
}

static void check_order(struct court *c)
{
    for (unsigned i = 0; i < c->rig->o.writers.writers; i++) {
        const struct arrivals *a = &c->arrivals[i];
        uint64_t last = 0;
        for (size_t k = 0; k < a->cap; k++) {
            if (a->seq[k] != 0 && a->seq[k] < last)
                rig_complain(c->rig,
                             "value %" PRIu64 " of writer %u came before the one "
                             "sent earlier",
                             a->base + k + 1, i);
            if (a->seq[k] != 0)
                last = a->seq[k];
        }
    }
}

/* --- documents -------------------------------------------------------------------------------- */

/* A subscriber on the broker the agent is connected to: where it said so last, by boot and conn; the
 * others may have been out of reach when it left them. */
static struct mqttclient *late_subscriber(struct rig *r)
{
    struct mqttclient *best = NULL;
    uint64_t newest = 0;
    for (unsigned i = 0; i < r->o.brokers; i++) {
        struct mqttclient *late = mqttclient_create(&(struct mqttclient_options){
            .port = broker_port(r->brokers[i]),
            .subscribe = "studio/tables/+/status studio/agents/" AGENT "/availability"});
        mqttclient_sync(late);
        const struct mqtt_message *m =
            mqttclient_newest(late, "studio/agents/" AGENT "/availability");
        bool online = m && json_is(m->payload, "state", "online");
        uint64_t number =
            online ? json_number(m->payload, "boot") << 32 | json_number(m->payload, "conn") : 0;
        if (number > newest) {
            mqttclient_destroy(best);
            best = late;
            newest = number;
        } else {
            mqttclient_destroy(late);
        }
    }
    return best;
}

/* The retained documents are what the agent tells now. */
static void check_documents(struct court *c)
{
    struct rig *s = c->rig;
    struct mqttclient *late = late_subscriber(s);
    if (!late) {
        rig_complain(s, "no broker says that the agent is online");
        return;
    }
    struct wsclient *viewer = wsclient_login(s->port.number, "court", TOKEN_VIEWER);
    for (unsigned t = 0; t < s->o.writers.tables && t < s->o.writers.writers; t++) {
        char table[16], topic[64];
        int64_t deadline = now_ms() + c->agree_ms;
        bool same = false;
        writers_table(&s->o.writers, t, table);
        snprintf(topic, sizeof topic, "studio/tables/%s/status", table);
        while (!same) {
            wsclient_sendf(viewer, "{\"event\":\"get\",\"data\":{\"table_id\":\"%s\"}}", table);
            char *document = json_at(wsclient_text(viewer), "data");
            while (mqttclient_take(late))
                ;
            const struct mqtt_message *m = mqttclient_newest(late, topic);
            same = document && m && strcmp(document, m->payload) == 0;
            if (!same && !mqttclient_wait_peek(late, deadline)) {
                rig_complain(s, "the retained status of %s is not what the agent has:\n%s\n%s",
                             table, m ? m->payload : "nothing", document ? document : "nothing");
                same = true;
            }
            free(document);
        }
    }
    wsclient_close(viewer);
    mqttclient_destroy(late);
}

/* What else the judge finds, once documents have had time to follow. */
static void check_promises(struct court *c)
{
    int64_t deadline = now_ms() + c->agree_ms;
    court_hear(c);
    size_t broken = judge_check(c->judge, NULL);
    while (broken > 0 && mqttclient_wait_peek(c->clients[0], deadline)) {
        court_hear(c);
        broken = judge_check(c->judge, NULL);
    }
    if (broken > 0) {
        judge_check(c->judge, c->rig->complaints);
        rig_complain(c->rig, "%zu broken promises (above)", broken);
    }
}

void court_judge(struct court *c, const struct court_rules *rules)
{
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_wait_connected(c->clients[i]);
    c->agree_ms = (int64_t)rules->drain_s * 250;
    drain(c, rules->drain_s);
    check_first_sends(c);
    fetch_holes(c);
    check_notes(c, rules);
    check_order(c);
    check_documents(c);
    check_promises(c);
    c->events = judge_events(c->judge);
    c->repeats = judge_repeats(c->judge);
}
