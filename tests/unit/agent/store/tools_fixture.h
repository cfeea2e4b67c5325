/* tools_fixture.h - a store with something of everything in it, and its export as text. */
#ifndef TESTS_UNIT_AGENT_STORE_TOOLS_FIXTURE_H
#define TESTS_UNIT_AGENT_STORE_TOOLS_FIXTURE_H

#include "store/tools.h"
#include "store/transfer.h"
#include "support/deadline.h"
#include "unit/agent/store/fixture.h"

/* Runs SQL on a closed store. */
static inline void alter_store(const char *dir, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(tmpdir_path(dir, STORE_FILE), &db), SQLITE_OK);
    if (sql_exec(db, sql) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void commit_one(struct store *store, struct change *c)
{
    assert_int_equal(store_commit(store, &c->item, 1, 0), STUDIO_OK);
}

/*
 * 12 events: A-1 rev 0-4 (1-5), exceptions of A-1 and B-2 (6, 7), B-2 rev 3 (8: its earlier ones
 * are gone), removed at rev 4 (9), C-3 rev 0 with a request (10), A-1 rev 5 and 6 (11, 12). Event 8
 * is parked, all up to 8 are acknowledged.
 */
static inline const char *full_store(void)
{
    static const char *const fields[] = {"note", "l\"ight"};
    const char *dir = tmpdir_create();
    struct store *store = open_store(dir);
    struct change c;
    commit_changes(store, "A-1", 0, 5);
    make_exception(&c, "A-1", 4);
    commit_one(store, &c);
    make_exception(&c, "B-2", 2);
    commit_one(store, &c);
    assert_int_equal(commit_change(store, "B-2", 3), STUDIO_OK);
    make_removal(&c, "B-2", 4);
    c.item.cleared = fields;
    c.item.cleared_count = 2;
    commit_one(store, &c);
    struct store_request request = {.table_id = "C-3",
                                    .client = "plc",
                                    .request_id = "\"r-1\"",
                                    .digest = {0xab, 0xcd},
                                    .answer = "{\"status\":\"updated\"}",
                                    .answer_len = 20,
                                    .wall_ms = 1700000000000};
    make_change(&c, "C-3", 0);
    c.item.request = &request;
    commit_one(store, &c);
    commit_changes(store, "A-1", 5, 2);
    assert_int_equal(store_park(store, 8, "0x87 not \"authorized\""), STUDIO_OK);
    assert_int_equal(store_commit(store, NULL, 0, 8), STUDIO_OK);
    store_close(store);
    return dir;
}

static inline struct store_place place_of(const char *dir)
{
    return (struct store_place){
        .dir = dir, .copy = -1, .url = on_postgres() ? url_for(dir) : NULL, .agent_id = "edge-1"};
}

/* Out of the directory, or of a copy of its store. */
static inline enum studio_err export_to(const char *dir, int copy, FILE *out,
                                        struct studio_error *error)
{
    struct store_place place = place_of(dir);
    place.copy = copy;
    return store_export(&place, out, NULL, error);
}

static inline enum studio_err restored(const char *dir, char epoch[STORE_EPOCH_LEN + 1],
                                       struct studio_error *error)
{
    struct store_place place = place_of(dir);
    return store_restored(&place, epoch, error);
}

/* The export of a store, to be free()d. */
static inline char *export_text(const char *dir)
{
    char *text = NULL;
    size_t len = 0;
    struct studio_error error = {0};
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    if (export_to(dir, -1, out, &error) != STUDIO_OK)
        fail_msg("store_export: %s", error.text);
    fclose(out);
    char *copy = test_printf("%s", text); /* gcc takes the stream's own for a local */
    free(text);
    return copy;
}

static inline enum studio_err import_text(const char *dir, const char *text,
                                          struct studio_error *error)
{
    size_t len = strlen(text);
    struct store_place place = place_of(dir);
    FILE *in = len ? fmemopen((void *)(uintptr_t)text, len, "r") : fopen("/dev/null", "r");
    assert_non_null(in);
    enum studio_err err = store_import(&place, in, NULL, error);
    fclose(in);
    return err;
}

/* What store_check prints, to be free()d; *err is what it returned. */
static inline char *check_text(const char *dir, enum studio_err *err, struct studio_error *error)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    struct store_place place = place_of(dir);
    *err = store_check(&place, out, error);
    fclose(out);
    return text;
}

#endif
