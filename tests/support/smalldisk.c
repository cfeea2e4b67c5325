/* smalldisk.c - mounting a tmpfs, as root or in a user namespace of its own; filling it. */
#include "support/smalldisk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/tmpdir.h"

enum { MIB = 4 };

static const char *mounted;

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

const char *smalldisk_mount(void)
{
    char size[32];
    const char *dir = tmpdir_create();
    snprintf(size, sizeof size, "size=%dm,mode=700", MIB);
    if (!own_namespaces() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", dir, "tmpfs", 0, size) != 0)
        return NULL;
    mounted = dir;
    atexit(smalldisk_unmount);
    return dir;
}

void smalldisk_unmount(void)
{
    if (mounted)
        umount2(mounted, MNT_DETACH);
    mounted = NULL;
}

static const char *filler(void)
{
    return tmpdir_path(mounted, "filler");
}

void smalldisk_fill(void)
{
    static char zeros[65536];
    int fd = open(filler(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        test_fail("%s: %s", filler(), strerror(errno));
    for (size_t piece = sizeof zeros; piece > 0; piece /= 2)
        while (write(fd, zeros, piece) == (ssize_t)piece)
            ;
    if (errno != ENOSPC)
        test_fail("filling the disk: %s", strerror(errno));
    close(fd);
}

void smalldisk_make_room(void)
{
    if (unlink(filler()) != 0)
        test_fail("%s: %s", filler(), strerror(errno));
}
