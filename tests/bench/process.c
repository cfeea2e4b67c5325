/* process.c - what the kernel says about the server. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "bench/load.h"
#include "support/deadline.h"
#include "support/procfs.h"

/* With its children: the agent's connections to brokers are processes. */
static double with_children(pid_t pid, double (*of)(pid_t))
{
    double sum = of(pid);
    DIR *proc = opendir("/proc");
    if (!proc)
        test_fail("/proc cannot be read");
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        pid_t child = (pid_t)strtol(entry->d_name, NULL, 10);
        if (child > 0 && procfs_is_child(pid, child))
            sum += of(child);
    }
    closedir(proc);
    return sum;
}

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec taken;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &taken) != 0)
        return 0; /* a child that has ended */
    return (double)taken.tv_sec + (double)taken.tv_nsec / 1e9;
}

static double memory_of(pid_t pid)
{
    return (double)procfs_kib(pid, "VmRSS") * 1024;
}

double load_cpu(pid_t pid)
{
    return with_children(pid, cpu_of);
}

double load_memory(pid_t pid)
{
    return with_children(pid, memory_of);
}
