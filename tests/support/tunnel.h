/*
 * tunnel.h - TLS for the clients of the tests, which speak none: a port of its own whose connections go on,
 * encrypted, to a port of 127.0.0.1. On OpenSSL itself, not on the libraries under test.
 */
#ifndef TESTS_SUPPORT_TUNNEL_H
#define TESTS_SUPPORT_TUNNEL_H

#include <stdint.h>

/* Zeroed: any certificate of the server will do, we show none. */
struct tunnel_options {
    const char *ca; /* the server's authority, whose certificate must be for localhost; NULL: any */
    const char *cert; /* ours, its key in CERT.key; NULL: none */
    int version;      /* TLS1_1_VERSION ...: this one only; 0: any */
};

struct tunnel;

struct tunnel *tunnel_create(uint16_t server, const struct tunnel_options *options);
/* Ends its connections. NULL does nothing. */
void tunnel_destroy(struct tunnel *tunnel);
uint16_t tunnel_port(const struct tunnel *tunnel);

/* One handshake and nothing else: "" if it is done, else what has failed, in OpenSSL's words. */
const char *tunnel_try(uint16_t server, const struct tunnel_options *options);
/* The common name in the certificate that the server shows; valid until the next call. */
const char *tunnel_name(uint16_t server);

#endif
