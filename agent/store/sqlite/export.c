/* export.c - `store export`: everything the store knows as lines of JSON (tools.h). */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "store/sqlite/private.h"
#include "store/tools.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024 };

struct export
{
    FILE *out;
    uint64_t lines;
    struct buf line;
    const char *epoch;
};

static void add_key(struct buf *line, const char *key)
{
    buf_printf(line, ",\"%s\":", key);
}

static void start_record(struct buf *line, const char *kind)
{
    buf_printf(line, "{\"record\":\"%s\"", kind);
}

/* A column as it is. One that SQLite has no memory for fails the line. */
static void add_raw(struct buf *line, sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    if (text)
        buf_add(line, text, (size_t)sqlite3_column_bytes(stmt, column));
    else if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
        buf_str(line, "null");
    else
        line->failed = true;
}

static void add_string(struct buf *line, const char *key, sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    add_key(line, key);
    if (text)
        json_string(line, text, (size_t)sqlite3_column_bytes(stmt, column));
    else
        line->failed = true;
}

static void add_number(struct buf *line, const char *key, sqlite3_stmt *stmt, int column)
{
    add_key(line, key);
    buf_printf(line, "%lld", (long long)sqlite3_column_int64(stmt, column));
}

/* --- one line of each kind ------------------------------------------------------------------- */

static void print_event(struct export *x, sqlite3_stmt *stmt)
{
    buf_printf(&x->line, "{\"seq\":%lld,\"epoch\":\"%s\",",
               (long long)sqlite3_column_int64(stmt, 0), x->epoch);
    add_raw(&x->line, stmt, 1);
}

static void print_parked(struct export *x, sqlite3_stmt *stmt)
{
    start_record(&x->line, "parked");
    add_number(&x->line, "seq", stmt, 0);
    add_string(&x->line, "reason", stmt, 1);
    buf_str(&x->line, "}");
}

static void print_table(struct export *x, sqlite3_stmt *stmt)
{
    start_record(&x->line, "table");
    add_string(&x->line, "table_id", stmt, 0);
    add_number(&x->line, "rev", stmt, 1);
    add_key(&x->line, "document");
    add_raw(&x->line, stmt, 2);
    buf_str(&x->line, "}");
}

static void print_request(struct export *x, sqlite3_stmt *stmt)
{
    char digest[2 * 32 + 1] = "";
    const unsigned char *bytes = sqlite3_column_blob(stmt, 3);
    if (bytes && sqlite3_column_bytes(stmt, 3) == 32)
        text_hex(bytes, 32, digest);
    start_record(&x->line, "request");
    add_string(&x->line, "table_id", stmt, 0);
    add_string(&x->line, "client", stmt, 1);
    add_string(&x->line, "request_id", stmt, 2);
    buf_printf(&x->line, ",\"digest\":\"%s\"", digest);
    add_number(&x->line, "wall_ms", stmt, 4);
    add_string(&x->line, "answer", stmt, 5);
    buf_str(&x->line, "}");
}

static void print_cleared(struct export *x, sqlite3_stmt *stmt)
{
    start_record(&x->line, "cleared");
    add_string(&x->line, "table_id", stmt, 0);
    add_string(&x->line, "field", stmt, 1);
    buf_str(&x->line, "}");
}

static const struct {
    const char *sql;
    void (*print)(struct export *x, sqlite3_stmt *stmt);
} sections[] = {
    {"SELECT seq, body FROM events ORDER BY seq", print_event},
    {"SELECT seq, parked FROM events WHERE parked IS NOT NULL ORDER BY seq", print_parked},
    {"SELECT id, rev, document FROM tables ORDER BY id", print_table},
    {"SELECT table_id, client, request_id, digest, wall_ms, answer FROM requests"
     " ORDER BY table_id, client, request_id",
     print_request},
    {"SELECT table_id, field FROM cleared ORDER BY table_id, field", print_cleared},
};

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err put_line(struct export *x, struct studio_error *error)
{
    buf_str(&x->line, "\n");
    if (!buf_ok(&x->line))
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    if (fwrite(x->line.data, 1, x->line.len, x->out) != x->line.len)
        return studio_error_set(error, STUDIO_ERR_IO, ": the export could not be written: %s",
                                strerror(errno));
    buf_clear(&x->line);
    x->lines++;
    return STUDIO_OK;
}

static enum studio_err put_section(struct export *x, struct tool *tool, size_t section,
                                   struct studio_error *error)
{
    enum studio_err err = STUDIO_OK;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(tool->db, sections[section].sql, -1, &stmt, NULL);
    while (err == STUDIO_OK && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        sections[section].print(x, stmt);
        err = put_line(x, error);
    }
    if (err == STUDIO_OK && rc != SQLITE_DONE)
        err = sql_refuse(error, tool->path, rc, tool->db);
    (void)sqlite3_finalize(stmt);
    return err;
}

static enum studio_err put_header(struct export *x, const struct store_info *info,
                                  struct studio_error *error)
{
    const struct {
        const char *key;
        uint64_t n;
    } numbers[] = {
        {META_BOOT, info->boot}, {META_LAST_SEQ, info->last_seq}, {META_ACKED, info->acked}};
    start_record(&x->line, "store");
    buf_printf(&x->line, ",\"format\":1,\"epoch\":\"%s\",\"agent_id\":", info->epoch);
    json_string(&x->line, info->agent_id, strlen(info->agent_id));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        add_key(&x->line, numbers[i].key);
        buf_u64(&x->line, numbers[i].n);
    }
    buf_str(&x->line, "}");
    return put_line(x, error);
}

static enum studio_err put_all(struct export *x, struct tool *tool, const struct store_info *info,
                               struct studio_error *error)
{
    enum studio_err err = put_header(x, info, error);
    for (size_t i = 0; err == STUDIO_OK && i < sizeof sections / sizeof *sections; i++)
        err = put_section(x, tool, i, error);
    if (err != STUDIO_OK)
        return err;
    start_record(&x->line, "end");
    add_key(&x->line, "lines");
    buf_u64(&x->line, x->lines);
    buf_str(&x->line, "}");
    err = put_line(x, error);
    if (err == STUDIO_OK && fflush(x->out) != 0)
        err = studio_error_set(error, STUDIO_ERR_IO, ": the export could not be written: %s",
                               strerror(errno));
    return err;
}

enum studio_err store_export(const char *dir, int copy, FILE *out, struct studio_error *error)
{
    struct store_info info = {0};
    struct tool tool;
    enum studio_err err = tool_open_to_read(dir, copy, &tool, error);
    if (err != STUDIO_OK)
        return err;
    struct export x = {.out = out, .epoch = info.epoch};
    buf_init(&x.line, LINE_MAX_BYTES);
    int rc = schema_load(tool.db, &info);
    if (tool.damage.found) /* part of it would pass for all */
        err = wal_refuse(error, tool.path, &tool.damage);
    else if (rc == SQLITE_OK)
        err = put_all(&x, &tool, &info, error);
    else
        err = sql_refuse(error, tool.path, rc, tool.db);
    buf_finish(&x.line);
    tool_close(&tool);
    return err;
}
