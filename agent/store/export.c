#include "store/export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024, TELL_EVERY = 4096 };

/* --- members --------------------------------------------------------------------------------- */

static void start(struct export *x, const char *kind)
{
    buf_printf(&x->line, "{\"record\":\"%s\"", kind);
}

static void add_key(struct export *x, const char *key)
{
    buf_printf(&x->line, ",\"%s\":", key);
}

static void add_number(struct export *x, const char *key, int64_t n)
{
    add_key(x, key);
    buf_printf(&x->line, "%" PRId64, n);
}

static void add_raw(struct export *x, const char *text, size_t len)
{
    if (text)
        buf_add(&x->line, text, len);
    else
        x->line.failed = true;
}

static void add_string(struct export *x, const char *key, const char *text, size_t len)
{
    add_key(x, key);
    if (text)
        json_string(&x->line, text, len);
    else
        x->line.failed = true;
}

static void add_text(struct export *x, const char *key, const char *text)
{
    add_string(x, key, text, text ? strlen(text) : 0);
}

/* --- lines ----------------------------------------------------------------------------------- */

static enum studio_err write_failed(struct export *x)
{
    return studio_error_set(x->error, STUDIO_ERR_IO, ": the export could not be written: %s",
                            strerror(errno));
}

static enum studio_err put(struct export *x, const char *end)
{
    buf_str(&x->line, end);
    buf_str(&x->line, "\n");
    if (!buf_ok(&x->line))
        return studio_error_set(x->error, STUDIO_ERR_NO_MEMORY, NULL);
    if (fwrite(x->line.data, 1, x->line.len, x->out) != x->line.len)
        return write_failed(x);
    buf_clear(&x->line);
    x->lines++;
    return STUDIO_OK;
}

enum studio_err export_begin(struct export *x, const struct store_info *info, FILE *out,
                             store_progress_fn *tell, struct studio_error *error)
{
    *x = (struct export){.out = out, .tell = tell, .error = error, .info = info};
    buf_init(&x->line, LINE_MAX_BYTES);
    start(x, "store");
    buf_printf(&x->line, ",\"format\":1,\"epoch\":\"%s\"", info->epoch);
    add_text(x, "agent_id", info->agent_id);
    add_number(x, "boot", (int64_t)info->boot);
    add_number(x, "last_seq", (int64_t)info->last_seq);
    add_number(x, "acked", (int64_t)info->acked);
    return put(x, "}");
}

enum studio_err export_event(struct export *x, uint64_t seq, const char *body, size_t len)
{
    if (x->tell && x->events++ % TELL_EVERY == 0)
        x->tell(seq - x->info->oldest, x->info->last_seq + 1 - x->info->oldest);
    buf_printf(&x->line, "{\"seq\":%" PRIu64 ",\"epoch\":\"%s\",", seq, x->info->epoch);
    add_raw(x, body, len);
    return put(x, "");
}

enum studio_err export_parked(struct export *x, uint64_t seq, const char *reason)
{
    start(x, "parked");
    add_number(x, "seq", (int64_t)seq);
    add_text(x, "reason", reason);
    return put(x, "}");
}

enum studio_err export_table(struct export *x, const char *table_id, uint64_t rev,
                             const char *document, size_t len)
{
    start(x, "table");
    add_text(x, "table_id", table_id);
    add_number(x, "rev", (int64_t)rev);
    add_key(x, "document");
    if (document && len == 0)
        buf_str(&x->line, "null");
    else
        add_raw(x, document, len);
    return put(x, "}");
}

enum studio_err export_request(struct export *x, const struct store_request *request)
{
    char digest[2 * sizeof request->digest + 1];
    text_hex(request->digest, sizeof request->digest, digest);
    start(x, "request");
    add_text(x, "table_id", request->table_id);
    add_text(x, "client", request->client);
    add_text(x, "request_id", request->request_id);
    add_text(x, "digest", digest);
    add_number(x, "wall_ms", request->wall_ms);
    add_string(x, "answer", request->answer, request->answer_len);
    return put(x, "}");
}

enum studio_err export_cleared(struct export *x, const char *table_id, const char *field)
{
    start(x, "cleared");
    add_text(x, "table_id", table_id);
    add_text(x, "field", field);
    return put(x, "}");
}

enum studio_err export_end(struct export *x)
{
    start(x, "end");
    add_number(x, "lines", (int64_t)x->lines);
    enum studio_err err = put(x, "}");
    if (err == STUDIO_OK && fflush(x->out) != 0)
        err = write_failed(x);
    return err;
}

void export_finish(struct export *x)
{
    if (x->tell)
        x->tell(1, 1);
    buf_finish(&x->line);
}
