#include "fault/storm/attacks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "fault/storm/random.h"
#include "support/deadline.h"
#include "support/procfs.h"

/* --- the agent -------------------------------------------------------------------------------- */

static bool kill_agent(struct rig *r, struct blow *b)
{
    (void)b;
    if (!r->agent)
        return false;
    rig_kill_agent(r);
    return true;
}

/* Also while it starts: a start is a time like any other. The storm starts it again. */
static bool kill_starting(struct rig *r, struct blow *b)
{
    if (r->agent)
        rig_kill_agent(r);
    rig_spawn_agent(r);
    rig_nap(random_between(b->random, 0, 150));
    if (r->agent)
        rig_kill_agent(r);
    return true;
}

static bool stop_agent(struct rig *r, struct blow *b)
{
    (void)b;
    if (!r->agent || r->agent_paused || r->expect_exit || r->expect_death)
        return false;
    rig_stop_agent(r);
    return true;
}

static bool pause_agent(struct rig *r, struct blow *b)
{
    (void)b;
    if (!r->agent)
        return false;
    proc_signal(r->agent, SIGSTOP);
    r->agent_paused = true;
    return true;
}

static void continue_agent(struct rig *r, struct blow *b)
{
    (void)b;
    if (r->agent && r->agent_paused)
        proc_signal(r->agent, SIGCONT);
    r->agent_paused = false;
}

/* The process of one of its MQTT connections. */
static bool find_link(struct rig *r, struct blow *b)
{
    static const char *const roles[] = {"publisher", "commands", "probe"};
    char name[64];
    if (!r->agent || r->agent_paused)
        return false;
    snprintf(name, sizeof name, "studio-agent: mqtt %s", roles[random_between(b->random, 0, 2)]);
    b->before = (uint64_t)procfs_child(proc_pid(r->agent), name);
    return b->before != 0;
}

static bool kill_link(struct rig *r, struct blow *b)
{
    return find_link(r, b) && kill((pid_t)b->before, SIGKILL) == 0;
}

static bool pause_link(struct rig *r, struct blow *b)
{
    if (!find_link(r, b) || kill((pid_t)b->before, SIGSTOP) != 0)
        return false;
    r->paused_link = (pid_t)b->before;
    return true;
}

/* Unless it has ended: its number may be another's by now. */
static void continue_link(struct rig *r, struct blow *b)
{
    if (r->agent && procfs_is_child(proc_pid(r->agent), (pid_t)b->before))
        kill((pid_t)b->before, SIGCONT);
    r->paused_link = 0;
}

/* --- the broker ------------------------------------------------------------------------------- */

static bool broker_up(struct rig *r, const struct blow *b)
{
    return broker_proc(r->brokers[b->broker]) && !r->broker_paused[b->broker];
}

static bool kill_broker(struct rig *r, struct blow *b)
{
    if (!broker_up(r, b))
        return false;
    r->broker_forgot = true;
    b->bites = wiretap_open(r->tap, b->broker) > 0; /* the agent was connected to it */
    /* A node may have been the one that had what another one acknowledged. */
    for (unsigned i = 0; i < r->o.brokers; i++)
        if (i == b->broker || r->cluster)
            wiretap_forgets(r->tap, i, true);
    broker_kill(r->brokers[b->broker]);
    r->broker_killed_ms[b->broker] = now_ms();
    return true;
}

static bool stop_broker(struct rig *r, struct blow *b)
{
    if (!broker_up(r, b))
        return false;
    broker_stop(r->brokers[b->broker]);
    return true;
}

static void start_broker(struct rig *r, struct blow *b)
{
    broker_start(r->brokers[b->broker]);
}

static bool pause_broker(struct rig *r, struct blow *b)
{
    if (!broker_up(r, b))
        return false;
    proc_signal(broker_proc(r->brokers[b->broker]), SIGSTOP);
    r->broker_paused[b->broker] = true;
    return true;
}

static void continue_broker(struct rig *r, struct blow *b)
{
    proc_signal(broker_proc(r->brokers[b->broker]), SIGCONT);
    r->broker_paused[b->broker] = false;
}

