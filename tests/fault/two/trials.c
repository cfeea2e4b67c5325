#include "fault/two/trials.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fault/storm/court.h"
#include "fault/storm/random.h"
#include "fault/two/attacks.h"
#include "fault/two/audit.h"
#include "support/deadline.h"
#include "support/pgserver.h"

enum {
    RECOVERY_MS = 60000, /* to an answered update, on a busy machine */
    CALM_MS = 90000,
    DRAIN_S = 120,
    STEP_MS = 5,
    OPERATOR_MIN_MS = 500,
    OPERATOR_MAX_MS = 2000,
    REFUSES_MS = 6000 /* what comes later a minority must not acknowledge */
};

struct trials {
    struct trials_options o;
    struct two two;
    struct court court;
    struct court_memory memory;
    struct trials_figures f;
    uint64_t random, audited;
    const struct two_attack *attacks[TRIALS_KINDS_MAX]; /* as in f.kinds */
    size_t order[TRIALS_KINDS_MAX], order_count;        /* of kinds, as they were named */
    size_t deck[TRIALS_KINDS_MAX], deck_left;
};

static unsigned otherwise(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

bool trials_possible(void)
{
    return pgserver_there() && hosts_make();
}

char *trials_kinds(void)
{
    char *all = test_printf("%s", two_attacks[0].name);
    for (size_t i = 1; i < two_attack_count; i++) {
        char *longer = test_printf("%s,%s", all, two_attacks[i].name);
        free(all);
        all = longer;
    }
    return all;
}

static const struct two_attack *find(const char *name, size_t len)
{
    for (size_t i = 0; i < two_attack_count; i++)
        if (strlen(two_attacks[i].name) == len && memcmp(two_attacks[i].name, name, len) == 0)
            return &two_attacks[i];
    test_fail("there is no attack '%.*s'", (int)len, name);
}

static size_t kind_of(struct trials *t, const struct two_attack *attack)
{
    for (size_t i = 0; i < t->f.kind_count; i++)
        if (t->attacks[i] == attack)
            return i;
    t->f.kinds[t->f.kind_count].name = attack->name;
    t->f.kinds[t->f.kind_count].planned = attack->planned;
    t->attacks[t->f.kind_count] = attack;
    return t->f.kind_count++;
}

static void choose(struct trials *t, const struct two_attack *attack)
{
    bool possible = !attack->needs_faults || t->two.agents[HOST_A].faults;
    if (possible && t->order_count < TRIALS_KINDS_MAX)
        t->order[t->order_count++] = kind_of(t, attack);
}

static void choose_kinds(struct trials *t)
{
    for (size_t i = 0; !t->o.kinds && i < two_attack_count; i++)
        choose(t, &two_attacks[i]);
    for (const char *at = t->o.kinds; at && *at;) {
        size_t len = strcspn(at, ",");
        choose(t, find(at, len));
        at += len + (at[len] == ',');
    }
    if (t->f.kind_count == 0)
        test_fail("none of these is possible here");
}

/* Every kind comes before one comes again; those that were named, in that order. */
static size_t draw(struct trials *t)
{
    if (t->deck_left == 0) {
        t->deck_left = t->order_count;
        for (size_t i = 0; i < t->order_count; i++) {
            size_t at = t->o.kinds ? i : random_between(&t->random, 0, (unsigned)i);
            t->deck[i] = t->deck[at];
            t->deck[at] = t->order[t->order_count - 1 - i];
        }
    }
    return t->deck[--t->deck_left];
}

static void note(struct trial_times *times, int64_t ms)
{
    if (times->count < TRIALS_TIMES_MAX && ms >= 0)
        times->ms[times->count++] = (unsigned)ms;
}

/* --- a round ---------------------------------------------------------------------------------- */

static void step(struct trials *t, struct strike *s)
{
    commander_step(t->two.rig.commander);
    availability_hear(t->two.availability);
    if (s)
        minority_step(s->minority);
    rig_nap(STEP_MS);
}

static void idle(struct trials *t, struct strike *s, unsigned ms)
{
    int64_t until = now_ms() + ms;
    while (deadline_left(until) > 0) {
        if (s && s->attack->operate && !s->operated && now_ms() - s->began_ms >= s->operator_ms) {
            s->attack->operate(&t->two, s);
            s->operated = true;
        }
        step(t, s);
    }
}

/* An update is acknowledged that was not before `since`; by anyone, with HOST_COUNT. */
static bool wait_acked(struct trials *t, struct strike *s, enum host by, int64_t since)
{
    int64_t deadline = now_ms() + RECOVERY_MS;
    for (;;) {
        struct writers_figures w = writers_figures(t->two.rig.writers);
        if (by == HOST_COUNT ? w.last_ack_ms > since : w.first_ack_ms[by] > 0)
            return true;
        if (deadline_left(deadline) == 0) {
            rig_complain(&t->two.rig, COMPLAINT_TIME, "no update was acknowledged%s%s for %d s",
                         by == HOST_COUNT ? "" : " by the agent on ",
                         by == HOST_COUNT ? "" : host_name(by), RECOVERY_MS / 1000);
            return false;
        }
        step(t, s);
    }
}

/* What those saw who were cut off together with the owner, once they have seen it. */
static void take_minority(struct trials *t, struct strike *s, struct trial_kind *kind)
{
    int64_t deadline = now_ms() + RECOVERY_MS;
    struct minority_figures m;
    if (!s->minority)
        return;
    while (m = minority_figures(s->minority),
           (m.refused_ms == 0 || m.unready_ms == 0) && deadline_left(deadline) > 0)
        step(t, s);
    if (m.refused_ms == 0 || m.unready_ms == 0)
        rig_complain(&t->two.rig, COMPLAINT_TIME, "a minority was not told %s",
                     m.refused_ms == 0 ? "that it is one" : "by /readyz");
    if (m.acked_ms > s->began_ms + REFUSES_MS)
        rig_complain(&t->two.rig, COMPLAINT_CONJURED,
                     "a minority acknowledged what came %" PRId64 " ms after it was cut off",
                     m.acked_ms - s->began_ms);
    note(&kind->refused, m.refused_ms - s->began_ms);
    note(&kind->unready, m.unready_ms - s->began_ms);
    if (!t->o.quiet)
        fprintf(stderr, "        a minority was told: %s (%u have no answer); /readyz: %s\n",
                m.told, m.waiting, m.unready);
    minority_destroy(s->minority);
    s->minority = NULL;
}

/* The broker has been told who owns it now. */
static void wait_online(struct trials *t, uint64_t *boot)
{
    int64_t deadline = now_ms() + RECOVERY_MS;
    while (true) {
        struct availability_word word;
        availability_hear(t->two.availability);
        word = availability_newest(t->two.availability);
        (void)two_owner(&t->two, boot);
        if (word.online && word.boot == *boot)
            return;
        if (deadline_left(deadline) == 0) {
            rig_complain(&t->two.rig, COMPLAINT_DOCUMENTS,
                         "boot %" PRIu64 " owns the agent, the availability says %s of %" PRIu64,
                         *boot, word.online ? "online" : "something else", word.boot);
            return;
        }
        idle(t, NULL, 50);
    }
}

static void attack(struct trials *t, struct strike *s, struct trial_kind *kind)
{
    struct two *two = &t->two;
    unsigned lasts = random_between(&t->random, s->attack->min_ms, s->attack->max_ms);
    enum host other = two_other(s->owner);
    uint64_t boot = 0;
    if (t->o.most_ms && lasts > t->o.most_ms)
        lasts = t->o.most_ms;
    (void)two_owner(two, &boot);
    writers_mark(two->rig.writers);
    s->began_ms = now_ms();
    s->attack->begin(two, s);
    idle(t, s, lasts);
    if (s->attack->moves == MOVES)
        (void)wait_acked(t, s, other, 0);
    if (s->attack->operate && !s->operated)
        s->attack->operate(two, s);
    take_minority(t, s, kind);
    int64_t over = now_ms();
    if (s->attack->end)
        s->attack->end(two, s);
    (void)wait_acked(t, s, HOST_COUNT, over);
    struct writers_figures w = writers_figures(two->rig.writers);
    bool moved = w.first_ack_ms[other] > 0;
    kind->rounds++;
    kind->moved += moved;
    note(&kind->outage, w.gap_ms);
    if (moved)
        note(&kind->takeover, w.first_ack_ms[other] - s->began_ms);
    uint64_t now = 0;
    wait_online(t, &now);
    if (moved)
        note(&kind->online, availability_after(two->availability, boot) - s->began_ms);
    if (!t->o.quiet)
        fprintf(stderr,
                "        %s %s: %u ms on %s; %s %" PRId64 " ms, longest without an answer %" PRId64
                " ms, boot %" PRIu64 "\n",
                s->attack->name, s->what, lasts, host_name(s->owner),
                moved ? "taken over in" : "not taken over",
                moved ? w.first_ack_ms[other] - s->began_ms : 0, w.gap_ms, now);
}

/* All is answered, and every writer has one more acknowledged. */
static void come_to_rest(struct trials *t)
{
    struct rig *rig = &t->two.rig;
    court_wait(&t->court);
    if (!writers_pause(rig->writers, now_ms() + CALM_MS))
        rig_complain(rig, COMPLAINT_TIME, "updates are neither answered nor cut off");
    if (!commander_settle(rig->commander, now_ms() + CALM_MS))
        rig_complain(rig, COMPLAINT_TIME, "a command is not answered");
    if (!writers_once(rig->writers, now_ms() + CALM_MS))
        rig_complain(rig, COMPLAINT_TIME, "not every writer gets an update acknowledged");
    t->two.rig.host = host_address(two_settle(&t->two, RECOVERY_MS) == HOST_B ? HOST_B : HOST_A);
}

static void complain(struct trials *t, enum complaint kind, char *text)
{
    if (text)
        rig_complain(&t->two.rig, kind, "%s", text);
    free(text);
}

static void judge(struct trials *t)
{
    struct rig *rig = &t->two.rig;
    uint64_t boot;
    struct audit_figures a = {0};
    court_judge(&t->court, &(struct court_rules){.drain_s = DRAIN_S});
    complain(t, COMPLAINT_AGENT, writers_complaints(rig->writers));
    complain(t, COMPLAINT_AGENT, commander_complaint(rig->commander));
    wait_online(t, &boot);
    complain(t, COMPLAINT_DOCUMENTS, availability_complaint(t->two.availability));
    complain(t, COMPLAINT_LOST,
             audit_check(t->two.database, &t->audited, t->court.notes, t->court.note_count,
                         rig->o.writers.writers, &a));
    t->f.lost += a.lost;
    t->f.conjured += a.conjured;
    t->f.boots = a.boots;
    t->f.events = a.events;
    t->f.repeats += t->court.repeats;
    t->f.holes += t->court.holes;
}

static void run_round(struct trials *t, int64_t began)
{
    enum { WARM_MIN_MS = 500, WARM_MAX_MS = 1500 };
    struct two *two = &t->two;
    size_t number = draw(t);
    struct strike s = {.attack = t->attacks[number],
                       .random = &t->random,
                       .operator_ms = random_between(&t->random, OPERATOR_MIN_MS, OPERATOR_MAX_MS)};
    court_open(&t->court, &two->rig, &t->memory);
    two_look_after_agents(two);
    s.owner = two_settle(two, RECOVERY_MS);
    if (s.owner == HOST_COUNT)
        return;
    writers_resume(two->rig.writers);
    commander_resume(two->rig.commander);
    (void)wait_acked(t, NULL, HOST_COUNT, now_ms());
    idle(t, NULL, random_between(&t->random, WARM_MIN_MS, WARM_MAX_MS));
    attack(t, &s, &t->f.kinds[number]);
    two_look_after_agents(two);
    (void)two_settle(two, RECOVERY_MS);
    come_to_rest(t);
    judge(t);
    t->f.rounds++;
    if (!t->o.quiet)
        fprintf(stderr,
                "round %u: %s: %zu acknowledged, %zu events, %zu repeats, %zu fetched by replay, "
                "%zu complaints, %" PRId64 " s\n",
                t->f.rounds, s.attack->name, t->court.acked, t->court.events, t->court.repeats,
                t->court.holes, two->rig.complaint_count, (now_ms() - began) / 1000);
    court_close(&t->court);
}

struct trials_figures trials_run(const struct trials_options *options)
{
    struct trials t = {.o = *options};
    int64_t began = now_ms();
    if (t.o.seed == 0)
        t.o.seed = ((uint64_t)time(NULL) << 10 ^ (uint64_t)now_ms()) % 1000000007u;
    t.random = t.o.seed;
    fprintf(stderr, "two: seed %" PRIu64 "\n", t.o.seed);
    two_open(&t.two, &(struct two_options){.writers = otherwise(t.o.writers, 50),
                                           .tables = otherwise(t.o.tables, 20),
                                           .rate = otherwise(t.o.rate, 500),
                                           .seed = t.o.seed,
                                           .logs = t.o.logs});
    choose_kinds(&t);
    unsigned rounds = otherwise(t.o.rounds, (unsigned)t.order_count);
    while (t.f.rounds < rounds && t.two.rig.complaint_count == 0)
        run_round(&t, began);
    if (t.two.rig.complaint_count == 0)
        complain(&t, COMPLAINT_AGENT, audit_forge(t.two.database));
    struct writers_figures w = writers_figures(t.two.rig.writers);
    t.f.commands = commander_last(t.two.rig.commander);
    two_close(&t.two);
    court_memory_finish(&t.memory);
    t.f.acked = w.acked;
    t.f.refused = w.refused;
    t.f.unknown = w.unknown;
    t.f.seconds = (unsigned)((now_ms() - began) / 1000);
    t.f.complaints = t.two.rig.complaint_count;
    trials_print(&t.f, t.o.seed, stdout);
    return t.f;
}
