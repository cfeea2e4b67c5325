#include "fault/storm/attacks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "fault/storm/random.h"
#include "support/deadline.h"

static void nap(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
}

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
    nap(random_between(b->random, 0, 150));
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
    broker_kill(r->brokers[b->broker]);
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

static bool cut(struct rig *r, struct blow *b)
{
    proxy_cut(r->proxies[b->broker]);
    return true;
}

static bool half_open(struct rig *r, struct blow *b)
{
    proxy_half_open(r->proxies[b->broker]);
    return true;
}

static bool blackhole(struct rig *r, struct blow *b)
{
    proxy_set_mode(r->proxies[b->broker], PROXY_BLACKHOLE);
    return true;
}

static bool refuse(struct rig *r, struct blow *b)
{
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
    faults_fail(r->faults, FAULT_WRITE, ENOSPC, 1, 0);
    return true;
}

static bool write_error(struct rig *r, struct blow *b)
{
    faults_fail(r->faults, FAULT_WRITE, EIO, random_between(b->random, 1, 20),
                random_between(b->random, 1, 5));
    return true;
}

static void write_again(struct rig *r, struct blow *b)
{
    (void)b;
    faults_clear(r->faults, FAULT_WRITE);
}

static bool sync_error(struct rig *r, struct blow *b)
{
    if (r->expect_exit)
        return false;
    r->expect_exit = true; /* its page cache can no longer be trusted */
    faults_fail(r->faults, FAULT_SYNC, EIO, random_between(b->random, 1, 5), 1);
    return true;
}

static void sync_again(struct rig *r, struct blow *b)
{
    enum { EXIT_MS = 6000 };
    int64_t deadline = now_ms() + EXIT_MS;
    (void)b;
    while (r->agent && faults_failed(r->faults, FAULT_SYNC) > 0 && proc_running(r->agent) &&
           deadline_left(deadline) > 0)
        nap(5);
    if (r->agent && faults_failed(r->faults, FAULT_SYNC) > 0 && proc_running(r->agent) &&
        !r->agent_paused)
        rig_complain(r, "the agent goes on after a sync that failed");
    faults_clear(r->faults, FAULT_SYNC);
    (void)rig_agent_gone(r);
    r->expect_exit = false;
}

static bool slow_sync(struct rig *r, struct blow *b)
{
    (void)b;
    r->slow_disk = true;
    faults_delay(r->faults, FAULT_SYNC, 2000);
    return true;
}

static void fast_sync(struct rig *r, struct blow *b)
{
    (void)b;
    faults_delay(r->faults, FAULT_SYNC, 0);
    r->slow_disk = false;
}

static bool no_descriptors(struct rig *r, struct blow *b)
{
    (void)b;
    faults_fail(r->faults, FAULT_SOCKET, EMFILE, 1, 0);
    faults_fail(r->faults, FAULT_OPEN, EMFILE, 1, 0);
    return true;
}

static void descriptors(struct rig *r, struct blow *b)
{
    (void)b;
    faults_clear(r->faults, FAULT_SOCKET);
    faults_clear(r->faults, FAULT_OPEN);
}

static bool set_clock(struct rig *r, struct blow *b)
{
    enum { HOUR_MS = 3600000 };
    int64_t hours = random_between(b->random, 1, 48);
    faults_clock(r->faults, (random_chance(b->random, 50) ? hours : -hours) * HOUR_MS);
    return true;
}

static void right_clock(struct rig *r, struct blow *b)
{
    (void)b;
    faults_clock(r->faults, 0);
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
    (void)b;
    faults_clear(r->faults, FAULT_MEMORY);
    nap(20); /* whoever is about to end has ended */
    (void)rig_agent_gone(r);
    r->expect_death = false;
}

/* --- the table -------------------------------------------------------------------------------- */

const struct attack attacks[] = {
    {"kill", 0, 300, kill_agent, NULL, .is_kill = true},
    {"kill-starting", 0, 50, kill_starting, NULL, .is_kill = true},
    {"stop", 0, 200, stop_agent, NULL, .is_kill = false},
    {"pause", 500, 3000, pause_agent, continue_agent, .is_kill = false},
    {"broker-kill", 0, 2000, kill_broker, start_broker, .is_broker_kill = true},
    {"broker-stop", 0, 2000, stop_broker, start_broker, .is_kill = false},
    {"broker-pause", 500, 3000, pause_broker, continue_broker, .is_kill = false},
    {"cut", 0, 100, cut, NULL, .is_kill = false},
    {"half-open", 0, 1000, half_open, NULL, .is_kill = false},
    {"blackhole", 500, 8000, blackhole, forward, .is_kill = false},
    {"refuse", 500, 3000, refuse, forward, .is_kill = false},
    {"lag", 500, 3000, lag, no_lag, .is_kill = false},
    {"full", 200, 2500, disk_full, write_again, .needs_faults = true},
    {"write-error", 50, 500, write_error, write_again, .needs_faults = true},
    {"sync-error", 200, 500, sync_error, sync_again, .needs_faults = true},
    {"slow-sync", 500, 4500, slow_sync, fast_sync, .needs_faults = true},
    {"fds", 300, 2500, no_descriptors, descriptors, .needs_faults = true},
    {"memory", 100, 500, no_memory, memory, .needs_faults = true},
    {"clock", 300, 2000, set_clock, right_clock, .needs_faults = true},
};
const size_t attack_count = sizeof attacks / sizeof *attacks;

const struct attack *attack_find(const char *name, size_t len)
{
    for (size_t i = 0; i < attack_count; i++)
        if (strlen(attacks[i].name) == len && memcmp(attacks[i].name, name, len) == 0)
            return &attacks[i];
    return NULL;
}
