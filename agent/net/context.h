/* context.h - the context of libwebsockets and its two doors, plain and TLS: how they are set up. */
#ifndef AGENT_NET_CONTEXT_H
#define AGENT_NET_CONTEXT_H

#include <stdbool.h>

#include "net/loop.h"

struct lws_context;
struct lws_protocols;
struct lws_vhost;

/* `user` is its user data; `loop` NULL: the library's own; `tls`: there will be such a vhost. NULL: it could
 * not be made. */
struct lws_context *context_create(void *user, struct loop *loop, bool tls);
/* It listens nowhere: what is adopted comes in. The first protocol is asked to set up the TLS. */
struct lws_vhost *context_vhost(struct lws_context *context, const struct lws_protocols *protocols,
                                bool tls);

#endif
