/*
 * certificate.h - what the agent shows of itself by TLS, and whose clients it takes: read from files and
 * checked as a whole, then given to OpenSSL.
 */
#ifndef AGENT_AUTH_CERTIFICATE_H
#define AGENT_AUTH_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

struct certificate;
struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

struct certificate_files {
    const char *cert;      /* with those between it and its authority */
    const char *key;       /* NULL: in the same file */
    const char *client_ca; /* NULL: clients need no certificate */
};

/* Any thread. What would not work is refused: files that cannot be read, a key of another certificate, one
 * with a password. Errors: USAGE, NO_MEMORY. */
STUDIO_MUST_USE enum studio_err certificate_read(const struct certificate_files *files,
                                                 struct certificate **out,
                                                 struct studio_error *error);
/* For one holder more, which frees it as well. Any thread. */
struct certificate *certificate_share(struct certificate *certificate);
/* The last holder ends it. NULL does nothing. */
void certificate_free(struct certificate *certificate);

/* The last second in which ours is valid, since 1970. */
int64_t certificate_ends(const struct certificate *certificate);
/* The same of those behind it, whichever ends first; INT64_MAX: there are none. It may be one that clients do without,
 * having another way to an authority they trust. */
int64_t certificate_chain_ends(const struct certificate *certificate);
/* The same of one. */
int64_t certificate_end_of(const struct x509_st *x509);

/* What handshakes of this context demand from now on, of the version and of clients; connections there are go on as
 * they are. The thread whose the context is. False: out of memory, the context is to be used no more. */
STUDIO_MUST_USE bool certificate_serve(const struct certificate *certificate,
                                       struct ssl_ctx_st *context);
/* What this handshake shows, and nothing else: a context has a place for each kind of key, and would go on showing what
 * lies in the others. The thread whose the connection is. False: it cannot, or out of memory. */
STUDIO_MUST_USE bool certificate_show(const struct certificate *certificate, struct ssl_st *ssl);

/* Is there an authority of `former` that this one has no more? */
bool certificate_drops(const struct certificate *certificate, const struct certificate *former);
/* Would the client be let in now: it has shown a certificate of an authority, or needs none? False also in the middle of
 * its handshake. The thread whose the connection is. */
bool certificate_admits(const struct certificate *certificate, const struct ssl_st *ssl);

#endif
