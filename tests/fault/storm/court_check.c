#include <inttypes.h>
#include <stdlib.h>

#include "fault/storm/court_internal.h"
#include "support/deadline.h"

enum { SHOWN_MAX = 10 /* complaints of one kind */ };

/* What the agent sends is in order for every event, whatever its broker makes of it. */
void court_check_sends(struct court *c)
{
    uint64_t example;
    size_t disorder = wiretap_disorder(c->rig->tap, &example);
    if (disorder > 0)
        rig_complain(c->rig, COMPLAINT_SENT_LATE,
                     "%zu events were sent after later ones, event %" PRIu64 " is one", disorder,
                     example);
}

/* --- holes ------------------------------------------------------------------------------------ */

/* Asks every broker's agent for the events again, and waits until they have come. */
static bool replay(struct court *c, uint64_t from, uint64_t to)
{
    int64_t deadline = now_ms() + c->agree_ms;
    uint64_t hole, end;
    char *request = test_printf("{\"from_seq\":%" PRIu64 ",\"to_seq\":%" PRIu64 "}", from, to);
    for (unsigned i = 0; i < c->rig->o.brokers; i++)
        mqttclient_publish(c->clients[i], "studio/agents/" COURT_AGENT "/replay/" COURT_NAME,
                           request);
    free(request);
    while (judge_hole(c->judge, &hole, &end) && hole <= to) {
        if (deadline_left(deadline) == 0)
            return false;
        court_hear_on(c);
    }
    return true;
}

/* An event may be missing only if a broker had taken it and was killed then. */
static void check_hole(struct court *c, uint64_t from, uint64_t to, size_t *shown)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        bool sent = wiretap_sent(c->rig->tap, seq);
        if ((sent && wiretap_forgotten(c->rig->tap, seq)) || (*shown)++ >= SHOWN_MAX)
            continue;
        rig_complain(c->rig, COMPLAINT_MISSING,
                     sent ? "event %" PRIu64 " did not arrive, and no broker that was killed "
                            "had acknowledged it"
                          : "event %" PRIu64 " was never sent",
                     seq);
    }
}

void court_fetch_holes(struct court *c)
{
    uint64_t from, to;
    size_t shown = 0;
    while (judge_hole(c->judge, &from, &to)) {
        check_hole(c, from, to, &shown);
        if (!replay(c, from, to)) {
            rig_complain(c->rig, COMPLAINT_MISSING,
                         "the replay did not bring events %" PRIu64 " to %" PRIu64, from, to);
            return;
        }
        c->holes += (size_t)(to - from + 1);
    }
}

/* --- what became of each message -------------------------------------------------------------- */

static bool in_sync_failure(const struct court_rules *rules, const struct write_note *note)
{
    for (size_t i = 0; i + 1 < 2 * rules->sync_failure_count; i += 2)
        if (note->done_ms >= rules->sync_failures[i] &&
            note->sent_ms <= rules->sync_failures[i + 1])
            return true;
    return false;
}

/* Every command was answered in the end, so every one must be there. */
static size_t lost_commands(struct court *c)
{
    unsigned sender = c->rig->o.writers.writers;
    size_t lost = 0;
    if (!c->rig->commander)
        return 0;
    for (uint64_t value = c->arrivals[sender].base + 1; value <= court_last(c, sender); value++)
        if (court_seq_of(c, sender, value) == 0 && lost++ < SHOWN_MAX)
            rig_complain(c->rig, COMPLAINT_LOST, "command %" PRIu64 " was answered and is lost",
                         value);
    return lost;
}

void court_check_notes(struct court *c, const struct court_rules *rules)
{
    size_t count, lost = 0, conjured = 0;
    const struct write_note *notes = writers_notes(c->rig->writers, &count);
    c->notes = notes;
    c->note_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct write_note *n = &notes[i];
        bool seen = court_seq_of(c, n->writer, n->value) != 0;
        c->acked += n->outcome == WRITE_ACKED;
        if (n->outcome == WRITE_ACKED && !seen && lost++ < SHOWN_MAX)
            rig_complain(c->rig, COMPLAINT_LOST,
                         "value %" PRIu64 " of writer %u was acknowledged and is lost", n->value,
                         n->writer);
        if (n->outcome == WRITE_REFUSED && seen && !in_sync_failure(rules, n) &&
            conjured++ < SHOWN_MAX)
            rig_complain(c->rig, COMPLAINT_CONJURED,
                         "value %" PRIu64 " of writer %u was refused and is applied", n->value,
                         n->writer);
    }
    lost += lost_commands(c);
    if (lost > SHOWN_MAX)
        rig_complain(c->rig, COMPLAINT_LOST, "%zu acknowledged messages are lost in all", lost);
}

void court_check_order(struct court *c)
{
    for (unsigned i = 0; i < c->senders; i++) {
        const struct arrivals *a = &c->arrivals[i];
        uint64_t last = 0;
        for (size_t k = 0; k < a->cap; k++) {
            if (a->seq[k] != 0 && a->seq[k] < last)
                rig_complain(c->rig, COMPLAINT_BEFORE,
                             "value %" PRIu64 " of writer %u came before the one sent earlier",
                             a->base + k + 1, i);
            if (a->seq[k] != 0)
                last = a->seq[k];
        }
    }
}
