/*
 * porch.h - sockets of proxies that owe the PROXY header (preface.h): they wait here before anything
 * is read as a request. Net thread only; knows no library but epoll.
 */
#ifndef AGENT_NET_PORCH_H
#define AGENT_NET_PORCH_H

#include "base/clock.h"
#include "net/preface.h"

enum {
    PORCH_MAX = 256, /* who has waited for longest makes room */
    PORCH_MS = 5000  /* for the whole header, however it drips */
};

struct porch;

/* The header has been read from `fd`, which is the callee's; the next byte is the client's. `peer` is
 * whom it names, empty if nobody: then the proxy itself counts. `door` is what porch_add was given. */
typedef void porch_enter_fn(void *ctx, int fd, void *door, const char *peer);

/* NULL: out of memory, or no epoll. */
struct porch *porch_create(const struct clock *clock, porch_enter_fn *enter, void *ctx);
/* Closes who waits. NULL does nothing. */
void porch_destroy(struct porch *porch);
/* Readable whenever porch_step has something to do. */
int porch_fd(const struct porch *porch);

/* Takes over a socket of this proxy; without memory it is closed. */
void porch_add(struct porch *porch, int fd, void *door, const char *proxy);
/* Hands on those whose header is there, closes those who send something else. */
void porch_step(struct porch *porch);
/* Now and then: closes those whose time is up. */
void porch_tick(struct porch *porch);
void porch_clear(struct porch *porch);

#endif
