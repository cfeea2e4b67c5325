#include "core/tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/snapshot.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct table {
    char id[STUDIO_TABLE_ID_MAX + 1];
    bool exists;
    bool known;
    bool changed; /* since table_announced */
    struct table_state visible;
    const struct staged *staged; /* the newest; NULL when nothing is staged */
    size_t staged_count;
    struct studio_snapshot *snapshot; /* of `visible`; NULL until asked for */
    UT_hash_handle hh;
};

struct tables {
    struct table *by_id;
    size_t count;
    size_t count_staged;
    size_t unknown; /* without a committed event */
};

struct tables *tables_create(void)
{
    return calloc(1, sizeof(struct tables));
}

static void drop(struct tables *tables, struct table *table)
{
    HASH_DEL(tables->by_id, table);
    studio_snapshot_unref(table->snapshot);
    state_finish(&table->visible);
    free(table);
}

void tables_destroy(struct tables *tables)
{
    struct table *table, *next;

    if (!tables)
        return;
    HASH_ITER(hh, tables->by_id, table, next)
    {
        drop(tables, table);
    }
    free(tables);
}

struct table *tables_find(struct tables *tables, const char *id)
{
    struct table *table;

    HASH_FIND_STR(tables->by_id, id, table);
    return table;
}

struct table *tables_add(struct tables *tables, const char *id)
{
    struct table *table = tables_find(tables, id);
    size_t len = strlen(id);

    if (table)
        return table;
    assert(len <= STUDIO_TABLE_ID_MAX);
    table = calloc(1, sizeof(*table));
    if (!table)
        return NULL;
    memcpy(table->id, id, len + 1);
    HASH_ADD_KEYPTR(hh, tables->by_id, table->id, len, table);
    if (!table->hh.tbl) { /* how uthash says out of memory */
        free(table);
        return NULL;
    }
    tables->unknown++;
    return table;
}

void tables_forget(struct tables *tables, struct table *table)
{
    if (table_known(table))
        return;
    tables->unknown--;
    drop(tables, table);
}

void tables_sweep(struct tables *tables)
{
    struct table *table, *next;

    if (tables->unknown == 0)
        return;
    HASH_ITER(hh, tables->by_id, table, next)
    {
        tables_forget(tables, table);
    }
}

size_t tables_count(const struct tables *tables)
{
    return tables->count;
}

size_t tables_count_staged(const struct tables *tables)
{
    return tables->count_staged;
}

void tables_each(struct tables *tables, void (*fn)(void *ctx, struct table *table), void *ctx)
{
    for (struct table *table = tables->by_id; table; table = table->hh.next)
        if (table->known)
            fn(ctx, table);
}

const char *table_id(const struct table *table)
{
    return table->id;
}

bool table_exists(const struct table *table)
{
    return table->exists;
}

bool table_exists_staged(const struct table *table)
{
    return table->staged ? table->staged->exists : table->exists;
}

const struct table_state *table_newest(const struct table *table)
{
    return table->staged ? &table->staged->state : &table->visible;
}

bool table_known(const struct table *table)
{
    return table->known || table->staged;
}

/* Makes `state` the visible one and takes it over. */
static void show(struct tables *tables, struct table *table, bool exists, struct table_state *state)
{
    state_finish(&table->visible);
    table->visible = *state;
    memset(state, 0, sizeof(*state));
    tables->count += (size_t)exists - (size_t)table->exists;
    table->exists = exists;
    tables->unknown -= !table->known;
    table->known = true;
    table->changed = true;
    studio_snapshot_unref(table->snapshot);
    table->snapshot = NULL;
}

void tables_restore(struct tables *tables, struct table *table, bool exists,
                    struct table_state *state)
{
    assert(!table->known && !table->staged);
    show(tables, table, exists, state);
    tables->count_staged += exists;
}

void tables_stage(struct tables *tables, struct table *table, struct staged *staged)
{
    tables->count_staged += (size_t)staged->exists - (size_t)table_exists_staged(table);
    table->staged = staged;
    table->staged_count++;
}

void tables_commit(struct tables *tables, struct table *table, struct staged *staged)
{
    assert(table->staged_count > 0);
    table->staged_count--;
    if (table->staged == staged) {
        assert(table->staged_count == 0);
        table->staged = NULL;
    }
    show(tables, table, staged->exists, &staged->state);
}

void tables_drop(struct tables *tables, struct table *table)
{
    if (!table->staged)
        return;
    tables->count_staged += (size_t)table->exists - (size_t)table->staged->exists;
    table->staged = NULL;
    table->staged_count = 0;
}

bool table_changed(const struct table *table)
{
    return table->changed;
}

void table_announced(struct table *table)
{
    table->changed = false;
}

struct studio_snapshot *table_snapshot(struct table *table)
{
    if (!table->snapshot)
        table->snapshot =
            snapshot_create(table->id, table->exists ? &table->visible : NULL, table->visible.rev);
    return table->snapshot;
}
