/*
 * proxy.h - a network that fails: a TCP proxy on a port of its own before one server of 127.0.0.1.
 *
 * It runs on a thread of its own; every function may be called at any time by the test's thread.
 */
#ifndef TESTS_SUPPORT_PROXY_H
#define TESTS_SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/oddity.h"

enum proxy_mode {
    PROXY_FORWARD,
    PROXY_REFUSE,   /* new connections are closed at once */
    PROXY_BLACKHOLE /* everything is taken and nothing arrives, as behind a router that is gone */
};

struct proxy;

/* Before the server on 127.0.0.1:target, which need not run yet. */
struct proxy *proxy_create(uint16_t target);
/* NULL does nothing. */
void proxy_destroy(struct proxy *proxy);
uint16_t proxy_port(const struct proxy *proxy);

/* For present and new connections. A connection that lost bytes in a black hole is reset when that
 * ends. */
void proxy_set_mode(struct proxy *proxy, enum proxy_mode mode);
/* What comes in goes on so much later, in both directions. */
void proxy_set_delay(struct proxy *proxy, unsigned ms);
/* Resets all connections now. */
void proxy_cut(struct proxy *proxy);
/* Resets the server's side of all connections; the client's side stays open and hears nothing. */
void proxy_half_open(struct proxy *proxy);

/* A broker that hangs up on this text (a constant; NULL: on none) instead of answering: the connection its
 * client sends it on is reset. */
void proxy_set_poison(struct proxy *proxy, const char *text);

/* The server is a broker, and this is what it does with its clients' packets: from their next bytes on. To be
 * set first while there are no connections. */
void proxy_set_oddity(struct proxy *proxy, const struct oddity *oddity);

/* Hears what goes either way, as it comes in and before it goes on, on the proxy's thread (the last
 * ends come on the one of proxy_destroy). */
struct proxy_tap {
    void *(*begin)(void *ctx); /* a connection: what the other two are handed */
    void (*hear)(void *connection, bool from_client, const char *bytes, size_t len);
    void (*end)(void *connection);
    void *ctx;
};
/* To be set before the first connection. */
void proxy_set_tap(struct proxy *proxy, const struct proxy_tap *tap);

/* Connections it has ever taken. */
size_t proxy_connections(struct proxy *proxy);

#endif
