/*
 * reader.c - the reading connection of another thread.
 *
 * It reads where the owner writes: a replica may be behind what has been acknowledged. What is longer than a page is
 * read in pages; what is committed meanwhile only makes it longer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "store/postgres/private.h"

enum {
    EVENTS_PAGE = 256,
    WALK_SCAN =
        4096, /* events of the table that a step of a walk looks at, at most, in their index, */
    WALK_PAGE = 64 /* and so many, at most, that it meets */
};

enum read_statement {
    READ_EVENTS,
    READ_OLDEST_FIRST,
    READ_NEWEST_FIRST,
    READ_OLDEST,
    READ_REQUEST,
    READ_CLEARED,
    READ_AGENTS,
    READ_THEIR_TABLES,
    READ_COUNT
};

#define EVENT "kind, table_id, rev, wall_ms, (parked IS NOT NULL)::int::bigint, body"

/* How far the index was looked through comes first, with the rest NULL: it is where the next step goes on. */
#define WALK(order, end)                                                                           \
    "WITH scanned AS MATERIALIZED (SELECT seq, kind, rev, wall_ms FROM studio_log"                 \
    " WHERE agent = $1::text AND table_id = $2::text AND seq BETWEEN $3::bigint AND $4::bigint"    \
    " ORDER BY seq " order " LIMIT $11::bigint),"                                                  \
    " met AS MATERIALIZED (SELECT seq FROM scanned WHERE kind BETWEEN $5::bigint AND $6::bigint"   \
    " AND rev BETWEEN $7::bigint AND $8::bigint AND wall_ms BETWEEN $9::bigint AND $10::bigint"    \
    " ORDER BY seq " order " LIMIT $12::bigint)"                                                   \
    " (SELECT " end "(seq), count(*), NULL, NULL, NULL, NULL, NULL FROM scanned) UNION ALL"        \
    " (SELECT l.seq, l.kind, l.table_id, l.rev, l.wall_ms, (l.parked IS NOT NULL)::int::bigint,"   \
    " l.body FROM met JOIN studio_log l ON l.agent = $1::text AND l.seq = met.seq"                 \
    " ORDER BY l.seq " order ")"

static const char *const texts[READ_COUNT] = {
    [READ_EVENTS] = "SELECT seq, " EVENT " FROM studio_log WHERE agent = $1::text"
                    " AND seq BETWEEN $2::bigint AND $3::bigint ORDER BY seq LIMIT $4::bigint",
    [READ_OLDEST_FIRST] = WALK("ASC", "max"),
    [READ_NEWEST_FIRST] = WALK("DESC", "min"),
    [READ_OLDEST] =
        "SELECT coalesce((SELECT min(seq) FROM studio_log WHERE agent = $1), last_seq + 1)"
        " FROM studio_agents WHERE agent = $1::text",
    [READ_REQUEST] = "SELECT digest, answer FROM studio_requests WHERE agent = $1::text"
                     " AND table_id = $2::text AND client = $3::text AND request_id = $4::text",
    [READ_CLEARED] = "SELECT table_id, field FROM studio_cleared WHERE agent = $1::text"
                     " ORDER BY table_id, field",
    [READ_AGENTS] = "SELECT agent, epoch, left(owner, 60), boot, last_seq,"
                    " (valid_until > clock_timestamp())::int::bigint,"
                    " floor(extract(epoch FROM valid_until) * 1000)::bigint"
                    " FROM studio_agents WHERE agent > $1::text AND octet_length(agent) <= 64"
                    " ORDER BY agent LIMIT $2::bigint",
    /* Each agent's by their key, and no more of them than are asked for. */
    [READ_THEIR_TABLES] =
        "SELECT u.n - 1, t.id, t.rev, t.document"
        " FROM unnest($1::text[]) WITH ORDINALITY AS u (agent, n), LATERAL"
        " (SELECT id, rev, document FROM studio_tables s WHERE s.agent = u.agent"
        " AND s.id > CASE u.n WHEN 1 THEN $2::text ELSE '' END AND octet_length(s.id) <= 64"
        " ORDER BY s.id LIMIT $3::bigint) t"
        " ORDER BY u.n, t.id LIMIT $3::bigint",
};

struct postgres_reader {
    struct store_reader base;
    struct link link;
    char *url;
    char agent_id[sizeof((struct store_info *)0)->agent_id];
};

static struct postgres_reader *as_reader(struct store_reader *base)
{
    return (struct postgres_reader *)base;
}

