#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

char *lock_path(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

int lock_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* The new directory's name lives in its parent, which is `dir/..`. */
static int make_dir(const char *dir)
{
    if (mkdir(dir, 0700) < 0)
        return errno == EEXIST ? 0 : -1;
    char *parent = lock_path(dir, "..");
    if (!parent) {
        errno = ENOMEM;
        return -1;
    }
    /* A parent one may search but not read cannot be synced; that is no reason to refuse. */
    int result = lock_sync(parent);
    free(parent);
    return result < 0 && errno != EACCES ? -1 : 0;
}

static enum studio_err refuse(struct studio_error *error, const char *path, int cause)
{
    const char *advice = "check the path given with --data";
    if (cause == EACCES || cause == EPERM)
        advice = "give this user write permission, or name another directory with --data";
    else if (cause == ENOENT)
        advice = "make the parent directory first, or name another one with --data";
    else if (cause == ENOSPC || cause == EDQUOT)
        advice = "the disk is full; free some space and start again";
    else if (cause == EROFS)
        advice = "the file system is read-only; name another directory with --data";
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": %s: %s; %s", path, strerror(cause),
                            advice);
}

/* Who may write into a directory may put another file into the place of any in it. */
static enum studio_err check_dir(const char *dir, struct studio_error *error)
{
    struct stat about;
    if (stat(dir, &about) < 0)
        return refuse(error, dir, errno);
    if (about.st_mode & (S_IWGRP | S_IWOTH))
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": others can write into the directory %s; run: chmod go-w '%s'",
                                dir, dir);
    return STUDIO_OK;
}

static enum studio_err refuse_in_use(struct studio_error *error, const char *dir, int fd)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? n : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": %s is in use by another agent (pid %s); stop that one, or name "
                            "another directory with --data",
                            dir, *pid ? pid : "unknown");
}

/* For people and for the message above; the lock holds without it. */
static int write_pid(int fd)
{
    char pid[24];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0)
        return -1;
    return pwrite(fd, pid, (size_t)len, 0) == len ? 0 : -1;
}

enum studio_err lock_take(const char *dir, int *fd_out, struct studio_error *error)
{
    enum studio_err err;
    int fd = -1;
    char *path = lock_path(dir, STORE_LOCK);
    if (!path)
        return refuse(error, dir, ENOMEM);
    if (make_dir(dir) < 0) {
        err = refuse(error, dir, errno);
        goto fail;
    }
    err = check_dir(dir, error);
    if (err != STUDIO_OK)
        goto fail;
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = errno == ELOOP
                  ? studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                     ": %s is a symbolic link, which nobody here makes; remove it",
                                     path)
                  : refuse(error, path, errno);
        goto fail;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        err = errno == EWOULDBLOCK ? refuse_in_use(error, dir, fd) : refuse(error, path, errno);
        goto fail;
    }
    if (write_pid(fd) < 0) {
        err = refuse(error, path, errno);
        goto fail;
    }
    free(path);
    *fd_out = fd;
    return STUDIO_OK;
fail:
    if (fd >= 0)
        close(fd);
    free(path);
    return err;
}

void lock_release(int fd)
{
    if (fd < 0)
        return;
    if (ftruncate(fd, 0) < 0)
        log_debug("store", "the pid stays in the lock file: %s", strerror(errno));
    close(fd);
}
