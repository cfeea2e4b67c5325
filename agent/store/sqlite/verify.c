#include "store/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/record.h"
#include "store/sqlite/private.h"

enum {
    FAULTS_PRINTED = 100, /* then they are only counted */
    LINE_MAX_BYTES = 16 * 1024 * 1024
};

struct verify {
    FILE *out;
    sqlite3_stmt *event; /* body by seq */
    struct store_info info;
    unsigned char *had;   /* a bit for each event that is kept */
    uint64_t first, last; /* in the record; 0: none yet */
    uint64_t newest_live; /* first deliveries that were not replayed come in order */
    uint64_t events, repeats, replayed, other_epoch, too_old, faults;
    struct buf expected;
    char first_fault[160];
};

static void fault(struct verify *v, const char *fmt, ...) STUDIO_PRINTF(2, 3);
static void fault(struct verify *v, const char *fmt, ...)
{
    char text[sizeof v->first_fault];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (v->faults++ == 0)
        memcpy(v->first_fault, text, sizeof text);
    if (v->faults <= FAULTS_PRINTED)
        fprintf(v->out, "fault: %s\n", text);
}

/* --- one event --------------------------------------------------------------------------------- */

static bool has(const struct verify *v, uint64_t seq)
{
    uint64_t i = seq - v->info.oldest;
    return v->had[i / 8] & (1u << i % 8);
}

/* Marks it; true: it was there before. */
static bool mark(struct verify *v, uint64_t seq)
{
    uint64_t i = seq - v->info.oldest;
    bool before = has(v, seq);
    v->had[i / 8] |= (unsigned char)(1u << i % 8);
    return before;
}

/* What clients get of it. SQLITE_OK, SQLITE_NOTFOUND or an error. */
static int print_expected(struct verify *v, uint64_t seq, bool replay)
{
    struct sql_call call = sql_call(v->event);
    sql_u64(&call, seq);
    int rc = sql_step(&call);
    if (rc == SQLITE_ROW) {
        const char *body = (const char *)sqlite3_column_text(call.stmt, 0);
        struct studio_event event = {
            .seq = seq, .body = body, .body_len = (size_t)sqlite3_column_bytes(call.stmt, 0)};
        buf_clear(&v->expected);
        if (body)
            studio_event_print(&v->expected, &event, v->info.epoch, replay);
        rc = body && buf_ok(&v->expected) ? SQLITE_OK : SQLITE_NOMEM;
    } else if (rc == SQLITE_DONE) {
        rc = SQLITE_NOTFOUND;
    }
    sql_end(&call);
    return rc;
}

static int compare(struct verify *v, uint64_t seq, const char *text, size_t len, bool replay)
{
    int rc = print_expected(v, seq, replay);
    if (rc == SQLITE_NOTFOUND) {
        fault(v, "%" PRIu64 " is not in the store", seq);
        return SQLITE_OK;
    }
    if (rc != SQLITE_OK)
        return rc;
    if (v->expected.len != len || memcmp(v->expected.data, text, len) != 0)
        fault(v, "%" PRIu64 " is altered", seq);
    return SQLITE_OK;
}

static int see(struct verify *v, uint64_t seq, const char *text, size_t len, bool replay)
{
    v->events++;
    v->replayed += replay;
    if (seq < v->info.oldest) {
        v->too_old++;
        return SQLITE_OK;
    }
    if (seq > v->info.last_seq) {
        fault(v, "%" PRIu64 " is not in the store, whose newest is %" PRIu64, seq,
              v->info.last_seq);
        return SQLITE_OK;
    }
    if (v->first == 0 || seq < v->first)
        v->first = seq;
    if (seq > v->last)
        v->last = seq;
    if (mark(v, seq))
        v->repeats++;
    else if (!replay && seq < v->newest_live)
        fault(v, "%" PRIu64 " came first after %" PRIu64, seq, v->newest_live);
    if (!replay && seq > v->newest_live)
        v->newest_live = seq;
    return compare(v, seq, text, len, replay);
}

/* A line without its newline. */
static int see_line(struct verify *v, const char *line, size_t len)
{
    struct json_members record;
    uint64_t seq;
    const char *text = memchr(line, '{', len);
    if (!text)
        return SQLITE_OK;
    len -= (size_t)(text - line);
    if (!json_members(text, len, &record) || !record_u64(&record, "seq", &seq) || seq == 0 ||
        !record_get(&record, "epoch") ||
        (!record_get(&record, "changes") && !record_get(&record, "data")))
        return SQLITE_OK;
    if (!record_is(&record, "epoch", v->info.epoch)) {
        v->other_epoch++;
        return SQLITE_OK;
    }
    return see(v, seq, text, len, record_get(&record, "replay") != NULL);
}

