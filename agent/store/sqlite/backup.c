#include "store/backup.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "store/sqlite/engine.h"
#include "store/sqlite/private.h"

enum {
    RESTARTS_MAX = 3,  /* of the copy by commits that fail; then the rest is one step */
    STORE_ROOM_MB = 80 /* for its log to grow, and what comes meanwhile */
};

struct store_backup {
    const struct sqlite_store *store; /* NULL: no agent runs on it */
    const char *path;
    sqlite3 *from;
    sqlite3 *to;
    sqlite3_backup *copy;
    uint64_t copied, total; /* as of the last step, pages */
    uint64_t grown;         /* between the last two */
    unsigned restarts;
};

_Static_assert((int)STORE_BACKUP_PAGE == (int)STORE_PAGE, "one size of pages");

static enum studio_err refuse(struct studio_error *error, const struct store_backup *b, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return studio_error_set(error, STUDIO_ERR_IO,
                                ": there is no room for the copy; free some space there");
    case SQLITE_NOMEM:
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    default:
        return studio_error_set(error, STUDIO_ERR_IO, ": copying %s: %s", b->path,
                                sqlite3_errstr(rc));
    }
}

static bool on_one_disk(const char *path, int fd)
{
    struct stat a, b;
    return stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_dev == b.st_dev;
}

/* What is missing at the end is missing at the start, mostly. The copy does not take the room the store itself
 * needs meanwhile. */
static enum studio_err check_room(struct store_backup *b, int fd, struct studio_error *error)
{
    struct statvfs disk;
    int64_t pages;
    int rc = sql_number(b->from, "PRAGMA page_count", &pages);
    if (rc != SQLITE_OK)
        return refuse(error, b, rc);
    if (fstatvfs(fd, &disk) != 0)
        return STUDIO_OK;
    uint64_t need = ((uint64_t)pages * STORE_PAGE >> 20) + 1,
             room = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    if (on_one_disk(b->path, fd))
        need += STORE_ROOM_MB;
    if (room >= need)
        return STUDIO_OK;
    return studio_error_set(error, STUDIO_ERR_IO,
                            ": there is no room for the copy: it needs %llu MB, %llu are free; "
                            "free some space there",
                            (unsigned long long)need, (unsigned long long)room);
}

/* NULL: *err says why there is none. */
static struct store_backup *begin(const char *path, sqlite3 *from, int fd, enum studio_err *err,
                                  struct studio_error *error)
{
    struct store_backup *b = calloc(1, sizeof *b);
    if (!b) {
        *err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
        return NULL;
    }
    *b = (struct store_backup){.path = path, .from = from};
    *err = check_room(b, fd, error);
    if (*err != STUDIO_OK)
        goto fail;
    int rc = fd_open(fd, false, &b->to);
    if (rc == SQLITE_OK) {
        b->copy = sqlite3_backup_init(b->to, "main", from, "main");
        rc = b->copy ? SQLITE_OK : sqlite3_extended_errcode(b->to);
    }
    if (rc == SQLITE_OK)
        return b;
    *err = refuse(error, b, rc);
fail:
    store_backup_end(b);
    return NULL;
}

static void note_progress(struct store_backup *b, struct store_backup_state *state)
{
    uint64_t total = (uint64_t)sqlite3_backup_pagecount(b->copy);
    uint64_t copied = total - (uint64_t)sqlite3_backup_remaining(b->copy);
    if (copied <= b->copied) /* a step from the beginning */
        b->restarts++;
    b->grown = b->total > 0 && total > b->total ? total - b->total : 0;
    b->copied = copied;
    b->total = total;
    state->copied = copied;
    state->total = total;
}

static enum studio_err step(struct store_backup *b, int pages, struct store_backup_state *state,
                            struct studio_error *error)
{
    struct store_info info = {0};
    *state = (struct store_backup_state){.done = false};
    int rc = sqlite3_backup_step(b->copy, pages);
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return refuse(error, b, rc);
    note_progress(b, state);
    if (rc == SQLITE_OK)
        return STUDIO_OK;
    /* Nothing was committed since: this thread would have. */
    rc = schema_load(b->from, &info);
    if (rc != SQLITE_OK)
        return refuse(error, b, rc);
    state->done = true;
    state->last_seq = info.last_seq;
    memcpy(state->epoch, info.epoch, sizeof state->epoch);
    return STUDIO_OK;
}

enum studio_err store_backup_begin(struct store *base, int fd, struct store_backup **out,
                                   struct studio_error *error)
{
    const struct sqlite_store *store = as_sqlite(base);
    *out = NULL;
    if (base->engine != &sqlite_engine)
        return studio_error_set(error, STUDIO_ERR_IO,
                                ": the store is in a database, which has its own ways: pg_dump, "
                                "pg_basebackup");
    enum studio_err err;
    *out = begin(store->path, store->db, fd, &err, error);
    if (*out)
        (*out)->store = store;
    return err;
}

/* What came meanwhile goes along, or a store that grows quickly would never be copied to its end. */
static int pages_of_step(const struct store_backup *b)
{
    if (b->restarts >= RESTARTS_MAX || b->grown > INT_MAX - STORE_BACKUP_STEP)
        return -1;
    return STORE_BACKUP_STEP + (int)b->grown;
}

enum studio_err store_backup_step(struct store_backup *b, struct store_backup_state *state,
                                  struct studio_error *error)
{
    if (b->store->failed) /* what it reads may not be what is on the disk */
        return refuse(error, b, SQLITE_IOERR);
    return step(b, pages_of_step(b), state, error);
}

void store_backup_end(struct store_backup *b)
{
    if (!b)
        return;
    (void)sqlite3_backup_finish(b->copy);
    (void)sqlite3_close(b->to);
    free(b);
}

/* --- without an agent ------------------------------------------------------------------------ */

static enum studio_err copy_all(const struct tool *tool, int fd,
                                void (*tell)(uint64_t copied, uint64_t total),
                                struct store_backup_state *state, struct studio_error *error)
{
    enum { PAGES = 256 };
    enum studio_err err;
    struct store_backup *b = begin(tool->path, tool->db, fd, &err, error);
    *state = (struct store_backup_state){.done = false};
    while (b && err == STUDIO_OK && !state->done) {
        err = step(b, PAGES, state, error);
        if (err == STUDIO_OK && tell)
            tell(state->copied, state->total);
    }
    store_backup_end(b);
    return err;
}

enum studio_err store_backup_all(const char *dir, int fd,
                                 void (*tell)(uint64_t copied, uint64_t total),
                                 struct store_backup_state *state, struct studio_error *error)
{
    struct tool tool;
    enum studio_err err = tool_open(dir, false, &tool, error);
    if (err != STUDIO_OK)
        return err;
    if (tool.damage.found) /* part of it would pass for all */
        err = wal_refuse(error, tool.path, &tool.damage);
    else
        err = copy_all(&tool, fd, tell, state, error);
    tool_close(&tool);
    return err;
}
