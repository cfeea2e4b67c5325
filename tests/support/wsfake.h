/*
 * wsfake.h - a WebSocket server that does exactly what the test says, to test clients with.
 *
 * Independent of the libraries under test. The test accepts, receives and sends step by step on its
 * own thread; what it tests runs on another thread or in another process. Everything has a deadline and
 * fails the test.
 */
#ifndef TESTS_SUPPORT_WSFAKE_H
#define TESTS_SUPPORT_WSFAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsfake;
struct wsfake_conn;

/* Listens on a free port of 127.0.0.1. */
struct wsfake *wsfake_create(void);
void wsfake_destroy(struct wsfake *fake);
uint16_t wsfake_port(const struct wsfake *fake);

/* Takes the next connection and upgrades it. */
struct wsfake_conn *wsfake_accept(struct wsfake *fake);
/* Takes the next connection and answers these bytes instead; the connection is closed then. */
void wsfake_answer(struct wsfake *fake, const char *http);
/* Takes the next connection and its request, and answers nothing; then any bytes, `Connection: close` or not. */
struct wsfake_conn *wsfake_asked(struct wsfake *fake);
void wsfake_write(struct wsfake_conn *conn, const char *bytes);
/* Cuts it if it is open, and frees. */
void wsfake_drop(struct wsfake_conn *conn);

/* The path with its query, as the client sent it. */
const char *wsfake_path(const struct wsfake_conn *conn);
/* The whole request head. */
const char *wsfake_head(const struct wsfake_conn *conn);

void wsfake_send(struct wsfake_conn *conn, const char *text);
/* Short ones (below 126 bytes) in one piece, for a client that leaves after the first. */
void wsfake_send_all(struct wsfake_conn *conn, const char *const *texts, size_t count);
void wsfake_send_frame(struct wsfake_conn *conn, int opcode, bool final, const void *data,
                       size_t len);
/* Sends a close frame, waits for the client's, and frees. */
void wsfake_close(struct wsfake_conn *conn, int code, const char *reason);

/* The next text message; pongs are skipped. Valid until the next call. */
const char *wsfake_receive(struct wsfake_conn *conn);
/* The same; NULL when the client closed instead, then the connection is freed. */
const char *wsfake_receive_or_end(struct wsfake_conn *conn);
void wsfake_expect(struct wsfake_conn *conn, const char *text);
/* The client closes with this code (1005: none in its frame); frees. */
void wsfake_expect_close(struct wsfake_conn *conn, int code);

#endif
