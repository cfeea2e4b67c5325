/*
 * spans.c - in which spans of events a table has any (see the schema): one row for the first.
 *
 * That it is there already is remembered for the tables that had one last, else each of the following would
 * look for it in the file: a quarter of what an event costs there.
 */
#include <string.h>

#include "store/sqlite/private.h"

static struct span_note *place_of(struct sqlite_store *store, const char *table_id)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const unsigned char *c = (const unsigned char *)table_id; *c; c++)
        hash = (hash ^ *c) * 16777619u;
    return &store->spans[hash % STORE_SPAN_NOTES];
}

int spans_add(struct sqlite_store *store, const struct studio_event *event)
{
    uint64_t span = event->seq / STORE_SPAN;
    struct span_note *note = place_of(store, event->table_id);
    if (note->span == span && strcmp(note->table_id, event->table_id) == 0)
        return SQLITE_OK;
    struct sql_call call = sql_call(store->stmts[STMT_ADD_SPAN]);
    sql_u64(&call, span);
    sql_str(&call, event->table_id);
    sql_u64(&call, event->kind == EVENT_CHANGE ? event->rev : event->rev + 1);
    int rc = sql_run(&call);
    size_t len = strlen(event->table_id);
    if (rc == SQLITE_OK && len < sizeof note->table_id) {
        memcpy(note->table_id, event->table_id, len + 1);
        note->span = span;
    }
    return rc;
}

void spans_forget(struct sqlite_store *store)
{
    memset(store->spans, 0, sizeof store->spans);
}
