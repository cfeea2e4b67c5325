#include "fault/storm/storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fault/storm/attacks.h"
#include "fault/storm/court.h"
#include "fault/storm/random.h"
#include "support/deadline.h"

enum {
    MIXED_MAX = 3,
    MIXED_PERCENT = 35, /* attacks that do not come alone */
    KINDS_MAX = 32,
    RECOVERY_MS = 30000, /* to an acknowledged update after an attack */
    CALM_MS = 90000      /* to an end of all that is in flight */
};

struct storm {
    struct storm_options o;
    struct rig rig;
    struct court court;
    struct court_memory memory;
    struct storm_figures f;
    uint64_t random;
    const struct attack *kinds[KINDS_MAX];
    size_t kind_count;
    int64_t *sync_failures; /* pairs from, to */
    size_t sync_failure_count;
};

static unsigned otherwise(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static void nap(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

char *storm_kinds(void)
{
    char *all = test_printf("%s", attacks[0].name);
    for (size_t i = 1; i < attack_count; i++) {
        char *longer = test_printf("%s,%s", all, attacks[i].name);
        free(all);
        all = longer;
    }
    return all;
}

static void choose_kinds(struct storm *s)
{
    const char *at = s->o.kinds;
    for (size_t i = 0; !at && i < attack_count; i++)
        if (!attacks[i].needs_faults || s->rig.faults)
            s->kinds[s->kind_count++] = &attacks[i];
    while (at && *at && s->kind_count < KINDS_MAX) {
        size_t len = strcspn(at, ",");
        const struct attack *kind = attack_find(at, len);
        if (!kind)
            test_fail("there is no attack '%.*s'", (int)len, at);
        if (!kind->needs_faults || s->rig.faults)
            s->kinds[s->kind_count++] = kind;
        at += len + (at[len] == ',');
    }
    if (s->kind_count == 0)
        test_fail("none of these attacks is possible here");
}

/* --- one attack, alone or with others --------------------------------------------------------- */

static void note_sync_failure(struct storm *s, int64_t from, int64_t to)
{
    size_t n = 2 * s->sync_failure_count++;
    int64_t *longer = realloc(s->sync_failures, (n + 2) * sizeof *longer);
    if (!longer)
        test_fail("out of memory in the test");
    s->sync_failures = longer;
    longer[n] = from;
    longer[n + 1] = to;
    s->f.sync_failures++;
}

static void begin(struct storm *s, struct blow *blow)
{
    blow->random = &s->random;
    blow->broker = random_between(&s->random, 0, s->rig.o.brokers - 1);
    blow->began_ms = now_ms();
    if (!blow->attack->begin(&s->rig, blow)) {
        blow->attack = NULL;
        return;
    }
    s->f.attacks++;
    s->f.kills += blow->attack->is_kill;
    s->f.broker_kills += blow->attack->is_broker_kill;
}

static void end(struct storm *s, struct blow *blow)
{
    if (!blow->attack)
        return;
    bool expected_exit = s->rig.expect_exit;
    if (blow->attack->end)
        blow->attack->end(&s->rig, blow);
    if (expected_exit && !s->rig.expect_exit)
        note_sync_failure(s, blow->began_ms, now_ms());
}

/* Updates are acknowledged again. */
static void recover(struct storm *s)
{
    int64_t over = now_ms(), deadline = over + RECOVERY_MS;
    if (!s->rig.agent)
        (void)rig_start_agent(&s->rig, false);
    while (writers_figures(s->rig.writers).last_ack_ms <= over) {
        if (rig_agent_gone(&s->rig))
            (void)rig_start_agent(&s->rig, false);
        if (deadline_left(deadline) == 0) {
            rig_complain(&s->rig, "no update was acknowledged for %d s after the attack",
                         RECOVERY_MS / 1000);
            return;
        }
        nap(2);
    }
    unsigned took = (unsigned)(writers_figures(s->rig.writers).last_ack_ms - over);
    if (took > s->f.recovery_ms)
        s->f.recovery_ms = took;
}

static bool chosen_before(const struct blow *blows, size_t n, const struct attack *kind)
{
    for (size_t i = 0; i < n; i++)
        if (blows[i].attack == kind)
            return true;
    return false;
}

static void attack(struct storm *s)
{
    struct blow blows[MIXED_MAX];
    size_t n = 0, want = 1;
    unsigned lasts = 0;
    if (random_chance(&s->random, MIXED_PERCENT))
        want = random_between(&s->random, 2, MIXED_MAX);
    char names[120] = "";
    for (size_t i = 0; i < want; i++) {
        struct blow *blow = &blows[n];
        unsigned pick = random_between(&s->random, 0, (unsigned)s->kind_count - 1);
        const struct attack *kind = s->kinds[pick];
        unsigned ms = random_between(&s->random, kind->min_ms, kind->max_ms);
        if (chosen_before(blows, n, kind))
            continue;
        *blow = (struct blow){.attack = kind};
        begin(s, blow);
        if (!blow->attack)
            continue;
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", kind->name);
        lasts = ms > lasts ? ms : lasts;
        n++;
        if (i + 1 < want)
            nap(random_between(&s->random, 0, 50));
    }
    if (!s->o.quiet)
        fprintf(stderr, "%8u ms:%s\n", lasts, names);
    /* Whatever dies meanwhile is to be found dead, not started by chance. */
    nap(lasts);
    while (n-- > 0)
        end(s, &blows[n]);
    if (s->o.sync_ms && s->rig.faults)
        faults_delay(s->rig.faults, FAULT_SYNC, s->o.sync_ms);
    recover(s);
    nap(random_between(&s->random, 20, 250));
}

/* --- a round ---------------------------------------------------------------------------------- */

static bool enough(const struct storm *s, int64_t began)
{
    return now_ms() - began >= (int64_t)s->o.seconds * 1000 && s->f.kills >= s->o.kills;
}

static void run_round(struct storm *s, int64_t began)
{
    int64_t until = now_ms() + (int64_t)s->o.round_s * 1000;
    s->rig.broker_forgot = false;
    s->sync_failure_count = 0;
    court_open(&s->court, &s->rig, &s->memory);
    if (!s->rig.agent)
        (void)rig_start_agent(&s->rig, false);
    writers_resume(s->rig.writers);
    recover(s);
    while (now_ms() < until && !enough(s, began) && s->rig.complaint_count == 0)
        attack(s);
    int64_t calm = now_ms();
    if (!writers_pause(s->rig.writers, calm + CALM_MS))
        rig_complain(&s->rig, "updates are neither answered nor cut off");
    if (!writers_once(s->rig.writers, now_ms() + CALM_MS))
        rig_complain(&s->rig, "not every writer gets an update acknowledged");
    court_judge(&s->court, &(struct court_rules){.drain_s = otherwise(s->o.drain_s, 120),
                                                 .sync_failures = s->sync_failures,
                                                 .sync_failure_count = s->sync_failure_count});
    char *complaints = writers_complaints(s->rig.writers);
    if (complaints)
        rig_complain(&s->rig, "%s", complaints);
    free(complaints);
    s->f.rounds++;
    s->f.events += s->court.events;
    s->f.repeats += s->court.repeats;
    s->f.holes += s->court.holes;
    if (s->court.drain_ms > s->f.drain_ms)
        s->f.drain_ms = s->court.drain_ms;
    if (!s->o.quiet)
        fprintf(stderr,
                "round %u: %zu acknowledged, %zu events, %zu repeats, %zu fetched by replay, "
                "%zu complaints; %u kills so far, %" PRId64 " s\n",
                s->f.rounds, s->court.acked, s->court.events, s->court.repeats, s->court.holes,
                s->rig.complaint_count, s->f.kills, (now_ms() - began) / 1000);
    court_close(&s->court);
}

static void print_summary(const struct storm_figures *f)
{
    printf("storm: seed %" PRIu64 ", %u s, %u rounds, %u attacks, %u kills of the agent, "
           "%u of the broker, %u failed syncs; %" PRIu64 " updates acknowledged, %" PRIu64
           " refused, %" PRIu64 " cut off; %" PRIu64 " events, %" PRIu64 " repeats, %" PRIu64
           " fetched by replay; longest: recovery %u ms, drain %u ms, answer %u ms; "
           "%zu complaints\n",
           f->seed, f->seconds, f->rounds, f->attacks, f->kills, f->broker_kills, f->sync_failures,
           f->acked, f->refused, f->unknown, f->events, f->repeats, f->holes, f->recovery_ms,
           f->drain_ms, f->slowest_ms, f->complaints);
    fflush(stdout);
}

struct storm_figures storm_run(const struct storm_options *options)
{
    struct storm s = {.o = *options};
    if (s.o.seed == 0)
        s.o.seed = ((uint64_t)time(NULL) << 10 ^ (uint64_t)now_ms()) % 1000000007u;
    s.random = s.f.seed = s.o.seed;
    s.o.round_s = otherwise(s.o.round_s, 30);
    struct rig_options rig = {.program = s.o.program ? s.o.program : "studio-agent",
                              .variable = s.o.variable,
                              .brokers = otherwise(s.o.brokers, 1),
                              .writers = {.writers = otherwise(s.o.writers, 50),
                                          .tables = otherwise(s.o.tables, 20),
                                          .rate = otherwise(s.o.rate, 500),
                                          .seed = s.o.seed}};
    fprintf(stderr, "storm: seed %" PRIu64 "\n", s.o.seed);
    int64_t began = now_ms();
    rig_open(&s.rig, &rig);
    choose_kinds(&s);
    if (s.o.sync_ms && s.rig.faults)
        faults_delay(s.rig.faults, FAULT_SYNC, s.o.sync_ms);
    while (s.f.rounds == 0 || (!enough(&s, began) && s.rig.complaint_count == 0))
        run_round(&s, began);

    struct writers_figures w = writers_figures(s.rig.writers);
    rig_close(&s.rig);
    court_memory_finish(&s.memory);
    free(s.sync_failures);
    s.f.seconds = (unsigned)((now_ms() - began) / 1000);
    s.f.acked = w.acked;
    s.f.refused = w.refused;
    s.f.unknown = w.unknown;
    s.f.slowest_ms = (unsigned)w.slowest_ms;
    s.f.complaints = s.rig.complaint_count;
    print_summary(&s.f);
    return s.f;
}
