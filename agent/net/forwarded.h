/*
 * forwarded.h - for whom a proxy speaks: the networks that are believed, and what their headers say.
 * Pure; any thread.
 */
#ifndef AGENT_NET_FORWARDED_H
#define AGENT_NET_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>

enum { PEER_TEXT_MAX = 45, TRUSTED_MAX = 32 };

struct network {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct trusted {
    struct network list[TRUSTED_MAX];
    size_t count;
};

/* `ADDR[/BITS],...`; NULL or empty is nobody. NULL, or a sentence that says what would be right. */
const char *trusted_parse(const char *text, struct trusted *out);
bool trusted_has(const struct trusted *trusted, const char *address);

/*
 * The address of the client: the last of `header` (X-Forwarded-For, or Forwarded: its `for=`) that is
 * not of a trusted proxy. False: the header names none; `out` is left alone.
 */
bool forwarded_for(const struct trusted *trusted, const char *header, char out[PEER_TEXT_MAX + 1]);

/* The name under which an address is counted: an IPv4 address itself, also in its IPv6 form; of an IPv6
 * address its first 64 bits, which one site has. */
void peer_name(const char *address, char out[PEER_TEXT_MAX + 1]);

#endif
