#include "mirror.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "announce.h"
#include "pacer.h"

/* Members of a list of names that still have to be cleared. */
struct cleared {
    struct cleared *next;
    char field[];
};

/* What a round is made of, in this order. */
enum step { STEP_STATUS, STEP_FIELDS, STEP_GONE, STEP_CLEARED, STEP_END };

struct mirror_entry {
    UT_hash_handle hh;
    struct pacer_node round, presence_pace, refresh;
    struct studio_snapshot *newest;    /* NULL: only topics to clear are known */
    struct studio_snapshot *published; /* by the last round, or what is to count as that */
    bool full;                         /* the next round shows all, also what that one did */
    char *presence;
    bool presence_known;
    bool again; /* the round going on was not accepted whole */
    struct cleared *cleared;
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
    struct pacer refreshes; /* presence that was said and will expire */
    bool expires;           /* on this connection */
    unsigned refreshed;     /* since the last round began */
    /* The round going on: */
    struct mirror_entry *current;
    struct studio_snapshot *showing; /* NULL if the entry has no snapshot */
    enum step step;
    size_t index;
    struct cleared *at;
    char *saying;                    /* the presence handed out last */
    const struct mirror_entry *told; /* for mirror_cleared, NULL: none */
};

/* A custom field, by its name; the settable ones have fixed places before them. */
static const char *custom_text(const struct studio_snapshot *s, const char *name)
{
    for (size_t i = studio_field_count; s && !s->removed && i < s->field_count; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return s->fields[i].text;
    return NULL;
}

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

static void free_cleared(struct mirror_entry *entry)
{
    struct cleared *c;

    while ((c = entry->cleared)) {
        entry->cleared = c->next;
        free(c);
    }
}

static void end_round(struct mirror *m)
{
    studio_snapshot_unref(m->showing);
    m->showing = NULL;
    m->current = NULL;
    m->at = NULL;
}

void mirror_destroy(struct mirror *m)
{
    struct mirror_entry *entry, *next;

    if (!m)
        return;
    end_round(m);
    HASH_ITER(hh, m->entries, entry, next)
    {
        HASH_DEL(m->entries, entry);
        studio_snapshot_unref(entry->newest);
        studio_snapshot_unref(entry->published);
        free_cleared(entry);
        free(entry->presence);
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
        free(entry->presence);
        entry->presence = copy;
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
    end_round(m);
    m->expires = expires;
    HASH_ITER(hh, m->entries, entry, next)
    {
        free_cleared(entry);
        entry->again = false;
        entry->telling = 0;
        pacer_remove(&m->rounds, &entry->round);
        pacer_remove(&m->presences, &entry->presence_pace);
        pacer_remove(&m->refreshes, &entry->refresh);
        studio_snapshot_unref(entry->published);
        /* What is removed from here on may be missing in the store's list: the round clears it. */
        entry->published = entry->newest ? studio_snapshot_ref(entry->newest) : NULL;
        entry->full = true;
        pacer_mark_backfill(&m->rounds, &entry->round);
        if (entry->presence_known)
            pacer_mark_backfill(&m->presences, &entry->presence_pace);
    }
    pthread_mutex_unlock(&m->lock);
}

static enum studio_err clear(struct mirror *m, const char *table_id, const char *field)
{
    struct mirror_entry *entry = entry_of(m, table_id);
    size_t len = field ? strlen(field) : 0;
    struct cleared *c;

    if (!entry)
        return STUDIO_ERR_NO_MEMORY;
    if (len > 0) {
        c = malloc(sizeof(*c) + len + 1);
        if (!c)
            return STUDIO_ERR_NO_MEMORY;
        memcpy(c->field, field, len + 1);
        c->next = entry->cleared;
        entry->cleared = c;
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
    entry->full = true;
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
    m->showing = entry->newest ? studio_snapshot_ref(entry->newest) : NULL;
    m->step = STEP_STATUS;
    m->index = 0;
    m->at = NULL;
}

/* The tables that were removed have nothing to show: all their topics go empty. */
static bool shows_nothing(const struct mirror *m)
{
    return !m->showing || m->showing->removed;
}

static bool emit(struct mirror *m, struct mirror_message *out, enum table_topic topic,
                 const char *field, const char *payload, size_t len, bool plain)
{
    *out = (struct mirror_message){.entry = m->current,
                                   .topic = topic,
                                   .table_id = m->current->id,
                                   .field = field,
                                   .payload = payload ? payload : "",
                                   .len = len,
                                   .plain = plain};
    return true;
}

static bool emit_text(struct mirror *m, struct mirror_message *out, const char *field,
                      const char *text, bool plain)
{
    return emit(m, out, TOPIC_FIELD, field, text, text ? strlen(text) : 0, plain);
}

/* The fields of the snapshot that differ from what the last round showed. */
static bool next_field(struct mirror *m, struct mirror_message *out)
{
    const struct studio_snapshot *old = m->current->published;
    bool fresh = !old || old->removed || m->current->full;

    if (shows_nothing(m) && m->index < studio_field_count)
        return emit_text(m, out, studio_fields[m->index++].name, NULL, true);
    if (shows_nothing(m) && m->index++ == studio_field_count && !m->current->presence)
        return emit(m, out, TOPIC_PRESENCE, NULL, NULL, 0, false);
    while (!shows_nothing(m) && m->index < m->showing->field_count) {
        const struct studio_snapshot_field *f = &m->showing->fields[m->index];
        bool plain = m->index < studio_field_count;
        const char *before = NULL;

        if (!fresh)
            before = plain ? old->fields[m->index].text : custom_text(old, f->name);
        m->index++;
        if (!before || strcmp(before, f->text) != 0)
            return emit_text(m, out, f->name, f->text, plain);
    }
    return false;
}

/* Custom fields the last round showed and this one has not. */
static bool next_gone(struct mirror *m, struct mirror_message *out)
{
    const struct studio_snapshot *old = m->current->published;

    while (old && !old->removed && m->index < old->field_count) {
        const char *name = old->fields[m->index++].name;

        if (!custom_text(m->showing, name))
            return emit_text(m, out, name, NULL, false);
    }
    return false;
}

static bool next_cleared(struct mirror *m, struct mirror_message *out)
{
    while (m->at) {
        const char *name = m->at->field;

        m->at = m->at->next;
        if (!custom_text(m->showing, name))
            return emit_text(m, out, name, NULL, false);
    }
    return false;
}

/* Where each step begins when it follows the one before. */
static void next_step(struct mirror *m)
{
    m->step++;
    m->index = m->step == STEP_GONE ? studio_field_count : 0;
    m->at = m->step == STEP_CLEARED ? m->current->cleared : NULL;
}

/* The last round is to be told when the messages of this lap have ended. */
static void begin_telling(struct mirror_entry *entry)
{
    const struct studio_snapshot *shown = entry->published;

    if (!shown || entry->full || entry->cleared || entry->telling > 0 ||
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

    if (!entry->again) {
        free_cleared(entry);
        studio_snapshot_unref(entry->published);
        entry->published = m->showing;
        entry->full = false;
        m->showing = NULL;
        tell(m, entry);
    }
    entry->again = false;
    end_round(m);
}

/* The next message of the round going on; false ends it. */
static bool step_round(struct mirror *m, struct mirror_message *out)
{
    for (;;) {
        switch (m->step) {
        case STEP_STATUS:
            next_step(m);
            if (!shows_nothing(m))
                return emit(m, out, TOPIC_STATUS, NULL, m->showing->document,
                            m->showing->document_len, false);
            return emit(m, out, TOPIC_STATUS, NULL, NULL, 0, false);
        case STEP_FIELDS:
            if (next_field(m, out))
                return true;
            break;
        case STEP_GONE:
            if (next_gone(m, out))
                return true;
            break;
        case STEP_CLEARED:
            if (next_cleared(m, out))
                return true;
            break;
        case STEP_END:
            finish_round(m);
            return false;
        }
        next_step(m);
    }
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
    m->saying = strdup(entry->presence ? entry->presence : "");
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
