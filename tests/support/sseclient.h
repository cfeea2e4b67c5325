/*
 * sseclient.h - a consumer of the live stream (protocol section 5): Server-Sent Events, read from a socket
 * block by block. One thread at a time.
 */
#ifndef TESTS_SUPPORT_SSECLIENT_H
#define TESTS_SUPPORT_SSECLIENT_H

#include <stdint.h>

struct sseclient;

/* What came. NOTE: a comment, or an id alone. END: the connection is over. QUIET: nothing until the
 * deadline. Strings are "" where absent and valid until the next call. */
enum sse_kind { SSE_EVENT, SSE_NOTE, SSE_END, SSE_QUIET };
struct sse_block {
    enum sse_kind kind;
    const char *event, *data, *comment;
};

/* Asks for `target` as `user` (id:token; NULL: nobody), with a Last-Event-ID unless `last` is NULL or "".
 * Returns the HTTP status: 200 with *out set; another status, or 0 where nothing listens or the connection
 * ended without an answer, with *out NULL. */
int sseclient_open(uint16_t port, const char *target, const char *user, const char *last,
                   struct sseclient **out);
/* The same; fails the test unless it is 200. */
struct sseclient *sseclient_connect(uint16_t port, const char *target, const char *user,
                                    const char *last);
/* NULL does nothing. */
void sseclient_close(struct sseclient *client);

/* The status line and headers. */
const char *sseclient_headers(const struct sseclient *client);
/* The id of the last whole block that had one; "" so far. */
const char *sseclient_id(const struct sseclient *client);
int sseclient_fd(const struct sseclient *client);

/* The next block, a whole one. */
struct sse_block sseclient_next(struct sseclient *client, int timeout_ms);
/* The next event; notes are passed over, anything else fails the test. */
struct sse_block sseclient_event(struct sseclient *client);
/* The next event is of this kind; its data. */
const char *sseclient_expect(struct sseclient *client, const char *event);

#endif
