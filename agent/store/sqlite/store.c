/* store.c - open: lock, check, migrate, count the boot; and close. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/private.h"

static const char *const texts[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_PUT_META] = "INSERT INTO meta (key, value) VALUES (?1, ?2)"
                      " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [STMT_DROP_META] = "DELETE FROM meta WHERE key = ?1",
    [STMT_ADD_SPAN] = "INSERT OR IGNORE INTO spans (span, table_id, rev) VALUES (?1, ?2, ?3)",
    [STMT_ADD_EVENT] = "INSERT INTO events (seq, kind, table_id, rev, wall_ms, body)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STMT_PUT_TABLE] = "INSERT OR REPLACE INTO tables (id, rev, document) VALUES (?1, ?2, ?3)",
    [STMT_ADD_CLEARED] = "INSERT INTO cleared (table_id, field, rev) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT DO UPDATE SET rev = excluded.rev",
    [STMT_DROP_CLEARED] = "DELETE FROM cleared WHERE table_id = ?1 AND field = ?2",
    [STMT_MANY_CLEARED] = "SELECT 1 FROM cleared WHERE table_id = ?1 LIMIT 1 OFFSET ?2",
    [STMT_FORGET_CLEARED] = "DELETE FROM cleared WHERE table_id = ?1 AND rev <= ?3 AND field NOT IN"
                            " (SELECT field FROM cleared WHERE table_id = ?1"
                            " ORDER BY rev DESC, field LIMIT ?2)",
    /* One older than a day may still be there; the new one takes its place. */
    [STMT_PUT_REQUEST] = "INSERT OR REPLACE INTO requests"
                         " (table_id, client, request_id, digest, answer, wall_ms, hour)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [STMT_PARK] = "UPDATE events SET parked = ?2 WHERE seq = ?1 AND parked IS NULL",
    [STMT_TABLES] = "SELECT id, rev, document FROM tables ORDER BY id",
    [STMT_AGED] = "SELECT last_seq FROM hours WHERE hour <= ?1 ORDER BY hour DESC LIMIT 1",
    [STMT_COUNT_PARKED] = "SELECT count(*) FROM events WHERE parked IS NOT NULL AND seq <= ?1",
    [STMT_DROP_EVENTS] = "DELETE FROM events WHERE seq <= ?1",
    [STMT_DROP_SPANS] = "DELETE FROM spans WHERE span < ?1",
    [STMT_OLD_REQUEST] = "SELECT 1 FROM requests WHERE hour <= ?1 LIMIT 1",
    [STMT_DROP_REQUESTS] = "DELETE FROM requests WHERE (table_id, client, request_id) IN"
                           " (SELECT table_id, client, request_id FROM requests"
                           " WHERE hour <= ?1 ORDER BY hour LIMIT ?2)",
    [STMT_ADD_HOUR] = "INSERT INTO hours (hour, last_seq) VALUES (?1, ?2)",
    [STMT_DROP_HOURS] = "DELETE FROM hours WHERE hour < ?1",
};

static bool has_content(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > 0;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/*
 * Makes the file if there is none, for this user only (SQLite would follow the umask). A WAL beside
 * an empty or missing file is what is left of a store: SQLite would delete it, so it is refused.
 */
static enum studio_err make_file(struct sqlite_store *store, const char *dir,
                                 struct studio_error *error)
{
    if (has_content(store->path))
        return STUDIO_OK;
    char *wal = lock_path(dir, STORE_FILE "-wal");
    if (!wal)
        return sql_refuse(error, store->path, SQLITE_NOMEM, NULL);
    bool orphan = exists(wal);
    free(wal);
    if (orphan)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s is missing or empty but %s-wal is there; restore a backup "
                                "of the data directory, or move both away to start with an empty "
                                "store",
                                store->path, STORE_FILE);
    int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": cannot create %s: %s; give this user write permission and room "
                                "there, or name another directory with --data",
                                store->path, strerror(errno));
    close(fd);
    return STUDIO_OK;
}

/* --- the connection -------------------------------------------------------------------------- */

