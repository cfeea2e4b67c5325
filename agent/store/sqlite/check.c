/*
 * check.c - `store check`: everything that must hold in a store, each as a query for its faults.
 */
#include <inttypes.h>
#include <string.h>

#include "store/sqlite/private.h"

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
            findings_add(findings, "%s", text ? text : "out of memory");
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- bytes against rows ---------------------------------------------------------------------- */

/* One row of what there is, with texts that are all there. */
typedef void content_fn(struct findings *findings, sqlite3_stmt *stmt, const char *table_id,
                        const char *json, size_t len);

static void check_event(struct findings *findings, sqlite3_stmt *stmt, const char *table_id,
                        const char *json, size_t len)
{
    findings_event(findings, (uint64_t)sqlite3_column_int64(stmt, 3), table_id,
                   (uint64_t)sqlite3_column_int64(stmt, 1), sqlite3_column_int(stmt, 4), json, len);
}

static void check_document(struct findings *findings, sqlite3_stmt *stmt, const char *table_id,
                           const char *json, size_t len)
{
    findings_document(findings, table_id, (uint64_t)sqlite3_column_int64(stmt, 1), json, len);
}

static const struct {
    const char *sql; /* table id, rev, JSON, and what else the function wants */
    content_fn *check;
    const char *what;
} contents[] = {
    {"SELECT table_id, rev, '{' || body, seq, kind FROM events", check_event, "events"},
    {"SELECT id, rev, document FROM tables WHERE document IS NOT NULL", check_document, "tables"},
};

static int check_contents(sqlite3 *db, size_t which, struct findings *findings)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, contents[which].sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        const char *table_id = (const char *)sqlite3_column_text(stmt, 0);
        const char *json = (const char *)sqlite3_column_text(stmt, 2);
        if (!table_id || !json) {
            rc = SQLITE_NOMEM;
            break;
        }
        contents[which].check(findings, stmt, table_id, json,
                              (size_t)sqlite3_column_bytes(stmt, 2));
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void note_unreadable(struct findings *findings, sqlite3 *db, int rc, const char *what)
{
    if (rc != SQLITE_OK)
        findings_add(findings, "%s cannot be read: %s", what, sqlite3_errmsg(db));
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

enum studio_err sqlite_check(const struct store_place *place, FILE *out, struct studio_error *error)
{
    struct findings findings = {.out = out};
    struct store_info info = {0};
    int64_t tables = 0;
    struct tool tool;
    enum studio_err err = tool_open_to_read(place->dir, place->copy, &tool, error);
    if (err != STUDIO_OK)
        return err;
    if (tool.damage.found) {
        char where[WAL_WHERE_MAX];
        wal_where(&tool.damage, where);
        findings_add(&findings, "log: damaged at %s, %" PRIu64 " transactions lost behind it",
                     where, tool.damage.lost);
    }
    check_database(tool.db, &findings);
    /* What there is, when it can be read at all. */
    const bool known = schema_load(tool.db, &info) == SQLITE_OK &&
                       sql_number(tool.db, "SELECT count(*) FROM tables WHERE document IS NOT NULL",
                                  &tables) == SQLITE_OK;
    findings_end(&findings, known ? &info : NULL, (uint64_t)tables);
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
