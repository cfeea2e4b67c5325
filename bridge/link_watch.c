#include "link_watch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { WATCH_MAX = 1024 };

static char own[WATCH_MAX], watched[WATCH_MAX]; /* what is expected, and on which topic */
static char echo[WATCH_MAX];   /* what topics of messages to ourselves begin with */
static atomic_size_t echo_len; /* 0: there are none yet */

void watch_begin(enum link_watch watch, const char *filter, const char *said)
{
    if (watch == LINK_WATCH_OWN && !own[0]) {
        snprintf(own, sizeof(own), "%s", said);
        snprintf(watched, sizeof(watched), "%s", filter);
    }
    if (watch == LINK_WATCH_ECHO && !echo[0]) { /* other messages may be coming in meanwhile */
        snprintf(echo, sizeof(echo), "%.*s", (int)strcspn(filter, "#"), filter);
        atomic_store(&echo_len, strlen(echo));
    }
}

static bool is(const char *payload, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(payload, text, len) == 0;
}

bool watch_heard(const char *topic, const char *payload, size_t len, struct link_event *event)
{
    size_t prefix = atomic_load(&echo_len);

    if (!own[0])
        return false;
    *event = (struct link_event){.kind = LINK_HEARD};
    if (prefix > 0 && len > prefix && memcmp(payload, echo, prefix) == 0) {
        event->kind = LINK_ECHO;
        event->same = is(payload, len, topic);
        return true;
    }
    event->wiped = len == 0;
    event->same = strcmp(topic, watched) != 0 || is(payload, len, own);
    return event->wiped || !event->same; /* our own echo needs no attention */
}
