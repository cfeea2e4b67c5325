/*
 * pacing.h - watchers that want their pushes together, some time apart (`interval_ms` of subscribe, section
 * 3.2): what has come up goes out in one run, then they rest. The first after a rest goes at once. Net
 * thread only; no clock of its own.
 */
#ifndef AGENT_NET_PACING_H
#define AGENT_NET_PACING_H

#include "core/hub.h"

/* Embedded beside its watcher; zeroed: it has never been sent anything. */
struct paced {
    struct watcher *watcher;
    int64_t due_ms; /* it rests until then */
    bool running;   /* it is being sent what there is */
    bool waiting;   /* in the list: it rests, and there is something to send */
    struct paced *prev, *next;
};

/* Zeroed: nobody waits. */
struct pacing {
    struct paced *waiting;
};

/* Something has come up for the watcher. True: it may be sent now; else pacing_tick asks to write. */
bool pacing_begin(struct pacing *pacing, struct paced *paced, struct watcher *watcher,
                  int64_t now_ms);
/* It has been sent all there was, and rests now. */
void pacing_end(struct paced *paced, int64_t now_ms, int64_t interval_ms);
/* Every LOOP_TICK_MS: those that have rested want to write. */
void pacing_tick(struct pacing *pacing, int64_t now_ms);
/* It is gone. */
void pacing_leave(struct pacing *pacing, struct paced *paced);

#endif
