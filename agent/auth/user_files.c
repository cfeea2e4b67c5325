#include "auth/user_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/broker_lines.h"
#include "auth/file_edit.h"
#include "config/config.h"

enum { FILE_MAX = 4 << 20 };

/* Prints what stays of a file's text. */
typedef void keep_fn(struct buf *out, const char *text, const char *user);

static size_t whole_line(const char *text)
{
    const size_t len = strcspn(text, "\n");

    return len + (text[len] == '\n');
}

static void keep_passwords(struct buf *out, const char *text, const char *user)
{
    const size_t name = strlen(user);

    for (size_t len; *text; text += len) {
        len = whole_line(text);
        if (strncmp(text, user, name) != 0 || text[name] != ':')
            buf_add(out, text, len);
    }
}

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

/* What a user may ends where that of another begins; what is of nobody stays where it is in between. */
static void keep_access(struct buf *out, const char *text, const char *user)
{
    const size_t name = strlen(user);
    bool theirs = false;

    for (size_t len; *text; text += len) {
        len = whole_line(text);
        if (begins(text, "user "))
            theirs = strncmp(text + 5, user, name) == 0 && strcspn(text + 5, " \t\r\n") == name;
        if (!theirs || begins(text, "pattern ") || begins(text, "#"))
            buf_add(out, text, len);
    }
}

/* The user's lines are replaced; without new ones a file that had none stays as it is, also if there is none. */
static enum studio_err replace(const char *dir, const char *file, const char *user, keep_fn *keep,
                               const struct buf *lines, bool *changed, struct studio_error *error)
{
    struct file_edit edit = {.dir_fd = -1};
    struct buf text;
    char *path = NULL;
    enum studio_err err = STUDIO_ERR_NO_MEMORY;

    buf_init(&text, FILE_MAX);
    if (!buf_ok(lines) || asprintf(&path, "%s/%s", dir, file) < 0) {
        path = NULL;
        err = config_fail(error, STUDIO_ERR_NO_MEMORY, "out of memory");
        goto done;
    }
    if (lines->len == 0 && access(path, F_OK) != 0 && errno == ENOENT) {
        err = STUDIO_OK;
        goto done;
    }
    err = file_edit_open(&edit, path, FILE_MAX, error);
    if (err != STUDIO_OK)
        goto done;
    keep(&text, edit.text, user);
    if (lines->len == 0 && buf_ok(&text) && text.len == edit.len)
        goto done;
    if (text.len > 0 && text.data[text.len - 1] != '\n')
        buf_str(&text, "\n");
    buf_add(&text, lines->data, lines->len);
    err = buf_ok(&text) ? file_edit_replace(&edit, text.data, text.len, error)
                        : config_fail(error, STUDIO_ERR_NO_MEMORY, "no memory for %s", path);
    *changed = *changed || err == STUDIO_OK;
done:
    file_edit_close(&edit);
    buf_finish(&text);
    free(path);
    return err;
}

/* The access list first: who can log in has no rights that were another's. */
enum studio_err user_files_put(const char *dir, const struct broker_login *user, const char *root,
                               struct studio_error *error)
{
    struct buf access, password;
    bool changed = false;
    enum studio_err err;

    buf_init(&access, FILE_MAX);
    buf_init(&password, FILE_MAX);
    if (user->agent)
        broker_agent_lines(&access, user->name, root);
    else
        broker_access_lines(&access, user->name, user->role, root);
    if (!broker_password_line(&password, user->name, user->password, user->chosen))
        err = config_fail(error, STUDIO_ERR_IO, "the system gives no random bytes");
    else
        err = replace(dir, "acl", user->name, keep_access, &access, &changed, error);
    if (err == STUDIO_OK)
        err = replace(dir, "passwd", user->name, keep_passwords, &password, &changed, error);
    buf_finish(&access);
    buf_finish(&password);
    return err;
}

/* The password first: who has no rights any more cannot log in. */
enum studio_err user_files_remove(const char *dir, const char *name, bool *removed,
                                  struct studio_error *error)
{
    struct buf none;
    enum studio_err err;

    buf_init(&none, 1);
    *removed = false;
    err = replace(dir, "passwd", name, keep_passwords, &none, removed, error);
    if (err == STUDIO_OK)
        err = replace(dir, "acl", name, keep_access, &none, removed, error);
    return err;
}
