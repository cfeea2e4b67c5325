/* routes.h - what the few HTTP paths answer (protocol section 5). Net thread. */
#ifndef AGENT_NET_ROUTES_H
#define AGENT_NET_ROUTES_H

#include "net/exchange.h"

/* Answers a request (exchange_env.respond); `ctx` is the agent's struct figures. */
void routes_respond(void *ctx, struct exchange *exchange);

#endif
