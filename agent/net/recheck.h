/*
 * recheck.h - those who were let in are looked at again when what lets in has changed: for so long in each turn of the loop, and
 * one that asks for something before it is his turn is looked at first. Net thread only; knows no library.
 */
#ifndef AGENT_NET_RECHECK_H
#define AGENT_NET_RECHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "net/socket.h"

enum { RECHECK_STEP_US = 5000 };

/* Begun with the first four. */
struct recheck {
    const struct clock *clock; /* one that goes on during a turn */
    bool (*admits)(void *ctx, void *connection);
    void (*expel)(void *ctx, void *connection); /* it may be gone at once, see recheck_leave */
    void *ctx;
    unsigned round;
    struct socket *next; /* to be looked at; NULL: all have been */
    size_t expelled;     /* in this round */
};

/* Somebody has come: he is as he is to be. */
void recheck_enter(const struct recheck *recheck, struct socket *socket);
/* He is gone. Before he is taken out of the list. */
void recheck_leave(struct recheck *recheck, const struct socket *socket);

/* All in the list, in which those who come are appended, are to be looked at. */
void recheck_begin(struct recheck *recheck, struct socket *list);
/* Looks at some. True: there are more. */
bool recheck_step(struct recheck *recheck);
/* May he still ask for something? If not, he has been expelled. */
bool recheck_passes(struct recheck *recheck, struct socket *socket);

#endif