static enum studio_err configure_file(struct sqlite_store *store, bool unsafe_no_sync,
                                      struct studio_error *error)
{
    int64_t ignored;
    sqlite3_stmt *stmt = NULL;
    int rc = sql_exec(store->db,
                      unsafe_no_sync ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL");
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    bool wal = mode && strcmp(mode, "wal") == 0;
    bool answered = rc == SQLITE_ROW;
    (void)sqlite3_finalize(stmt);
    if (answered && !wal)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s cannot use a write-ahead log here; the data directory must "
                                "be on a local file system",
                                store->path);
    if (answered)
        rc = sql_number(store->db, "PRAGMA journal_size_limit = 67108864", &ignored);
    if (rc == SQLITE_OK)
        rc = sql_number(store->db, "PRAGMA wal_autocheckpoint = 0", &ignored);
    return rc == SQLITE_OK ? STUDIO_OK : sql_refuse(error, store->path, rc, store->db);
}

/* What would make it larger fails as on a full disk. One that is larger already grows no further. */
static enum studio_err bound_file(struct sqlite_store *store, struct studio_error *error)
{
    char pragma[64];
    int64_t ignored;
    if (store->max_pages == 0)
        return STUDIO_OK;
    (void)sqlite3_snprintf((int)sizeof pragma, pragma, "PRAGMA max_page_count = %lld",
                           (long long)store->max_pages);
    int rc = sql_number(store->db, pragma, &ignored);
    return rc == SQLITE_OK ? STUDIO_OK : sql_refuse(error, store->path, rc, store->db);
}

static int note_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_store *store = ctx;
    (void)db;
    (void)name;
    if (pages <= store->copied) /* begun anew */
        store->copied = 0;
    store->wal_pages = pages;
    return SQLITE_OK;
}

/* --- the boot -------------------------------------------------------------------------------- */

static int put_meta_text(struct sqlite_store *store, const char *key, const char *text)
{
    struct sql_call call = store_call(store, STMT_PUT_META);
    sql_str(&call, key);
    sql_str(&call, text);
    return sql_run(&call);
}

enum studio_err sqlite_put_memo(struct store *base, const char *text)
{
    struct sqlite_store *store = as_sqlite(base);
    enum studio_err err = store_begin(store);
    if (err != STUDIO_OK)
        return err;
    return store_end(store,
                     put_meta_text(store, META_MEMO, strlen(text) <= STORE_MEMO_MAX ? text : ""));
}

static int count_boot(struct sqlite_store *store, const struct store_options *options)
{
    struct store_info *info = &store->base.info;
    info->boot++;
    int rc = store_put_meta_u64(store, META_BOOT, info->boot);
    if (rc == SQLITE_OK && options->agent_id && strcmp(info->agent_id, options->agent_id) != 0) {
        memcpy(info->agent_id, options->agent_id, strlen(options->agent_id) + 1);
        rc = put_meta_text(store, META_AGENT_ID, info->agent_id);
    }
    /* Without a broker nobody waits for what is there; mirroring begins with the next event. */
    if (!store->mirror)
        info->acked = info->last_seq;
    return rc == SQLITE_OK ? store_put_numbers(store, info->last_seq, info->acked) : rc;
}

/* Schema, first content and boot counter in one transaction: a store is there whole or not yet. */
static int boot(struct sqlite_store *store, const struct store_options *options, bool blank)
{
    int rc = sql_exec(store->db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = schema_migrate(store->db);
    if (rc == SQLITE_OK)
        rc = sql_prepare_all(store->db, texts, store->stmts, STMT_COUNT);
    if (rc == SQLITE_OK && blank)
        rc = schema_fill(store->db, options->agent_id ? options->agent_id : options->host_name);
    if (rc == SQLITE_OK)
        rc = schema_load(store->db, &store->base.info);
    if (rc == SQLITE_OK)
        rc = sql_number(store->db, "SELECT value FROM meta WHERE key = '" META_HOURS "'",
                        &store->hours);
    if (rc == SQLITE_NOTFOUND)
        rc = SQLITE_CORRUPT;
    if (rc == SQLITE_OK)
        rc = count_boot(store, options);
    return rc == SQLITE_OK ? sql_exec(store->db, "COMMIT") : rc;
}

/* SQLite ignores a sync of the directory that fails. The log is there now and keeps its name. */
static enum studio_err sync_names(const char *dir, struct studio_error *error)
{
    if (lock_sync(dir) == 0)
        return STUDIO_OK;
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                            ": %s cannot be synced: %s; check the disk", dir, strerror(errno));
}

/* --- open and close -------------------------------------------------------------------------- */

