/*
 * import.c - `store import`: a store out of exported lines (import.h), all of it or nothing.
 *
 * It is built as `studio.db.import` without a journal, for nobody needs half of it; checked;
 * synced; and only then renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/import.h"
#include "store/sqlite/private.h"

enum build_stmt {
    BUILD_META,
    BUILD_EVENT,
    BUILD_REV,
    BUILD_PARKED,
    BUILD_TABLE,
    BUILD_REQUEST,
    BUILD_CLEARED,
    BUILD_COUNT
};

static const char *const texts[BUILD_COUNT] = {
    [BUILD_META] = "INSERT INTO meta (key, value) VALUES (?1, ?2)",
    /* An exception has the rev of the change before it. */
    [BUILD_EVENT] = "INSERT INTO events (seq, kind, table_id, rev, wall_ms, body) VALUES"
                    " (?1, ?2, ?3, coalesce(?4, (SELECT last FROM revs WHERE table_id = ?3), -1),"
                    " ?5, ?6)",
    [BUILD_REV] = "INSERT INTO revs (table_id, first, last) VALUES (?1, ?2, ?2)"
                  " ON CONFLICT (table_id) DO UPDATE SET last = excluded.last",
    [BUILD_PARKED] = "UPDATE events SET parked = ?2 WHERE seq = ?1 AND parked IS NULL",
    [BUILD_TABLE] = "INSERT INTO tables (id, rev, document) VALUES (?1, ?2, ?3)",
    [BUILD_REQUEST] = "INSERT INTO requests"
                      " (table_id, client, request_id, digest, answer, wall_ms)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [BUILD_CLEARED] = "INSERT INTO cleared (table_id, field) VALUES (?1, ?2)",
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

/* The store being built. */
struct build {
    const char *path;
    sqlite3 *db;
    sqlite3_stmt *stmts[BUILD_COUNT];
};

static struct sql_call call_of(struct import *im, enum build_stmt stmt)
{
    const struct build *build = im->ctx;
    return sql_call(build->stmts[stmt]);
}

static enum studio_err run(struct import *im, struct sql_call *call)
{
    const struct build *build = im->ctx;
    int rc = sql_run(call);
    if (rc == SQLITE_OK)
        return STUDIO_OK;
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        return import_refuse(im, "the same was there before");
    return sql_refuse(im->error, build->path, rc, build->db);
}

/* --- one row of each kind -------------------------------------------------------------------- */

static enum studio_err put_text(struct import *im, const char *key, const char *text)
{
    struct sql_call call = call_of(im, BUILD_META);
    sql_str(&call, key);
    sql_str(&call, text);
    return run(im, &call);
}

static enum studio_err put_number(struct import *im, const char *key, uint64_t n)
{
    struct sql_call call = call_of(im, BUILD_META);
    sql_str(&call, key);
    sql_u64(&call, n);
    return run(im, &call);
}

static enum studio_err take_begin(struct import *im, const struct store_info *info)
{
    enum studio_err err = put_text(im, META_EPOCH, info->epoch);
    if (err == STUDIO_OK)
        err = put_text(im, META_AGENT_ID, info->agent_id);
    if (err == STUDIO_OK)
        err = put_number(im, META_BOOT, info->boot);
    if (err == STUDIO_OK)
        err = put_number(im, META_LAST_SEQ, info->last_seq);
    if (err == STUDIO_OK)
        err = put_number(im, META_ACKED, info->acked);
    return err;
}

static enum studio_err take_event(struct import *im, const struct studio_event *event)
{
    const bool change = event->kind == EVENT_CHANGE;
    struct sql_call call = call_of(im, BUILD_EVENT);
    sql_u64(&call, event->seq);
    sql_i64(&call, event->kind);
    sql_str(&call, event->table_id);
    if (change)
        sql_u64(&call, event->rev);
    else
        sql_text(&call, NULL, 0);
    sql_i64(&call, event->wall_ms);
    sql_text(&call, event->body, event->body_len);
    enum studio_err err = run(im, &call);
    if (err != STUDIO_OK || !change)
        return err;
    call = call_of(im, BUILD_REV);
    sql_str(&call, event->table_id);
    sql_u64(&call, event->rev);
    return run(im, &call);
}

static enum studio_err take_parked(struct import *im, uint64_t seq, const char *reason)
{
    const struct build *build = im->ctx;
    struct sql_call call = call_of(im, BUILD_PARKED);
    sql_u64(&call, seq);
    sql_str(&call, reason);
    enum studio_err err = run(im, &call);
    if (err == STUDIO_OK && sqlite3_changes(build->db) != 1)
        err = import_refuse(im, "event %" PRIu64 " is not there, or parked already", seq);
    return err;
}

