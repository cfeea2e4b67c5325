/*
 * loop.h - the net thread's event loop on libev, which libwebsockets joins as on a foreign loop.
 *
 * libwebsockets' own poll() costs time for every idle connection; libev does not.
 */
#ifndef AGENT_NET_LOOP_H
#define AGENT_NET_LOOP_H

struct ev_loop;
struct loop;

enum { LOOP_TICK_MS = 100, LOOP_SOON_MS = 4 };

/* All on the thread that runs the loop. */
struct loop_hooks {
    void (*wake)(void *ctx); /* after loop_wake, calls may coalesce */
    void (*tick)(void *ctx); /* every LOOP_TICK_MS */
    void (*turn)(void *ctx); /* once per loop turn, before it sleeps */
    void *ctx;
};

/* NULL: out of memory, or no epoll. */
struct loop *loop_create(const struct loop_hooks *hooks);
void loop_destroy(struct loop *loop);
struct ev_loop *loop_ev(struct loop *loop);
/* Runs until loop_stop, which is called from a hook. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* The loop turns again within LOOP_SOON_MS, though nothing happens. */
void loop_turn_soon(struct loop *loop);
/* Any thread. */
void loop_wake(struct loop *loop);

#endif
