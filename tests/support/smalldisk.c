/* smalldisk.c - mounting a tmpfs, filling it. */
#include "support/smalldisk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/deadline.h"
#include "support/mounts.h"
#include "support/tmpdir.h"

enum { MIB = 4 };

static const char *mounted;

const char *smalldisk_mount(void)
{
    char size[32];
    const char *dir = tmpdir_create();
    snprintf(size, sizeof size, "size=%dm,mode=700", MIB);
    if (!mounts_own() || mount("tmpfs", dir, "tmpfs", 0, size) != 0)
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