static enum studio_err take_table(struct import *im, const char *table_id, uint64_t rev,
                                  const char *document, size_t len)
{
    struct sql_call call = call_of(im, BUILD_TABLE);
    sql_str(&call, table_id);
    sql_u64(&call, rev);
    sql_text(&call, document, len);
    return run(im, &call);
}

static enum studio_err take_request(struct import *im, const struct store_request *request)
{
    struct sql_call call = call_of(im, BUILD_REQUEST);
    sql_str(&call, request->table_id);
    sql_str(&call, request->client);
    sql_str(&call, request->request_id);
    sql_blob(&call, request->digest, sizeof request->digest);
    sql_text(&call, request->answer, request->answer_len);
    sql_i64(&call, request->wall_ms);
    return run(im, &call);
}

static enum studio_err take_cleared(struct import *im, const char *table_id, const char *field)
{
    struct sql_call call = call_of(im, BUILD_CLEARED);
    sql_str(&call, table_id);
    sql_str(&call, field);
    return run(im, &call);
}

static const struct import_target target = {.begin = take_begin,
                                            .event = take_event,
                                            .parked = take_parked,
                                            .table = take_table,
                                            .request = take_request,
                                            .cleared = take_cleared};

/* --- the whole ------------------------------------------------------------------------------- */

static enum studio_err build_store(struct import *im)
{
    struct build *build = im->ctx;
    int rc = sql_open(build->path, SQLITE_OPEN_READWRITE, NULL, &build->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(build->db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    if (rc == SQLITE_OK)
        rc = schema_migrate(build->db);
    if (rc == SQLITE_OK)
        rc = sql_exec(build->db, MAKE_REVS);
    if (rc == SQLITE_OK)
        rc = sql_prepare_all(build->db, texts, build->stmts, BUILD_COUNT);
    if (rc == SQLITE_OK) {
        enum studio_err err = import_read(im);
        if (err != STUDIO_OK)
            return err;
        rc = sql_exec(build->db, FILL_REVS "; " FILL_SPANS "; COMMIT");
    }
    return rc == SQLITE_OK ? STUDIO_OK : sql_refuse(im->error, build->path, rc, build->db);
}

static enum studio_err verify(struct import *im)
{
    const struct build *build = im->ctx;
    struct findings findings = {0};
    check_database(build->db, &findings);
    return findings.count == 0 ? STUDIO_OK : import_contradiction(im, findings.first);
}

static enum studio_err make_file(const char *path, struct studio_error *error)
{
    /* One that an earlier import was cut off at is of no use. */
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": cannot create %s: %s", path,
                                strerror(errno));
    close(fd);
    return STUDIO_OK;
}

/* Builds it in the file. */
static enum studio_err fill_file(const char *path, FILE *in, store_progress_fn *tell,
                                 struct studio_error *error)
{
    struct build build = {.path = path};
    struct import *im = calloc(1, sizeof *im);
    if (!im)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    im->target = &target;
    im->ctx = &build;
    im->in = in;
    im->tell = tell;
    im->error = error;
    enum studio_err err = build_store(im);
    if (err == STUDIO_OK)
        err = verify(im);
    sql_finalize_all(build.stmts, BUILD_COUNT);
    (void)sqlite3_close(build.db);
    free(im);
    return err;
}

/* The lock is held: builds beside `path`, and puts it there when it is whole. */
static enum studio_err import_locked(const char *dir, const char *path, FILE *in,
                                     store_progress_fn *tell, struct studio_error *error)
{
    char *temporary = lock_path(dir, STORE_FILE ".import");
    if (!temporary)
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    enum studio_err err = make_file(temporary, error);
    if (err == STUDIO_OK)
        err = fill_file(temporary, in, tell, error);
    if (err == STUDIO_OK &&
        (lock_sync(temporary) < 0 || rename(temporary, path) < 0 || lock_sync(dir) < 0))
        err = studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": cannot write %s: %s", path,
                               strerror(errno));
    if (err != STUDIO_OK)
        (void)unlink(temporary);
    free(temporary);
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

enum studio_err sqlite_import(const struct store_place *place, FILE *in, store_progress_fn *tell,
                              struct studio_error *error)
{
    const char *dir = place->dir;
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
        err = import_locked(dir, path, in, tell, error);
    lock_release(lock_fd);
    free(path);
    return err;
}
