/*
 * rivals.h - do our own connections end each other? A broker that takes the user name for the client id
 * (Mosquitto: use_username_as_clientid) sees one client in all that share a login: it ends the older
 * connection whenever another comes up, for ever. Pure; bridge thread.
 *
 * Some say so (session taken over): once, right after the other came up, is enough. From those who just
 * close, it is known when it has gone to and fro.
 */
#ifndef BRIDGE_RIVALS_H
#define BRIDGE_RIVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "link.h"

enum {
    RIVALS_MS = 2000,      /* an end so soon after the other came up may be its doing */
    RIVALS_TURNS = 3,      /* ends of the one and the other in turn ... */
    RIVALS_TURN_MS = 60000 /* ... each so soon after the one before */
};

/* Did the other one's coming up end it? */
enum rivalry { RIVALS_NO, RIVALS_MAYBE, RIVALS_YES };

struct rivals {
    bool up[2]; /* LINK_OUT and LINK_IN */
    int64_t up_ms[2];
    unsigned turns;
    enum link_id last; /* who was ended last, and when */
    int64_t last_ms;
};

void rivals_up(struct rivals *r, enum link_id id, int64_t now_ms);
/* The connection ended; `trying`: the other one is being attempted, and the broker may have heard of it.
 * What is found out is said once, and looked for anew. */
enum rivalry rivals_ended(struct rivals *r, enum link_id id, bool by_broker, bool taken_over,
                          bool trying, int64_t now_ms);
/* An attempt failed: whatever was ended meanwhile, it was not its doing. */
void rivals_failed(struct rivals *r, enum link_id id);
#endif
