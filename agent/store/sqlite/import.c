/*
 * import.c - `store import`: a store out of exported lines (tools.h), all of it or nothing.
 *
 * It is built as `studio.db.import` without a journal, for nobody needs half of it; checked;
 * synced; and only then renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "store/record.h"
#include "store/sqlite/private.h"
#include "store/tools.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024 };

enum import_stmt {
    IMPORT_META,
    IMPORT_EVENT,
    IMPORT_REV,
    IMPORT_PARKED,
    IMPORT_TABLE,
    IMPORT_REQUEST,
    IMPORT_CLEARED,
    IMPORT_COUNT
};

/* A JSON string as its text; a number as itself. */
#define TEXT_OF(value) "json_extract(" value ", '$')"

static const char *const texts[IMPORT_COUNT] = {
    [IMPORT_META] = "INSERT INTO meta (key, value) VALUES (?1, " TEXT_OF("?2") ")",
    /* An exception is published without the rev its table had: that of the change before it. */
    [IMPORT_EVENT] =
        "INSERT INTO events (seq, kind, table_id, rev, wall_ms, body) VALUES"
        " (?1, ?2, " TEXT_OF("?3") ", coalesce(?4, (SELECT last FROM revs"
                                   " WHERE table_id = " TEXT_OF("?3") "), -1), ?5, ?6)",
    [IMPORT_REV] = "INSERT INTO revs (table_id, first, last) VALUES (" TEXT_OF(
        "?1") ", ?2, ?2)"
              " ON CONFLICT (table_id) DO UPDATE SET last = excluded.last",
    [IMPORT_PARKED] =
        "UPDATE events SET parked = " TEXT_OF("?2") " WHERE seq = ?1 AND parked IS NULL",
    [IMPORT_TABLE] = "INSERT INTO tables (id, rev, document) VALUES (" TEXT_OF("?1") ", ?2, ?3)",
    [IMPORT_REQUEST] = "INSERT INTO requests"
                       " (table_id, client, request_id, digest, answer, wall_ms)"
                       " VALUES (" TEXT_OF("?1") ", " TEXT_OF("?2") ", " TEXT_OF(
                           "?3") ", ?4, " TEXT_OF("?5") ", ?6)",
    [IMPORT_CLEARED] =
        "INSERT INTO cleared (table_id, field) VALUES (" TEXT_OF("?1") ", " TEXT_OF("?2") ")",
};

/* Each table's first and last kept rev so far. */
#define MAKE_REVS                                                                                  \
    "CREATE TEMP TABLE revs (table_id TEXT PRIMARY KEY, first INTEGER NOT NULL,"                   \
    " last INTEGER NOT NULL) STRICT, WITHOUT ROWID"
/* Where no change before it is kept: one less than that of the next one, or the table's own. */
#define FILL_REVS                                                                                  \
    "UPDATE events SET rev = coalesce((SELECT max(first - 1, 0) FROM revs"                         \
    " WHERE revs.table_id = events.table_id),"                                                     \
    " (SELECT t.rev FROM tables t WHERE t.id = events.table_id), 0) WHERE rev = -1"
#define FILL_SPANS                                                                                 \
    "INSERT OR IGNORE INTO spans (span, table_id, rev)"                                            \
    " SELECT seq / 1024, table_id, rev + kind - 1 FROM events ORDER BY seq"

struct import {
    FILE *in;
    struct studio_error *error;
    char *path; /* of the file being built */
    sqlite3 *db;
    sqlite3_stmt *stmts[IMPORT_COUNT];
    uint64_t number; /* of the line, from 1 */
    bool ended;
    struct buf line;
    struct json_members record;
    char epoch[STORE_EPOCH_LEN + 1];
    uint64_t last_seq;
    uint64_t next_seq; /* 0: no event yet */
};

static enum studio_err refuse_line(struct import *im, const char *fmt, ...) STUDIO_PRINTF(2, 3);
static enum studio_err refuse_line(struct import *im, const char *fmt, ...)
{
    char what[200];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return studio_error_set(im->error, STUDIO_ERR_USAGE,
                            ": line %" PRIu64 " of the import: %s; nothing was imported",
                            im->number, n < 0 ? "" : what);
}

static enum studio_err out_of_memory(struct import *im)
{
    return studio_error_set(im->error, STUDIO_ERR_NO_MEMORY, NULL);
}

/* --- reading --------------------------------------------------------------------------------- */

