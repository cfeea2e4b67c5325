/* fixture.h - opening stores and making items in few words, for the tests of agent/store. */
#ifndef TESTS_UNIT_AGENT_STORE_FIXTURE_H
#define TESTS_UNIT_AGENT_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite/private.h"
#include "support/cmocka_all.h"
#include "support/pgserver.h"
#include "support/tmpdir.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

static inline struct store_options options_for(const char *dir)
{
    return (struct store_options){.dir = dir, .host_name = "edge-1", .mirror = true};
}

/* The tests of what every engine does run once more on PostgreSQL: with STUDIO_STORE=postgres. */
static inline bool on_postgres(void)
{
    return pgserver_wanted();
}

static char store_schema[16]; /* of the store opened last */

static inline const char *url_for(const char *dir)
{
    static char url[512]; /* of the schema asked for last */
    const char *schema = pgserver_schema(dir);
    if (!*url || strcmp(schema, store_schema) != 0) {
        snprintf(store_schema, sizeof store_schema, "%s", schema);
        snprintf(url, sizeof url, "%s", pgserver_url(pgserver_shared(), store_schema));
    }
    return url;
}

/* Instead of cmocka_run_group_tests. */
#define run_store_tests(tests)                                                                     \
    (on_postgres() && !pgserver_there() ? 77 : cmocka_run_group_tests(tests, NULL, NULL))

static inline struct store *open_with(const struct store_options *given)
{
    struct store *store = NULL;
    struct studio_error error = {0};
    struct store_options options = *given;
    if (on_postgres())
        options.url = url_for(given->dir);
    if (store_open(&options, &store, &error) != STUDIO_OK)
        fail_msg("store_open: %s", error.text);
    return store;
}

static inline struct store *open_store(const char *dir)
{
    struct store_options options = options_for(dir);
    return open_with(&options);
}

static inline struct store_reader *open_reader(const struct store *store)
{
    struct store_reader *reader = NULL;
    struct studio_error error = {0};
    if (store_reader_open(store, &reader, &error) != STUDIO_OK)
        fail_msg("store_reader_open: %s", error.text);
    return reader;
}

/* The number a statement finds. */
static inline int64_t ask_number(struct store *store, const char *sqlite, const char *postgres)
{
    int64_t n = -1;
    if (on_postgres()) {
        char *text = pgserver_ask(pgserver_shared(), store_schema, postgres);
        n = strtoll(text, NULL, 10);
        free(text);
    } else {
        assert_int_equal(sql_number(as_sqlite(store)->db, sqlite, &n), SQLITE_OK);
    }
    return n;
}

/* `rows` is a table, perhaps with WHERE behind it. */
static inline int64_t count_rows(struct store *store, const char *rows)
{
    char sqlite[128], postgres[128];
    snprintf(sqlite, sizeof sqlite, "SELECT count(*) FROM %s", rows);
    snprintf(postgres, sizeof postgres, "SELECT count(*) FROM studio_%s", rows);
    return ask_number(store, sqlite, postgres);
}

/* As `store check` would see it. */
static inline void expect_no_findings(struct store *store)
{
    struct findings findings = {.out = stderr};
    if (!on_postgres())
        check_database(as_sqlite(store)->db, &findings);
    assert_int_equal(findings.count, 0);
}

/* A change whose body and document tell table and rev. All of it lives in the struct. */
struct change {
    struct store_item item;
    struct studio_event event;
    struct studio_snapshot snapshot;
    char body[200];
    char document[96];
};

#define FIXTURE_ORIGIN "\"ts\":\"2023-11-14T22:13:20.000Z\",\"by\":\"A-1_plc\",\"via\":\"mqtt\""

static inline void make_change(struct change *c, const char *table_id, uint64_t rev)
{
    int body = snprintf(c->body, sizeof c->body,
                        "\"table_id\":\"%s\",\"rev\":%llu," FIXTURE_ORIGIN ",\"changes\":{}}",
                        table_id, (unsigned long long)rev);
    int document =
        snprintf(c->document, sizeof c->document, "{\"TABLE_ID\":\"%s\",\"UPTIME\":%llu}", table_id,
                 (unsigned long long)rev);
    c->event = (struct studio_event){
        .kind = EVENT_CHANGE,
        .table_id = table_id,
        .rev = rev,
        .wall_ms = 1700000000000,
        .body = c->body,
        .body_len = (size_t)body,
    };
    c->snapshot = (struct studio_snapshot){
        .table_id = table_id,
        .rev = rev,
        .document = c->document,
        .document_len = (size_t)document,
    };
    c->item = (struct store_item){.event = &c->event, .snapshot = &c->snapshot};
}

