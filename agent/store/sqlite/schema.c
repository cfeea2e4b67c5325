/*
 * schema.c - is this file ours, is it sound, bring it to this version.
 *
 * The header's application_id says whose file it is, its user_version how many steps it has seen.
 * A step, once released, is never edited; a new version is a new step at the end.
 */
#include <string.h>
#include <sys/random.h>

#include "base/text.h"
#include "store/sqlite/private.h"

/* A full check reads the whole file, 3 to 4 ms a megabyte from memory, 50 from a card; beyond this size a start
 * would take too long. */
enum { CHECK_MAX_MB = 64 };

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
    /* 2 */
    /* How old something is: hours the agent has run since, see housekeep.c. */
    "INSERT INTO meta (key, value) VALUES ('" META_HOURS "', 0);"
    "CREATE TABLE hours (hour INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL) STRICT;"
    "ALTER TABLE requests ADD COLUMN hour INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX requests_age;"
    "CREATE INDEX requests_age ON requests (hour);",
    /* 3 */
    /* Which tables changed among the events of a span (seq / 1024), and their first rev there: one row for
       all of a busy table's changes in it, where an index has one for each, on a page of its own. The rows of
       the newest span lie together, those of the oldest go together. */
    "CREATE TABLE spans (span INTEGER NOT NULL, table_id TEXT NOT NULL, rev INTEGER NOT NULL,"
    "  PRIMARY KEY (span, table_id)) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO spans (span, table_id, rev) SELECT seq / 1024, table_id, rev"
    "  FROM events INDEXED BY events_changes WHERE kind = 1 ORDER BY table_id, rev;"
    "DROP INDEX events_changes;",
    /* 4 */
    /* The table's rev that removed the field: the newest are kept, and it says which were published. */
    "ALTER TABLE cleared ADD COLUMN rev INTEGER NOT NULL DEFAULT 0;",
    /* 5 */
    /* Exceptions are found by spans, too: the changes of a span have its rev or a later one, also where an
       exception, which has the rev of the change before it, is the first. */
    "INSERT OR IGNORE INTO spans (span, table_id, rev) SELECT seq / 1024, table_id, rev + 1"
    "  FROM events WHERE kind = 2 ORDER BY seq;",
};
enum { SCHEMA_VERSION = sizeof steps / sizeof *steps };
_Static_assert(STORE_SPAN == 1024, "as in step 3");

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

enum studio_err schema_identify(sqlite3 *db, const char *path, bool *blank,
                                struct studio_error *error)
{
    int64_t application, version, objects;
    const struct {
        const char *sql;
        int64_t *out;
    } facts[] = {
        {"PRAGMA application_id", &application},
        {"PRAGMA user_version", &version},
        {"SELECT count(*) FROM sqlite_schema", &objects},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        int rc = sql_number(db, facts[i].sql, facts[i].out);
        if (rc != SQLITE_OK)
            return sql_refuse(error, path, rc, db);
    }
    /* A start that was cut off before its first commit leaves an empty database behind. */
    *blank = application == 0 && version == 0 && objects == 0;
    if (!*blank && application != STORE_APPLICATION_ID)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s is a database of another program; name another directory "
                                "with --data, or move the file away",
                                path);
    if (version > SCHEMA_VERSION)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                                ": %s was written by a newer studio-agent (format %lld, this one "
                                "knows up to %d); start that version, or restore a backup",
                                path, (long long)version, (int)SCHEMA_VERSION);
    return STUDIO_OK;
}

