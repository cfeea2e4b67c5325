#include "poison.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct poison_entry {
    UT_hash_handle hh;
    bool parked;       /* a topic; else a suspect message */
    unsigned hangups;  /* suspect: in a row */
    unsigned messages; /* topic: parked on it without an answer between */
    size_t shortest;   /* topic: of them */
    char key[];
};

static void drop(struct poison *p, struct poison_entry *entry)
{
    HASH_DEL(p->entries, entry);
    free(entry);
}

void poison_finish(struct poison *p)
{
    while (p->entries)
        drop(p, p->entries);
}

void poison_up(struct poison *p, const char *broker)
{
    if (broker != p->broker)
        p->answered = false;
    p->broker = broker;
}

/* No topic has a control character in it. */
static size_t make_key(const struct poison *p, const struct poison_message *m, bool topic,
                       char key[POISON_KEY_MAX])
{
    int n = topic ? snprintf(key, POISON_KEY_MAX, "%s\n%s", p->broker, m->topic)
                  : snprintf(key, POISON_KEY_MAX, "%s\n%s\n%d %" PRIu64, p->broker, m->topic,
                             m->traffic, m->key);

    return n < POISON_KEY_MAX ? (size_t)n : POISON_KEY_MAX - 1;
}

static struct poison_entry *find(const struct poison *p, const struct poison_message *m, bool topic)
{
    char key[POISON_KEY_MAX];
    struct poison_entry *entry = NULL;
    size_t len;

    if (!p->entries) /* nearly always */
        return NULL;
    len = make_key(p, m, topic, key);
    HASH_FIND(hh, p->entries, key, len, entry);
    return entry;
}

/* Made if there is none. NULL without memory: then it is suspected another time. */
static struct poison_entry *entry_of(struct poison *p, const struct poison_message *m, bool topic)
{
    struct poison_entry *entry = find(p, m, topic), *added = NULL;
    char key[POISON_KEY_MAX];
    size_t len = make_key(p, m, topic, key);

    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry) + len + 1);
    if (!entry)
        return NULL;
    memcpy(entry->key, key, len + 1);
    entry->parked = topic;
    entry->shortest = SIZE_MAX;
    if (HASH_COUNT(p->entries) >= POISON_MAX)
        drop(p, p->entries);
    HASH_ADD_KEYPTR(hh, p->entries, entry->key, len, entry);
    HASH_FIND(hh, p->entries, key, len, added);
    if (!added) /* the hash could not grow */
        free(entry);
    return added;
}

enum poison_verdict poison_look(const struct poison *p, const struct poison_message *m)
{
    const struct poison_entry *topic;

    if (find(p, m, false))
        return POISON_ALONE;
    topic = find(p, m, true);
    if (!topic)
        return POISON_CLEAR;
    /* What an event says is said only once; of the rest a newer one comes. */
    if (m->size < topic->shortest ||
        (m->traffic == TRAFFIC_EVENTS && topic->messages < POISON_EVENTS))
        return POISON_ALONE;
    return POISON_PARKED;
}

void poison_answered(struct poison *p, const struct poison_message *m)
{
    struct poison_entry *suspect = find(p, m, false), *topic = find(p, m, true);

    p->answered = true;
    if (topic)
        topic->messages = 0;
    if (suspect)
        drop(p, suspect);
}

static bool park(struct poison *p, const struct poison_message *m)
{
    struct poison_entry *topic = entry_of(p, m, true), *suspect;

    if (!topic)
        return false;
    topic->messages++;
    if (m->size < topic->shortest)
        topic->shortest = m->size;
    p->answered = false;
    suspect = find(p, m, false);
    if (suspect)
        drop(p, suspect);
    return true;
}

bool poison_hung_up(struct poison *p, const struct poison_message *m, bool alone)
{
    struct poison_entry *suspect = entry_of(p, m, false);

    if (!suspect)
        return false;
    if (alone || suspect->hangups == 0)
        suspect->hangups++;
    if (!alone || (suspect->hangups < POISON_HANGUPS && !find(p, m, true)))
        return false;
    /* What is said first may have nothing before it, but its connection has stood (window.c). */
    return (p->answered || m->traffic == TRAFFIC_CONTROL) && park(p, m);
}

void poison_forgive(struct poison *p)
{
    struct poison_entry *entry, *next;

    HASH_ITER(hh, p->entries, entry, next)
    {
        if (!entry->parked)
            drop(p, entry);
    }
}
