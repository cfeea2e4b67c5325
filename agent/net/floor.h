/*
 * floor.h - strangers are read in turns: of all sockets whose peer has not said who it is and which have something to
 * say only so few have the floor in one turn of the loop, however many drip at once. Those who are in never wait
 * for more of them. It watches the others itself; to the library they are sockets that are not read. Net thread only;
 * knows no library but epoll.
 */
#ifndef AGENT_NET_FLOOR_H
#define AGENT_NET_FLOOR_H

#include <stdbool.h>

enum { FLOOR_MAX = 16 };

struct floor;

enum speaker_state { SPEAKER_OUT, SPEAKER_WAITING, SPEAKER_SPEAKING, SPEAKER_AGAIN };

/* Part of what is kept of a socket; zeroed it is not in: it is read whenever it says something. */
struct speaker {
    struct speaker *prev, *next; /* of those with the floor, or who get it again */
    void *connection;
    int fd;
    enum speaker_state state;
    bool watched; /* its descriptor */
};

/* What it asks of connections, which are what the transport takes for one. */
struct floor_ops {
    void (*hold)(void *connection, bool held); /* not to be read, whatever else says it may be */
    bool (*may_wait)(void *connection); /* it only listens: there is nothing it is to do itself */
    /* Bytes of somebody who is read have been taken from his socket, and wait in the library: no socket tells of
     * them. Asked of any connection. */
    bool (*behind)(void *connection);
};

/* NULL: out of memory, or no epoll. */
struct floor *floor_create(const struct floor_ops *ops);
/* Nobody is in any more. NULL does nothing. */
void floor_destroy(struct floor *floor);
/* While it is readable floor_hear is called in each turn. */
int floor_fd(const struct floor *floor);

/* It has the floor now, and waits for it from the end of this turn on. One that waits, or has it, is left alone. */
void floor_enter(struct floor *floor, struct speaker *speaker, void *connection, int fd);
/* It need not wait any more. */
void floor_leave(struct floor *floor, struct speaker *speaker);
/* Its connection is gone. */
void floor_forget(struct floor *floor, struct speaker *speaker);

/* Some of those who wait say something. */
void floor_hear(struct floor *floor);
/* At the end of each turn: those who had the floor wait again, and the next ones have it. Who does not only listen any more is out
 * until it enters again. True: there is to be another turn soon, whatever sockets tell. */
bool floor_step(struct floor *floor);

#endif
