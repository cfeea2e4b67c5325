/* routes.h - what the few HTTP paths answer (protocol section 5). Net thread. */
#ifndef AGENT_NET_ROUTES_H
#define AGENT_NET_ROUTES_H

#include <stdbool.h>

#include "net/exchange.h"

/* What the health checks tell. */
struct http_facts {
    bool store_writable;
    bool mirror;    /* a broker is configured */
    bool connected; /* to it */
    bool stopping;
};

/* What answers have to know. */
struct routes {
    void (*facts)(void *ctx, struct http_facts *out);
    void *ctx;
};

/* Answers a request (exchange_env.respond); `ctx` is a struct routes. */
void routes_respond(void *ctx, struct exchange *exchange);

#endif
