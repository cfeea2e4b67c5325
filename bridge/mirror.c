#include "mirror.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "announce.h"
#include "pacer.h"
#include "round.h"

struct mirror_entry {
    UT_hash_handle hh;
    struct pacer_node round, presence_pace, refresh;
    struct studio_snapshot *newest; /* NULL: only topics to clear are known */
    struct round_table table;
    bool presence_known;
    bool again; /* the round going on was not accepted whole */
    /* Messages handed out and not ended. Those of a lap end before what it cleared is told; meanwhile
     * later ones count in the other. */
    unsigned open[2], lap;
    uint64_t telling; /* rev of the last round of the other lap; 0: nothing waits to be told */
    uint64_t told;
    bool listed; /* what mirror_clear named was not told yet */
    char id[];
};

struct mirror {
    pthread_mutex_t lock; /* guards all */
    struct mirror_entry *entries;
    struct pacer rounds, presences;
    struct pacer refreshes;       /* presence that was said and will expire */
    bool expires;                 /* on this connection */
    unsigned refreshed;           /* since the last round began */
    struct mirror_entry *current; /* whose round is going on; NULL: no round is */
    struct round round;
    char *saying;                    /* the presence handed out last */
    const struct mirror_entry *told; /* for mirror_cleared, NULL: none */
};

enum studio_err mirror_create(struct mirror **out)
{
    *out = calloc(1, sizeof(**out));
    if (!*out || pthread_mutex_init(&(*out)->lock, NULL) != 0) {
        free(*out);
        *out = NULL;
        return STUDIO_ERR_NO_MEMORY;
    }
    pacer_init(&(*out)->rounds, MIRROR_ROUND_MS);
    pacer_init(&(*out)->presences, MIRROR_PRESENCE_MS);
    pacer_init(&(*out)->refreshes, ANNOUNCE_REFRESH_MS);
    return STUDIO_OK;
}

static void end_round(struct mirror *m, bool published)
{
    if (m->current)
        round_end(&m->round, published);
    m->current = NULL;
}

void mirror_destroy(struct mirror *m)
{
    struct mirror_entry *entry, *next;

    if (!m)
        return;
    end_round(m, false);
    HASH_ITER(hh, m->entries, entry, next)
    {
        HASH_DEL(m->entries, entry);
        studio_snapshot_unref(entry->newest);
        round_table_finish(&entry->table);
        free(entry->table.presence);
        free(entry);
    }
    pthread_mutex_destroy(&m->lock);
    free(m->saying);
    free(m);
}

/* The entry of a table, made if there is none; NULL without memory. */
static struct mirror_entry *entry_of(struct mirror *m, const char *table_id)
{
    size_t len = strlen(table_id);
    struct mirror_entry *entry, *added;

    HASH_FIND(hh, m->entries, table_id, len, entry);
    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry) + len + 1);
    if (!entry)
        return NULL;
    memcpy(entry->id, table_id, len + 1);
    HASH_ADD_KEYPTR(hh, m->entries, entry->id, len, entry);
    HASH_FIND(hh, m->entries, table_id, len, added);
    if (!added) /* the hash could not grow */
        free(entry);
    return added;
}

static enum studio_err take_table(struct mirror *m, struct studio_snapshot *snapshot)
{
    struct mirror_entry *entry = entry_of(m, snapshot->table_id);

    if (!entry)
        return STUDIO_ERR_NO_MEMORY;
    if (entry->newest && snapshot->rev < entry->newest->rev)
        return STUDIO_OK;
    studio_snapshot_unref(entry->newest);
    entry->newest = studio_snapshot_ref(snapshot);
    pacer_mark(&m->rounds, &entry->round);
    return STUDIO_OK;
}

enum studio_err mirror_tables(struct mirror *m, struct studio_snapshot *const *snapshots, size_t n)
{
    enum studio_err err = STUDIO_OK;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++)
        if (take_table(m, snapshots[i]) != STUDIO_OK)
            err = STUDIO_ERR_NO_MEMORY;
    pthread_mutex_unlock(&m->lock);
    return err;
}

enum studio_err mirror_presence(struct mirror *m, const char *table_id, const char *json)
{
    char *copy = json ? strdup(json) : NULL;
    struct mirror_entry *entry;

    if (json && !copy)
        return STUDIO_ERR_NO_MEMORY;
    pthread_mutex_lock(&m->lock);
    entry = entry_of(m, table_id);
    if (entry) {
        free(entry->table.presence);
        entry->table.presence = copy;
        entry->presence_known = true;
        pacer_mark(&m->presences, &entry->presence_pace);
    }
    pthread_mutex_unlock(&m->lock);
    if (!entry)
        free(copy);
    return entry ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;
}

