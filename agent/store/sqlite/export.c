/* export.c - `store export`: the rows in their order, out of the file or a copy of it. */
#include <string.h>

#include "store/export.h"
#include "store/sqlite/private.h"

/* NULL where SQLite has no memory for it. */
static const char *text_of(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

static size_t len_of(sqlite3_stmt *stmt, int column)
{
    return (size_t)sqlite3_column_bytes(stmt, column);
}

static uint64_t number_of(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

/* --- one row of each kind -------------------------------------------------------------------- */

static enum studio_err put_event(struct export *x, sqlite3_stmt *stmt)
{
    const char *body = text_of(stmt, 1);
    return export_event(x, number_of(stmt, 0), body, len_of(stmt, 1));
}

static enum studio_err put_parked(struct export *x, sqlite3_stmt *stmt)
{
    return export_parked(x, number_of(stmt, 0), text_of(stmt, 1));
}

static enum studio_err put_table(struct export *x, sqlite3_stmt *stmt)
{
    const bool removed = sqlite3_column_type(stmt, 2) == SQLITE_NULL;
    const char *document = removed ? "" : text_of(stmt, 2);
    return export_table(x, text_of(stmt, 0), number_of(stmt, 1), document, len_of(stmt, 2));
}

static enum studio_err put_request(struct export *x, sqlite3_stmt *stmt)
{
    struct store_request request = {.table_id = text_of(stmt, 0),
                                    .client = text_of(stmt, 1),
                                    .request_id = text_of(stmt, 2),
                                    .wall_ms = sqlite3_column_int64(stmt, 4),
                                    .answer = text_of(stmt, 5),
                                    .answer_len = len_of(stmt, 5)};
    const void *digest = sqlite3_column_blob(stmt, 3);
    if (!digest || len_of(stmt, 3) != sizeof request.digest)
        return studio_error_set(x->error, STUDIO_ERR_STORE_UNUSABLE,
                                ": a request has no digest of 32 bytes; see studio-agent store "
                                "check");
    memcpy(request.digest, digest, sizeof request.digest);
    return export_request(x, &request);
}

static enum studio_err put_cleared(struct export *x, sqlite3_stmt *stmt)
{
    return export_cleared(x, text_of(stmt, 0), text_of(stmt, 1));
}

static const struct {
    const char *sql;
    enum studio_err (*put)(struct export *x, sqlite3_stmt *stmt);
} sections[] = {
    {"SELECT seq, body FROM events ORDER BY seq", put_event},
    {"SELECT seq, parked FROM events WHERE parked IS NOT NULL ORDER BY seq", put_parked},
    {"SELECT id, rev, document FROM tables ORDER BY id", put_table},
    {"SELECT table_id, client, request_id, digest, wall_ms, answer FROM requests"
     " ORDER BY table_id, client, request_id",
     put_request},
    {"SELECT table_id, field FROM cleared ORDER BY table_id, field", put_cleared},
};

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err put_section(struct export *x, struct tool *tool, size_t section)
{
    enum studio_err err = STUDIO_OK;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(tool->db, sections[section].sql, -1, &stmt, NULL);
    while (err == STUDIO_OK && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        err = sections[section].put(x, stmt);
    }
    if (err == STUDIO_OK && rc != SQLITE_DONE)
        err = sql_refuse(x->error, tool->path, rc, tool->db);
    (void)sqlite3_finalize(stmt);
    return err;
}

static enum studio_err put_all(struct tool *tool, const struct store_info *info, FILE *out,
                               store_progress_fn *tell, struct studio_error *error)
{
    struct export x;
    enum studio_err err = export_begin(&x, info, out, tell, error);
    for (size_t i = 0; err == STUDIO_OK && i < sizeof sections / sizeof *sections; i++)
        err = put_section(&x, tool, i);
    if (err == STUDIO_OK)
        err = export_end(&x);
    export_finish(&x);
    return err;
}

enum studio_err sqlite_export(const struct store_place *place, FILE *out, store_progress_fn *tell,
                              struct studio_error *error)
{
    struct store_info info = {0};
    struct tool tool;
    enum studio_err err = tool_open_to_read(place->dir, place->copy, &tool, error);
    if (err != STUDIO_OK)
        return err;
    int rc = schema_load(tool.db, &info);
    if (tool.damage.found) /* part of it would pass for all */
        err = wal_refuse(error, tool.path, &tool.damage);
    else if (rc == SQLITE_OK)
        err = put_all(&tool, &info, out, tell, error);
    else
        err = sql_refuse(error, tool.path, rc, tool.db);
    tool_close(&tool);
    return err;
}
