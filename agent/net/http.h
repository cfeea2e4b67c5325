/* http.h - an exchange on a connection of libwebsockets: its request read, its answer written. Net
 * thread. Results are what the library's callback returns. */
#ifndef AGENT_NET_HTTP_H
#define AGENT_NET_HTTP_H

#include "base/networks.h"
#include "base/origins.h"
#include "net/exchange.h"

struct lws;

enum { HTTP_HEADERS_MAX = 8192 /* of a request, together */ };

/* Notes in the connection's socket.h how much of it has been read: when it is there, and whenever a
 * request is complete. */
void http_note(struct lws *wsi);

/* Whether the library keeps bytes that came behind the request being answered, while nothing is read from the
 * connection; false also where it cannot be told now. */
bool http_keeps(struct lws *wsi);

/* Who sends this request, of HTTP or an upgrade: its socket's peer, or whom a trusted proxy's headers name. Returns
 * whether that is this machine, without any proxy between. */
bool http_peer(const struct networks *proxies, struct lws *wsi, char peer[PEER_TEXT_MAX + 1]);

/* May the page that sends this request, if one does, have it done? What a trusted proxy says of host and scheme counts
 * more than the request's own. False: it is counted; `peer` is who sends it. */
bool http_page_may(const struct origins *origins, struct logins *logins, struct lws *wsi,
                   const char *peer);

/* The next parameter of the address, the library's *n-th, to be freed; NULL: there are no more. The library has split at
 * `&` and decoded. False: out of memory. */
bool http_arg(struct lws *wsi, int *n, char **text);

/* The head of a request has come. NULL: out of memory, or answered and to be closed. */
struct exchange *http_open(struct exchange_env *env, struct lws *wsi, const char *path);
/* A piece of its body. */
void http_body(struct lws *wsi, struct exchange *exchange, const char *bytes, size_t len);
/* The connection can be written. The exchange may be gone afterwards. */
int http_write(struct lws *wsi, struct exchange *exchange);

/* Refuses an upgrade, with `{"error":…}`; the connection ends. */
int http_refuse(struct lws *wsi, int status, const char *why);

#endif
