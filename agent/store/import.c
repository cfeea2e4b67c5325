#include "store/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "store/record.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024, TELL_EVERY = 4096 };

enum studio_err import_refuse(struct import *im, const char *fmt, ...)
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
            return im->line.len >= im->line.max ? import_refuse(im, "it is too long")
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
        return import_refuse(im, "it is not a JSON object");
    return STUDIO_OK;
}

/* What a string of the line says, in the buffer `n`. It has no NUL in it, as JSON is here. */
static enum studio_err get_text(struct import *im, const char *name, size_t n, const char **out)
{
    const struct json_span *value = record_get(&im->record, name);
    struct buf *text = &im->texts[n];
    if (!value || value->text[0] != '"')
        return import_refuse(im, "`%s` is missing or not a string", name);
    buf_clear(text);
    buf_str(text, "");
    json_string_value(text, value->text, value->len);
    if (!buf_ok(text))
        return out_of_memory(im);
    *out = text->data;
    return STUDIO_OK;
}

static enum studio_err get_number(struct import *im, const char *name, uint64_t *out)
{
    if (!record_u64(&im->record, name, out))
        return import_refuse(im, "`%s` is missing or not a number", name);
    return STUDIO_OK;
}

/* --- one line of each kind ------------------------------------------------------------------- */

static enum studio_err get_agent_id(struct import *im)
{
    const char *id = "";
    enum studio_err err = get_text(im, "agent_id", 0, &id);
    if (err != STUDIO_OK)
        return err;
    size_t len = strlen(id);
    if (len == 0 || len >= sizeof im->info.agent_id)
        return import_refuse(im, "`agent_id` has not 1 to 64 bytes");
    memcpy(im->info.agent_id, id, len + 1);
    return STUDIO_OK;
}

static enum studio_err take_header(struct import *im)
{
    const struct {
        const char *name;
        uint64_t *out;
    } numbers[] = {
        {"boot", &im->info.boot}, {"last_seq", &im->info.last_seq}, {"acked", &im->info.acked}};
    const struct json_span *epoch = record_get(&im->record, "epoch");
    uint64_t format;
    if (!record_is(&im->record, "record", "store"))
        return import_refuse(im, "an export starts with {\"record\":\"store\",...}");
    if (!record_u64(&im->record, "format", &format) || format != 1)
        return import_refuse(im, "this studio-agent knows format 1 only");
    if (!epoch || epoch->len != STORE_EPOCH_LEN + 2 ||
        strspn(epoch->text + 1, "0123456789abcdef") != STORE_EPOCH_LEN)
        return import_refuse(im, "`epoch` is not 32 hex digits");
    memcpy(im->info.epoch, epoch->text + 1, STORE_EPOCH_LEN);
    enum studio_err err = get_agent_id(im);
    for (size_t i = 0; err == STUDIO_OK && i < sizeof numbers / sizeof *numbers; i++)
        err = get_number(im, numbers[i].name, numbers[i].out);
    return err == STUDIO_OK ? im->target->begin(im, &im->info) : err;
}

static void count_event(struct import *im, uint64_t seq)
{
    if (im->next_seq == 0)
        im->first_seq = seq;
    if (im->tell && (seq - im->first_seq) % TELL_EVERY == 0 && seq <= im->info.last_seq)
        im->tell(seq - im->first_seq, im->info.last_seq + 1 - im->first_seq);
    im->next_seq = seq + 1;
}

static enum studio_err take_event(struct import *im)
{
    struct studio_event event = {.kind = EVENT_EXCEPTION, .rev = IMPORT_NO_REV};
    char head[96];
    enum studio_err err = get_number(im, "seq", &event.seq);
    if (err != STUDIO_OK)
        return err;
    if (event.seq == 0)
        return import_refuse(im, "`seq` begins with 1");
    if (im->next_seq != 0 && event.seq != im->next_seq)
        return import_refuse(im, "event %" PRIu64 " is missing", im->next_seq);
    int len = snprintf(head, sizeof head, "{\"seq\":%" PRIu64 ",\"epoch\":\"%s\",", event.seq,
                       im->info.epoch);
    if (im->line.len <= (size_t)len || memcmp(im->line.data, head, (size_t)len) != 0)
        return import_refuse(im, "an event of this export starts with %s", head);
    if (!record_time(&im->record, "ts", &event.wall_ms))
        return import_refuse(im, "`ts` is missing or not a time");
    bool change = record_get(&im->record, "changes") != NULL;
    if (change == (record_get(&im->record, "data") != NULL))
        return import_refuse(im, "an event has either `changes` or `data`");
    err = get_text(im, "table_id", 0, &event.table_id);
    if (err == STUDIO_OK && change)
        err = get_number(im, "rev", &event.rev);
    if (err != STUDIO_OK)
        return err;
    if (change)
        event.kind = EVENT_CHANGE;
    event.body = im->line.data + len;
    event.body_len = im->line.len - (size_t)len;
    count_event(im, event.seq);
    return im->target->event(im, &event);
}

