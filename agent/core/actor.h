/*
 * actor.h - one who sends messages: a WebSocket connection, or one command that came over MQTT.
 *
 * Answers leave in the order of its messages; what cannot be answered yet waits in the batch. An
 * actor is counted by reference, since its messages may outlive its connection. Net thread only.
 */
#ifndef AGENT_CORE_ACTOR_H
#define AGENT_CORE_ACTOR_H

#include "auth/bucket.h"
#include "auth/role.h"
#include "core/hub.h"
#include "protocol/document.h"

struct actor;

struct actor_ops {
    /* The one answer to a message, or to joining: then the first document, or why it cannot be
     * (LIMIT, STORAGE). `err` OK: it was carried out; else the text tells the error. The text is
     * valid during the call only; NULL: silence (an MQTT command for a table of another agent). */
    void (*answer)(struct actor *actor, enum studio_err err, const char *text, size_t len);
    /* The last reference is gone. */
    void (*release)(struct actor *actor);
};

struct actor {
    const struct actor_ops *ops;
    enum studio_via via;
    enum role role;            /* means nothing on MQTT, where the broker's access list decides */
    const struct grant *grant; /* during core_join; NULL: makes as many tables as there may be */
    struct watcher *watcher;   /* NULL: cannot subscribe */
    struct bucket *bucket;     /* of its messages, read when one comes; NULL: no limit */
    unsigned refs;
    unsigned outstanding;                   /* messages in a batch */
    bool joined;                            /* the core's: between core_join and core_leave */
    bool gone;                              /* its connection is closed: answers go nowhere */
    char table_id[STUDIO_TABLE_ID_MAX + 1]; /* its own table */
    char user_id[STUDIO_USER_ID_MAX + 1];   /* `by` in events */
};

static inline void actor_unref(struct actor *actor)
{
    if (actor && --actor->refs == 0)
        actor->ops->release(actor);
}

#endif
