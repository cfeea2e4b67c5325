/*
 * check.c - `store check`: everything that must hold in a store, each as a query for its faults.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "store/record.h"
#include "store/sqlite/private.h"
#include "store/tools.h"

enum {
    FAULTS_PRINTED = 100, /* then they are only counted */
    BODY_MAX = 16 * 1024 * 1024
};

static void fault(struct findings *findings, const char *fmt, ...) STUDIO_PRINTF(2, 3);
static void fault(struct findings *findings, const char *fmt, ...)
{
    char text[sizeof findings->first];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    if (findings->count++ == 0)
        memcpy(findings->first, text, sizeof text);
    if (findings->out && findings->count <= FAULTS_PRINTED)
        fprintf(findings->out, "fault: %s\n", text);
}

/* Each answers with one row of text for every fault. */
static const char *const queries[] = {
    "SELECT 'meta: the epoch is not 32 hex digits' WHERE NOT EXISTS (SELECT 1 FROM meta"
    " WHERE key = 'epoch' AND length(value) = 32 AND value NOT GLOB '*[^0-9a-f]*')",

    "SELECT 'meta: there is no agent id of 1 to 64 bytes' WHERE NOT EXISTS (SELECT 1 FROM meta"
    " WHERE key = 'agent_id' AND length(CAST(value AS BLOB)) BETWEEN 1 AND 64)",

    "SELECT printf('meta: %s is not a number', column1) FROM"
    " (VALUES ('boot'), ('last_seq'), ('acked')) WHERE NOT EXISTS (SELECT 1 FROM meta"
    " WHERE key = column1 AND typeof(value) = 'integer' AND value >= 0)",

    "SELECT printf('meta: %d is acknowledged, but the newest event is %d', value, newest) FROM "
    "meta,"
    " (SELECT max((SELECT value FROM meta WHERE key = 'last_seq'),"
    " coalesce((SELECT max(seq) FROM events), 0)) AS newest)"
    " WHERE key = 'acked' AND value > newest AND value <> 9223372036854775807",

    "SELECT printf('events: the newest is %d, not %d', newest, value) FROM meta,"
    " (SELECT max(seq) AS newest FROM events) WHERE key = 'last_seq' AND newest < value",

    /* Retention removes only what is acknowledged. */
    "SELECT printf('events: %d was never acknowledged and is not there', value + 1)"
    " FROM meta a, (SELECT coalesce(min(seq), (SELECT value + 1 FROM meta WHERE key = 'last_seq'))"
    " AS oldest FROM events) WHERE a.key = 'acked' AND oldest - 1 > a.value",

    "SELECT printf('events: %d to %d are missing', before + 1, seq - 1) FROM"
    " (SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM events) WHERE seq <> before + 1",

    "SELECT printf('events: %d has no known kind (%d)', seq, kind) FROM events"
    " WHERE kind NOT IN (1, 2)",

    "SELECT printf('events: %d of %s has rev %d, the change before has %d', seq, table_id, rev,"
    " before) FROM (SELECT seq, table_id, rev, lag(rev) OVER changes AS before,"
    " lag(seq) OVER changes AS before_seq FROM events WHERE kind = 1"
    " WINDOW changes AS (PARTITION BY table_id ORDER BY rev, seq))"
    " WHERE rev <> before + 1 OR seq < before_seq",

    "SELECT printf('spans: span %d does not know the events of %s from rev %d on', e.span,"
    " e.table_id, e.rev) FROM (SELECT seq / 1024 AS span, table_id, min(rev + kind - 1) AS rev"
    " FROM events WHERE kind IN (1, 2) GROUP BY 1, 2) e WHERE NOT EXISTS (SELECT 1 FROM spans s"
    " WHERE s.span = e.span AND s.table_id = e.table_id AND s.rev <= e.rev)",

    "SELECT DISTINCT printf('tables: %s has events but is not there', table_id) FROM events"
    " WHERE table_id NOT IN (SELECT id FROM tables)",

    "SELECT printf('tables: %s is at rev %d, its newest change at %d', id, rev, newest) FROM "
    "tables,"
    " (SELECT table_id, max(rev) AS newest FROM events WHERE kind = 1 GROUP BY table_id)"
    " WHERE id = table_id AND rev <> newest",

    "SELECT printf('requests: %s of %s for %s has no digest of 32 bytes', request_id, client,"
    " table_id) FROM requests WHERE length(digest) <> 32",
};

static int run_query(sqlite3 *db, const char *sql, struct findings *findings)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (!text || strcmp(text, "ok") != 0) /* what a sound integrity_check says */
            fault(findings, "%s", text ? text : "out of memory");
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- bytes against rows ---------------------------------------------------------------------- */

/* Does this row's JSON say what its columns say? */
typedef bool agree_fn(const struct json_members *record, const char *table_id, uint64_t rev,
                      int kind);

