#include "core/tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct table {
    char id[STUDIO_TABLE_ID_MAX + 1];
    bool changed;                    /* since table_announced */
    struct studio_snapshot *visible; /* what is committed; NULL: nothing yet */
    struct studio_snapshot *staged;  /* the newest, borrowed; NULL when nothing is staged */
    size_t staged_count;
    UT_hash_handle hh;
};

enum { FAMILIES = 16 /* prefixes whose tables are counted as they come and go */ };

struct family {
    bool counted;
    char prefix[STUDIO_TABLE_ID_MAX + 1];
    size_t len, count;
};

struct tables {
    struct table *by_id;
    struct table **by_name; /* the same ones, in order */
    size_t named, named_max;
    size_t count;
    size_t count_staged;
    struct family families[FAMILIES];
    size_t next_family; /* its place goes to the next prefix */
    size_t unknown;     /* without a committed event */
};

struct tables *tables_create(void)
{
    return calloc(1, sizeof(struct tables));
}

static void drop(struct tables *tables, struct table *table)
{
    HASH_DEL(tables->by_id, table);
    studio_snapshot_unref(table->visible);
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
    free(tables->by_name);
    free(tables);
}

/* --- in the order of their names -------------------------------------------------------------- */

size_t tables_place(const struct tables *tables, const char *id)
{
    size_t from = 0, to = tables->named;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(tables->by_name[middle]->id, id) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct table *tables_at(const struct tables *tables, size_t place)
{
    return place < tables->named ? tables->by_name[place] : NULL;
}

/* Tables come seldom: to move those behind it costs less than the commit that makes one. */
static bool give_place(struct tables *tables, struct table *table)
{
    size_t place = tables_place(tables, table->id);

    if (tables->named == tables->named_max) {
        size_t max = tables->named_max ? tables->named_max * 2 : 64;
        struct table **by_name = realloc(tables->by_name, max * sizeof(struct table *));
        if (!by_name)
            return false;
        tables->by_name = by_name;
        tables->named_max = max;
    }
    memmove(&tables->by_name[place + 1], &tables->by_name[place],
            (tables->named - place) * sizeof(struct table *));
    tables->by_name[place] = table;
    tables->named++;
    return true;
}

static void take_place(struct tables *tables, const struct table *table)
{
    size_t place = tables_place(tables, table->id);

    tables->named--;
    memmove(&tables->by_name[place], &tables->by_name[place + 1],
            (tables->named - place) * sizeof(struct table *));
}

/* --- coming and going ------------------------------------------------------------------------- */

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
    if (!give_place(tables, table)) {
        drop(tables, table);
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
    take_place(tables, table);
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
        if (table->visible)
            fn(ctx, table);
}

const char *table_id(const struct table *table)
{
    return table->id;
}

static bool there(const struct studio_snapshot *snapshot)
{
    return snapshot && !snapshot->removed;
}

static const struct studio_snapshot *newest(const struct table *table)
{
    return table->staged ? table->staged : table->visible;
}

bool table_exists(const struct table *table)
{
    return there(table->visible);
}

bool table_exists_staged(const struct table *table)
{
    return there(newest(table));
}

const struct table_state *table_newest(const struct table *table)
{
    static const struct table_state none;

    return newest(table) ? &newest(table)->state : &none;
}

bool table_known(const struct table *table)
{
    return newest(table) != NULL;
}

/* Existing ones once everything staged is committed: one more, or one less. */
static void count(struct tables *tables, const struct table *table, bool was, bool is)
{
    if (was == is)
        return;
    tables->count_staged += is ? 1 : (size_t)-1;
    for (struct family *f = tables->families; f < tables->families + FAMILIES; f++)
        if (f->counted && strncmp(f->prefix, table->id, f->len) == 0)
            f->count += is ? 1 : (size_t)-1;
}

size_t tables_count_like(struct tables *tables, const char *prefix, size_t len)
{
    struct family *family = &tables->families[tables->next_family];

    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *f = &tables->families[i];
        if (f->counted && f->len == len && memcmp(f->prefix, prefix, len) == 0)
            return f->count;
    }
    if (len > STUDIO_TABLE_ID_MAX)
        return 0;
    tables->next_family = (tables->next_family + 1) % FAMILIES;
    *family = (struct family){.counted = true, .len = len};
    memcpy(family->prefix, prefix, len);
    for (const struct table *table = tables->by_id; table; table = table->hh.next)
        family->count += table_exists_staged(table) && strncmp(prefix, table->id, len) == 0;
    return family->count;
}

static void show(struct tables *tables, struct table *table, struct studio_snapshot *snapshot)
{
    tables->count += (size_t)there(snapshot) - (size_t)there(table->visible);
    tables->unknown -= !table->visible;
    table->changed = true;
    studio_snapshot_ref(snapshot);
    studio_snapshot_unref(table->visible);
    table->visible = snapshot;
}

void tables_restore(struct tables *tables, struct table *table, struct studio_snapshot *snapshot)
{
    assert(!table_known(table));
    show(tables, table, snapshot);
    count(tables, table, false, there(snapshot));
}

void tables_stage(struct tables *tables, struct table *table, struct studio_snapshot *snapshot)
{
    count(tables, table, table_exists_staged(table), there(snapshot));
    table->staged = snapshot;
    table->staged_count++;
}

bool table_is_newest(const struct table *table, const struct studio_snapshot *staged)
{
    return table->staged == staged;
}

void tables_commit(struct tables *tables, struct table *table, struct studio_snapshot *snapshot)
{
    assert(table->staged_count > 0);
    table->staged_count--;
    if (table->staged == snapshot) {
        assert(table->staged_count == 0);
        table->staged = NULL;
    }
    show(tables, table, snapshot);
}

void tables_drop(struct tables *tables, struct table *table)
{
    if (!table->staged)
        return;
    count(tables, table, there(table->staged), there(table->visible));
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

struct studio_snapshot *table_snapshot(const struct table *table)
{
    return table->visible;
}
