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
    ACCEPTS_PER_TURN = 4,
    /* What strangers may cost those who are in, as the time that goes by until as many may cost it again: */
    STRANGER_MS = 2, /* comes in and has not said who he is */
    TLS_STRANGER_MS = 8,
    STRANGERS_MS = 32,    /* the next ones wait outside */
    DISPLACING_TIMES = 2, /* as dear is he if he comes for one of his own site */
    DISPLACING_MS = 40,   /* the next ones are refused */
    GRACE_MS =
        2000 /* to say who one is, before one has to go for another who comes alone as well */
};

struct door {
    struct door_options o;
    struct guests *guests;
    struct floor *floor;
    size_t known;                        /* sockets that are no guests any more */
    size_t accepted;                     /* in this turn of the loop */
    int64_t strangers_ms, displacing_ms; /* what they have cost and time has not made good */
    int64_t now_ms;                      /* until when it has */
    unsigned cost_ms;                    /* of the one being taken in */
    void *resting[LISTENERS_MAX];        /* listeners that accept again in a later turn */
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
    return door->strangers_ms >= STRANGERS_MS || is_crowded(door);
}

static int64_t less(int64_t cost_ms, int64_t by_ms)
{
    return cost_ms > by_ms ? cost_ms - by_ms : 0;
}

static void make_good(struct door *door)
{
    const int64_t now = clock_mono(door->o.clock), passed = now - door->now_ms;

    door->strangers_ms = less(door->strangers_ms, passed);
    door->displacing_ms = less(door->displacing_ms, passed);
    door->now_ms = now;
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

bool door_turn(struct door *door)
{
    const bool owes = floor_step(door->floor);

    door->accepted = 0;
    make_good(door);
    if (door->starved || door->resting_count == 0)
        return owes;
    if (must_wait(door))
        return true;
    while (door->resting_count > 0)
        door->o.ops->pause(door->resting[--door->resting_count], false);
    return owes;
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
    if (door->displacing_ms >= DISPLACING_MS)
        return true;
    door->displacing_ms += DISPLACING_TIMES * door->cost_ms;
    return false;
}

/* It has a price before anything is done for it: a handshake may be over, and its cost had, before there is a connection.
 * Those who have gone while they waited outside are free. */
static bool take_in(struct door *door, const void *listener, int fd, const char *peer)
{
    const bool tls = door->o.tls(listener);

    door->cost_ms = tls ? TLS_STRANGER_MS : STRANGER_MS;
    if (tcp_is_over(fd, tls) || displaces_too_often(door, peer))
        return false;
    door->strangers_ms += door->cost_ms;
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

int door_porch_fd(const struct door *door)
{
    return door->porch ? porch_fd(door->porch) : -1;
}

int door_floor_fd(const struct door *door)
{
    return floor_fd(door->floor);
}

void door_hear(struct door *door)
{
    floor_hear(door->floor);
}

void door_porch_step(struct door *door)
{
    porch_step(door->porch);
}

void door_tick(struct door *door)
{
    door->starved = false;
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
        socket->cost_ms = door->cost_ms;
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

void door_wait(struct door *door, struct socket *socket, int fd)
{
    if (socket && !socket->known)
        floor_enter(door->floor, &socket->speaker, socket->connection, fd);
}

void door_free(struct door *door, struct socket *socket)
{
    if (socket)
        floor_leave(door->floor, &socket->speaker);
}

void door_know(struct door *door, struct socket *socket)
{
    if (socket->known)
        return;
    guests_remove(door->guests, &socket->guest);
    floor_leave(door->floor, &socket->speaker);
    door->strangers_ms = less(door->strangers_ms, socket->cost_ms);
    socket->known = true;
    door->known++;
}

void door_leave(struct door *door, struct socket *socket)
{
    if (!socket)
        return;
    guests_remove(door->guests, &socket->guest);
    floor_forget(door->floor, &socket->speaker);
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
    door->now_ms = clock_mono(options->clock);
    door->guests = guests_create(options->guests_per_site);
    door->floor = floor_create(options->floor);
    if (options->proxy_protocol)
        door->porch = porch_create(options->clock, come_in, door);
    if (door->guests && door->floor && (door->porch || !options->proxy_protocol))
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
    floor_destroy(door->floor);
    free(door);
}
