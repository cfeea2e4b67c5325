/*
 * wire.h - the client's side of one WebSocket that never blocks and never fails a test: bytes in,
 * messages out. For the many writers of the storm; a test's own client is support/wsclient.h.
 */
#ifndef TESTS_FAULT_STORM_WIRE_H
#define TESTS_FAULT_STORM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_IN = 16384, WIRE_OUT = 2048 };

enum wire_state { WIRE_CLOSED, WIRE_CONNECTING, WIRE_UPGRADING, WIRE_OPEN };

struct wire {
    int fd;
    enum wire_state state;
    size_t in_len, out_len;
    char path[160];
    char in[WIRE_IN], out[WIRE_OUT];
};

enum wire_event {
    WIRE_NOTHING, /* more bytes are needed */
    WIRE_TEXT,    /* a message */
    WIRE_END      /* closed, cut or refused; the wire is WIRE_CLOSED */
};

/* Begins to connect to an IPv4 address; false if that fails at once. */
bool wire_connect_to(struct wire *wire, const char *address, uint16_t port, const char *path);
/* The same to 127.0.0.1. */
bool wire_connect(struct wire *wire, uint16_t port, const char *path);
void wire_close(struct wire *wire);
/* At once, and what was not sent yet never will be. */
void wire_abort(struct wire *wire);
/* What poll is to wait for. */
short wire_wants(const struct wire *wire);
/* After poll: reads and writes what is possible. False: WIRE_CLOSED now. */
bool wire_service(struct wire *wire, short events);
/* The next message received, NUL-terminated in *text until the next call of wire_service. */
enum wire_event wire_next(struct wire *wire, const char **text);
/* One masked text frame of up to 125 bytes. False: it does not fit now. */
bool wire_send(struct wire *wire, const char *text);

#endif
