/*
 * client_http.h - GET requests to the agent's HTTP API, one at a time, on the thread that runs it. With
 * client_ws the only file of the client that knows libwebsockets.
 */
#ifndef CLIENT_CLIENT_HTTP_H
#define CLIENT_CLIENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client_servers.h"
#include "studio/client.h"

struct client_http;

/* Called on the running thread only. */
struct client_http_ops {
    /* The head of the answer; `next` is where it says the next page is (as of client_http_get), NULL:
     * there is none; in `retry_s` seconds it may be asked again, 0: it does not say. */
    void (*answered)(void *ctx, unsigned status, const char *next, unsigned retry_s);
    /* A piece of its body; false: no more, as after client_http_drop. */
    bool (*body)(void *ctx, const char *bytes, size_t len);
    /* The end of every request that was not dropped; `why` it could not be answered and what to do about it,
     * or NULL. */
    void (*ended)(void *ctx, const char *why);
    void (*woken)(void *ctx); /* may come without a wake */
    void (*timer)(void *ctx);
};

/* As the user of `options`, which are copied; `ops` and `ctx` must outlive the result. Errors: USAGE,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err client_http_create(const struct studio_client_options *options,
                                                   const struct client_http_ops *ops, void *ctx,
                                                   struct client_http **out,
                                                   struct studio_error *error);
/* Not while it runs. NULL does nothing. */
void client_http_destroy(struct client_http *http);
/* HOST:PORT of the one in use. */
const char *client_http_server(const struct client_http *http);
/* All of them; each request goes to the one in use then. The running thread's. */
struct servers *client_http_servers(struct client_http *http);

/* Runs until client_http_leave; calls `woken` when it begins. */
void client_http_run(struct client_http *http);
/* Any thread: `woken` will be called. */
void client_http_wake(struct client_http *http);

/* The rest on the running thread only. */

/* Asks for `path`, which begins behind `/api/v1`; `last_event_id` may be "". `ended` follows, maybe before
 * this returns. */
void client_http_get(struct client_http *http, const char *path, const char *last_event_id);
/* Ends the request; nothing more is called for it. */
void client_http_drop(struct client_http *http);
/* `timer` is called once after delay_ms; replaces an earlier one; negative: never. */
void client_http_set_timer(struct client_http *http, int64_t delay_ms);
/* Drops the request and ends client_http_run. */
void client_http_leave(struct client_http *http);

#endif