/* --- the network between them ----------------------------------------------------------------- */

static void count_connections(struct rig *r, struct blow *b)
{
    b->bites = wiretap_open(r->tap, b->broker);
}

static bool cut(struct rig *r, struct blow *b)
{
    count_connections(r, b);
    proxy_cut(r->proxies[b->broker]);
    return true;
}

static bool half_open(struct rig *r, struct blow *b)
{
    count_connections(r, b);
    proxy_half_open(r->proxies[b->broker]);
    return true;
}

static bool blackhole(struct rig *r, struct blow *b)
{
    count_connections(r, b);
    proxy_set_mode(r->proxies[b->broker], PROXY_BLACKHOLE);
    return true;
}

static bool refuse(struct rig *r, struct blow *b)
{
    count_connections(r, b);
    proxy_set_mode(r->proxies[b->broker], PROXY_REFUSE);
    proxy_cut(r->proxies[b->broker]);
    return true;
}

static void forward(struct rig *r, struct blow *b)
{
    proxy_set_mode(r->proxies[b->broker], PROXY_FORWARD);
}

static bool lag(struct rig *r, struct blow *b)
{
    count_connections(r, b);
    proxy_set_delay(r->proxies[b->broker], random_between(b->random, 20, 300));
    return true;
}

static void no_lag(struct rig *r, struct blow *b)
{
    proxy_set_delay(r->proxies[b->broker], 0);
}

/* --- disk, descriptors, clock ----------------------------------------------------------------- */

static bool disk_full(struct rig *r, struct blow *b)
{
    (void)b;
    if (r->writes_fail)
        return false;
    r->writes_fail = true;
    faults_fail(r->faults, FAULT_WRITE, ENOSPC, 1, 0);
    return true;
}

static bool write_error(struct rig *r, struct blow *b)
{
    if (r->writes_fail)
        return false;
    r->writes_fail = true;
    faults_fail(r->faults, FAULT_WRITE, EIO, random_between(b->random, 1, 20),
                random_between(b->random, 1, 5));
    return true;
}

static void write_again(struct rig *r, struct blow *b)
{
    faults_clear(r->faults, FAULT_WRITE);
    b->bites = faults_failed(r->faults, FAULT_WRITE);
    r->writes_fail = false;
}

static bool sync_error(struct rig *r, struct blow *b)
{
    r->expect_exit = true; /* its page cache can no longer be trusted */
    faults_fail(r->faults, FAULT_SYNC, EIO, random_between(b->random, 1, 5), 1);
    return true;
}

static void sync_again(struct rig *r, struct blow *b)
{
    enum { UNDER_WAY_MS = 5, EXIT_MS = 6000 };
    int64_t deadline = now_ms() + EXIT_MS;
    faults_clear(r->faults, FAULT_SYNC);
    rig_set_sync_delay(r);
    rig_nap(UNDER_WAY_MS);
    b->bites = faults_failed(r->faults, FAULT_SYNC);
    if (b->bites == 0 || !r->agent || r->agent_paused)
        return; /* one that is paused ends when it goes on */
    while (proc_running(r->agent) && deadline_left(deadline) > 0)
        rig_nap(5);
    if (!rig_agent_gone(r))
        rig_complain(r, COMPLAINT_AGENT, "the agent goes on after a sync that failed");
}

static bool slow_sync(struct rig *r, struct blow *b)
{
    r->slow_disk = true;
    b->before = faults_delayed(r->faults);
    rig_set_sync_delay(r);
    return true;
}

static void fast_sync(struct rig *r, struct blow *b)
{
    r->slow_disk = false;
    b->bites = faults_delayed(r->faults) - b->before;
    rig_set_sync_delay(r);
}

/* Who is connected needs none: the brokers' connections have to be made anew. */
static bool no_descriptors(struct rig *r, struct blow *b)
{
    proxy_cut(r->proxies[b->broker]);
    faults_fail(r->faults, FAULT_SOCKET, EMFILE, 1, 0);
    faults_fail(r->faults, FAULT_OPEN, EMFILE, 1, 0);
    return true;
}

