#include "auth/tally.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
    unsigned count;
    int64_t begun_ms;
    UT_hash_handle hh;
    char name[];
};

struct tally {
    struct entry *entries; /* the one that was counted last is last */
    size_t names;
    int64_t window_ms;
};

struct tally *tally_create(size_t names, int64_t window_ms)
{
    struct tally *tally = calloc(1, sizeof(*tally));

    if (tally)
        *tally = (struct tally){.names = names, .window_ms = window_ms};
    return tally;
}

static void forget(struct tally *tally, struct entry *entry)
{
    HASH_DEL(tally->entries, entry);
    free(entry);
}

void tally_destroy(struct tally *tally)
{
    if (!tally)
        return;
    while (tally->entries)
        forget(tally, tally->entries);
    free(tally);
}

static struct entry *find(struct tally *tally, const char *name, int64_t now_ms)
{
    struct entry *entry;

    HASH_FIND_STR(tally->entries, name, entry);
    if (entry && now_ms - entry->begun_ms >= tally->window_ms) {
        forget(tally, entry);
        entry = NULL;
    }
    return entry;
}

static struct entry *make(const char *name, int64_t now_ms)
{
    size_t len = strlen(name);
    struct entry *entry = calloc(1, sizeof(*entry) + len + 1);

    if (entry) {
        memcpy(entry->name, name, len + 1);
        entry->begun_ms = now_ms;
    }
    return entry;
}

unsigned tally_add(struct tally *tally, const char *name, int64_t now_ms)
{
    struct entry *entry = find(tally, name, now_ms);

    if (entry)
        HASH_DEL(tally->entries, entry); /* to the end */
    else
        entry = make(name, now_ms);
    if (!entry)
        return 1;
    if (HASH_COUNT(tally->entries) >= tally->names)
        forget(tally, tally->entries);
    HASH_ADD_KEYPTR(hh, tally->entries, entry->name, strlen(entry->name), entry);
    if (!entry->hh.tbl) {
        free(entry);
        return 1;
    }
    return ++entry->count;
}

unsigned tally_count(struct tally *tally, const char *name, int64_t now_ms)
{
    const struct entry *entry = find(tally, name, now_ms);

    return entry ? entry->count : 0;
}
