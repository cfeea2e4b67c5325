/*
 * siege.h - peers that mean no good, in numbers: sockets from many addresses of 127.0.0.0/8, each of which
 * does the same thing badly, and comes again when it is cut off. No threads: whoever lays a siege gives it its turns.
 */
#ifndef TESTS_SUPPORT_SIEGE_H
#define TESTS_SUPPORT_SIEGE_H

#include <stddef.h>
#include <stdint.h>

enum siege_kind {
    SIEGE_HEADERS,    /* a header without an end, a byte at a time */
    SIEGE_BODIES,     /* a body, a byte at a time */
    SIEGE_SILENT,     /* WebSockets that never say who they are */
    SIEGE_MESSAGES,   /* those that say it a byte at a time, each in a frame of its own */
    SIEGE_HANDSHAKES, /* of TLS, a byte at a time */
    SIEGE_FLOOD,      /* of WebSockets: gone as soon as they are there */
    SIEGE_TLS_FLOOD, /* of TLS: gone as soon as the server has done its part, which is the dear one */
    SIEGE_KINDS
};
extern const char *const siege_names[SIEGE_KINDS];

/* So many sockets, taking turns to come from so many addresses (1 to 60,000). */
struct siege_plan {
    enum siege_kind kind;
    uint16_t port; /* of 127.0.0.1 */
    size_t sockets;
    unsigned sites;
    size_t step; /* of them have a turn at once; 0: all */
    int pace_ms; /* between two bytes of one socket */
};

struct siege;

struct siege *siege_lay(const struct siege_plan *plan);
/* Goes. NULL does nothing. */
void siege_raise(struct siege *siege);

/* The next ones do what each does next, without waiting. */
void siege_turn(struct siege *siege);

/* How often one has come; was cut off by the server; got what it came for and left (floods). */
size_t siege_came(const struct siege *siege);
size_t siege_cut(const struct siege *siege);
size_t siege_served(const struct siege *siege);
/* Of those who came first, how many are still there. */
size_t siege_first_left(const struct siege *siege);
/* How many are there, cut off or not yet. Reads what they are told. */
size_t siege_there(struct siege *siege);

/* Room for so many sockets and some more. What there is room for: less where the system's limit is lower. */
size_t siege_allow(size_t sockets);

#endif
