#include "net/pacing.h"

#include <utlist.h>

bool pacing_begin(struct pacing *pacing, struct paced *paced, struct watcher *watcher,
                  int64_t now_ms)
{
    paced->running = paced->running || now_ms >= paced->due_ms;
    if (!paced->running && !paced->waiting) {
        paced->watcher = watcher;
        paced->waiting = true;
        DL_APPEND(pacing->waiting, paced);
    }
    return paced->running;
}

void pacing_end(struct paced *paced, int64_t now_ms, int64_t interval_ms)
{
    paced->running = false;
    paced->due_ms = now_ms + interval_ms;
}

void pacing_leave(struct pacing *pacing, struct paced *paced)
{
    if (paced->waiting)
        DL_DELETE(pacing->waiting, paced);
    paced->waiting = false;
}

void pacing_tick(struct pacing *pacing, int64_t now_ms)
{
    struct paced *paced, *next;

    DL_FOREACH_SAFE(pacing->waiting, paced, next)
    {
        if (now_ms < paced->due_ms)
            continue;
        pacing_leave(pacing, paced);
        paced->running = true;
        paced->watcher->want_write(paced->watcher);
    }
}