enum studio_err postgres_reader_open(const struct store *base, struct store_reader **out,
                                     struct studio_error *error)
{
    const struct postgres_store *store = as_const_postgres(base);
    struct postgres_reader *reader = calloc(1, sizeof *reader);
    *out = NULL;
    if (reader)
        reader->url = secret_dup(store->url, strlen(store->url));
    if (!reader || !reader->url) {
        free(reader);
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    memcpy(reader->agent_id, base->info.agent_id, sizeof reader->agent_id);
    /* It connects when it is first asked something: of a thousand agents nearly all have nothing to read. */
    link_init(&reader->link, reader->url, texts, READ_COUNT);
    *out = &reader->base;
    return STUDIO_OK;
}

void postgres_reader_close(struct store_reader *base)
{
    struct postgres_reader *reader = as_reader(base);
    link_close(&reader->link);
    secret_free(reader->url);
    free(reader);
}

/* A connection that has been lost is only noticed when it is used: then there is one more attempt. */
static enum studio_err ask(struct postgres_reader *reader, enum read_statement statement,
                           const struct args *args, PGresult **rows)
{
    enum link_result result = LINK_DOWN;
    *rows = NULL;
    for (int attempt = 0; attempt < 2; attempt++) {
        result = link_open(&reader->link, false);
        if (result == LINK_OK)
            result = link_query(&reader->link, statement, args, rows);
        if (result != LINK_LOST)
            break;
    }
    if (result == LINK_REFUSED)
        link_close(&reader->link); /* another may find a server that is well */
    return result == LINK_OK ? STUDIO_OK : STUDIO_ERR_STORAGE;
}

/* --- events ---------------------------------------------------------------------------------- */

/* The row as an event; NULL: out of memory. */
static struct studio_event *event_of(const PGresult *rows, int row)
{
    size_t id_len, body_len;
    const char *table_id = row_text(rows, row, 2, &id_len);
    const char *body = row_text(rows, row, 6, &body_len);
    struct studio_event *event =
        studio_event_create((enum event_kind)row_i64(rows, row, 1), table_id,
                            (uint64_t)row_i64(rows, row, 3), row_i64(rows, row, 4), body, body_len);
    if (event) {
        event->seq = (uint64_t)row_i64(rows, row, 0);
        event->parked = row_i64(rows, row, 5) != 0;
    }
    return event;
}

/* From a row on. *last is the last that went; *stopped: fn wants no more. */
static enum studio_err each_event(const PGresult *rows, int row, studio_event_fn *fn, void *ctx,
                                  uint64_t *last, bool *stopped)
{
    for (; row < PQntuples(rows) && !*stopped; row++) {
        struct studio_event *event = event_of(rows, row);
        if (!event)
            return STUDIO_ERR_NO_MEMORY;
        *last = event->seq;
        *stopped = !fn(ctx, event);
        studio_event_unref(event);
    }
    return STUDIO_OK;
}

enum studio_err postgres_read_events(struct store_reader *base, uint64_t from, uint64_t to,
                                     size_t limit, studio_event_fn *fn, void *ctx)
{
    struct postgres_reader *reader = as_reader(base);
    enum studio_err err = STUDIO_OK;
    bool stopped = false;
    while (err == STUDIO_OK && !stopped && limit > 0 && from <= to) {
        size_t page = limit < EVENTS_PAGE ? limit : EVENTS_PAGE;
        uint64_t last = from;
        PGresult *rows;
        struct args args = args_begin(reader->agent_id);
        args_u64(&args, from);
        args_u64(&args, to);
        args_u64(&args, page);
        err = ask(reader, READ_EVENTS, &args, &rows);
        if (err == STUDIO_OK)
            err = each_event(rows, 0, fn, ctx, &last, &stopped);
        stopped |= err == STUDIO_OK && (size_t)PQntuples(rows) < page;
        limit -= page;
        from = last + 1;
        PQclear(rows);
    }
    return err;
}

/* --- the history of one table ---------------------------------------------------------------- */

static void fill_walk(struct args *args, const struct store_walk *w)
{
    args_str(args, w->table_id);
    args_u64(args, w->from_seq);
    args_u64(args, w->to_seq);
    args_i64(args, w->changes ? EVENT_CHANGE : EVENT_EXCEPTION);
    args_i64(args, w->exceptions ? EVENT_EXCEPTION : EVENT_CHANGE);
    args_u64(args, w->from_rev);
    args_u64(args, w->to_rev);
    args_i64(args, w->since_ms);
    args_i64(args, w->until_ms);
    args_i64(args, WALK_SCAN);
    args_i64(args, WALK_PAGE);
}

/* The next step goes on behind this event. */
static void go_on(struct store_walk *w, uint64_t last)
{
    if (w->newest_first) {
        w->ended |= last <= w->from_seq || last == 0;
        w->to_seq = last > 0 ? last - 1 : 0;
    } else {
        w->from_seq = last + 1;
        w->ended |= w->from_seq > w->to_seq;
    }
}

static enum studio_err take_step(struct store_walk *w, const PGresult *rows, studio_event_fn *fn,
                                 void *ctx)
{
    const uint64_t scanned_to = (uint64_t)row_i64(rows, 0, 0);
    const int64_t scanned = row_i64(rows, 0, 1);
    const bool page_full = PQntuples(rows) - 1 == WALK_PAGE;
    uint64_t last = 0;
    bool stopped = false;
    enum studio_err err = each_event(rows, 1, fn, ctx, &last, &stopped);
    w->begun = true;
    w->ended = stopped;
    if (err == STUDIO_OK && !page_full && scanned < WALK_SCAN)
        w->ended = true;
    else if (err == STUDIO_OK)
        go_on(w, page_full ? last : scanned_to);
    return err;
}

enum studio_err postgres_walk_step(struct store_reader *base, struct store_walk *walk,
                                   studio_event_fn *fn, void *ctx)
{
    struct postgres_reader *reader = as_reader(base);
    PGresult *rows;
    struct args args = args_begin(reader->agent_id);
    fill_walk(&args, walk);
    enum studio_err err =
        ask(reader, walk->newest_first ? READ_NEWEST_FIRST : READ_OLDEST_FIRST, &args, &rows);
    if (err == STUDIO_OK)
        err = take_step(walk, rows, fn, ctx);
    PQclear(rows);
    return err;
}

/* --- the rest -------------------------------------------------------------------------------- */

enum studio_err postgres_read_oldest(struct store_reader *base, uint64_t *seq)
{
    struct postgres_reader *reader = as_reader(base);
    PGresult *rows;
    struct args args = args_begin(reader->agent_id);
    enum studio_err err = ask(reader, READ_OLDEST, &args, &rows);
    if (err == STUDIO_OK && PQntuples(rows) == 1)
        *seq = (uint64_t)row_i64(rows, 0, 0);
    PQclear(rows);
    return err;
}

enum studio_err postgres_read_request(struct store_reader *base, const char *table_id,
                                      const char *client, const char *request_id,
                                      const unsigned char digest[32], bool *found, bool *same,
                                      char **answer)
{
    struct postgres_reader *reader = as_reader(base);
    PGresult *rows;
    size_t kept_len, answer_len;
    struct args args = args_begin(reader->agent_id);
    args_str(&args, table_id);
    args_str(&args, client);
    args_str(&args, request_id);
    enum studio_err err = ask(reader, READ_REQUEST, &args, &rows);
    *found = err == STUDIO_OK && PQntuples(rows) == 1;
    *same = false;
    *answer = NULL;
    if (*found) {
        const char *kept = row_text(rows, 0, 0, &kept_len);
        *same = kept && kept_len == 32 && memcmp(kept, digest, 32) == 0;
    }
    if (*same && !(*answer = strdup(row_text(rows, 0, 1, &answer_len))))
        err = STUDIO_ERR_NO_MEMORY;
    PQclear(rows);
    return err;
}

enum studio_err postgres_read_cleared(struct store_reader *base, store_cleared_fn *fn, void *ctx)
{
    struct postgres_reader *reader = as_reader(base);
    PGresult *rows;
    size_t id_len, field_len;
    struct args args = args_begin(reader->agent_id);
    enum studio_err err = ask(reader, READ_CLEARED, &args, &rows);
    bool more = err == STUDIO_OK;
    for (int i = 0; more && i < PQntuples(rows); i++)
        more = fn(ctx, row_text(rows, i, 0, &id_len), row_text(rows, i, 1, &field_len));
    PQclear(rows);
    return err;
}

/* --- all agents ------------------------------------------------------------------------------ */

enum studio_err postgres_read_agents(struct store_reader *base, const char *after, size_t limit,
                                     store_agent_fn *fn, void *ctx)
{
    PGresult *rows;
    size_t len;
    struct args args = args_begin(after);
    args_u64(&args, limit);
    enum studio_err err = ask(as_reader(base), READ_AGENTS, &args, &rows);
    bool more = err == STUDIO_OK;
    for (int i = 0; more && i < PQntuples(rows); i++) {
        const struct store_agent agent = {
            .id = row_text(rows, i, 0, &len),
            .epoch = row_text(rows, i, 1, &len),
            .owner = row_text(rows, i, 2, &len),
            .boot = (uint64_t)row_i64(rows, i, 3),
            .last_seq = (uint64_t)row_i64(rows, i, 4),
            .owned = row_i64(rows, i, 5) != 0,
            .until_ms = row_i64(rows, i, 6),
        };
        more = fn(ctx, &agent);
    }
    PQclear(rows);
    return err;
}

enum studio_err postgres_read_their_tables(struct store_reader *base, const char *const *agents,
                                           size_t count, const char *after, size_t limit,
                                           store_their_table_fn *fn, void *ctx)
{
    PGresult *rows = NULL;
    struct args args = {.count = 0};
    struct column ids;
    column_begin(&ids, COLUMN_TEXT);
    for (size_t i = 0; i < count; i++)
        column_str(&ids, agents[i]);
    args_column(&args, &ids);
    args_str(&args, after);
    args_u64(&args, limit);
    enum studio_err err =
        args.failed ? STUDIO_ERR_NO_MEMORY : ask(as_reader(base), READ_THEIR_TABLES, &args, &rows);
    bool more = err == STUDIO_OK;
    for (int i = 0; more && i < PQntuples(rows); i++) {
        size_t id_len, len;
        const char *id = row_text(rows, i, 1, &id_len), *document = row_text(rows, i, 3, &len);
        more =
            fn(ctx, (size_t)row_i64(rows, i, 0), id, (uint64_t)row_i64(rows, i, 2), document, len);
    }
    column_finish(&ids);
    PQclear(rows);
    return err;
}