/* The next line without its end; *more is false after the last. */
static enum studio_err read_line(struct import *im, bool *more)
{
    int byte;
    buf_clear(&im->line);
    while ((byte = getc(im->in)) != EOF && byte != '\n') {
        char c = (char)byte;
        buf_add(&im->line, &c, 1);
        if (!buf_ok(&im->line)) {
            im->number++;
            return im->line.len >= im->line.max ? refuse_line(im, "it is too long")
                                                : out_of_memory(im);
        }
    }
    if (ferror(im->in))
        return studio_error_set(im->error, STUDIO_ERR_IO, ": the import could not be read: %s",
                                strerror(errno));
    *more = byte != EOF || im->line.len > 0;
    if (!*more)
        return STUDIO_OK;
    im->number++;
    if (!json_members(im->line.data ? im->line.data : "", im->line.len, &im->record))
        return refuse_line(im, "it is not a JSON object");
    return STUDIO_OK;
}

static enum studio_err get_string(struct import *im, const char *name, struct json_span *out)
{
    const struct json_span *value = record_get(&im->record, name);
    *out = value ? *value : (struct json_span){.text = ""};
    if (out->text[0] != '"')
        return refuse_line(im, "`%s` is missing or not a string", name);
    return STUDIO_OK;
}

static enum studio_err get_number(struct import *im, const char *name, uint64_t *out)
{
    if (!record_u64(&im->record, name, out))
        return refuse_line(im, "`%s` is missing or not a number", name);
    return STUDIO_OK;
}

static void bind(struct sql_call *call, const struct json_span *value)
{
    sql_text(call, value->text, value->len);
}

static enum studio_err run(struct import *im, struct sql_call *call)
{
    int rc = sql_run(call);
    if (rc == SQLITE_OK)
        return STUDIO_OK;
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return refuse_line(im, "the same was there before");
    return sql_refuse(im->error, im->path, rc, im->db);
}

/* --- one line of each kind ------------------------------------------------------------------- */

static enum studio_err take_header(struct import *im)
{
    static const char *const numbers[] = {META_BOOT, META_LAST_SEQ, META_ACKED};
    static const char *const names[] = {META_EPOCH, META_AGENT_ID};
    const struct json_span *epoch = record_get(&im->record, META_EPOCH);
    struct json_span text;
    enum studio_err err = STUDIO_OK;
    uint64_t n = 0;
    if (!record_is(&im->record, "record", "store"))
        return refuse_line(im, "an export starts with {\"record\":\"store\",...}");
    if (!record_u64(&im->record, "format", &n) || n != 1)
        return refuse_line(im, "this studio-agent knows format 1 only");
    if (!epoch || epoch->len != STORE_EPOCH_LEN + 2 ||
        strspn(epoch->text + 1, "0123456789abcdef") != STORE_EPOCH_LEN)
        return refuse_line(im, "`epoch` is not 32 hex digits");
    memcpy(im->epoch, epoch->text + 1, STORE_EPOCH_LEN);
    for (size_t i = 0; err == STUDIO_OK && i < sizeof names / sizeof *names; i++) {
        struct sql_call call = sql_call(im->stmts[IMPORT_META]);
        err = get_string(im, names[i], &text);
        if (err != STUDIO_OK)
            break;
        sql_str(&call, names[i]);
        bind(&call, &text);
        err = run(im, &call);
    }
    for (size_t i = 0; err == STUDIO_OK && i < sizeof numbers / sizeof *numbers; i++) {
        err = get_number(im, numbers[i], &n);
        if (err != STUDIO_OK)
            break;
        struct sql_call call = sql_call(im->stmts[IMPORT_META]);
        sql_str(&call, numbers[i]);
        sql_u64(&call, n);
        err = run(im, &call);
        if (strcmp(numbers[i], META_LAST_SEQ) == 0)
            im->last_seq = n;
    }
    return err;
}