void mirror_restart(struct mirror *m, bool expires)
{
    struct mirror_entry *entry, *next;

    pthread_mutex_lock(&m->lock);
    end_round(m, false);
    m->expires = expires;
    HASH_ITER(hh, m->entries, entry, next)
    {
        entry->again = false;
        entry->telling = 0;
        pacer_remove(&m->rounds, &entry->round);
        pacer_remove(&m->presences, &entry->presence_pace);
        pacer_remove(&m->refreshes, &entry->refresh);
        /* What is removed from here on may be missing in the store's list: the round clears it. */
        round_table_reset(&entry->table, entry->newest);
        pacer_mark_backfill(&m->rounds, &entry->round);
        if (entry->presence_known)
            pacer_mark_backfill(&m->presences, &entry->presence_pace);
    }
    pthread_mutex_unlock(&m->lock);
}

void mirror_spread(struct mirror *m, int64_t now_ms, int64_t spread_ms, uint32_t random)
{
    struct pacer *const pacers[] = {&m->rounds, &m->presences};
    int64_t gap;

    pthread_mutex_lock(&m->lock);
    gap = spread_ms / (int64_t)(HASH_COUNT(m->entries) + 1);
    for (size_t i = 0; i < sizeof(pacers) / sizeof(*pacers); i++)
        pacer_spread(pacers[i], now_ms, gap > 0 ? (int64_t)(random % (uint64_t)(gap + 1)) : 0, gap,
                     gap > 0 ? now_ms + spread_ms : 0);
    pthread_mutex_unlock(&m->lock);
}

static enum studio_err clear(struct mirror *m, const char *table_id, const char *field)
{
    struct mirror_entry *entry = entry_of(m, table_id);

    if (!entry)
        return STUDIO_ERR_NO_MEMORY;
    if (field && *field) {
        if (!round_table_clear(&entry->table, field))
            return STUDIO_ERR_NO_MEMORY;
        entry->listed = true;
    }
    pacer_mark_backfill(&m->rounds, &entry->round);
    return STUDIO_OK;
}

enum studio_err mirror_clear(struct mirror *m, const char *table_id, const char *field)
{
    enum studio_err err;

    pthread_mutex_lock(&m->lock);
    err = clear(m, table_id, field);
    pthread_mutex_unlock(&m->lock);
    return err;
}

void mirror_again(struct mirror *m, struct mirror_entry *entry)
{
    pthread_mutex_lock(&m->lock);
    entry->table.full = true;
    entry->again = m->current == entry;
    if (entry->presence_known)
        pacer_mark(&m->presences, &entry->presence_pace);
    pacer_mark(&m->rounds, &entry->round);
    pthread_mutex_unlock(&m->lock);
}

static void start_round(struct mirror *m, struct mirror_entry *entry)
{
    m->current = entry;
    m->refreshed = 0;
    round_begin(&m->round, &entry->table, entry->newest);
}

/* The last round is to be told when the messages of this lap have ended. */
static void begin_telling(struct mirror_entry *entry)
{
    const struct studio_snapshot *shown = entry->table.published;

    if (!shown || entry->table.full || entry->table.cleared || entry->telling > 0 ||
        entry->open[!entry->lap] > 0 || (!entry->listed && shown->state.cleared_rev <= entry->told))
        return;
    entry->telling = shown->rev;
    entry->lap = !entry->lap;
}

static void tell(struct mirror *m, struct mirror_entry *entry)
{
    begin_telling(entry);
    while (entry->telling > 0 && entry->open[!entry->lap] == 0) {
        entry->told = entry->telling;
        entry->telling = 0;
        entry->listed = false;
        m->told = entry;
        begin_telling(entry); /* a later round may have waited */
    }
}

static void finish_round(struct mirror *m)
{
    struct mirror_entry *entry = m->current;
    bool published = !entry->again;

    entry->again = false;
    end_round(m, published);
    if (published)
        tell(m, entry);
}

/* The next message of the round going on; false ends it. */
static bool step_round(struct mirror *m, struct mirror_message *out)
{
    struct round_message shown;

    if (!round_next(&m->round, &shown)) {
        finish_round(m);
        return false;
    }
    *out = (struct mirror_message){.entry = m->current,
                                   .topic = shown.topic,
                                   .table_id = m->current->id,
                                   .field = shown.field,
                                   .payload = shown.payload,
                                   .len = shown.len,
                                   .plain = shown.plain};
    return true;
}

/* Somebody is there: true only as long as the agent is. That nobody is needs no end. */
static bool says_online(const char *presence)
{
    return strstr(presence, "\"online\":true"); /* inside a string the quotes are escaped */
}

