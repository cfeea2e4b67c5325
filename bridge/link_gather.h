/*
 * link_gather.h - in the process of an MQTT connection: what the library does message by message, done
 * in company. Its packets are written, and those of the broker read, as many at a time as there are; its
 * sending thread is not woken for what it is given by itself; and what is said of them is told when a thread of the
 * library would go to sleep.
 */
#ifndef BRIDGE_LINK_GATHER_H
#define BRIDGE_LINK_GATHER_H

#include <stdbool.h>

/* Before the connection. `idle` is called by the library's threads, without its locks, each time before
 * one of them sleeps. The sending thread sleeps in `sleep`: at most `ms`, until the eventfd `wake` is
 * written or `blocked` (a socket; negative: none) takes more; it may do other work meanwhile. */
void gather_start(void (*idle)(void), void (*sleep)(int blocked, int ms), int wake);
/* The sending thread, around the call in which it sleeps: it is woken for work only between these. False: it
 * has some already, so should not. */
bool gather_asleep(void);
void gather_awake(void);
/* From now on the receiving thread waits so long (microseconds) for the broker's next words before it reads
 * the first, in gather_wait; 0 at first. Any thread. */
void gather_patience(unsigned us);
/* The receiving thread, without the library's locks, when there is something to read. */
void gather_wait(void);
/* Writes what was gathered; what cannot be written now the library's sending thread writes later. */
void gather_flush(void);
/* A thread of the library is about to sleep: flush, and `idle`. */
void gather_idle(void);
/* The socket that has bytes which are read already; 0 if there are none. */
int gather_readable(void);
/* The socket is about to be closed. */
void gather_close(int socket);

#endif
