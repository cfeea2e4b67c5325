#include "cmd/copy.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "control.h"

enum { GROUPS_MAX = 256 };

/* Root's own groups, while it acts as somebody else. */
static gid_t own_groups[GROUPS_MAX];
static int own_count = -1; /* it does not */

/* The groups that a service of this user has; nobody's but `group` for one that has no name. */
static bool take_groups(uid_t user, gid_t group)
{
    const struct passwd *entry = getpwuid(user);

    return entry ? initgroups(entry->pw_name, group) == 0 : setgroups(1, &group) == 0;
}

void copy_as_owner(const char *dir)
{
    struct stat about;

    if (geteuid() != 0 || stat(dir, &about) != 0 || about.st_uid == 0)
        return;
    own_count = getgroups(GROUPS_MAX, own_groups);
    if (own_count >= 0 && take_groups(about.st_uid, about.st_gid) && setegid(about.st_gid) == 0)
        (void)!seteuid(about.st_uid);
}

void copy_as_caller(void)
{
    (void)!seteuid(getuid());
    (void)!setegid(getgid());
    if (own_count >= 0)
        (void)!setgroups((size_t)own_count, own_groups);
    own_count = -1;
}

/* A line that is written over itself, and gone at the end. */
static void show(uint64_t copied, uint64_t total)
{
    if (!isatty(STDERR_FILENO) || total == 0)
        return;
    if (copied < total)
        fprintf(stderr, "\rcopying %llu of %llu MB ",
                (unsigned long long)copied * STORE_BACKUP_PAGE >> 20,
                (unsigned long long)total * STORE_BACKUP_PAGE >> 20);
    else
        fputs("\r\033[K", stderr);
}

/* EPOCH SEQ */
static bool read_answer(const char *text, struct store_backup_state *state)
{
    char *end;

    if (strcspn(text, " ") != STORE_EPOCH_LEN)
        return false;
    memcpy(state->epoch, text, STORE_EPOCH_LEN);
    state->epoch[STORE_EPOCH_LEN] = '\0';
    state->last_seq = strtoull(text + STORE_EPOCH_LEN, &end, 10);
    return *end == '\0' && end > text + STORE_EPOCH_LEN;
}

static enum studio_err ask_agent(const char *dir, int fd, struct store_backup_state *state,
                                 struct studio_error *error)
{
    struct buf answer;
    bool ok = false;

    buf_init(&answer, 4096);
    enum studio_err err = control_ask_long(dir, "backup", fd, show, &ok, &answer, error);
    show(1, 1);
    if (err == STUDIO_OK && !buf_ok(&answer))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    else if (err == STUDIO_OK && !ok)
        err = config_fail(error, STUDIO_ERR_IO, "%s", answer.data);
    else if (err == STUDIO_OK && !read_answer(answer.data, state))
        err = config_fail(error, STUDIO_ERR_IO, "the agent on %s is of another version", dir);
    buf_finish(&answer);
    return err;
}

enum studio_err copy_store(const char *dir, int fd, struct store_backup_state *state,
                           struct studio_error *error)
{
    enum studio_err err = ask_agent(dir, fd, state, error);

    if (err != STUDIO_ERR_NOT_CONNECTED)
        return err;
    copy_as_owner(dir);
    err = store_backup_all(dir, fd, show, state, error);
    copy_as_caller();
    show(1, 1);
    return err;
}

/* A file without a name: whatever happens, nothing is left of it. */
static int make_file(const char *dir)
{
    char *path;
    int fd;

    if (asprintf(&path, "%s/copy-XXXXXX", dir) < 0)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    free(path);
    return fd;
}

enum studio_err copy_to_read(const char *dir, int *copy, struct studio_error *error)
{
    struct store_backup_state state;
    enum studio_err err;

    *copy = make_file(dir);
    if (*copy < 0) /* the store's own way in says what is wrong there */
        return STUDIO_OK;
    err = ask_agent(dir, *copy, &state, error);
    if (err == STUDIO_OK)
        return STUDIO_OK;
    close(*copy);
    *copy = -1;
    return err == STUDIO_ERR_NOT_CONNECTED ? STUDIO_OK : err;
}
