#include "fault/storm/wiretap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fault/storm/packets.h"
#include "support/deadline.h"

enum { IDS = 65536, SEQ_MAX = 1 << 30 /* more than any storm makes */ };

/* A set of numbers of events. */
struct bits {
    unsigned char *bytes;
    size_t cap;
};

struct ear {
    struct wiretap *tap;
    struct bits taken; /* acknowledged by this broker */
    bool forgets;
    unsigned open;
};

struct line {
    struct ear *ear;
    struct packets from_client, from_server;
    uint64_t in_flight[IDS]; /* the event of each packet id; 0: none */
};

struct wiretap {
    pthread_mutex_t mutex; /* guards all below */
    struct ear ears[WIRETAP_BROKERS_MAX];
    struct bits sent, forgotten;
    uint64_t newest, count, example;
    size_t disorder;
};

/* --- sets of events --------------------------------------------------------------------------- */

static bool has(const struct bits *set, uint64_t seq)
{
    return seq / 8 < set->cap && set->bytes[seq / 8] & 1u << seq % 8;
}

static void make_room(struct bits *set, size_t bytes)
{
    if (bytes <= set->cap)
        return;
    unsigned char *bigger = realloc(set->bytes, 2 * bytes);
    if (!bigger)
        abort(); /* on the proxy's thread no test can be failed */
    memset(bigger + set->cap, 0, 2 * bytes - set->cap);
    set->bytes = bigger;
    set->cap = 2 * bytes;
}

static void add(struct bits *set, uint64_t seq)
{
    make_room(set, (size_t)(seq / 8 + 1));
    set->bytes[seq / 8] |= (unsigned char)(1u << seq % 8);
}

static void add_all(struct bits *set, const struct bits *more)
{
    make_room(set, more->cap);
    for (size_t i = 0; i < more->cap; i++)
        set->bytes[i] |= more->bytes[i];
}

/* --- on the threads of the proxies ------------------------------------------------------------ */

static void heard_event(struct wiretap *t, uint64_t seq)
{
    if (has(&t->sent, seq))
        return;
    if (seq < t->newest) {
        t->disorder++;
        t->example = seq;
    }
    if (seq > t->newest)
        t->newest = seq;
    t->count++;
    add(&t->sent, seq);
}

static void heard_taken(struct ear *ear, uint64_t seq)
{
    add(&ear->taken, seq);
    if (ear->forgets)
        add(&ear->tap->forgotten, seq);
}

static void heard_packet(struct line *line, bool from_client, const struct packet *packet)
{
    uint64_t *in_flight = &line->in_flight[packet->id];
    if (from_client && packet->kind == PACKET_EVENT && packet->seq < SEQ_MAX) {
        *in_flight = packet->seq;
        heard_event(line->ear->tap, packet->seq);
    } else if (!from_client && packet->kind == PACKET_TAKEN && *in_flight != 0) {
        heard_taken(line->ear, *in_flight);
        *in_flight = 0;
    }
}

static void *begin(void *ctx)
{
    struct ear *ear = ctx;
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        abort();
    line->ear = ear;
    pthread_mutex_lock(&ear->tap->mutex);
    ear->open++;
    pthread_mutex_unlock(&ear->tap->mutex);
    return line;
}

static void hear(void *connection, bool from_client, const char *bytes, size_t len)
{
    struct line *line = connection;
    struct packets *packets = from_client ? &line->from_client : &line->from_server;
    pthread_mutex_lock(&line->ear->tap->mutex);
    while (len > 0) {
        struct packet packet;
        bool whole;
        size_t n = packets_take(packets, bytes, len, &whole, &packet);
        if (whole)
            heard_packet(line, from_client, &packet);
        bytes += n;
        len -= n;
    }
    pthread_mutex_unlock(&line->ear->tap->mutex);
}

static void end(void *connection)
{
    struct line *line = connection;
    pthread_mutex_lock(&line->ear->tap->mutex);
    line->ear->open--;
    pthread_mutex_unlock(&line->ear->tap->mutex);
    free(line);
}

/* --- on the test's thread --------------------------------------------------------------------- */

struct wiretap *wiretap_create(void)
{
    struct wiretap *t = test_alloc(sizeof *t);
    pthread_mutex_init(&t->mutex, NULL);
    for (size_t i = 0; i < WIRETAP_BROKERS_MAX; i++)
        t->ears[i].tap = t;
    return t;
}

void wiretap_destroy(struct wiretap *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->mutex);
    for (size_t i = 0; i < WIRETAP_BROKERS_MAX; i++)
        free(t->ears[i].taken.bytes);
    free(t->sent.bytes);
    free(t->forgotten.bytes);
    free(t);
}

void wiretap_listen(struct wiretap *t, unsigned broker, struct proxy *proxy)
{
    proxy_set_tap(proxy, &(struct proxy_tap){begin, hear, end, &t->ears[broker]});
}

void wiretap_forgets(struct wiretap *t, unsigned broker, bool forgets)
{
    if (!t)
        return;
    struct ear *ear = &t->ears[broker];
    pthread_mutex_lock(&t->mutex);
    if (forgets)
        add_all(&t->forgotten, &ear->taken);
    ear->forgets = forgets;
    pthread_mutex_unlock(&t->mutex);
}

bool wiretap_sent(struct wiretap *t, uint64_t seq)
{
    if (!t)
        return true;
    pthread_mutex_lock(&t->mutex);
    bool sent = has(&t->sent, seq);
    pthread_mutex_unlock(&t->mutex);
    return sent;
}

bool wiretap_forgotten(struct wiretap *t, uint64_t seq)
{
    if (!t)
        return false;
    pthread_mutex_lock(&t->mutex);
    bool forgotten = has(&t->forgotten, seq);
    pthread_mutex_unlock(&t->mutex);
    return forgotten;
}

uint64_t wiretap_count(struct wiretap *t)
{
    pthread_mutex_lock(&t->mutex);
    uint64_t count = t->count;
    pthread_mutex_unlock(&t->mutex);
    return count;
}

unsigned wiretap_open(struct wiretap *t, unsigned broker)
{
    pthread_mutex_lock(&t->mutex);
    unsigned open = t->ears[broker].open;
    pthread_mutex_unlock(&t->mutex);
    return open;
}

size_t wiretap_disorder(struct wiretap *t, uint64_t *example)
{
    if (!t)
        return 0;
    pthread_mutex_lock(&t->mutex);
    size_t disorder = t->disorder;
    *example = t->example;
    t->disorder = 0;
    pthread_mutex_unlock(&t->mutex);
    return disorder;
}
