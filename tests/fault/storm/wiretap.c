#include "fault/storm/wiretap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/deadline.h"

/* How every event and every replayed one begins. */
static const char mark[] = "{\"seq\":";

enum { CONNECTIONS = 64 /* at a time; their numbers go round */ };

/* How far into the mark and the number behind it the bytes of one connection have come. */
struct scan {
    size_t number;
    size_t matched;
    unsigned long long seq;
};

struct wiretap {
    pthread_mutex_t mutex; /* guards all below */
    struct scan scans[CONNECTIONS];
    bool paused;
    unsigned char *sent; /* a bit for each event */
    size_t cap;
    unsigned long long newest;
    size_t disorder;
    unsigned long long example;
};

struct wiretap *wiretap_create(void)
{
    struct wiretap *t = test_alloc(sizeof *t);
    pthread_mutex_init(&t->mutex, NULL);
    return t;
}

void wiretap_destroy(struct wiretap *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->mutex);
    free(t->sent);
    free(t);
}

static void heard(struct wiretap *t, unsigned long long seq)
{
    size_t at = (size_t)(seq / 8);
    unsigned char bit = (unsigned char)(1u << seq % 8);
    if (t->paused || at > (size_t)1 << 28) /* no number of an event */
        return;
    if (at >= t->cap) {
        size_t cap = (at + 1) * 2;
        unsigned char *bigger = realloc(t->sent, cap);
        if (!bigger)
            abort(); /* on the proxy's thread no test can be failed */
        memset(bigger + t->cap, 0, cap - t->cap);
        t->sent = bigger;
        t->cap = cap;
    }
    if (!(t->sent[at] & bit) && seq < t->newest) {
        t->disorder++;
        t->example = seq;
    }
    t->sent[at] |= bit;
    if (seq > t->newest)
        t->newest = seq;
}

static void listen_to(void *ctx, size_t number, const char *bytes, size_t len)
{
    struct wiretap *t = ctx;
    pthread_mutex_lock(&t->mutex);
    struct scan *s = &t->scans[number % CONNECTIONS];
    if (s->number != number)
        *s = (struct scan){.number = number};
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (s->matched == sizeof mark - 1 && c >= '0' && c <= '9') {
            s->seq = s->seq * 10 + (unsigned long long)(c - '0');
            continue;
        }
        if (s->matched == sizeof mark - 1 && c == ',')
            heard(t, s->seq);
        if (s->matched == sizeof mark - 1 || c != mark[s->matched])
            s->matched = 0;
        if (c == mark[s->matched])
            s->matched++;
        s->seq = 0;
    }
    pthread_mutex_unlock(&t->mutex);
}

void wiretap_listen(struct wiretap *t, struct proxy *proxy)
{
    proxy_set_tap(proxy, listen_to, t);
}

void wiretap_pause(struct wiretap *t, bool paused)
{
    pthread_mutex_lock(&t->mutex);
    t->paused = paused;
    pthread_mutex_unlock(&t->mutex);
}

size_t wiretap_disorder(struct wiretap *t, unsigned long long *example)
{
    pthread_mutex_lock(&t->mutex);
    size_t disorder = t->disorder;
    *example = t->example;
    t->disorder = 0;
    pthread_mutex_unlock(&t->mutex);
    return disorder;
}
