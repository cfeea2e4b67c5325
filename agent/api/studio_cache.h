/*
 * studio_cache.h - all agents of a database and their tables, as they were read last; who asks again is told what has
 * changed since. Pure; one thread at a time.
 *
 * Every item has the version in which it changed last, and they stand in that order: what is new since a version is the
 * end of one list. What is gone stays as such, so that this can be told, too.
 */
#ifndef AGENT_API_STUDIO_CACHE_H
#define AGENT_API_STUDIO_CACHE_H

#define HASH_NONFATAL_OOM 1
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "base/names.h"
#include "studio/status.h"

struct store_agent;
struct studio_cache;

enum {
    STUDIO_CACHE_ITEMS = 128 * 1024,       /* agents and tables; what is beyond is left out */
    STUDIO_CACHE_EPOCH = 64,               /* what is longer is cut */
    STUDIO_CACHE_BYTES = 128 * 1024 * 1024 /* of documents, the same */
};

struct cached_table;

/* Of an agent, or one of its tables. */
struct cached_item {
    struct cached_item *prev, *next; /* by version */
    uint64_t version;
    unsigned round; /* it was seen last in */
    bool gone;
    struct cached_table *table; /* itself; NULL: it is an agent */
};

/* As long as it is the same, so are the agent's tables. */
struct cached_state {
    char epoch[STUDIO_CACHE_EPOCH + 1];
    uint64_t boot, last_seq;
};

struct cached_agent {
    struct cached_item item; /* first */
    char id[NAME_CLIENT_MAX + 1];
    char *owner;
    bool owned;
    int64_t until_ms;                 /* wall; if it is not owned: since when */
    struct cached_state listed, read; /* as it is, and as its tables were read */
    bool was_read;
    struct cached_table *tables; /* by id */
    struct cached_agent *next_due;
    UT_hash_handle hh;
};

struct cached_table {
    struct cached_item item; /* first */
    struct cached_agent *agent;
    char id[STUDIO_TABLE_ID_MAX + 1];
    uint64_t rev;
    char *document; /* NULL: it is gone */
    size_t len;
    UT_hash_handle hh;
};

enum { STUDIO_CACHE_NAME = 16 };

/* NULL: no memory. */
struct studio_cache *studio_cache_create(void);
/* Its versions are those of no other. */
const char *studio_cache_name(const struct studio_cache *cache);
/* NULL does nothing. */
void studio_cache_destroy(struct studio_cache *cache);

/* --- reading it anew ---------------------------------------------------------------------------- */

/* A round begins: what it does not see is gone. */
void studio_cache_begin(struct studio_cache *cache);
/* An agent, as it is listed. False: no memory. */
bool studio_cache_agent(struct studio_cache *cache, const struct store_agent *agent);
/* All agents were listed. Those whose tables are to be read (again), by next_due, in the order they were listed. */
struct cached_agent *studio_cache_listed(struct studio_cache *cache);
/* One of its tables; takes `document` (of malloc; NULL: it is removed), also when it fails. False: no memory. */
bool studio_cache_table(struct studio_cache *cache, struct cached_agent *agent, const char *id,
                        uint64_t rev, char *document, size_t len);
/* All tables of this agent have been seen. */
void studio_cache_read(struct studio_cache *cache, struct cached_agent *agent);

/* --- what is new -------------------------------------------------------------------------------- */

uint64_t studio_cache_version(const struct studio_cache *cache);
/* The first of those that changed after this version, the others by `next`. NULL: none. */
const struct cached_item *studio_cache_after(const struct studio_cache *cache, uint64_t version);
/* The table of this name, also one that is gone. NULL: it has had none. */
const struct cached_table *cached_agent_table(const struct cached_agent *agent, const char *id);
/* There was more than it holds. */
bool studio_cache_full(const struct studio_cache *cache);
/* How many items, the gone ones included. */
size_t studio_cache_count(const struct studio_cache *cache);

#endif
