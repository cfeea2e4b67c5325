/*
 * schema.c - is this file ours, is it sound, bring it to this version.
 *
 * The header's application_id says whose file it is, its user_version how many steps it has seen.
 * A step, once released, is never edited; a new version is a new step at the end.
 */
#include <string.h>

#include "store/store_private.h"

/* A full check reads the whole file; beyond this size a start would take too long. */
enum { CHECK_MAX_MB = 256 };

static const char *const steps[] = {
    /* 1 */
    /* The body comes last: scans over the other columns do not touch its overflow pages. */
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE tables (id TEXT PRIMARY KEY, rev INTEGER NOT NULL, document TEXT)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, table_id TEXT NOT NULL,"
    "  rev INTEGER NOT NULL, wall_ms INTEGER NOT NULL, parked TEXT, body TEXT NOT NULL) STRICT;"
    "CREATE INDEX events_changes ON events (table_id, rev) WHERE kind = 1;"
    "CREATE INDEX events_parked ON events (seq) WHERE parked IS NOT NULL;"
    "CREATE TABLE requests (table_id TEXT NOT NULL, client TEXT NOT NULL,"
    "  request_id TEXT NOT NULL, digest BLOB NOT NULL, answer TEXT NOT NULL,"
    "  wall_ms INTEGER NOT NULL, PRIMARY KEY (table_id, client, request_id))"
    "  STRICT, WITHOUT ROWID;"
    "CREATE INDEX requests_age ON requests (wall_ms);"
    "CREATE TABLE cleared (table_id TEXT NOT NULL, field TEXT NOT NULL,"
    "  PRIMARY KEY (table_id, field)) STRICT, WITHOUT ROWID;",
};
enum { SCHEMA_VERSION = sizeof steps / sizeof *steps };

/* PRAGMA quick_check answers with a row of text, `ok` or what is wrong. */
static int quick_check(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);
        rc = text && strcmp((const char *)text, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* Both ends of what every start reads anyway. */
static int cheap_check(sqlite3 *db)
{
    static const char *const samples[] = {
        "SELECT count(*) FROM sqlite_schema",
        "SELECT length(body) FROM events ORDER BY seq LIMIT 1",
        "SELECT length(body) FROM events ORDER BY seq DESC LIMIT 1",
        "SELECT sum(length(document)) FROM tables",
    };
    int64_t ignored;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        int rc = sql_number(db, samples[i], &ignored);
        if (rc != SQLITE_OK && rc != SQLITE_NOTFOUND)
            return rc;
    }
    return SQLITE_OK;
}

enum studio_err schema_inspect(sqlite3 *db, const char *path, bool *blank,
                               struct studio_error *error)
{
    int64_t application, version, objects, pages, page_size;
    const struct {
        const char *sql;
        int64_t *out;
    } facts[] = {
        {"PRAGMA application_id", &application},
        {"PRAGMA user_version", &version},
        {"SELECT count(*) FROM sqlite_schema", &objects},
        {"PRAGMA page_count", &pages},
        {"PRAGMA page_size", &page_size},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        int rc = sql_number(db, facts[i].sql, facts[i].out);
        if (rc != SQLITE_OK)
            return sql_refuse(error, path, rc, db);
    }
    /* A start that was cut off before its first commit leaves an empty database behind. */
    *blank = application == 0 && version == 0 && objects == 0;
    if (*blank)
        return STUDIO_OK;
    if (application != STORE_APPLICATION_ID)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s is a database of another program; name another directory "
                                "with --data, or move the file away",
                                path);
    if (version > SCHEMA_VERSION)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s was written by a newer studio-agent (format %lld, this one "
                                "knows up to %d); start that version, or restore a backup",
                                path, (long long)version, (int)SCHEMA_VERSION);
    bool small = pages * page_size <= (int64_t)CHECK_MAX_MB * 1024 * 1024;
    int rc = small ? quick_check(db) : cheap_check(db);
    return rc == SQLITE_OK ? STUDIO_OK : sql_refuse(error, path, rc, db);
}

int schema_apply(sqlite3 *db, const char *const *list, int count)
{
    int64_t version;
    int rc = sql_number(db, "PRAGMA user_version", &version);
    if (rc != SQLITE_OK)
        return rc;
    for (int64_t i = version; i < count; i++) {
        rc = sql_exec(db, list[i]);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (version >= count)
        return SQLITE_OK;
    char pragma[96];
    (void)sqlite3_snprintf((int)sizeof pragma, pragma,
                           "PRAGMA user_version = %d; PRAGMA application_id = %d;", count,
                           (int)STORE_APPLICATION_ID);
    return sql_exec(db, pragma);
}

int schema_migrate(sqlite3 *db)
{
    return schema_apply(db, steps, SCHEMA_VERSION);
}