static enum studio_err open_file(struct sqlite_store *store, const struct store_options *options,
                                 struct studio_error *error)
{
    bool blank;
    struct wal_damage damage;
    enum studio_err err = make_file(store, options->dir, error);
    if (err == STUDIO_OK)
        err = wal_examine(store->path, &damage, error);
    if (err == STUDIO_OK && damage.found)
        err = wal_refuse(error, store->path, &damage);
    if (err == STUDIO_OK)
        err = wal_write_again(store->path, error);
    if (err != STUDIO_OK)
        return err;
    const char *vfs = options->unsafe_no_sync ? NULL : wal_vfs(); /* it rests on the syncs */
    int rc = sql_open(store->path, SQLITE_OPEN_READWRITE, vfs, &store->db);
    if (rc != SQLITE_OK)
        return sql_refuse(error, store->path, rc, store->db);
    err = schema_identify(store->db, store->path, &blank, error);
    if (err != STUDIO_OK)
        return err;
    rc = blank ? SQLITE_OK : schema_check(store->db);
    if (rc != SQLITE_OK)
        return sql_refuse(error, store->path, rc, store->db);
    err = configure_file(store, options->unsafe_no_sync, error);
    if (err != STUDIO_OK)
        return err;
    err = bound_file(store, error);
    if (err != STUDIO_OK)
        return err;
    sqlite3_wal_hook(store->db, note_wal, store);
    rc = boot(store, options, blank);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return rc == SQLITE_OK ? sync_names(options->dir, error)
                           : sql_refuse(error, store->path, rc, store->db);
}

enum studio_err sqlite_open(const struct store_options *options, struct store **out,
                            struct studio_error *error)
{
    *out = NULL;
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (!store)
        return sql_refuse(error, options->dir, SQLITE_NOMEM, NULL);
    store->lock_fd = -1;
    store->retention_events = options->retention_events;
    store->retention_days = options->retention_days;
    store->max_pages = (int64_t)(options->max_bytes / STORE_PAGE);
    store->mirror = options->mirror;
    store->syncs = !options->unsafe_no_sync;
    pthread_mutex_init(&store->copying, NULL);
    store->hour_began = -1;
    enum studio_err err;
    store->path = lock_path(options->dir, STORE_FILE);
    if (!store->path) {
        err = sql_refuse(error, options->dir, SQLITE_NOMEM, NULL);
        goto fail;
    }
    err = lock_take(options->dir, &store->lock_fd, error);
    if (err != STUDIO_OK)
        goto fail;
    err = open_file(store, options, error);
    if (err != STUDIO_OK)
        goto fail;
    *out = &store->base;
    return STUDIO_OK;
fail:
    store->failed = true; /* nothing to checkpoint */
    sqlite_close(&store->base);
    return err;
}

void sqlite_close(struct store *base)
{
    struct sqlite_store *store = as_sqlite(base);
    sql_finalize_all(store->stmts, STMT_COUNT);
    if (store->db) {
        /* What a failed sync left behind is for the next start, which also does without a checkpoint: no
         * reason to wait for a slow disk or a foreign reader. */
        (void)sqlite3_busy_timeout(store->db, 0);
        if (store->failed || sqlite_slow(base))
            (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        else
            (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                            NULL);
        (void)sqlite3_close(store->db);
    }
    lock_release(store->lock_fd);
    pthread_mutex_destroy(&store->copying);
    free(store->path);
    free(store);
}

bool sqlite_slow(const struct store *base)
{
    return as_const_sqlite(base)->commit_ms >= STORE_SLOW_MS;
}

enum studio_err sqlite_tables(struct store *base, store_table_fn *row, void *ctx)
{
    struct sqlite_store *store = as_sqlite(base);
    if (store->failed)
        return STUDIO_ERR_IO;
    bool go_on = true;
    int rc = SQLITE_ROW;
    struct sql_call call = store_call(store, STMT_TABLES);
    while (go_on && (rc = sql_step(&call)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(call.stmt, 0);
        const char *document = (const char *)sqlite3_column_text(call.stmt, 2);
        size_t len = (size_t)sqlite3_column_bytes(call.stmt, 2);
        bool removed = sqlite3_column_type(call.stmt, 2) == SQLITE_NULL;
        if (!id || (!document && !removed)) {
            rc = SQLITE_NOMEM;
            break;
        }
        go_on = row(ctx, id, (uint64_t)sqlite3_column_int64(call.stmt, 1), document, len);
    }
    sql_end(&call);
    if (!go_on)
        return STUDIO_ERR_NO_MEMORY;
    return rc == SQLITE_DONE ? STUDIO_OK : store_fail(store, rc, "reading the tables");
}
