/*
 * client_ws.h - one outgoing WebSocket connection at a time, on the thread that runs it. Its .c and that of
 * client_http are the only files of the client that know libwebsockets.
 */
#ifndef CLIENT_CLIENT_WS_H
#define CLIENT_CLIENT_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client_tls.h"
#include "studio/client.h"
#include "studio/error.h"
#include "url.h"

enum {
    CLIENT_WS_RX_MAX = 131072, /* bytes of one message: the largest document and room to grow */
    CLIENT_WS_TX_MAX = 16384   /* bytes of one message sent */
};

struct client_ws;

/* Called on the running thread only. `next` copies the next message to send into `out` and returns
 * its length, 0 if there is none. `closed` ends every connection that was not dropped from here:
 * with the server's close code, the status of HTTP it has answered with instead of a WebSocket, or 0; in the two
 * latter cases the reason is for people and says what to do. `woken` may come without a wake. */
struct client_ws_ops {
    void (*opened)(void *ctx);
    void (*text)(void *ctx, const char *text, size_t len);
    void (*closed)(void *ctx, unsigned code, const char *reason);
    size_t (*next)(void *ctx, char *out, size_t cap);
    void (*woken)(void *ctx);
    void (*timer)(void *ctx);
};

/* With the options' files, if there may be a connection with TLS; `ops` and `ctx` must outlive the result.
 * Errors: USAGE (a file that cannot be used), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err client_ws_create(bool tls,
                                                 const struct studio_client_options *options,
                                                 const struct client_ws_ops *ops, void *ctx,
                                                 struct client_ws **out,
                                                 struct studio_error *error);
/* Not while it runs. NULL does nothing. */
void client_ws_destroy(struct client_ws *ws);

struct lws;
struct lws_context;
struct lws_protocols;

/* A context of the library for one connection at a time; `tls` must outlive it. Its log goes nowhere. NULL: no
 * memory. Any thread. */
struct lws_context *client_ws_context(struct client_tls *tls, const struct lws_protocols *protocols,
                                      void *user);

/* What an answer's Retry-After says, in seconds; 0: nothing, a date, or more than SERVERS_RETRY_MAX_S. */
unsigned client_ws_retry_of(struct lws *wsi);

/* Runs until client_ws_leave; calls `woken` when it begins. */
void client_ws_run(struct client_ws *ws);

/* Any thread: `woken` will be called. */
void client_ws_wake(struct client_ws *ws);

/* The rest on the running thread only. */

/* Opens a connection to `path` at the server of `url`, which is copied; `opened` or `closed` follows, maybe before
 * this returns. */
void client_ws_connect(struct client_ws *ws, const struct url *url, const char *path);
/* In how many seconds the server that has refused the last connection may be asked again; 0: it has not said. */
unsigned client_ws_retry_after(const struct client_ws *ws);
/* `next` will be called when the connection can take a message. */
void client_ws_want_send(struct client_ws *ws);
/* A connection was begun, and the server does not go on with its handshake of TLS. */
bool client_ws_handshaking(const struct client_ws *ws);
/* Ends the connection with a close code; `closed` is not called for it. */
void client_ws_drop(struct client_ws *ws, unsigned code);
/* `timer` is called once after delay_ms; replaces an earlier one; negative: never. */
void client_ws_set_timer(struct client_ws *ws, int64_t delay_ms);
/* Drops the connection with 1000, waits up to a second for the server, ends client_ws_run. */
void client_ws_leave(struct client_ws *ws);

#endif