/* --- all of it ---------------------------------------------------------------------------------- */

static int see_lines(struct verify *v, FILE *record, long long bytes)
{
    char *line = NULL;
    size_t size = 0;
    int rc = SQLITE_OK;
    ssize_t len;
    while (rc == SQLITE_OK && bytes > 0 && (len = getline(&line, &size, record)) > 0) {
        bytes -= len;
        if (bytes < 0 || len > LINE_MAX_BYTES) /* it was not whole when we began */
            break;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        rc = see_line(v, line, (size_t)len);
    }
    free(line);
    return rc;
}

/* Those a broker refused for good are nobody's. */
static int find_missing(struct verify *v, sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t from = 0, before = 0;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT seq FROM events WHERE seq BETWEEN ?1 AND ?2 AND parked IS "
                                "NULL ORDER BY seq",
                                -1, &stmt, NULL);
    struct sql_call call = sql_call(stmt);
    sql_u64(&call, v->first);
    sql_u64(&call, v->last);
    while (rc == SQLITE_OK && (rc = sql_step(&call)) == SQLITE_ROW) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        bool missing = !has(v, seq);
        if (missing && from == 0)
            from = seq;
        if (missing)
            before = seq;
        if (!missing && from > 0) {
            fault(v, "%" PRIu64 " to %" PRIu64 " are missing", from, before);
            from = 0;
        }
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void print_sum(const struct verify *v)
{
    if (v->faults > FAULTS_PRINTED)
        fprintf(v->out, "and %" PRIu64 " more\n", v->faults - FAULTS_PRINTED);
    fprintf(v->out,
            "epoch %s: %" PRIu64 " deliveries in the record, events %" PRIu64 " to %" PRIu64
            "; %" PRIu64 " repeats, %" PRIu64 " by replay\n",
            v->info.epoch, v->events, v->first, v->last, v->repeats, v->replayed);
    if (v->too_old)
        fprintf(v->out, "%" PRIu64 " are older than what the store keeps (from %" PRIu64 " on)\n",
                v->too_old, v->info.oldest);
    if (v->other_epoch)
        fprintf(v->out, "%" PRIu64 " are of another epoch\n", v->other_epoch);
    if (v->faults)
        fprintf(v->out, "%" PRIu64 " faults found\n", v->faults);
    else if (v->first)
        fprintf(v->out,
                "each event from %" PRIu64 " to %" PRIu64 " is there, in order, unaltered\n",
                v->first, v->last);
}

static int run(struct verify *v, sqlite3 *db, FILE *record, long long bytes)
{
    int rc = schema_load(db, &v->info);
    if (rc != SQLITE_OK)
        return rc;
    const uint64_t events = v->info.last_seq + 1 - v->info.oldest;
    const size_t size = (size_t)(events / 8 + 1);
    v->had = size == events / 8 + 1 ? calloc(size, 1) : NULL;
    if (!v->had)
        return SQLITE_NOMEM;
    rc = sqlite3_prepare_v2(db, "SELECT body FROM events WHERE seq = ?1", -1, &v->event, NULL);
    if (rc == SQLITE_OK)
        rc = see_lines(v, record, bytes);
    (void)sqlite3_finalize(v->event);
    return rc == SQLITE_OK && v->first ? find_missing(v, db) : rc;
}

static enum studio_err refuse(const struct verify *v, struct studio_error *error)
{
    error->code = STUDIO_ERR_STORAGE;
    snprintf(error->text, sizeof error->text, "the record has %" PRIu64 " faults, the first: %s",
             v->faults, v->first_fault);
    return STUDIO_ERR_STORAGE;
}

enum studio_err store_verify(const char *dir, int copy, FILE *record, long long bytes, FILE *out,
                             struct studio_error *error)
{
    struct verify v = {.out = out};
    struct tool tool;
    enum studio_err err = tool_open_to_read(dir, copy, &tool, error);
    if (err != STUDIO_OK)
        return err;
    buf_init(&v.expected, LINE_MAX_BYTES);
    int rc = run(&v, tool.db, record, bytes);
    if (rc == SQLITE_OK)
        print_sum(&v);
    if (rc != SQLITE_OK)
        err = sql_refuse(error, tool.path, rc, tool.db);
    else if (v.faults)
        err = refuse(&v, error);
    else if (!v.first)
        err = studio_error_set(error, STUDIO_ERR_USAGE,
                               ": there is no event of this store in the record");
    else if (ferror(record) || fflush(out) != 0 || ferror(out))
        err = studio_error_set(error, STUDIO_ERR_IO, ": the record could not be read to its end");
    buf_finish(&v.expected);
    free(v.had);
    tool_close(&tool);
    return err;
}