static void descriptors(struct rig *r, struct blow *b)
{
    faults_clear(r->faults, FAULT_SOCKET);
    faults_clear(r->faults, FAULT_OPEN);
    b->bites = faults_failed(r->faults, FAULT_SOCKET) + faults_failed(r->faults, FAULT_OPEN);
}

static bool set_clock(struct rig *r, struct blow *b)
{
    /* Never a whole day between two times it shows: request_ids are remembered so long. */
    enum { HOUR_MS = 3600000, HOURS_MAX = 11 };
    int64_t hours = random_between(b->random, 1, HOURS_MAX);
    b->before = faults_clock_reads(r->faults);
    faults_clock(r->faults, (random_chance(b->random, 50) ? hours : -hours) * HOUR_MS);
    return true;
}

static void right_clock(struct rig *r, struct blow *b)
{
    faults_clock(r->faults, 0);
    b->bites = faults_clock_reads(r->faults) - b->before;
}

/* Libraries that get no memory may crash: that is one more kill. */
static bool no_memory(struct rig *r, struct blow *b)
{
    r->expect_death = true;
    faults_fail(r->faults, FAULT_MEMORY, ENOMEM, random_between(b->random, 1, 3000),
                random_between(b->random, 1, 3));
    return true;
}

static void memory(struct rig *r, struct blow *b)
{
    faults_clear(r->faults, FAULT_MEMORY);
    b->bites = faults_failed(r->faults, FAULT_MEMORY);
    rig_nap(20); /* whoever is about to end has ended */
    (void)rig_agent_gone(r);
    if (b->bites == 0)
        r->expect_death = false; /* else until an update is acknowledged again */
}

/* --- the table -------------------------------------------------------------------------------- */

const struct attack attacks[] = {
    {"kill", 0, 300, 0, kill_agent, NULL, .is_kill = true},
    {"kill-starting", 0, 50, 0, kill_starting, NULL, .is_kill = true},
    {"stop", 0, 200, 0, stop_agent, NULL, .is_kill = false},
    {"pause", 500, 3000, 10000, pause_agent, continue_agent, .is_kill = false},
    {"link-kill", 0, 300, 0, kill_link, NULL, .is_kill = false},
    {"link-pause", 500, 3000, 10000, pause_link, continue_link, .is_kill = false},
    {"broker-kill", 0, 2000, 0, kill_broker, start_broker, .is_broker_kill = true},
    {"broker-stop", 0, 2000, 0, stop_broker, start_broker, .is_kill = false},
    {"broker-pause", 500, 3000, 10000, pause_broker, continue_broker, .is_kill = false},
    {"cut", 0, 100, 0, cut, NULL, .is_kill = false},
    {"half-open", 0, 1000, 0, half_open, NULL, .is_kill = false},
    {"blackhole", 500, 8000, 0, blackhole, forward, .is_kill = false},
    {"refuse", 500, 3000, 0, refuse, forward, .is_kill = false},
    {"lag", 500, 3000, 0, lag, no_lag, .is_kill = false},
    {"full", 200, 2500, 0, disk_full, write_again, .needs_faults = true},
    {"write-error", 50, 500, 0, write_error, write_again, .needs_faults = true},
    {"sync-error", 200, 500, 0, sync_error, sync_again, .needs_faults = true,
     .is_sync_failure = true},
    {"slow-sync", 500, 4500, 0, slow_sync, fast_sync, .needs_faults = true},
    {"fds", 300, 2500, 0, no_descriptors, descriptors, .needs_faults = true},
    {"memory", 100, 500, 0, no_memory, memory, .needs_faults = true},
    {"clock", 300, 2000, 0, set_clock, right_clock, .needs_faults = true},
};
const size_t attack_count = sizeof attacks / sizeof *attacks;

const struct attack *attack_find(const char *name, size_t len)
{
    for (size_t i = 0; i < attack_count; i++)
        if (strlen(attacks[i].name) == len && memcmp(attacks[i].name, name, len) == 0)
            return &attacks[i];
    return NULL;
}
