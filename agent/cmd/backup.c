#include "cmd/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/copy.h"
#include "config/config.h"

/* The file under the name it has until it is whole. */
struct part {
    const char *file; /* that it will be */
    char *path;
    int fd;
};

static enum studio_err refuse_name(struct studio_error *error, const char *file)
{
    (void)config_fail(error, STUDIO_ERR_USAGE, "%s is there already; name another file", file);
    return STUDIO_ERR_USAGE;
}

static enum studio_err part_make(struct part *part, const char *file, struct studio_error *error)
{
    struct stat about;

    *part = (struct part){.file = file, .fd = -1};
    if (lstat(file, &about) == 0)
        return refuse_name(error, file);
    if (asprintf(&part->path, "%s.partial-XXXXXX", file) < 0) {
        part->path = NULL;
        return STUDIO_ERR_NO_MEMORY;
    }
    part->fd = mkostemp(part->path, O_CLOEXEC);
    if (part->fd >= 0)
        return STUDIO_OK;
    (void)config_fail(error, STUDIO_ERR_USAGE, "a file beside %s cannot be made: %s", file,
                      strerror(errno));
    return STUDIO_ERR_USAGE;
}

static bool sync_folder(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *dir = slash ? strndup(file, (size_t)(slash - file) + 1) : strdup(".");
    const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    /* One that may be written but not read cannot be synced. */
    const bool done = fd < 0 ? errno == EACCES : fsync(fd) == 0 || errno == EINVAL;

    if (fd >= 0)
        close(fd);
    free(dir);
    return done;
}

/* Some file systems cannot rename without overwriting, but can link. */
static bool take_name(const struct part *part)
{
    if (renameat2(AT_FDCWD, part->path, AT_FDCWD, part->file, RENAME_NOREPLACE) == 0)
        return true;
    return (errno == EINVAL || errno == ENOSYS) && link(part->path, part->file) == 0;
}

static enum studio_err part_finish(const struct part *part, struct studio_error *error)
{
    if (fsync(part->fd) == 0 && take_name(part) && sync_folder(part->file))
        return STUDIO_OK;
    if (errno == EEXIST)
        return refuse_name(error, part->file);
    return config_fail(error, STUDIO_ERR_IO, "%s cannot be finished: %s", part->file,
                       strerror(errno));
}

/* What was not finished is gone. */
static void part_close(struct part *part)
{
    if (part->path && part->fd >= 0) {
        (void)unlink(part->path);
        close(part->fd);
    }
    free(part->path);
}

static void say(const struct part *part, const char *data, const struct store_backup_state *state)
{
    struct stat about = {.st_size = 0};

    (void)fstat(part->fd, &about);
    printf(
        "%s: %lld KB, epoch %s, all up to event %llu\n"
        "to put it back: stop the agent, move %s/studio.db* away, copy this file to "
        "%s/studio.db,\n"
        "run `studio-agent store restored --data %s`, start the agent; the tokens are not in it\n",
        part->file, (long long)about.st_size / 1024, state->epoch,
        (unsigned long long)state->last_seq, data, data, data);
}

static enum studio_err backup(const char *data, const char *file, struct studio_error *error)
{
    struct store_backup_state state = {.done = false};
    struct part part;
    enum studio_err err = part_make(&part, file, error);

    if (err == STUDIO_OK)
        err = copy_store(data, part.fd, &state, error);
    if (err == STUDIO_OK)
        err = part_finish(&part, error);
    if (err == STUDIO_OK)
        say(&part, data, &state);
    part_close(&part);
    return err;
}

int command_backup(const struct cli *cli, const char *const *variables)
{
    struct studio_agent_config config;
    struct studio_error error = {.text = "out of memory"};
    enum studio_err err;

    if (cli->word_count != 1) {
        cli_complain("backup needs the file to make: studio-agent backup FILE --data DIR");
        return STUDIO_EXIT_USAGE;
    }
    config_init(&config);
    err = cli_configure(cli, variables, &config, &error);
    if (err == STUDIO_OK && config.store_url)
        err = config_fail(&error, STUDIO_ERR_USAGE,
                          "the store is in a database (store.url), which is backed up by its own "
                          "tools, pg_dump or pg_basebackup; studio-agent store export prints it as "
                          "text");
    else if (err == STUDIO_OK)
        err = backup(config.data, cli->words[0], &error);
    if (err != STUDIO_OK)
        cli_complain(error.text);
    config_finish(&config);
    return studio_agent_exit_code(err);
}