int schema_check(sqlite3 *db)
{
    int64_t pages, page_size;
    int rc = sql_number(db, "PRAGMA page_count", &pages);
    if (rc == SQLITE_OK)
        rc = sql_number(db, "PRAGMA page_size", &page_size);
    if (rc != SQLITE_OK)
        return rc;
    bool small = pages * page_size <= (int64_t)CHECK_MAX_MB * 1024 * 1024;
    return small ? quick_check(db) : cheap_check(db);
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

/* --- meta ------------------------------------------------------------------------------------ */

static int put_text(sqlite3 *db, const char *key, const char *text)
{
    static const char *const sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)"
                                   " ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    struct sql_call call = sql_call(stmt);
    sql_str(&call, key);
    sql_str(&call, text);
    rc = sql_run(&call);
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* SQLITE_NOTFOUND if it is not there or does not fit. */
static int get_text(sqlite3 *db, const char *key, char *out, size_t cap)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE key = ?1", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    struct sql_call call = sql_call(stmt);
    sql_str(&call, key);
    rc = sql_step(&call);
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(stmt, 0);
        rc = text && len < cap ? SQLITE_OK : SQLITE_NOTFOUND;
        if (rc == SQLITE_OK)
            memcpy(out, text, len + 1);
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_NOTFOUND;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int get_memo(sqlite3 *db, char out[STORE_MEMO_MAX + 1])
{
    int rc = get_text(db, META_MEMO, out, STORE_MEMO_MAX + 1);
    if (rc == SQLITE_NOTFOUND)
        out[0] = '\0';
    return rc == SQLITE_NOTFOUND ? SQLITE_OK : rc;
}

int schema_new_epoch(sqlite3 *db)
{
    unsigned char random[STORE_EPOCH_LEN / 2];
    char epoch[STORE_EPOCH_LEN + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return SQLITE_IOERR;
    text_hex(random, sizeof random, epoch);
    return put_text(db, META_EPOCH, epoch);
}

int schema_fill(sqlite3 *db, const char *agent_id)
{
    int rc = schema_new_epoch(db);
    if (rc == SQLITE_OK)
        rc = put_text(db, META_AGENT_ID, agent_id);
    if (rc == SQLITE_OK)
        rc = sql_exec(db, "INSERT INTO meta (key, value) VALUES ('" META_BOOT "', 0),"
                          " ('" META_LAST_SEQ "', 0), ('" META_ACKED "', 0)");
    return rc;
}

int schema_load(sqlite3 *db, struct store_info *info)
{
    int64_t oldest, newest;
    const struct {
        const char *sql;
        int64_t *out;
    } numbers[] = {
        {"SELECT value FROM meta WHERE key = '" META_BOOT "'", (int64_t *)&info->boot},
        {"SELECT value FROM meta WHERE key = '" META_LAST_SEQ "'", (int64_t *)&info->last_seq},
        {"SELECT value FROM meta WHERE key = '" META_ACKED "'", (int64_t *)&info->acked},
        {"SELECT count(*) FROM events WHERE parked IS NOT NULL", (int64_t *)&info->parked},
        {"SELECT coalesce(min(seq), 0) FROM events", &oldest},
        {"SELECT coalesce(max(seq), 0) FROM events", &newest},
    };
    int rc = get_text(db, META_EPOCH, info->epoch, sizeof info->epoch);
    if (rc == SQLITE_OK)
        rc = get_text(db, META_AGENT_ID, info->agent_id, sizeof info->agent_id);
    if (rc == SQLITE_OK)
        rc = get_memo(db, info->memo);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof numbers / sizeof *numbers; i++)
        rc = sql_number(db, numbers[i].sql, numbers[i].out);
    if (rc != SQLITE_OK)
        return rc == SQLITE_NOTFOUND ? SQLITE_CORRUPT : rc;
    bool whole = newest == 0 || (oldest > 0 && (uint64_t)newest >= info->last_seq);
    if (newest > 0)
        info->last_seq = (uint64_t)newest;
    if (info->acked == STORE_ALL_ACKED)
        info->acked = info->last_seq;
    info->oldest = newest ? (uint64_t)oldest : info->last_seq + 1;
    bool sane = whole && strlen(info->epoch) == STORE_EPOCH_LEN && info->acked <= info->last_seq &&
                info->last_seq < INT64_MAX;
    return sane ? SQLITE_OK : SQLITE_CORRUPT;
}
