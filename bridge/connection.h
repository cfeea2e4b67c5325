/*
 * connection.h - one MQTT connection: an attempt, what became of it, its end. The publishing connection,
 * the one for commands and the probe are one each; when to try, and where, is their owners'. Bridge
 * thread.
 *
 *             connect              UP       leave
 *     ┌─► IDLE ───────► CONNECTING ─────► UP ───────► LEAVING
 *     │                    │ FAILED,      │ LOST,       │ LOST,
 *     │                    │ 20 s         │ CLOSED      │ CLOSED
 *     └────────────────────┴──────────────┴─────────────┘        close: IDLE, from anywhere
 *
 * A broker that wants signs of life more often than it was told (Server Keep Alive) gets them: the library
 * has no ear for that, so the attempt ends, to be made again with what the broker wants. To the owner it
 * was never up.
 *
 * Records carry the generation of their connection; those of an older one are nothing here.
 */
#ifndef BRIDGE_CONNECTION_H
#define BRIDGE_CONNECTION_H

#include "bridge_source.h"
#include "brokers.h"
#include "lessons.h"
#include "link.h"
#include "topics.h"

enum connection_state { CONNECTION_IDLE, CONNECTION_CONNECTING, CONNECTION_UP, CONNECTION_LEAVING };

enum { CONNECTION_CONNECT_MS = 20000 /* the link should have given up before */ };

/* What a record is to the owner of the connection. */
enum connection_news {
    CONNECTION_NOTHING,
    CONNECTION_CAME_UP,
    CONNECTION_FAILED, /* the attempt; idle again */
    CONNECTION_AGAIN,  /* the attempt is to be made again, at once; idle again */
    CONNECTION_ENDED,  /* the connection; idle again */
    CONNECTION_DONE,
    CONNECTION_HEARD,
    CONNECTION_ECHOED
};

struct connection {
    struct link *link;
    enum link_id id;
    const struct bridge_config *config;
    struct lessons *lessons; /* of all connections */
    char client_id[STUDIO_USER_ID_MAX + 24];
    enum connection_state state;
    int64_t since_ms; /* of the state */
    uint64_t generation;
    const struct broker *broker;    /* of the attempt or connection */
    char address[LINK_ADDRESS_MAX]; /* of the connection */
    unsigned keepalive_s;           /* as the broker was told */
    bool again;                     /* left, to be made again */
};

void connection_init(struct connection *s, struct link *link, enum link_id id,
                     const struct topics *topics, const struct bridge_config *config,
                     struct lessons *lessons);
/* Starts an attempt. `wanted` has what is particular to it (version, clean, expiry, will; a keep-alive
 * of 0 is the configured one); where and as whom comes from `broker`. False: it could not even
 * start (`text` says why), and it is idle. */
STUDIO_MUST_USE bool connection_connect(struct connection *s, const struct broker *broker,
                                        struct link_target wanted, int64_t now_ms,
                                        char text[LINK_TEXT_MAX]);
/* Takes what the link reports, of whichever connection. */
enum connection_news connection_event(struct connection *s, const struct link_event *event,
                                      int64_t now_ms);
/* True: nobody answered the attempt; it is given up, and it is idle. */
bool connection_overdue(struct connection *s, int64_t now_ms);
/* When connection_overdue will say so; INT64_MAX: there is no attempt. */
int64_t connection_deadline(const struct connection *s);
/* Starts an orderly end (`will`: the broker is asked to publish the will). False: the connection
 * is gone, and it is idle. Only while UP. */
bool connection_leave(struct connection *s, bool will, int64_t now_ms);
/* Drops what there is. Nothing of it is heard any more. */
void connection_close(struct connection *s, int64_t now_ms);

#endif
