/*
 * wsclient.h - a small WebSocket client (RFC 6455) that can also misbehave.
 *
 * Independent of the libraries under test, on one blocking-with-deadline socket: what is sent is
 * exactly what the test says, and what is received is reported frame by frame as messages. Pings
 * are answered while receiving (unless told otherwise). One thread at a time.
 */
#ifndef TESTS_SUPPORT_WSCLIENT_H
#define TESTS_SUPPORT_WSCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsclient;

enum ws_opcode { WS_CONT = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* What came. CLOSE: `code` (0 if it had none) and the reason as data. END: the connection was cut
 * without a close frame. QUIET: nothing until the deadline. */
enum ws_kind {
    WS_GOT_TEXT,
    WS_GOT_BINARY,
    WS_GOT_PING,
    WS_GOT_PONG,
    WS_GOT_CLOSE,
    WS_GOT_END,
    WS_GOT_QUIET
};

struct ws_message {
    enum ws_kind kind;
    const char *data; /* NUL-terminated; valid until the next call on this client */
    size_t len;
    int code;
};

/* Upgrades `path` on 127.0.0.1:port; fails the test if that is refused. */
struct wsclient *wsclient_connect(uint16_t port, const char *path);

/* The same with header lines of its own (each ending in \r\n, may be NULL), returning the HTTP
 * status: 101 with *out set; another status, or 0 for a cut without an answer, with *out NULL. */
int wsclient_upgrade(uint16_t port, const char *path, const char *headers, struct wsclient **out);

/* Says goodbye (1000) without waiting for the answer, and frees. NULL does nothing. */
void wsclient_close(struct wsclient *client);
/* Cuts the connection (RST) and frees. */
void wsclient_drop(struct wsclient *client);

/* --- sending --------------------------------------------------------------------------------- */

void wsclient_send(struct wsclient *client, const char *text);
/* printf for messages. */
void wsclient_sendf(struct wsclient *client, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One frame: any opcode, final or not. */
void wsclient_send_frame(struct wsclient *client, enum ws_opcode opcode, bool final,
                         const void *data, size_t len);
/* Bytes as they are. False when the connection is gone. */
bool wsclient_send_raw(struct wsclient *client, const void *bytes, size_t len);
/* Appends a masked text frame to a growing buffer, to send many messages in one write. */
void wsclient_queue(struct wsclient *client, const char *text);
void wsclient_flush(struct wsclient *client);

/* --- receiving ------------------------------------------------------------------------------- */

/* The next message, whatever it is; pings and pongs too. */
struct ws_message wsclient_next(struct wsclient *client, int timeout_ms);

/* The next text message; fails the test on anything else but pings (which are answered). */
const char *wsclient_text(struct wsclient *client);

/* The next text message is exactly this. */
void wsclient_expect(struct wsclient *client, const char *expected);
/* Sends and expects. */
void wsclient_ask(struct wsclient *client, const char *text, const char *expected);

/* Skips messages until one whose member at `path` (json.h) is `value`; returns it. */
const char *wsclient_until(struct wsclient *client, const char *path, const char *value);

/* The server closes with this code and reason (NULL: any); skips no text. */
void wsclient_expect_close(struct wsclient *client, int code, const char *reason);

/* Proves by a ping and its pong that the server had nothing to say so far. */
void wsclient_expect_nothing(struct wsclient *client);

/* From now on pings are not answered. */
void wsclient_ignore_pings(struct wsclient *client);

/* --- ready-made ------------------------------------------------------------------------------ */

/* Connects with `/?id=<id>&token=<token>` and takes the first document. */
struct wsclient *wsclient_login(uint16_t port, const char *id, const char *token);
/* The same on another host, by its IPv4 address. */
struct wsclient *wsclient_login_at(const char *host, uint16_t port, const char *id,
                                   const char *token);

#endif
