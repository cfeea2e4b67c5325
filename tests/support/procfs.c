/* procfs.c - reading /proc/PID. */
#include "support/procfs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

long procfs_kib(pid_t pid, const char *name)
{
    char path[64];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = tmpdir_read(path, NULL);
    const char *at = text ? strstr(text, name) : NULL;
    if (!at || sscanf(strchr(at, ':'), ": %ld kB", &kib) != 1)
        test_fail("no %s in %s", name, path);
    free(text);
    return kib;
}

size_t procfs_count(pid_t pid, const char *folder)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, folder);
    DIR *dir = opendir(path);
    if (!dir)
        test_fail("cannot read %s", path);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}
