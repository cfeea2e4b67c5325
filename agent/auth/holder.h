/*
 * holder.h - whom the certificate of a TLS client names, where that stands for a user id (auth.certificate_user).
 * Any thread whose the connection is.
 */
#ifndef AGENT_AUTH_HOLDER_H
#define AGENT_AUTH_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "studio/status.h"

struct ssl_st;

struct holder {
    char id[STUDIO_USER_ID_MAX +
            1];     /* as it stands there; whether it can be one nobody has looked */
    int64_t ends_s; /* the first second in which the certificate is no more valid */
};

/*
 * `from` CN: the one common name of its subject. URI: what follows `studio:` in the one URI of its alternative
 * names that begins like that, `%` sequences decoded. False: there is no TLS (NULL), no certificate that was verified,
 * or none that names somebody like this.
 */
bool holder_read(const struct ssl_st *ssl, enum certificate_user from, struct holder *out);

#endif
