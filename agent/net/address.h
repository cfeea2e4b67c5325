/* address.h - from the configured HOST:PORT to the addresses to bind, with errors a person can use.
 */
#ifndef AGENT_NET_ADDRESS_H
#define AGENT_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

enum { ADDRESS_TEXT_MAX = 64, ADDRESS_COUNT_MAX = 2 };

struct address {
    char text[ADDRESS_TEXT_MAX]; /* numeric; empty: every address of its family */
    bool ipv6;
    bool only_ipv6; /* of every address: IPv4 is left to another socket */
};

struct addresses {
    struct address list[ADDRESS_COUNT_MAX];
    int count;
};

/*
 * What to bind for `host`, having tried whether `port` can be bound there (0: not tried).
 * `localhost` is 127.0.0.1 and, where there is one, ::1; `::` is every address, of IPv4 as well unless
 * `beside_ipv4`. Errors: ADDRESS.
 */
STUDIO_MUST_USE enum studio_err addresses_find(const char *host, uint16_t port, bool beside_ipv4,
                                               struct addresses *out, struct studio_error *error);

/* A socket that listens there; -1: errno says why not. */
int address_open(const struct address *address, uint16_t port);
/* True if this port can be bound there now; errno says why not. */
bool address_free(const struct address *address, uint16_t port);

#endif
