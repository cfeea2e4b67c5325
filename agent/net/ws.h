/* ws.h - a session on a connection of libwebsockets. Net thread. Results are what the library's
 * callback returns. */
#ifndef AGENT_NET_WS_H
#define AGENT_NET_WS_H

#include "net/session.h"

struct lws;

/* A client asks for WebSocket: 0 lets it. */
int ws_confirm(struct lws *wsi);
/* It has it. NULL: out of memory. */
struct session *ws_open(struct session_env *env, struct lws *wsi);
int ws_receive(struct lws *wsi, struct session *session, const char *bytes, size_t len);
/* The connection can be written. */
int ws_write(struct lws *wsi, struct session *session);

#endif
