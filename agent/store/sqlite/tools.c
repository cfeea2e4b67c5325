/* tools.c - the maintenance commands' way in; and the new epoch of a restored store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sqlite/private.h"
#include "store/tools.h"

enum studio_err tool_open(const char *dir, bool writing, struct tool *tool,
                          struct studio_error *error)
{
    enum studio_err err;
    struct stat st;
    bool blank;
    *tool = (struct tool){.lock_fd = -1};
    tool->path = lock_path(dir, STORE_FILE);
    if (!tool->path)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    /* Before the lock, which would make the directory. */
    if (stat(tool->path, &st) < 0 || st.st_size == 0) {
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": there is no store in %s; check the path given with --data", dir);
        goto fail;
    }
    err = lock_take(dir, &tool->lock_fd, error);
    if (err == STUDIO_OK)
        err = wal_examine(tool->path, &tool->damage, error);
    if (err == STUDIO_OK && writing)
        err = wal_write_again(tool->path, error);
    if (err != STUDIO_OK)
        goto fail;
    int rc = sql_open(tool->path, SQLITE_OPEN_READWRITE, NULL, &tool->db);
    if (rc != SQLITE_OK) {
        err = sql_refuse(error, tool->path, rc, tool->db);
        goto fail;
    }
    err = schema_identify(tool->db, tool->path, &blank, error);
    if (err == STUDIO_OK && blank && tool->damage.found) /* all there was is in the log */
        err = wal_refuse(error, tool->path, &tool->damage);
    else if (err == STUDIO_OK && blank)
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": %s is still empty; no agent has run on it", tool->path);
    if (err != STUDIO_OK)
        goto fail;
    return STUDIO_OK;
fail:
    tool_close(tool);
    return err;
}

static enum studio_err open_copy(int copy, struct tool *tool, struct studio_error *error)
{
    enum studio_err err = STUDIO_OK;
    bool blank;
    *tool = (struct tool){.lock_fd = -1, .path = strdup("a copy of the store")};
    if (!tool->path)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    int rc = fd_open(copy, true, &tool->db);
    if (rc != SQLITE_OK)
        err = sql_refuse(error, tool->path, rc, tool->db);
    if (err == STUDIO_OK)
        err = schema_identify(tool->db, tool->path, &blank, error);
    if (err != STUDIO_OK)
        tool_close(tool);
    return err;
}

enum studio_err tool_open_to_read(const char *dir, int copy, struct tool *tool,
                                  struct studio_error *error)
{
    return copy >= 0 ? open_copy(copy, tool, error) : tool_open(dir, false, tool, error);
}

void tool_close(struct tool *tool)
{
    (void)sqlite3_close(tool->db);
    lock_release(tool->lock_fd);
    free(tool->path);
    *tool = (struct tool){.lock_fd = -1};
}

enum studio_err store_look(const char *dir, struct store_info *info, uint64_t *bytes, bool *none,
                           struct studio_error *error)
{
    struct tool tool;
    struct stat about;
    int64_t pages;
    char *path = lock_path(dir, STORE_FILE);
    if (!path)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    *none = stat(path, &about) < 0 && errno == ENOENT;
    free(path);
    if (*none)
        return STUDIO_OK;
    enum studio_err err = tool_open(dir, false, &tool, error);
    if (err != STUDIO_OK)
        return err;
    int rc = schema_load(tool.db, info);
    if (rc == SQLITE_OK)
        rc = sql_number(tool.db, "PRAGMA page_count", &pages);
    if (tool.damage.found)
        err = wal_refuse(error, tool.path, &tool.damage);
    else if (rc != SQLITE_OK)
        err = sql_refuse(error, tool.path, rc, tool.db);
    else
        *bytes = (uint64_t)pages * STORE_PAGE;
    tool_close(&tool);
    return err;
}

enum studio_err sqlite_restored(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                                struct studio_error *error)
{
    struct store_info info = {0};
    struct tool tool;
    enum studio_err err = tool_open(place->dir, true, &tool, error);
    if (err != STUDIO_OK)
        return err;
    int rc = schema_check(tool.db);
    if (rc == SQLITE_OK)
        rc = sql_exec(tool.db, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = schema_new_epoch(tool.db);
    if (rc == SQLITE_OK)
        rc = schema_load(tool.db, &info);
    if (rc == SQLITE_OK)
        rc = sql_exec(tool.db, "COMMIT");
    /* Whoever copies studio.db alone shall have the new epoch in it, and a damaged log is gone. */
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(tool.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK)
        memcpy(epoch, info.epoch, sizeof info.epoch);
    else
        err = sql_refuse(error, tool.path, rc, tool.db);
    tool_close(&tool);
    return err;
}
