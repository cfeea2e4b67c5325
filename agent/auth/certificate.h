/*
 * certificate.h - what the agent shows of itself by TLS, and whose clients it takes: read from files and
 * checked as a whole, then put into contexts of OpenSSL.
 */
#ifndef AGENT_AUTH_CERTIFICATE_H
#define AGENT_AUTH_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "studio/error.h"

struct certificate;
struct ssl_ctx_st;
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
/* NULL does nothing; contexts that have it keep it. */
void certificate_free(struct certificate *certificate);

/* The last second in which all of the chain is valid, since 1970. */
int64_t certificate_ends(const struct certificate *certificate);
/* The same of one. */
int64_t certificate_end_of(const struct x509_st *x509);

/* What handshakes of this context use from now on; connections there are go on as they are. The thread whose
 * the context is. False: out of memory, the context is to be used no more. */
STUDIO_MUST_USE bool certificate_serve(const struct certificate *certificate,
                                       struct ssl_ctx_st *context);

#endif
