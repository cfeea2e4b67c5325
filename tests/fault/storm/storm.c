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
    RARE_PERCENT = 10,  /* attacks that may last longer than is usual */
    MEET_PERCENT = 50,  /* attacks that wait until the agent sends something */
    MEET_MS = 3000,
    IN_USE_PERCENT = 50,   /* of a cluster the node the agent is connected to */
    EXCEPTION_PERCENT = 5, /* of the writers' messages */
    SLOW_SYNC_MS = 20,     /* in every other round: a kill comes between write and sync */
    RECOVERY_MS = 30000,   /* to an acknowledged update after an attack */
    LONG_S = 30,
    CALM_MS = 90000, /* to an end of all that is in flight */
    STEP_MS = 5
};

struct storm {
    struct storm_options o;
    struct rig rig;
    struct court court;
    struct court_memory memory;
    struct storm_figures f;
    uint64_t random;
    const struct attack *kinds[STORM_KINDS_MAX]; /* as in f.kinds */
    size_t kind_count;
    size_t deck[STORM_KINDS_MAX]; /* kinds in the order they are to come */
    size_t deck_left;
    int64_t *sync_failures; /* pairs from, to */
    size_t sync_failure_count;
};

static unsigned otherwise(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
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
    while (at && *at && s->kind_count < STORM_KINDS_MAX) {
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
    s->f.kind_count = s->kind_count;
    for (size_t i = 0; i < s->kind_count; i++)
        s->f.kinds[i].name = s->kinds[i]->name;
}

/* Every kind comes before one comes again. */
static size_t draw(struct storm *s)
{
    if (s->deck_left == 0) {
        for (size_t i = 0; i < s->kind_count; i++) {
            size_t at = random_between(&s->random, 0, (unsigned)i);
            s->deck[i] = s->deck[at];
            s->deck[at] = i;
        }
        s->deck_left = s->kind_count;
    }
    return s->deck[--s->deck_left];
}

/* What another attack of the same moment stood in the way of comes next, and alone. */
static void draw_again(struct storm *s, size_t kind)
{
    if (s->deck_left < s->kind_count)
        s->deck[s->deck_left++] = kind;
}

/* Sleeps, while commands are sent and brokers listened to. */
static void idle(struct storm *s, unsigned ms)
{
    int64_t until = now_ms() + ms;
    do {
        unsigned left = (unsigned)deadline_left(until);
        commander_step(s->rig.commander);
        court_watch(&s->court);
        rig_nap(left < STEP_MS ? left : STEP_MS);
    } while (deadline_left(until) > 0);
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

/* The node the agent is connected to; `otherwise` where it is to none. */
static unsigned in_use(struct storm *s, unsigned otherwise)
{
    for (unsigned i = 0; i < s->rig.o.brokers; i++)
        if (wiretap_open(s->rig.tap, i) > 0)
            return i;
    return otherwise;
}

static bool begin(struct storm *s, struct blow *blow)
{
    blow->random = &s->random;
    blow->broker = random_between(&s->random, 0, s->rig.o.brokers - 1);
    if (s->rig.cluster && random_chance(&s->random, IN_USE_PERCENT))
        blow->broker = in_use(s, blow->broker);
    blow->began_ms = now_ms();
    blow->bites = 1;
    if (!blow->attack->begin(&s->rig, blow))
        return false;
    s->f.attacks++;
    s->f.kills += blow->attack->is_kill;
    s->f.broker_kills += blow->attack->is_broker_kill;
    return true;
}

static void end(struct storm *s, struct blow *blow)
{
    struct storm_kind *kind = &s->f.kinds[blow->kind];
    if (blow->attack->end)
        blow->attack->end(&s->rig, blow);
    kind->begun++;
    kind->bites += blow->bites;
}

/* Updates are acknowledged again, and what might still end after the attack has not. */
static void recover(struct storm *s)
{
    int64_t over = now_ms(), deadline = over + RECOVERY_MS;
    if (!s->rig.agent)
        (void)rig_start_agent(&s->rig, false);
    while (writers_figures(s->rig.writers).last_ack_ms <= over) {
        if (rig_agent_gone(&s->rig))
            (void)rig_start_agent(&s->rig, false);
        if (deadline_left(deadline) == 0) {
            rig_complain(&s->rig, COMPLAINT_TIME,
                         "no update was acknowledged for %d s after the attack",
                         RECOVERY_MS / 1000);
            return;
        }
        idle(s, 2);
    }
    s->rig.expect_exit = s->rig.expect_death = false;
    unsigned took = (unsigned)(writers_figures(s->rig.writers).last_ack_ms - over);
    if (took > s->f.recovery_ms)
        s->f.recovery_ms = took;
}

/* Until the agent sends an event: then it is connected, and has something to lose. */
static void meet(struct storm *s, int64_t most_ms)
{
    int64_t deadline = now_ms() + most_ms;
    uint64_t before = wiretap_count(s->rig.tap);
    while (wiretap_count(s->rig.tap) == before && deadline_left(deadline) > 0)
        idle(s, 1);
}

static bool chosen_before(const struct blow *blows, size_t n, size_t kind)
{
    for (size_t i = 0; i < n; i++)
        if (blows[i].kind == kind)
            return true;
    return false;
}

static unsigned length_of(struct storm *s, const struct attack *kind)
{
    bool rare = kind->rare_ms > 0 && random_chance(&s->random, RARE_PERCENT);
    return random_between(&s->random, kind->min_ms, rare ? kind->rare_ms : kind->max_ms);
}

static void attack(struct storm *s)
{
    struct blow blows[MIXED_MAX];
    size_t n = 0, want = 1;
    unsigned lasts = 0;
    int64_t began = now_ms();
    bool sync_failure = false;
    if (s->o.plain || random_chance(&s->random, MEET_PERCENT))
        meet(s, s->o.plain ? RECOVERY_MS : MEET_MS);
    if (!s->o.plain && random_chance(&s->random, MIXED_PERCENT))
        want = random_between(&s->random, 2, MIXED_MAX);
    char names[120] = "";
    for (size_t i = 0; i < want; i++) {
        size_t kind = draw(s);
        unsigned ms = length_of(s, s->kinds[kind]);
        blows[n] = (struct blow){.attack = s->kinds[kind], .kind = kind};
        if (chosen_before(blows, n, kind))
            continue;
        if (!begin(s, &blows[n])) {
            if (n > 0)
                draw_again(s, kind);
            break;
        }
        snprintf(names + strlen(names), sizeof names - strlen(names), " %s", s->kinds[kind]->name);
        sync_failure = sync_failure || s->kinds[kind]->is_sync_failure;
        lasts = ms > lasts ? ms : lasts;
        n++;
        if (i + 1 < want)
            rig_nap(random_between(&s->random, 0, 50));
    }
    if (!s->o.quiet)
        fprintf(stderr, "%8u ms:%s\n", lasts, names);
    /* Whatever dies meanwhile is to be found dead, not started by chance. */
    idle(s, lasts);
    while (n-- > 0)
        end(s, &blows[n]);
    if (s->rig.cluster) /* whole again: two of three nodes are needed */
        court_wait(&s->court);
    recover(s);
    if (sync_failure)
        note_sync_failure(s, began, now_ms());
    idle(s, random_between(&s->random, 20, 250));
}

/* --- a round ---------------------------------------------------------------------------------- */

static bool enough(const struct storm *s, int64_t began)
{
    return now_ms() - began >= (int64_t)s->o.seconds * 1000 && s->f.kills >= s->o.kills &&
           s->f.attacks >= s->o.attacks;
}

/* All is answered. Connections that hang half open are noticed after a while; in half of the rounds
 * the network says so. */
static void come_to_rest(struct storm *s)
{
    int64_t calm = s->o.drain_s ? (int64_t)s->o.drain_s * 2000 : CALM_MS;
    bool says = random_chance(&s->random, 50);
    for (unsigned i = 0; says && i < s->rig.o.brokers; i++)
        proxy_cut(s->rig.proxies[i]);
    court_wait(&s->court);
    if (!writers_pause(s->rig.writers, now_ms() + calm))
        rig_complain(&s->rig, COMPLAINT_TIME, "updates are neither answered nor cut off");
    if (!commander_settle(s->rig.commander, now_ms() + calm))
        rig_complain(&s->rig, COMPLAINT_TIME, "a command is not answered");
    if (!writers_once(s->rig.writers, now_ms() + calm))
        rig_complain(&s->rig, COMPLAINT_TIME, "not every writer gets an update acknowledged");
}

/* What clients were answered that no client must be. */
static void take_complaints(struct storm *s)
{
    char *complaints[] = {writers_complaints(s->rig.writers),
                          commander_complaint(s->rig.commander)};
    for (size_t i = 0; i < 2; i++) {
        if (complaints[i])
            rig_complain(&s->rig, COMPLAINT_AGENT, "%s", complaints[i]);
        free(complaints[i]);
    }
}

static void run_round(struct storm *s, int64_t began)
{
    int64_t until = now_ms() + (int64_t)s->o.round_s * 1000;
    s->rig.broker_forgot = false;
    s->sync_failure_count = 0;
    s->rig.sync_ms = s->o.sync_ms || s->f.rounds % 2 == 0 ? s->o.sync_ms : SLOW_SYNC_MS;
    rig_set_sync_delay(&s->rig);
    court_open(&s->court, &s->rig, &s->memory);
    if (!s->rig.agent)
        (void)rig_start_agent(&s->rig, false);
    writers_resume(s->rig.writers);
    commander_resume(s->rig.commander);
    recover(s);
    while (now_ms() < until && !enough(s, began) && s->rig.complaint_count == 0)
        attack(s);
    come_to_rest(s);
    /* Waiting for the agent's health takes up to 10 s. */
    bool unhurried = s->o.round_s >= LONG_S || (s->o.seconds >= LONG_S && enough(s, began));
    court_judge(&s->court, &(struct court_rules){.drain_s = otherwise(s->o.drain_s, 120),
                                                 .sync_failures = s->sync_failures,
                                                 .sync_failure_count = s->sync_failure_count,
                                                 .health = unhurried});
    take_complaints(s);
    if (s->rig.complaint_count > 0)
        rig_show_log(&s->rig);
    s->f.rounds++;
    s->f.events += s->court.events;
    s->f.repeats += s->court.repeats;
    s->f.holes += s->court.holes;
    s->f.behind += s->court.behind;
    for (unsigned i = 0; i < s->rig.o.brokers; i++)
        s->f.missed[i] += s->court.missed[i];
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

static void print_summary(const struct storm_figures *f, bool cluster)
{
    printf("storm: seed %" PRIu64 ", %u s, %u rounds, %u attacks, %u kills of the agent, "
           "%u of the broker, %u failed syncs; %" PRIu64 " messages acknowledged, %" PRIu64
           " refused, %" PRIu64 " cut off; %" PRIu64 " commands, %" PRIu64 " sent again; %" PRIu64
           " events, %" PRIu64 " repeats, %" PRIu64
           " fetched by replay; longest: recovery %u ms, drain %u ms, answer %u ms; "
           "%zu complaints\n",
           f->seed, f->seconds, f->rounds, f->attacks, f->kills, f->broker_kills, f->sync_failures,
           f->acked, f->refused, f->unknown, f->commands, f->command_repeats, f->events, f->repeats,
           f->holes, f->recovery_ms, f->drain_ms, f->slowest_ms, f->complaints);
    if (cluster)
        printf("storm: not given to the subscribers at the three nodes: %" PRIu64 ", %" PRIu64
               ", %" PRIu64 "; tables whose retained status was behind what it had told: %" PRIu64
               "\n",
               f->missed[0], f->missed[1], f->missed[2], f->behind);
    for (size_t i = 0; i < f->kind_count; i++)
        printf("storm: %13s: %4u begun, %8" PRIu64 " bites\n", f->kinds[i].name, f->kinds[i].begun,
               f->kinds[i].bites);
    fflush(stdout);
}

static void sum_up(struct storm *s, int64_t began)
{
    struct writers_figures w = writers_figures(s->rig.writers);
    s->f.commands = commander_last(s->rig.commander);
    s->f.command_repeats = commander_repeats(s->rig.commander);
    rig_close(&s->rig);
    s->f.seconds = (unsigned)((now_ms() - began) / 1000);
    s->f.acked = w.acked;
    s->f.refused = w.refused;
    s->f.unknown = w.unknown;
    s->f.slowest_ms = (unsigned)w.slowest_ms;
    s->f.complaints = s->rig.complaint_count;
    memcpy(s->f.found, s->rig.found, sizeof s->f.found);
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
                              .brokers = s.o.cluster ? CLUSTER_NODES : otherwise(s.o.brokers, 1),
                              .cluster = s.o.cluster,
                              .commands = true,
                              .writers = {.writers = otherwise(s.o.writers, 50),
                                          .tables = otherwise(s.o.tables, 20),
                                          .rate = otherwise(s.o.rate, 500),
                                          .exceptions = EXCEPTION_PERCENT,
                                          .seed = s.o.seed}};
    fprintf(stderr, "storm: seed %" PRIu64 "\n", s.o.seed);
    int64_t began = now_ms();
    rig_open(&s.rig, &rig);
    choose_kinds(&s);
    while (s.f.rounds == 0 || (!enough(&s, began) && s.rig.complaint_count == 0))
        run_round(&s, began);
    sum_up(&s, began);
    court_memory_finish(&s.memory);
    free(s.sync_failures);
    print_summary(&s.f, s.o.cluster != NULL);
    return s.f;
}