static enum studio_err take_parked(struct import *im)
{
    const char *reason = NULL;
    uint64_t seq;
    enum studio_err err = get_number(im, "seq", &seq);
    if (err == STUDIO_OK)
        err = get_text(im, "reason", 0, &reason);
    return err == STUDIO_OK ? im->target->parked(im, seq, reason) : err;
}

static enum studio_err take_table(struct import *im)
{
    const char *table_id = NULL;
    uint64_t rev;
    const struct json_span *document = record_get(&im->record, "document");
    if (!document || (document->text[0] != '{' && document->text[0] != 'n'))
        return import_refuse(im, "`document` is missing or not an object");
    enum studio_err err = get_number(im, "rev", &rev);
    if (err == STUDIO_OK)
        err = get_text(im, "table_id", 0, &table_id);
    if (err != STUDIO_OK)
        return err;
    return im->target->table(im, table_id, rev, document->text[0] == '{' ? document->text : NULL,
                             document->len);
}

static enum studio_err take_request(struct import *im)
{
    struct store_request request;
    const struct {
        const char *name;
        const char **out;
    } texts[IMPORT_TEXTS] = {{"table_id", &request.table_id},
                             {"client", &request.client},
                             {"request_id", &request.request_id},
                             {"answer", &request.answer}};
    for (size_t i = 0; i < IMPORT_TEXTS; i++) {
        enum studio_err err = get_text(im, texts[i].name, i, texts[i].out);
        if (err != STUDIO_OK)
            return err;
    }
    request.answer_len = strlen(request.answer);
    if (!record_i64(&im->record, "wall_ms", &request.wall_ms))
        return import_refuse(im, "`wall_ms` is missing or not a number");
    const struct json_span *hex = record_get(&im->record, "digest");
    if (!hex || hex->len < 2 ||
        !text_unhex(hex->text + 1, hex->len - 2, request.digest, sizeof request.digest))
        return import_refuse(im, "`digest` is not 64 hex digits");
    return im->target->request(im, &request);
}

static enum studio_err take_cleared(struct import *im)
{
    const char *table_id = NULL, *field = NULL;
    enum studio_err err = get_text(im, "table_id", 0, &table_id);
    if (err == STUDIO_OK)
        err = get_text(im, "field", 1, &field);
    return err == STUDIO_OK ? im->target->cleared(im, table_id, field) : err;
}

static enum studio_err take_end(struct import *im)
{
    uint64_t lines = 0;
    enum studio_err err = get_number(im, "lines", &lines);
    if (err == STUDIO_OK && lines != im->number - 1)
        err = import_refuse(im, "%" PRIu64 " lines were exported", lines);
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
        return import_refuse(im, "there is more after the end");
    if (im->number == 1)
        return take_header(im);
    if (!record_get(&im->record, "record"))
        return take_event(im);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (record_is(&im->record, "record", kinds[i].kind))
            return kinds[i].take(im);
    return import_refuse(im, "`record` is of no kind this studio-agent knows");
}

/* --- all of them ----------------------------------------------------------------------------- */

static enum studio_err read_all(struct import *im)
{
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
        return import_refuse(im, "the export is cut short, its end is missing");
    if (im->next_seq > im->info.last_seq + 1)
        return import_refuse(im, "the newest event is %" PRIu64 ", not %" PRIu64, im->next_seq - 1,
                             im->info.last_seq);
    return STUDIO_OK;
}

enum studio_err import_read(struct import *im)
{
    buf_init(&im->line, LINE_MAX_BYTES);
    for (size_t i = 0; i < IMPORT_TEXTS; i++)
        buf_init(&im->texts[i], LINE_MAX_BYTES);
    enum studio_err err = read_all(im);
    if (im->tell)
        im->tell(1, 1);
    for (size_t i = 0; i < IMPORT_TEXTS; i++)
        buf_finish(&im->texts[i]);
    buf_finish(&im->line);
    return err;
}

enum studio_err import_contradiction(struct import *im, const char *what)
{
    return studio_error_set(im->error, STUDIO_ERR_USAGE,
                            ": the import contradicts itself: %s; nothing was imported", what);
}
