#include "link_held.h"

#include <string.h>

#include "base/clock.h"
#include "link.h"

void held_init(struct held *h)
{
    pthread_condattr_t attr;

    memset(h, 0, sizeof(*h));
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->room, &attr);
    pthread_condattr_destroy(&attr);
}

void held_finish(struct held *h)
{
    pthread_cond_destroy(&h->room);
    pthread_mutex_destroy(&h->lock);
}

static struct held_command *at(struct held *h, uint64_t token)
{
    return &h->ring[token % HELD_RING];
}

bool held_add(struct held *h, int msgid, uint64_t *token)
{
    bool fits;

    pthread_mutex_lock(&h->lock);
    fits = h->next - h->first < HELD_RING;
    if (fits) {
        *token = h->next++;
        *at(h, *token) = (struct held_command){.msgid = msgid, .asked = msgid == 0};
        h->undecided++;
    }
    pthread_mutex_unlock(&h->lock);
    return fits;
}

bool held_ask(struct held *h, int msgid)
{
    bool found = false;

    pthread_mutex_lock(&h->lock);
    for (uint64_t token = h->next; token > h->first && !found; token--) { /* mostly the newest */
        struct held_command *command = at(h, token - 1);

        found = command->msgid == msgid && !command->asked;
        command->asked = command->asked || found;
    }
    pthread_mutex_unlock(&h->lock);
    return found;
}

void held_decide(struct held *h, uint64_t token)
{
    pthread_mutex_lock(&h->lock);
    if (token >= h->first && token < h->next && !at(h, token)->decided) {
        at(h, token)->decided = true;
        h->undecided--;
        pthread_cond_signal(&h->room);
    }
    pthread_mutex_unlock(&h->lock);
}

/* With the lock held: drops those with nothing to acknowledge. */
static bool head_ready(struct held *h)
{
    while (h->first < h->next && at(h, h->first)->decided && at(h, h->first)->msgid == 0)
        h->first++;
    return h->first < h->next && at(h, h->first)->decided && at(h, h->first)->asked;
}

int held_take(struct held *h)
{
    int msgid = HELD_NONE;

    pthread_mutex_lock(&h->lock);
    if (head_ready(h))
        msgid = at(h, h->first++)->msgid;
    pthread_mutex_unlock(&h->lock);
    return msgid;
}

bool held_decided(struct held *h)
{
    bool decided;

    pthread_mutex_lock(&h->lock);
    decided = head_ready(h) || (h->first < h->next && at(h, h->first)->decided);
    pthread_mutex_unlock(&h->lock);
    return decided;
}

/* With the lock held. A ring full of those that may leave is for held_add to refuse: reading on is
 * what tells the library that its broker has gone. */
static bool room(struct held *h)
{
    bool ready = head_ready(h);

    return !h->closed && h->undecided < LINK_COMMANDS_MAX &&
           (ready || h->next - h->first < HELD_RING);
}

bool held_wait_room(struct held *h, int64_t ms)
{
    const struct timespec until = clock_after(ms);
    bool any;
    int rc = 0;

    pthread_mutex_lock(&h->lock);
    while (!(any = room(h)) && rc == 0)
        rc = pthread_cond_timedwait(&h->room, &h->lock, &until);
    pthread_mutex_unlock(&h->lock);
    return any;
}

void held_close(struct held *h)
{
    pthread_mutex_lock(&h->lock);
    h->closed = true;
    pthread_mutex_unlock(&h->lock);
}

bool held_empty(struct held *h)
{
    bool empty;

    pthread_mutex_lock(&h->lock);
    (void)head_ready(h);
    empty = h->first == h->next;
    pthread_mutex_unlock(&h->lock);
    return empty;
}