static enum studio_err take_event(struct import *im)
{
    struct json_span table_id;
    uint64_t seq, rev = 0;
    int64_t wall_ms;
    char head[96];
    enum studio_err err = get_number(im, "seq", &seq);
    if (err != STUDIO_OK)
        return err;
    if (im->next_seq != 0 && seq != im->next_seq)
        return refuse_line(im, "event %" PRIu64 " is missing", im->next_seq);
    int len = snprintf(head, sizeof head, "{\"seq\":%" PRIu64 ",\"epoch\":\"%s\",", seq, im->epoch);
    if (im->line.len <= (size_t)len || memcmp(im->line.data, head, (size_t)len) != 0)
        return refuse_line(im, "an event of this export starts with %s", head);
    if (!record_time(&im->record, "ts", &wall_ms))
        return refuse_line(im, "`ts` is missing or not a time");
    bool change = record_get(&im->record, "changes") != NULL;
    if (change == (record_get(&im->record, "data") != NULL))
        return refuse_line(im, "an event has either `changes` or `data`");
    err = get_string(im, "table_id", &table_id);
    if (err == STUDIO_OK && change)
        err = get_number(im, "rev", &rev);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = sql_call(im->stmts[IMPORT_EVENT]);
    sql_u64(&call, seq);
    sql_i64(&call, change ? EVENT_CHANGE : EVENT_EXCEPTION);
    bind(&call, &table_id);
    if (change)
        sql_u64(&call, rev);
    else
        sql_text(&call, NULL, 0);
    sql_i64(&call, wall_ms);
    sql_text(&call, im->line.data + len, im->line.len - (size_t)len);
    im->next_seq = seq + 1;
    err = run(im, &call);
    if (err != STUDIO_OK || !change)
        return err;
    call = sql_call(im->stmts[IMPORT_REV]);
    bind(&call, &table_id);
    sql_u64(&call, rev);
    return run(im, &call);
}

static enum studio_err take_parked(struct import *im)
{
    struct json_span reason;
    uint64_t seq;
    enum studio_err err = get_number(im, "seq", &seq);
    if (err == STUDIO_OK)
        err = get_string(im, "reason", &reason);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = sql_call(im->stmts[IMPORT_PARKED]);
    sql_u64(&call, seq);
    bind(&call, &reason);
    err = run(im, &call);
    if (err == STUDIO_OK && sqlite3_changes(im->db) != 1)
        err = refuse_line(im, "event %" PRIu64 " is not there, or parked already", seq);
    return err;
}

static enum studio_err take_table(struct import *im)
{
    struct json_span table_id;
    uint64_t rev;
    const struct json_span *document = record_get(&im->record, "document");
    if (!document || (document->text[0] != '{' && document->text[0] != 'n'))
        return refuse_line(im, "`document` is missing or not an object");
    enum studio_err err = get_number(im, "rev", &rev);
    if (err == STUDIO_OK)
        err = get_string(im, "table_id", &table_id);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = sql_call(im->stmts[IMPORT_TABLE]);
    bind(&call, &table_id);
    sql_u64(&call, rev);
    sql_text(&call, document->text[0] == '{' ? document->text : NULL, document->len);
    return run(im, &call);
}

static enum studio_err take_request(struct import *im)
{
    static const char *const names[] = {"table_id", "client", "request_id", "answer"};
    struct json_span texts_of[sizeof names / sizeof *names];
    unsigned char digest[32];
    int64_t wall_ms;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        enum studio_err err = get_string(im, names[i], &texts_of[i]);
        if (err != STUDIO_OK)
            return err;
    }
    if (!record_i64(&im->record, "wall_ms", &wall_ms))
        return refuse_line(im, "`wall_ms` is missing or not a number");
    const struct json_span *hex = record_get(&im->record, "digest");
    if (!hex || hex->len < 2 || !text_unhex(hex->text + 1, hex->len - 2, digest, sizeof digest))
        return refuse_line(im, "`digest` is not 64 hex digits");
    struct sql_call call = sql_call(im->stmts[IMPORT_REQUEST]);
    for (size_t i = 0; i < 3; i++)
        bind(&call, &texts_of[i]);
    sql_blob(&call, digest, sizeof digest);
    bind(&call, &texts_of[3]);
    sql_i64(&call, wall_ms);
    return run(im, &call);
}

static enum studio_err take_cleared(struct import *im)
{
    struct json_span table_id, field;
    enum studio_err err = get_string(im, "table_id", &table_id);
    if (err == STUDIO_OK)
        err = get_string(im, "field", &field);
    if (err != STUDIO_OK)
        return err;
    struct sql_call call = sql_call(im->stmts[IMPORT_CLEARED]);
    bind(&call, &table_id);
    bind(&call, &field);
    return run(im, &call);
}

static enum studio_err take_end(struct import *im)
{
    uint64_t lines = 0;
    enum studio_err err = get_number(im, "lines", &lines);
    if (err == STUDIO_OK && lines != im->number - 1)
        err = refuse_line(im, "%" PRIu64 " lines were exported", lines);
    im->ended = true;
    return err;
}

