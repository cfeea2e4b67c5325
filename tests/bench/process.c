/* process.c - what /proc says about the server. */
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

double load_cpu(pid_t pid)
{
    unsigned long user = 0, system = 0;
    char *text = read_proc(pid, "stat");
    /* The name may hold blanks and brackets: the fields start after its last bracket. */
    const char *fields = strrchr(text, ')');
    if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                          &system) != 2)
        test_fail("/proc/%ld/stat is not understood", (long)pid);
    free(text);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
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
