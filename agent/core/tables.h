/*
 * tables.h - every table's state in memory: what is committed (visible to all) and what is staged
 * on top of it, waiting for its commit. Net thread only; no clock, no I/O, no log.
 */
#ifndef AGENT_CORE_TABLES_H
#define AGENT_CORE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "model/snapshot.h"

struct table;
struct tables;

struct tables *tables_create(void);
void tables_destroy(struct tables *tables);

/* NULL if the name was never seen. Removed tables are found too. */
struct table *tables_find(struct tables *tables, const char *id);
/* Finds or adds; a new one does not exist yet (neither visible nor staged). NULL: out of memory. */
struct table *tables_add(struct tables *tables, const char *id);
/* Frees what tables_add made of this name, if nothing came of it: no event is committed or staged. */
void tables_forget(struct tables *tables, struct table *table);
/* The same for all tables. */
void tables_sweep(struct tables *tables);
/* Committed, existing tables. */
size_t tables_count(const struct tables *tables);
/* Existing ones once everything staged is committed. */
size_t tables_count_staged(const struct tables *tables);
/* Of those the ones whose names begin with prefix[0..len). */
size_t tables_count_like(struct tables *tables, const char *prefix, size_t len);
/* Calls fn for every table that ever had a committed event, also removed ones. */
void tables_each(struct tables *tables, void (*fn)(void *ctx, struct table *table), void *ctx);

/* All that are known stand in the order of their names, bytewise; also removed ones, and such as do not exist
 * yet. Where this name stands, or would; and which stands there: NULL behind the last. Places are valid until
 * the next is added or forgotten. */
size_t tables_place(const struct tables *tables, const char *id);
struct table *tables_at(const struct tables *tables, size_t place);

const char *table_id(const struct table *table);
/* Committed and not removed. */
bool table_exists(const struct table *table);
/* The same with everything staged so far. */
bool table_exists_staged(const struct table *table);
/* The state the next message is applied to: staged if something is, else the committed one. For a
 * table that does not exist only `rev` is meaningful: 0 if it is new, else where it goes on. */
const struct table_state *table_newest(const struct table *table);
/* Was there ever an event of this table, committed or staged? */
bool table_known(const struct table *table);

/* At start: the table as stored. Takes its own reference. */
void tables_restore(struct tables *tables, struct table *table, struct studio_snapshot *snapshot);

/* The newest staged one is now this (borrowed: the message's item keeps it until commit or drop). */
void tables_stage(struct tables *tables, struct table *table, struct studio_snapshot *snapshot);
/* None was staged after this one. */
bool table_is_newest(const struct table *table, const struct studio_snapshot *staged);
/* The oldest staged one of this table became durable: it is visible now. */
void tables_commit(struct tables *tables, struct table *table, struct studio_snapshot *snapshot);
/* Everything staged of this table was refused. Does nothing when nothing is staged. */
void tables_drop(struct tables *tables, struct table *table);

/* What is visible has changed since table_announced: watchers and bridge do not know it yet. */
bool table_changed(const struct table *table);
void table_announced(struct table *table);

/* What is committed; owned by the table, take a reference to keep it. NULL: nothing yet. */
struct studio_snapshot *table_snapshot(const struct table *table);

#endif
