#include "fault/two/attacks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm/random.h"
#include "support/agent.h"
#include "support/deadline.h"

/* --- the agents ------------------------------------------------------------------------------- */

static void kill_agent(struct two *t, enum host host)
{
    proc_kill(t->agents[host].proc);
    two_bury_agent(t, host);
}

static void kill_owner(struct two *t, struct strike *s)
{
    kill_agent(t, s->owner);
}

static void kill_waiting(struct two *t, struct strike *s)
{
    kill_agent(t, two_other(s->owner));
}

static void stop_owner(struct two *t, struct strike *s)
{
    two_stop_agent(t, s->owner);
}

static void start_again(struct two *t, struct strike *s)
{
    (void)s;
    two_look_after_agents(t);
}

/* The owner knows of the one that waits by a row in the database. */
static void wait_for_who_waits(struct two *t)
{
    int64_t deadline = now_ms() + WAIT_MS;
    bool there = false;
    while (!there && deadline_left(deadline) > 0) {
        char *count = database_ask(t->database, "SELECT count(*) FROM studio_waiting WHERE agent ="
                                                " 'edge-1' AND seen_until > clock_timestamp()");
        there = strcmp(count, "0") != 0;
        free(count);
    }
}

static void hand_over(struct two *t, struct strike *s)
{
    wait_for_who_waits(t);
    s->began_ms = now_ms();
    char *err = NULL;
    int code = proc_run(
        ARGS(studio_program("studio-agent"), "handover", "--data", t->agents[s->owner].data), NULL,
        NULL, &err);
    if (code != 0)
        rig_complain(&t->rig, COMPLAINT_AGENT, "handover ended with %d: %s", code, err);
    free(err);
}

static void pause_owner(struct two *t, struct strike *s)
{
    proc_signal(t->agents[s->owner].proc, SIGSTOP);
}

static void continue_owner(struct two *t, struct strike *s)
{
    proc_signal(t->agents[s->owner].proc, SIGCONT);
}

/* The whole machine, as when a virtual one is moved. */
static void freeze_owner(struct two *t, struct strike *s)
{
    (void)t;
    host_signal(s->owner, SIGSTOP);
}

static void thaw_owner(struct two *t, struct strike *s)
{
    (void)t;
    host_signal(s->owner, SIGCONT);
}

/* --- the databases ---------------------------------------------------------------------------- */

static void kill_primary(struct two *t, struct strike *s)
{
    (void)s;
    database_power_off(t->database, database_primary(t->database));
}

static void kill_replica(struct two *t, struct strike *s)
{
    (void)s;
    database_power_off(t->database, database_standby(t->database));
}

static void promote(struct two *t, struct strike *s)
{
    (void)s;
    database_promote(t->database);
}

static void go_on_alone(struct two *t, struct strike *s)
{
    (void)s;
    database_go_on_alone(t->database);
}

static void rejoin(struct two *t, struct strike *s)
{
    (void)s;
    hosts_heal();
    database_rejoin(t->database);
}

/* A machine that had both. */
static void kill_machine(struct two *t, struct strike *s)
{
    kill_owner(t, s);
    kill_primary(t, s);
}

static void new_machine(struct two *t, struct strike *s)
{
    start_again(t, s);
    rejoin(t, s);
}

/* --- the network ------------------------------------------------------------------------------ */

static void cut_off(enum host host, enum host not_from)
{
    for (enum host other = 0; other < HOST_COUNT; other++)
        if (other != host && other != not_from)
            hosts_cut(host, other);
}

static void cut_any_two(struct two *t, struct strike *s)
{
    (void)t;
    s->one = (enum host)random_between(s->random, 0, HOST_COUNT - 1);
    s->other = (enum host)random_between(s->random, 0, HOST_COUNT - 2);
    s->other += s->other >= s->one;
    snprintf(s->what, sizeof s->what, "%s-%s", host_name(s->one), host_name(s->other));
    hosts_cut(s->one, s->other);
}

static void split_primary(struct two *t, struct strike *s)
{
    (void)s;
    cut_off(database_primary(t->database), HOST_COUNT);
}

/* With the clients that are where it is. */
static void split_owner(struct two *t, struct strike *s)
{
    char table[16];
    writers_table(&t->rig.o.writers, 0, table);
    s->minority = minority_create(s->owner, table);
    s->began_ms = now_ms();
    cut_off(s->owner, HOST_C);
}

