/*
 * client_tls.h - TLS to the server: whom we believe, who we are, and in words why a connection did not come
 * about. On OpenSSL itself: libwebsockets, which carries it, only has a number for that.
 */
#ifndef CLIENT_CLIENT_TLS_H
#define CLIENT_CLIENT_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "studio/client.h"
#include "studio/error.h"
#include "url.h"

struct client_tls;
struct ssl_ctx_st;

enum { CLIENT_WHY_MAX = 400 /* bytes of a reason */ };

/* What connections with TLS use of the options' files. All functions here take NULL, where there are none.
 * Errors: USAGE (a file that cannot be used), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err client_tls_create(const struct studio_client_options *options,
                                                  struct client_tls **out,
                                                  struct studio_error *error);
/* Behind those who use its context. */
void client_tls_destroy(struct client_tls *tls);
struct ssl_ctx_st *client_tls_context(struct client_tls *tls);

/* The rest on the thread that runs the connections. */

/* Before each connection: it goes to `url`, which must outlive it and may be one without TLS; what the last one
 * has failed of is forgotten. */
void client_tls_begin(struct client_tls *tls, const struct url *url);
/* The server was sent the beginning of a handshake and has not come to its end. */
bool client_tls_pending(const struct client_tls *tls);
/* Why there is no connection, and what to do about it: `why` the library says, unless it is of TLS. `asked`: a
 * request was sent and not answered. */
void client_tls_explain(const struct client_tls *tls, bool asked, const char *why,
                        char out[CLIENT_WHY_MAX]);

#endif
