/* file_edit.c - see file_edit.h. The lock is on the directory: the file itself is replaced. */
#include "auth/file_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "config/config.h"
#include "config/file.h"

enum { PUT_MAX = 16 << 20 }; /* bytes of what is replaced unread */

static enum studio_err fail_memory(struct studio_error *error)
{
    return config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
}

static enum studio_err fail_io(struct studio_error *error, const char *what, const char *path)
{
    return config_fail(error, STUDIO_ERR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* A link is followed, so that the file it names is replaced and not the link. */
static bool resolve(struct file_edit *edit, const char *path)
{
    edit->path = realpath(path, NULL);
    if (!edit->path)
        edit->path = strdup(path);
    if (!edit->path)
        return false;
    const char *slash = strrchr(edit->path, '/');
    if (!slash)
        edit->dir = strdup(".");
    else
        edit->dir =
            slash == edit->path ? strdup("/") : strndup(edit->path, (size_t)(slash - edit->path));
    return edit->dir != NULL;
}

static int open_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && mkdir(dir, 0700) == 0)
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

enum studio_err file_edit_open(struct file_edit *edit, const char *path, size_t max,
                               struct studio_error *error)
{
    *edit = (struct file_edit){.dir_fd = -1, .group = FILE_EDIT_GROUP};
    if (!resolve(edit, path))
        return fail_memory(error);
    edit->dir_fd = open_dir(edit->dir);
    if (edit->dir_fd < 0)
        return config_fail(error, STUDIO_ERR_USAGE, "cannot open the directory %s: %s", edit->dir,
                           strerror(errno));
    while (flock(edit->dir_fd, LOCK_EX) != 0) {
        if (errno != EINTR)
            return fail_io(error, "lock the directory", edit->dir);
    }
    enum studio_err err = file_read(edit->path, max, &edit->text, &edit->len, &edit->about, error);
    edit->exists = err == STUDIO_OK;
    if (err != STUDIO_ERR_USAGE || errno != ENOENT)
        return err;
    edit->text = strdup("");
    return edit->text ? STUDIO_OK : fail_memory(error);
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* Mode and owner: what is wanted, else those of what is replaced, else those of a new file. */
static bool dress(const struct file_edit *edit, int fd)
{
    const bool root = geteuid() == 0;
    struct stat now, dir, to;
    if (fstat(fd, &now) != 0 || fstat(edit->dir_fd, &dir) != 0)
        return false;
    to = edit->exists ? edit->about : now;
    if (!edit->exists && root) {
        /* Made by root for an agent that runs as somebody else: it must be able to read it. */
        to.st_uid = dir.st_uid;
        to.st_gid = dir.st_gid;
        if (dir.st_uid == 0 && dir.st_gid != 0 && dir.st_mode & S_IRGRP)
            to.st_mode = 0640;
    }
    if (root && edit->group != FILE_EDIT_GROUP)
        to.st_gid = edit->group;
    if (edit->mode)
        to.st_mode = edit->mode;
    const bool same = now.st_uid == to.st_uid && now.st_gid == to.st_gid;
    return (same || fchown(fd, to.st_uid, to.st_gid) == 0) && fchmod(fd, to.st_mode & 0777) == 0;
}

enum studio_err file_edit_replace(struct file_edit *edit, const char *text, size_t len,
                                  struct studio_error *error)
{
    enum studio_err err = STUDIO_OK;
    char *beside = NULL;
    if (asprintf(&beside, "%s.new", edit->path) < 0)
        return fail_memory(error);
    /* The lock is ours: one that lies there is left over from a crash. */
    unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = fail_io(error, "make", beside);
        goto done;
    }
    if (!dress(edit, fd)) {
        err = fail_io(error, "keep mode and owner of", edit->path);
        goto fail;
    }
    if (!write_all(fd, text, len) || fsync(fd) != 0) {
        err = fail_io(error, "write", beside);
        goto fail;
    }
    if (rename(beside, edit->path) != 0) {
        err = fail_io(error, "replace", edit->path);
        goto fail;
    }
    if (fsync(edit->dir_fd) != 0)
        err = fail_io(error, "sync the directory", edit->dir);
    goto done;
fail:
    unlink(beside);
done:
    if (fd >= 0)
        close(fd);
    free(beside);
    return err;
}

void file_edit_close(struct file_edit *edit)
{
    if (edit->dir_fd >= 0)
        close(edit->dir_fd);
    free(edit->text);
    free(edit->dir);
    free(edit->path);
    *edit = (struct file_edit){.dir_fd = -1};
}

enum studio_err file_edit_put(const char *path, const char *text, size_t len, mode_t mode,
                              gid_t group, struct studio_error *error)
{
    struct file_edit edit;
    enum studio_err err = file_edit_open(&edit, path, PUT_MAX, error);

    edit.mode = mode;
    edit.group = group;
    if (err == STUDIO_OK)
        err = file_edit_replace(&edit, text, len, error);
    file_edit_close(&edit);
    return err;
}
