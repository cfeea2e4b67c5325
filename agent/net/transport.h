/* transport.h - what a session or an exchange asks of its connection. Net thread only. */
#ifndef AGENT_NET_TRANSPORT_H
#define AGENT_NET_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

/* These only request; they never call back. */
struct transport_ops {
    void (*want_write)(void *connection);         /* ask what to write soon */
    void (*pause)(void *connection, bool paused); /* stop or go on reading */
    void (*kill)(void *connection);               /* cut it: the peer is not there */
    int64_t (*quiet_ms)(void *connection);        /* since bytes last came; -1: not known */
    /* Bytes or an end wait to be read; whether reading is paused, the caller knows. */
    bool (*unread)(void *connection, bool paused);
    void (*known)(void *connection); /* its peer has authenticated: it keeps its place */
};

#endif