/* A copy goes out: the next one may come while this one is being sent. False: no memory. */
static bool say_presence(struct mirror *m, struct mirror_entry *entry, int64_t now_ms,
                         struct mirror_message *out)
{
    bool expires;

    free(m->saying);
    m->saying = strdup(entry->table.presence ? entry->table.presence : "");
    if (!m->saying)
        return false;
    expires = m->expires && says_online(m->saying);
    *out = (struct mirror_message){.entry = entry,
                                   .topic = TOPIC_PRESENCE,
                                   .table_id = entry->id,
                                   .payload = m->saying,
                                   .len = strlen(m->saying),
                                   .expiry_s = expires ? ANNOUNCE_EXPIRY_S : 0};
    if (expires)
        pacer_postpone(&m->refreshes, &entry->refresh, now_ms);
    else
        pacer_remove(&m->refreshes, &entry->refresh);
    return true;
}

/* What cannot be said for lack of memory is when its interval is over. */
static bool next_presence(struct mirror *m, int64_t now_ms, struct mirror_message *out)
{
    struct pacer_node *node = pacer_next(&m->presences, now_ms);

    if (!node)
        return false;
    if (say_presence(
            m, (struct mirror_entry *)((char *)node - offsetof(struct mirror_entry, presence_pace)),
            now_ms, out))
        return true;
    pacer_mark(&m->presences, node);
    return false;
}

/* So many tables' presence at once holds up no round for long, and rounds without end hold up none. */
static bool next_refresh(struct mirror *m, int64_t now_ms, struct mirror_message *out)
{
    bool turn = m->refreshed < MIRROR_REFRESHES_PER_ROUND || !pacer_ready(&m->rounds, now_ms);
    struct pacer_node *node = turn ? pacer_next(&m->refreshes, now_ms) : NULL;

    if (!node)
        return false;
    m->refreshed++;
    if (say_presence(m,
                     (struct mirror_entry *)((char *)node - offsetof(struct mirror_entry, refresh)),
                     now_ms, out))
        return true;
    pacer_mark(&m->refreshes, node);
    return false;
}

static bool next_message(struct mirror *m, int64_t now_ms, struct mirror_message *out)
{
    for (;;) {
        struct pacer_node *node;

        if (m->current && step_round(m, out))
            return true;
        if (next_presence(m, now_ms, out) || next_refresh(m, now_ms, out))
            return true;
        node = pacer_next(&m->rounds, now_ms);
        if (!node)
            return false;
        start_round(m,
                    (struct mirror_entry *)((char *)node - offsetof(struct mirror_entry, round)));
    }
}

bool mirror_next(struct mirror *m, int64_t now_ms, struct mirror_message *out)
{
    bool any;

    pthread_mutex_lock(&m->lock);
    any = next_message(m, now_ms, out);
    if (any) {
        out->lap = out->entry->lap;
        out->entry->open[out->lap]++;
    }
    pthread_mutex_unlock(&m->lock);
    return any;
}

void mirror_done(struct mirror *m, struct mirror_entry *entry, unsigned lap, bool answered)
{
    pthread_mutex_lock(&m->lock);
    entry->open[lap]--;
    if (answered)
        tell(m, entry);
    else
        entry->telling = 0; /* what the last round shows goes out again first */
    pthread_mutex_unlock(&m->lock);
}

const char *mirror_cleared(struct mirror *m, uint64_t *rev)
{
    const struct mirror_entry *entry;

    pthread_mutex_lock(&m->lock);
    entry = m->told;
    m->told = NULL;
    *rev = entry ? entry->told : 0;
    pthread_mutex_unlock(&m->lock);
    return entry ? entry->id : NULL;
}

bool mirror_ready(struct mirror *m, int64_t now_ms)
{
    bool ready;

    pthread_mutex_lock(&m->lock);
    ready = m->current || pacer_ready(&m->presences, now_ms) || pacer_ready(&m->rounds, now_ms) ||
            pacer_ready(&m->refreshes, now_ms);
    pthread_mutex_unlock(&m->lock);
    return ready;
}

int64_t mirror_deadline(struct mirror *m)
{
    const struct pacer *const pacers[] = {&m->rounds, &m->presences, &m->refreshes};
    int64_t deadline = PACER_NEVER_DEADLINE;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < sizeof(pacers) / sizeof(*pacers); i++) {
        int64_t at = pacer_deadline(pacers[i]);

        if (at >= 0 && (deadline < 0 || at < deadline))
            deadline = at;
    }
    pthread_mutex_unlock(&m->lock);
    return deadline;
}
