/* sql.c - statements: bind, run, classify a result. */
#include <errno.h>
#include <string.h>

#include "store/sqlite/private.h"

struct sql_call sql_call(sqlite3_stmt *stmt)
{
    return (struct sql_call){.stmt = stmt, .next = 1, .rc = SQLITE_OK};
}

static void note(struct sql_call *call, int rc)
{
    if (call->rc == SQLITE_OK)
        call->rc = rc;
    call->next++;
}

void sql_i64(struct sql_call *call, int64_t n)
{
    note(call, sqlite3_bind_int64(call->stmt, call->next, n));
}

void sql_u64(struct sql_call *call, uint64_t n)
{
    sql_i64(call, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void sql_text(struct sql_call *call, const char *text, size_t len)
{
    /* Static: every caller runs the statement before the text goes away. */
    note(call, sqlite3_bind_text64(call->stmt, call->next, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void sql_str(struct sql_call *call, const char *text)
{
    sql_text(call, text, text ? strlen(text) : 0);
}

void sql_blob(struct sql_call *call, const void *bytes, size_t len)
{
    note(call, sqlite3_bind_blob64(call->stmt, call->next, bytes, len, SQLITE_STATIC));
}

int sql_step(struct sql_call *call)
{
    return call->rc == SQLITE_OK ? sqlite3_step(call->stmt) : call->rc;
}

void sql_end(struct sql_call *call)
{
    (void)sqlite3_reset(call->stmt); /* repeats the error of the last step */
    (void)sqlite3_clear_bindings(call->stmt);
}

int sql_run(struct sql_call *call)
{
    int rc;
    do {
        rc = sql_step(call);
    } while (rc == SQLITE_ROW);
    sql_end(call);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sql_open(const char *path, int flags, const char *vfs, sqlite3 **db)
{
    int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(*db, STORE_BUSY_MS);
    /* Until the file is known to be ours and sound, closing must not move a byte in it. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sql_exec(*db, "PRAGMA trusted_schema = OFF;"
                           "PRAGMA cell_size_check = ON;"
                           "PRAGMA temp_store = MEMORY;"
                           "PRAGMA cache_size = -8000;"
                           "PRAGMA secure_delete = OFF;");
    return rc;
}

int sql_exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sql_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    int end = sqlite3_finalize(stmt);
    if (rc == SQLITE_DONE)
        return SQLITE_NOTFOUND;
    return rc == SQLITE_ROW ? end : rc;
}

int sql_prepare_all(sqlite3 *db, const char *const *texts, sqlite3_stmt **stmts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int rc = sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

void sql_finalize_all(sqlite3_stmt **stmts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_finalize(stmts[i]);
        stmts[i] = NULL;
    }
}

enum studio_err sql_classify(int rc)
{
    switch (rc) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return STUDIO_OK;
    case SQLITE_IOERR_FSYNC: /* the page cache may have dropped what it could not write */
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_CORRUPTFS:
        return STUDIO_ERR_IO;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
    case SQLITE_IOERR:
        return STUDIO_ERR_STORAGE;
    default: /* damage, or a file that is not what was opened */
        return STUDIO_ERR_IO;
    }
}

enum studio_err sql_refuse(struct studio_error *error, const char *path, int rc, sqlite3 *db)
{
#define START_ANEW                                                                                 \
    "restore a backup of the data directory, or move " STORE_FILE "* away to start with an empty " \
    "store"
    static const struct {
        int rc;
        const char *advice;
    } reasons[] = {
        {SQLITE_NOTADB, "is damaged or not a store; " START_ANEW},
        {SQLITE_CORRUPT, "is damaged; " START_ANEW},
        {SQLITE_FULL, "cannot be written, the disk is full; free some space and start again"},
        {SQLITE_CANTOPEN, "cannot be opened; check that the directory exists and that this user "
                          "may write in it"},
        {SQLITE_READONLY, "is read-only; give this user write permission on it and its directory"},
        {SQLITE_PERM, "may not be used; give this user permission on it and its directory"},
        {SQLITE_BUSY, "is locked by another program; close it and start again"},
        {SQLITE_NOMEM, "could not be opened for lack of memory"},
        {SQLITE_IOERR, "cannot be read or written; check the disk and the permissions"},
    };
#undef START_ANEW
    const char *advice = "cannot be used; check it with `studio-agent store check`";
    bool full = (rc & 0xff) == SQLITE_IOERR && db && sqlite3_system_errno(db) == ENOSPC;
    int reason = full ? SQLITE_FULL : rc & 0xff;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].rc == reason)
            advice = reasons[i].advice;
    /* The connection's words are better, but only if they are about this very result. */
    bool own_words = db && sqlite3_extended_errcode(db) == rc;
    return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": %s %s (%s)", path, advice,
                            own_words ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}
