/*
 * oddity.h - what some brokers do with the packets of their clients; for the proxy, which stands for them.
 */
#ifndef TESTS_SUPPORT_ODDITY_H
#define TESTS_SUPPORT_ODDITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oddity_dots {
    DOTS_KEPT,
    DOTS_ARE_LEVELS, /* RabbitMQ: what is published on a/b.c is on a/b/c */
    DOTS_HANG_UP     /* NATS 2.9: nothing can be published there */
};

/* Zeroed: none. */
struct oddity {
    enum oddity_dots dots;
    int newest; /* version of MQTT (4 or 5) it knows: it hangs up on a newer one; 0: all */
};

/* Where the packets of one client are. */
struct oddity_stream {
    enum { ODDITY_TYPE, ODDITY_LENGTH, ODDITY_BODY } at;
    unsigned type, shift;
    uint32_t left, seen; /* bytes of the body */
    uint32_t topic;      /* its length */
};

/* The next bytes from the client, changed in place. False: the broker hangs up. */
bool oddity_pass(const struct oddity *o, struct oddity_stream *s, char *bytes, size_t n);

#endif
