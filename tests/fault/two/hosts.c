#include "fault/two/hosts.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/mounts.h"
#include "support/proc.h"

#define NOBODY "02:00:00:00:00:ff"
#define NAMES  "/run/netns" /* where ip netns keeps them */

static const struct {
    const char *name, *address, *mac;
} hosts[HOST_COUNT] = {
    [HOST_A] = {"a", "10.77.0.1", "02:00:00:00:00:01"},
    [HOST_B] = {"b", "10.77.0.2", "02:00:00:00:00:02"},
    [HOST_P] = {"p", "10.77.0.3", "02:00:00:00:00:03"},
    [HOST_S] = {"s", "10.77.0.4", "02:00:00:00:00:04"},
    [HOST_M] = {"m", "10.77.0.5", "02:00:00:00:00:05"},
    [HOST_C] = {"c", "10.77.0.6", "02:00:00:00:00:06"},
};

const char *host_name(enum host host)
{
    return hosts[host].name;
}

const char *host_address(enum host host)
{
    return hosts[host].address;
}

const char *const *host_in(enum host host)
{
    static const char *in[HOST_COUNT][12];
    const char **line = in[host];
    size_t n = 0;
    if (host == HOST_C || line[0])
        return line;
    line[n++] = "ip";
    line[n++] = "netns";
    line[n++] = "exec";
    line[n++] = hosts[host].name;
    line[n++] = "unshare";
    line[n++] = "--uts";
    line[n++] = "sh";
    line[n++] = "-c";
    line[n++] = "hostname \"$0\" && exec \"$@\"";
    line[n++] = hosts[host].name;
    return line;
}

/* --- making them ------------------------------------------------------------------------------ */

static bool run(const char *commands)
{
    char *err = NULL;
    bool done = proc_run(ARGS("sh", "-ec", commands), NULL, NULL, &err) == 0;
    if (!done)
        fprintf(stderr, "%s: %s", commands, err);
    free(err);
    return done;
}

static bool own_network(void)
{
    return geteuid() == 0 && mounts_own() && unshare(CLONE_NEWNET) == 0 &&
           (mkdir(NAMES, 0755) == 0 || errno == EEXIST) &&
           mount("netns", NAMES, "tmpfs", 0, "mode=0755") == 0;
}

/* One end of a wire in the bridge, the other is the host's eth0. */
static bool make(enum host host)
{
    const char *name = hosts[host].name;
    char *commands =
        test_printf("ip netns add %s\n"
                    "ip link add to-%s type veth peer name eth0 address %s netns %s\n"
                    "ip link set to-%s master hub up\n"
                    "ip -n %s link set lo up\n"
                    "ip -n %s address add %s/24 dev eth0\n"
                    "ip -n %s link set eth0 up\n",
                    name, name, hosts[host].mac, name, name, name, name, hosts[host].address, name);
    bool made = run(commands);
    free(commands);
    return made;
}

static bool make_hub(void)
{
    char *commands = test_printf("ip link set lo up\n"
                                 "ip link add hub address %s type bridge\n"
                                 "ip address add %s/24 dev hub\n"
                                 "ip link set hub up\n",
                                 hosts[HOST_C].mac, hosts[HOST_C].address);
    bool made = run(commands);
    free(commands);
    return made;
}

bool hosts_make(void)
{
    if (!own_network() || !make_hub())
        return false;
    for (enum host host = 0; host < HOST_COUNT; host++)
        if (host != HOST_C && !make(host))
            return false;
    hosts_heal();
    return true;
}

/* --- cutting them ----------------------------------------------------------------------------- */

/* Where `from` sends what is for `to`. It never asks. */
static char *direct(char *commands, enum host from, enum host to, const char *mac)
{
    bool here = from == HOST_C;
    char *longer =
        test_printf("%sip %s %s neighbour replace %s lladdr %s dev %s nud permanent\n",
                    commands ? commands : "", here ? "" : "-n", here ? "" : hosts[from].name,
                    hosts[to].address, mac, here ? "hub" : "eth0");
    free(commands);
    return longer;
}

static void direct_both(enum host one, enum host other, bool cut)
{
    char *commands = direct(NULL, one, other, cut ? NOBODY : hosts[other].mac);
    commands = direct(commands, other, one, cut ? NOBODY : hosts[one].mac);
    if (!run(commands))
        test_fail("the network cannot be changed");
    free(commands);
}

void hosts_cut(enum host one, enum host other)
{
    direct_both(one, other, true);
}

void hosts_join(enum host one, enum host other)
{
    direct_both(one, other, false);
}

void hosts_heal(void)
{
    char *commands = NULL;
    for (enum host from = 0; from < HOST_COUNT; from++)
        for (enum host to = 0; to < HOST_COUNT; to++)
            if (from != to)
                commands = direct(commands, from, to, hosts[to].mac);
    if (!run(commands))
        test_fail("the network cannot be made");
    free(commands);
}

/* How many there are. */
static unsigned signal_all(enum host host, int sig)
{
    char *pids = NULL;
    unsigned count = 0;
    if (host == HOST_C ||
        proc_run(ARGS("ip", "netns", "pids", hosts[host].name), NULL, &pids, NULL) != 0)
        test_fail("no processes of host %s", hosts[host].name);
    for (char *at = pids; *at;) {
        long pid = strtol(at, &at, 10);
        if (pid > 1 && kill((pid_t)pid, sig) == 0)
            count++;
        at += strspn(at, "\n ");
    }
    free(pids);
    return count;
}

void host_signal(enum host host, int sig)
{
    (void)signal_all(host, sig);
}

void host_kill(enum host host)
{
    static const struct timespec step = {.tv_nsec = 2000000};
    int64_t deadline = now_ms() + WAIT_MS;
    while (signal_all(host, SIGKILL) > 0) {
        if (deadline_left(deadline) == 0)
            test_fail("host %s cannot be switched off", hosts[host].name);
        nanosleep(&step, NULL);
    }
}
