#include "net/door.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/admission.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/porch.h"
#include "net/tcp.h"

enum {
    ACCEPTS_PER_TURN = 8,
    /* What strangers may cost those who are in. Of each LOOP_TICK_MS: */
    STRANGERS_PER_TICK =
        100,          /* have come in and not said who they are; the next ones wait outside */
    TLS_STRANGER = 4, /* is as dear as so many without TLS */
    DISPLACING_PER_TICK = 50, /* have come for one of their own site; the next ones are refused */
    GRACE_MS =
        2000 /* to say who one is, before one has to go for another who comes alone as well */
};

struct door {
    struct door_options o;
    struct guests *guests;
    size_t known;                 /* sockets that are no guests any more */
    size_t accepted;              /* in this turn of the loop */
    size_t strangers, displacing; /* since the last tick, by what they cost */
    unsigned cost;                /* of the one being taken in */
    void *resting[LISTENERS_MAX]; /* listeners that accept again in a later turn */
    size_t resting_count;
    bool starved;        /* until the next tick */
    struct porch *porch; /* NULL: nobody speaks the PROXY protocol */
    const char
        *entering; /* whom the socket being taken in speaks for, "": nobody; NULL: no porch */
    bool shut;
    struct log_limit limit_log;
};

/* --- from the listener ------------------------------------------------------------------------ */

/* When thousands come back in the same moment, those who are not accepted yet wait with the kernel. */
static bool is_crowded(const struct door *door)
{
    return guests_crowded(door->guests, clock_mono(door->o.clock) - GRACE_MS);
}

bool door_takes(const struct door *door, const void *listener)
{
    for (size_t i = 0; i < door->resting_count; i++)
        if (door->resting[i] == listener)
            return false;
    return true;
}

static void rest(struct door *door, void *listener)
{
    if (!door_takes(door, listener) || door->resting_count == LISTENERS_MAX)
        return;
    door->o.ops->pause(listener, true);
    door->resting[door->resting_count++] = listener;
}

static bool must_wait(const struct door *door)
{
    return door->strangers >= STRANGERS_PER_TICK || is_crowded(door);
}

/* Not all there are before anything else is done: a flood would have the loop for itself. */
static void accept_in_turns(struct door *door, void *listener)
{
    if (++door->accepted >= ACCEPTS_PER_TURN || must_wait(door))
        rest(door, listener);
}

void door_starve(struct door *door, void *listener)
{
    door->starved = true;
    rest(door, listener);
}

void door_turn(struct door *door)
{
    door->accepted = 0;
    if (door->starved || (door->resting_count > 0 && must_wait(door)))
        return;
    while (door->resting_count > 0)
        door->o.ops->pause(door->resting[--door->resting_count], false);
}

/* A trusted proxy says first for whom it comes. To the library the socket is refused; what waits is a
 * second descriptor of it. True: so it is. */
static bool wait_on_porch(struct door *door, void *listener, int fd, const char *peer)
{
    int mine;

    if (!door->porch || !networks_have(door->o.proxies, peer))
        return false;
    mine = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (mine >= 0)
        porch_add(door->porch, mine, listener, peer);
    return true;
}

/* Who floods displaces himself, but not as often as he likes: what is made for one and taken down for the next costs
 * time, a socket that is only closed hardly any. */
static bool displaces_too_often(struct door *door, const char *peer)
{
    char site[PEER_TEXT_MAX + 1];

    peer_name(peer, site);
    if (!guests_displace_own(door->guests, site))
        return false;
    door->displacing += door->cost;
    return door->displacing > DISPLACING_PER_TICK;
}

/* It has a price before anything is done for it: a handshake may be over, and its cost had, before there is a connection.
 * Those who have gone while they waited outside are free. */
static bool take_in(struct door *door, const void *listener, int fd, const char *peer)
{
    const bool tls = door->o.tls(listener);

    door->cost = tls ? TLS_STRANGER : 1;
    if (tcp_is_over(fd, tls) || displaces_too_often(door, peer))
        return false;
    door->strangers += door->cost;
    return true;
}

bool door_knock(struct door *door, void *listener, int fd, const char *peer)
{
    accept_in_turns(door, listener);
    return !door->shut && !wait_on_porch(door, listener, fd, peer) &&
           take_in(door, listener, fd, peer);
}

/* --- from the porch ---------------------------------------------------------------------------- */

static void come_in(void *ctx, int fd, void *listener, const char *peer)
{
    struct door *door = ctx;

    if (!take_in(door, listener, fd, peer)) {
        close(fd);
        return;
    }
    door->entering = peer;
    door->o.adopt(listener, fd);
    door->entering = NULL;
}

int door_fd(const struct door *door)
{
    return door->porch ? porch_fd(door->porch) : -1;
}

void door_step(struct door *door)
{
    porch_step(door->porch);
}

void door_tick(struct door *door)
{
    door->starved = false;
    door->strangers = door->displacing = 0;
    if (door->porch)
        porch_tick(door->porch);
}

void door_shut(struct door *door)
{
    door->shut = true;
    if (door->porch)
        porch_clear(door->porch);
}

/* --- inside ------------------------------------------------------------------------------------ */

struct socket *door_enter(struct door *door, void *connection, const char *peer)
{
    char site[PEER_TEXT_MAX + 1];
    struct socket *socket = calloc(1, sizeof(*socket));
    struct guest *leaving = NULL;
    bool full =
        door->known + guests_count(door->guests) >= door->o.connections + ADMISSION_OVERFLOW;
    bool in = false;

    if (door->entering && *door->entering)
        peer = door->entering;
    peer_name(peer, site);
    if (socket) {
        socket->connection = connection;
        socket->cost = door->cost;
        socket->guest.since_ms = clock_mono(door->o.clock);
        socket->here = !door->entering && address_is_here(peer);
        strncpy(socket->peer, peer, PEER_TEXT_MAX);
        socket->local = strcmp(peer, PEER_UNIX) == 0;
        socket->proxy = socket->local || networks_have(door->o.proxies, peer);
        leaving = guests_add(door->guests, &socket->guest, site, socket->proxy, full, &in);
    }
    if (leaving) {
        log_limited(
            &door->limit_log, LOG_WARN, "server",
            "too many connections that do not say who they are, the last from %s: the oldest "
            "are dropped",
            peer);
        door->o.ops->kill(((struct socket *)leaving)->connection);
    }
    if (!in)
        door->o.ops->kill(connection);
    return socket;
}

void door_know(struct door *door, struct socket *socket)
{
    if (socket->known)
        return;
    guests_remove(door->guests, &socket->guest);
    door->strangers -= socket->cost < door->strangers ? socket->cost : door->strangers;
    socket->known = true;
    door->known++;
}

void door_leave(struct door *door, struct socket *socket)
{
    if (!socket)
        return;
    guests_remove(door->guests, &socket->guest);
    door->known -= socket->known;
    free(socket);
}

/* --- construction ------------------------------------------------------------------------------ */

struct door *door_create(const struct door_options *options)
{
    struct door *door = calloc(1, sizeof(*door));

    if (!door)
        return NULL;
    door->o = *options;
    door->guests = guests_create(options->guests_per_site);
    if (options->proxy_protocol)
        door->porch = porch_create(options->clock, come_in, door);
    if (door->guests && (door->porch || !options->proxy_protocol))
        return door;
    door_destroy(door);
    return NULL;
}

void door_destroy(struct door *door)
{
    if (!door)
        return;
    porch_destroy(door->porch);
    guests_destroy(door->guests);
    free(door);
}