static void split_off_owner(struct two *t, struct strike *s)
{
    (void)t;
    cut_off(s->owner, HOST_COUNT);
}

static void heal(struct two *t, struct strike *s)
{
    (void)t;
    (void)s;
    hosts_heal();
}

/* Both are still the database they were; what hung between them is looked at. */
static void heal_all(struct two *t, struct strike *s)
{
    hosts_heal();
    if ((s->one == HOST_P && s->other == HOST_S) || (s->one == HOST_S && s->other == HOST_P))
        database_rejoin(t->database);
}

/* --- the clocks ------------------------------------------------------------------------------- */

static int64_t step_ms(struct strike *s)
{
    enum { MINUTE_MS = 60000, MINUTES_MAX = 600 };
    int64_t ms = (int64_t)random_between(s->random, 1, MINUTES_MAX) * MINUTE_MS;
    bool back = random_chance(s->random, 50);
    snprintf(s->what, sizeof s->what, "%s%lld min", back ? "-" : "+", (long long)ms / MINUTE_MS);
    return back ? -ms : ms;
}

static void step_agent_clock(struct two *t, struct strike *s)
{
    faults_clock(t->agents[s->owner].faults, step_ms(s));
}

static void right_agent_clock(struct two *t, struct strike *s)
{
    faults_clock(t->agents[s->owner].faults, 0);
}

static void step_database_clock(struct two *t, struct strike *s)
{
    (void)database_clock(t->database, step_ms(s));
}

/* What the dead one's row says lies in the future then. */
static void kill_owner_and_set_back(struct two *t, struct strike *s)
{
    enum { MINUTE_MS = 60000, MINUTES_MAX = 600 };
    unsigned minutes = random_between(s->random, 1, MINUTES_MAX);
    snprintf(s->what, sizeof s->what, "-%u min", minutes);
    kill_owner(t, s);
    (void)database_clock(t->database, -(int64_t)minutes * MINUTE_MS);
}

static void right_database_clock(struct two *t, struct strike *s)
{
    (void)s;
    (void)database_clock(t->database, 0);
    database_rejoin(
        t->database); /* a clock that leaps ends what sends to the standby, for a moment */
}

static void start_again_in_time(struct two *t, struct strike *s)
{
    right_database_clock(t, s);
    start_again(t, s);
}

/* --- the table -------------------------------------------------------------------------------- */

const struct two_attack two_attacks[] = {
    {"kill-owner", 0, 500, MOVES, false, false, kill_owner, NULL, start_again},
    {"kill-primary", 3000, 5000, MOVES_PERHAPS, false, false, kill_primary, promote, rejoin},
    {"kill-machine", 3000, 5000, MOVES, false, false, kill_machine, promote, new_machine},
    {"handover", 0, 500, MOVES, true, false, hand_over, NULL, NULL},
    {"cut", 1000, 12000, MOVES_PERHAPS, false, false, cut_any_two, NULL, heal_all},
    {"split-owner", 9000, 12000, MOVES, false, false, split_owner, NULL, heal},
    {"pause-owner", 30000, 30000, MOVES, false, false, pause_owner, NULL, continue_owner},
    {"stop-owner", 0, 500, MOVES, true, false, stop_owner, NULL, start_again},
    {"split-primary", 3000, 6000, MOVES_PERHAPS, false, false, split_primary, promote, rejoin},
    {"clock-database", 1000, 6000, MOVES_PERHAPS, false, true, step_database_clock, NULL,
     right_database_clock},
    {"clock-back", 0, 500, MOVES, false, true, kill_owner_and_set_back, NULL, start_again_in_time},
    {"isolate-owner", 7000, 12000, MOVES, false, false, split_off_owner, NULL, heal},
    {"freeze-owner", 7000, 12000, MOVES, false, false, freeze_owner, NULL, thaw_owner},
    {"kill-replica", 3000, 5000, MOVES_PERHAPS, false, false, kill_replica, go_on_alone, rejoin},
    {"clock-agent", 1000, 4000, MOVES_NOT, false, true, step_agent_clock, NULL, right_agent_clock},
    {"kill-standby", 0, 500, MOVES_NOT, false, false, kill_waiting, NULL, start_again},
};
const size_t two_attack_count = sizeof two_attacks / sizeof *two_attacks;
