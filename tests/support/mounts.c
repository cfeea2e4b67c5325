#include "support/mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return done;
}

/* Where mounting is for root only, a user is root in a user namespace; files stay this user's. */
static bool own_namespaces(void)
{
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNS) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    char *users = test_printf("%u %u 1", uid, uid), *groups = test_printf("%u %u 1", gid, gid);
    bool mapped = put("/proc/self/uid_map", users) && put("/proc/self/setgroups", "deny") &&
                  put("/proc/self/gid_map", groups);
    free(users);
    free(groups);
    return mapped;
}

bool mounts_own(void)
{
    return own_namespaces() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool mounts_hosts(const char *lines)
{
    const char *file = tmpdir_write(tmpdir_create(), "hosts", 0644, lines);

    return mounts_own() && mount(file, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
}
