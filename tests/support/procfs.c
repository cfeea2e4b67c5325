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

static pid_t parent_of(pid_t pid)
{
    char path[64];
    int parent = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = tmpdir_read(path, NULL);
    const char *at = text ? strrchr(text, ')') : NULL;
    if (at)
        (void)sscanf(at, ") %*c %d", &parent);
    free(text);
    return parent;
}

bool procfs_is_child(pid_t parent, pid_t pid)
{
    return parent_of(pid) == parent;
}

pid_t procfs_child(pid_t parent, const char *name)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc");
    if (!dir)
        test_fail("cannot read /proc");
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        char path[300];
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || (parent && !procfs_is_child(parent, pid)))
            continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        char *text = tmpdir_read(path, NULL);
        if (text && strncmp(text, name, strlen(name)) == 0)
            found = pid;
        free(text);
    }
    closedir(dir);
    return found;
}
