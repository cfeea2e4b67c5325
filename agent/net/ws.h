/* ws.h - a session on a connection of libwebsockets. Net thread. Results are what the library's
 * callback returns. */
#ifndef AGENT_NET_WS_H
#define AGENT_NET_WS_H

#include "net/session.h"

struct lws;

/* The name under which the library binds WebSocket connections; it compares what a client offers as a
 * subprotocol, and answers with it unless it is empty. */
enum { WS_PROTOCOL_MAX = 64 };

/* A client asks for an upgrade: 0 lets it. `value` is the library's copy of the Upgrade header,
 * `protocol` the name above. */
int ws_confirm(struct session_env *env, struct lws *wsi, char *value,
               char protocol[WS_PROTOCOL_MAX]);
/* The peer closes, with so many bytes: -1 with a code of our own where they are no close. */
int ws_peer_closes(struct lws *wsi, size_t len);
/* It has it. NULL: out of memory. */
struct session *ws_open(struct session_env *env, struct lws *wsi);
int ws_receive(struct lws *wsi, struct session *session, const char *bytes, size_t len);
/* What the session has to say, outside of the library's callbacks; what finds no room is left to ws_write.
 * False: the connection has failed. */
STUDIO_MUST_USE bool ws_write_now(struct lws *wsi, struct session *session);
/* The connection can be written. */
int ws_write(struct lws *wsi, struct session *session);

#endif
