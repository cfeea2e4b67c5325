#include "net/recheck.h"

enum { OUT = 0, IN }; /* of a round: he has been expelled; the first one */

void recheck_enter(const struct recheck *r, struct socket *socket)
{
    socket->round = r->round + IN;
}

void recheck_leave(struct recheck *r, const struct socket *socket)
{
    if (r->next == socket)
        r->next = socket->next;
}

void recheck_begin(struct recheck *r, struct socket *list)
{
    r->round++;
    r->next = list;
    r->expelled = 0;
}

bool recheck_passes(struct recheck *r, struct socket *socket)
{
    if (socket->round == r->round + IN)
        return true;
    if (socket->round == OUT)
        return false;
    if (r->admits(r->ctx, socket->connection)) {
        socket->round = r->round + IN;
        return true;
    }
    socket->round = OUT;
    r->expelled++;
    r->expel(r->ctx, socket->connection);
    return false;
}

bool recheck_step(struct recheck *r)
{
    const int64_t until = clock_mono_us(r->clock) + RECHECK_STEP_US;

    while (r->next && clock_mono_us(r->clock) < until) {
        struct socket *socket = r->next;

        r->next = socket->next;
        (void)recheck_passes(r, socket);
    }
    return r->next != NULL;
}
