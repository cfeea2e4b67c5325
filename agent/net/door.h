/*
 * door.h - who comes in: from the accepted socket to the place of its connection.
 *
 * So many are accepted in a turn of the loop, none while guests crowd who have hardly come, or strangers come faster than
 * those who are in can bear. Those of proxies that owe the PROXY header wait on the porch. Who has not said who he is stays
 * a guest and is read when it is his turn (floor.h); some guests have to go when many come, and when that happens too often to
 * those of one site no more of it are taken in. Net thread only; knows no library: a listener and a connection are what the
 * transport takes for one.
 */
#ifndef AGENT_NET_DOOR_H
#define AGENT_NET_DOOR_H

#include "base/clock.h"
#include "base/networks.h"
#include "net/socket.h"
#include "net/transport.h"

struct door;

struct door_options {
    const struct transport_ops *ops; /* `pause` of a listener, `kill` of a connection */
    const struct clock *clock;
    const struct networks *proxies; /* trusted */
    bool proxy_protocol;            /* they owe its header, see porch.h */
    size_t connections;             /* the limit; a few more are accepted to be told so */
    size_t guests_per_site;         /* sockets from one address that have not authenticated */
    const struct floor_ops *floor;  /* for who has not authenticated */
    bool (*tls)(const void *listener);
    void (*adopt)(void *listener,
                  int fd); /* takes the socket, and calls door_enter for it at once */
};

/* NULL: out of memory, or no epoll. */
struct door *door_create(const struct door_options *options);
/* Nobody is in any more. NULL does nothing. */
void door_destroy(struct door *door);
/* Readable whenever door_porch_step has something to do; -1: it never has. */
int door_porch_fd(const struct door *door);
/* While it is readable door_hear is called in each turn. */
int door_floor_fd(const struct door *door);

/* One more may be accepted from the listener now. */
bool door_takes(const struct door *door, const void *listener);
/* There was no descriptor for who knocks: nobody is accepted until the next tick. */
void door_starve(struct door *door, void *listener);
/* A listener has accepted a socket of this peer: an address, empty if it has none. False: it is to be closed; the door has a
 * descriptor of its own if it wants the socket later. */
bool door_knock(struct door *door, void *listener, int fd, const char *peer);
/* It has become a connection; `peer` is its address, or PEER_UNIX. What is kept of it until door_leave; NULL: out of
 * memory. A connection there is no place for is cut. */
struct socket *door_enter(struct door *door, void *connection, const char *peer);
/* What comes next is for it to say, on this socket: unless it has authenticated it waits for its turn to be read (floor.h), from
 * the end of this one on. */
void door_wait(struct door *door, struct socket *socket, int fd);
/* It is answered: from now on it is read whenever it says something. */
void door_free(struct door *door, struct socket *socket);
/* It has authenticated. */
void door_know(struct door *door, struct socket *socket);
/* It is gone. Frees. NULL does nothing. */
void door_leave(struct door *door, struct socket *socket);

/* Some of those who wait say something: the next ones have the floor at the end of this turn. */
void door_hear(struct door *door);
/* Adopts those on the porch whose header is there. */
void door_porch_step(struct door *door);
/* Every LOOP_TICK_MS, see loop.h. */
void door_tick(struct door *door);
/* At the end of each turn of the loop. True: some wait for what no socket tells of, time or what the library has kept, so there
 * is to be another turn soon. */
bool door_turn(struct door *door);
/* From now on nobody comes in. */
void door_shut(struct door *door);

#endif
