/* process.c - what /proc says about the server. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/load.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

static char *read_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    char *text = tmpdir_read(path, NULL);
    if (!text)
        test_fail("the server is gone (%s)", path);
    return text;
}

/* Ticks of one process and of the children it waited for, from the text of its stat; its parent. */
static unsigned long ticks_of(const char *stat, long *parent)
{
    unsigned long user = 0, system = 0, child_user = 0, child_system = 0;
    /* The name may hold blanks and brackets: the fields start after its last bracket. */
    const char *fields = strrchr(stat, ')');
    if (!fields ||
        sscanf(fields + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", parent,
               &user, &system, &child_user, &child_system) != 5)
        test_fail("a stat in /proc is not understood: %s", stat);
    return user + system + child_user + child_system;
}

/* With its children: the agent's connections to brokers are processes. */
double load_cpu(pid_t pid)
{
    long parent;
    char *text = read_proc(pid, "stat");
    unsigned long ticks = ticks_of(text, &parent);
    DIR *proc = opendir("/proc");
    free(text);
    if (!proc)
        test_fail("/proc cannot be read");
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        char *path = test_printf("/proc/%s/stat", entry->d_name);
        text = isdigit((unsigned char)entry->d_name[0]) ? tmpdir_read(path, NULL) : NULL;
        unsigned long own = text ? ticks_of(text, &parent) : 0;
        if (text && parent == (long)pid)
            ticks += own;
        free(text);
        free(path);
    }
    closedir(proc);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

double load_memory(pid_t pid)
{
    unsigned long pages = 0;
    char *text = read_proc(pid, "statm");
    if (sscanf(text, "%*u %lu", &pages) != 1)
        test_fail("/proc/%ld/statm is not understood", (long)pid);
    free(text);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}