static enum studio_err take_line(struct import *im)
{
    static const struct {
        const char *kind;
        enum studio_err (*take)(struct import *im);
    } kinds[] = {
        {"parked", take_parked},   {"table", take_table}, {"request", take_request},
        {"cleared", take_cleared}, {"end", take_end},
    };
    if (im->ended)
        return refuse_line(im, "there is more after the end");
    if (im->number == 1)
        return take_header(im);
    if (!record_get(&im->record, "record"))
        return take_event(im);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (record_is(&im->record, "record", kinds[i].kind))
            return kinds[i].take(im);
    return refuse_line(im, "`record` is of no kind this studio-agent knows");
}

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err build(struct import *im)
{
    int rc = sql_open(im->path, SQLITE_OPEN_READWRITE, NULL, &im->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(im->db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    if (rc == SQLITE_OK)
        rc = schema_migrate(im->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(im->db, MAKE_REVS);
    if (rc == SQLITE_OK)
        rc = sql_prepare_all(im->db, texts, im->stmts, IMPORT_COUNT);
    if (rc != SQLITE_OK)
        return sql_refuse(im->error, im->path, rc, im->db);
    bool more = true;
    while (more) {
        enum studio_err err = read_line(im, &more);
        if (err == STUDIO_OK && more)
            err = take_line(im);
        if (err != STUDIO_OK)
            return err;
    }
    im->number++;
    if (!im->ended)
        return refuse_line(im, "the export is cut short, its end is missing");
    if (im->next_seq > im->last_seq + 1)
        return refuse_line(im, "the newest event is %" PRIu64 ", not %" PRIu64, im->next_seq - 1,
                           im->last_seq);
    rc = sql_exec(im->db, FILL_REVS "; " FILL_SPANS "; COMMIT");
    return rc == SQLITE_OK ? STUDIO_OK : sql_refuse(im->error, im->path, rc, im->db);
}

static enum studio_err verify(struct import *im)
{
    struct findings findings = {0};
    check_database(im->db, &findings);
    if (findings.count == 0)
        return STUDIO_OK;
    return studio_error_set(im->error, STUDIO_ERR_USAGE,
                            ": the import contradicts itself: %s; nothing was imported",
                            findings.first);
}

static void finish(struct import *im)
{
    sql_finalize_all(im->stmts, IMPORT_COUNT);
    (void)sqlite3_close(im->db);
    im->db = NULL;
    buf_finish(&im->line);
}

/* The lock is held: builds beside `path`, and puts it there when it is whole. */
static enum studio_err import_locked(const char *dir, const char *path, FILE *in,
                                     struct studio_error *error)
{
    struct import *im = calloc(1, sizeof *im);
    char *temporary = lock_path(dir, STORE_FILE ".import");
    enum studio_err err = STUDIO_ERR_NO_MEMORY;
    int fd = -1;
    if (!im || !temporary) {
        (void)studio_error_set(error, err, NULL);
        goto done;
    }
    im->in = in;
    im->error = error;
    im->path = temporary;
    buf_init(&im->line, LINE_MAX_BYTES);
    /* One that an earlier import was cut off at is of no use. */
    fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": cannot create %s: %s",
                               temporary, strerror(errno));
        goto done;
    }
    close(fd);
    err = build(im);
    if (err == STUDIO_OK)
        err = verify(im);
    finish(im);
    if (err == STUDIO_OK &&
        (lock_sync(temporary) < 0 || rename(temporary, path) < 0 || lock_sync(dir) < 0))
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": cannot write %s: %s", path,
                               strerror(errno));
    if (err != STUDIO_OK)
        (void)unlink(temporary);
done:
    free(temporary);
    free(im);
    return err;
}

static bool is_there(const char *dir, const char *name)
{
    struct stat st;
    char *path = lock_path(dir, name);
    bool there = !path || stat(path, &st) == 0; /* in doubt: yes */
    free(path);
    return there;
}

enum studio_err store_import(const char *dir, FILE *in, struct studio_error *error)
{
    int lock_fd = -1;
    char *path = lock_path(dir, STORE_FILE);
    if (!path)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    enum studio_err err = lock_take(dir, &lock_fd, error);
    if (err == STUDIO_OK && (is_there(dir, STORE_FILE) || is_there(dir, STORE_FILE "-wal")))
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE,
                               ": there is a store in %s already; move " STORE_FILE
                               "* away, or name another directory with --data",
                               dir);
    if (err == STUDIO_OK)
        err = import_locked(dir, path, in, error);
    lock_release(lock_fd);
    free(path);
    return err;
}
