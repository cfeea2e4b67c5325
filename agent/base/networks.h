/* networks.h - IP addresses as text, and lists of networks they may belong to. Pure; any thread. */
#ifndef AGENT_BASE_NETWORKS_H
#define AGENT_BASE_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

enum { PEER_TEXT_MAX = 45, NETWORKS_MAX = 32 };

/* What stands for the address of a peer that came over a socket in the file system. */
#define PEER_UNIX "unix"

struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct networks {
    struct network list[NETWORKS_MAX];
    size_t count;
};

/* `ADDR[/BITS],...`; NULL or empty is none. NULL, or a sentence that says what would be right. */
const char *networks_parse(const char *text, struct networks *out);
/* An address that is none is in no network. */
bool networks_have(const struct networks *networks, const char *address);

bool address_is(const char *text);
/* Of this machine itself: 127.0.0.0/8, ::1. */
bool address_is_here(const char *text);

/* An IPv4 address in its IPv6 form, as of who comes to a socket for both, becomes that address; any other text stays. */
void address_tidy(char address[PEER_TEXT_MAX + 1]);

/* The name under which an address is counted: an IPv4 address itself, also in its IPv6 form; of an IPv6
 * address its first 64 bits, which one site has. */
void peer_name(const char *address, char out[PEER_TEXT_MAX + 1]);

#endif