static bool event_agrees(const struct json_members *record, const char *table_id, uint64_t rev,
                         int kind)
{
    uint64_t n = rev;
    bool known = kind == EVENT_CHANGE
                     ? record_u64(record, "rev", &n) && record_get(record, "changes") != NULL
                     : record_get(record, "data") != NULL;
    return known && n == rev && record_is(record, "table_id", table_id);
}

static bool document_agrees(const struct json_members *record, const char *table_id, uint64_t rev,
                            int kind)
{
    uint64_t n;
    (void)kind;
    return record_u64(record, "UPTIME", &n) && n == rev && record_is(record, "TABLE_ID", table_id);
}

static const struct {
    const char *sql; /* what names the row, table id, rev, kind, JSON without its head */
    const char *head;
    agree_fn *agree;
    const char *what;
} contents[] = {
    {"SELECT seq, table_id, rev, kind, body FROM events", "{", event_agrees, "events"},
    {"SELECT id, id, rev, 0, document FROM tables WHERE document IS NOT NULL", "", document_agrees,
     "tables"},
};

static int check_contents(sqlite3 *db, size_t which, struct findings *findings)
{
    struct json_members record;
    struct buf json;
    sqlite3_stmt *stmt = NULL;
    buf_init(&json, BODY_MAX);
    int rc = sqlite3_prepare_v2(db, contents[which].sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *table_id = (const char *)sqlite3_column_text(stmt, 1);
        const char *text = (const char *)sqlite3_column_text(stmt, 4);
        if (!name || !table_id || !text) {
            rc = SQLITE_NOMEM;
            break;
        }
        buf_clear(&json);
        buf_str(&json, contents[which].head);
        buf_add(&json, text, (size_t)sqlite3_column_bytes(stmt, 4));
        if (!buf_ok(&json) || !json_members(json.data, json.len, &record))
            fault(findings, "%s: what %s holds is not JSON", contents[which].what, name);
        else if (!contents[which].agree(&record, table_id, (uint64_t)sqlite3_column_int64(stmt, 2),
                                        sqlite3_column_int(stmt, 3)))
            fault(findings, "%s: what %s holds is not about %s at rev %" PRId64,
                  contents[which].what, name, table_id, (int64_t)sqlite3_column_int64(stmt, 2));
    }
    (void)sqlite3_finalize(stmt);
    buf_finish(&json);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void note_unreadable(struct findings *findings, sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK)
        fault(findings, "%s cannot be read: %s", what, sqlite3_errmsg(db));
}

void check_database(sqlite3 *db, struct findings *findings)
{
    note_unreadable(findings, db, run_query(db, "PRAGMA integrity_check(100)", findings),
                    "the file");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        note_unreadable(findings, db, run_query(db, queries[i], findings), "part of it");
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
        note_unreadable(findings, db, check_contents(db, i, findings), contents[i].what);
}

/* Best effort: what there is, when it can be read at all. */
static void print_summary(sqlite3 *db, FILE *out)
{
    struct store_info info = {0};
    int64_t tables = 0;
    if (schema_load(db, &info) != SQLITE_OK ||
        sql_number(db, "SELECT count(*) FROM tables WHERE document IS NOT NULL", &tables) !=
            SQLITE_OK)
        return;
    fprintf(out,
            "epoch %s, agent %s, %" PRIu64 " starts, %" PRId64 " tables\n"
            "%" PRIu64 " events (%" PRIu64 " to %" PRIu64 "), acknowledged to %" PRIu64 ", %" PRIu64
            " parked\n",
            info.epoch, info.agent_id, info.boot, tables, info.last_seq + 1 - info.oldest,
            info.oldest, info.last_seq, info.acked, info.parked);
}

enum studio_err store_check(const char *dir, int copy, FILE *out, struct studio_error *error)
{
    struct findings findings = {.out = out};
    struct tool tool;
    enum studio_err err = tool_open_to_read(dir, copy, &tool, error);
    if (err != STUDIO_OK)
        return err;
    if (tool.damage.found) {
        char where[WAL_WHERE_MAX];
        wal_where(&tool.damage, where);
        fault(&findings, "log: damaged at %s, %" PRIu64 " transactions lost behind it", where,
              tool.damage.lost);
    }
    check_database(tool.db, &findings);
    print_summary(tool.db, out);
    if (findings.count > FAULTS_PRINTED)
        fprintf(out, "and %u more\n", findings.count - FAULTS_PRINTED);
    if (findings.count)
        fprintf(out, "%u faults found\n", findings.count);
    else
        fprintf(out, "no fault found\n");
    if (findings.count)
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": %s has %u faults, the first: %s; restore a backup of the data "
                               "directory",
                               tool.path, findings.count, findings.first);
    else if (fflush(out) != 0 || ferror(out))
        err = studio_error_set(error, STUDIO_ERR_IO, ": the result could not be printed");
    tool_close(&tool);
    return err;
}