/* The change removes the table. */
static inline void make_removal(struct change *c, const char *table_id, uint64_t rev)
{
    make_change(c, table_id, rev);
    c->snapshot.removed = true;
    c->snapshot.document = NULL;
    c->snapshot.document_len = 0;
}

static inline void make_exception(struct change *c, const char *table_id, uint64_t rev)
{
    int body =
        snprintf(c->body, sizeof c->body,
                 "\"table_id\":\"%s\"," FIXTURE_ORIGIN ",\"data\":\"NO BALL DETECT\"}", table_id);
    c->event = (struct studio_event){
        .kind = EVENT_EXCEPTION,
        .table_id = table_id,
        .rev = rev,
        .wall_ms = 1700000000000,
        .body = c->body,
        .body_len = (size_t)body,
    };
    c->item = (struct store_item){.event = &c->event};
}

/* One change in a commit of its own. */
static inline enum studio_err commit_change(struct store *store, const char *table_id, uint64_t rev)
{
    struct change c;
    make_change(&c, table_id, rev);
    return store_commit(store, &c.item, 1, 0);
}

/* `count` changes of one table from `rev` on, one commit each. */
static inline void commit_changes(struct store *store, const char *table_id, uint64_t rev,
                                  unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(commit_change(store, table_id, rev + i), STUDIO_OK);
}

/* So many changes of one table, in one batch. */
static inline void commit_batch(struct store *store, unsigned count)
{
    static struct change changes[2000];
    static struct store_item items[2000];
    assert_true(count <= 2000);
    for (unsigned i = 0; i < count; i++) {
        make_change(&changes[i], "A-1", store_info(store)->last_seq + i);
        items[i] = changes[i].item;
    }
    assert_int_equal(store_commit(store, items, count, 0), STUDIO_OK);
}

static inline void housekeep_all(struct store *store, int64_t mono_ms)
{
    bool more = true;
    for (int i = 0; more && i < 1000; i++)
        assert_int_equal(store_housekeep(store, mono_ms, &more), STUDIO_OK);
    assert_false(more);
}

/* The agent runs for so many hours, from *mono_ms on. */
static inline void run_hours(struct store *store, int64_t *mono_ms, int hours)
{
    housekeep_all(store, *mono_ms);
    for (int i = 0; i < hours; i++)
        housekeep_all(store, *mono_ms += HOUR_MS);
}

static inline void put_file(const char *dir, const char *name, const char *bytes, size_t len)
{
    FILE *out = fopen(tmpdir_path(dir, name), "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

/* A file of a store, copied as it is now. */
static inline void copy_file(const char *from, const char *to, const char *name)
{
    size_t len;
    char *bytes = tmpdir_read(tmpdir_path(from, name), &len);
    assert_non_null(bytes);
    put_file(to, name, bytes, len);
    free(bytes);
}

/* A directory with what kill -9 now would leave. */
static inline const char *killed_copy(const char *dir)
{
    const char *copy = tmpdir_create();
    copy_file(dir, copy, STORE_FILE);
    copy_file(dir, copy, STORE_FILE "-wal");
    return copy;
}

/* What a pass over events met. */
struct seen {
    uint64_t count, first, last, parked;
    uint64_t stop_after; /* 0: never */
    bool ordered;
    char body[200]; /* of the last one */
};

static inline bool see_event(void *ctx, struct studio_event *event)
{
    struct seen *seen = ctx;
    if (seen->count == 0)
        seen->first = event->seq;
    else if (event->seq <= seen->last)
        seen->ordered = false;
    seen->last = event->seq;
    seen->parked += event->parked;
    snprintf(seen->body, sizeof seen->body, "%.*s", (int)event->body_len, event->body);
    return ++seen->count != seen->stop_after;
}

static inline struct seen read_events(struct store_reader *reader, uint64_t from, uint64_t to,
                                      size_t limit)
{
    struct seen seen = {.ordered = true};
    assert_int_equal(store_read_events(reader, from, to, limit, see_event, &seen), STUDIO_OK);
    assert_true(seen.ordered);
    return seen;
}

#endif
