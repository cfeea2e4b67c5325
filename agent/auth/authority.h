/*
 * authority.h - a certificate authority of one's own, for a first try and for studios that have no other: made of a new
 * key, and certificates that it signs for names and addresses of servers. Everything is PEM. Any thread.
 */
#ifndef AGENT_AUTH_AUTHORITY_H
#define AGENT_AUTH_AUTHORITY_H

#include <stddef.h>

#include "base/buf.h"

enum { AUTHORITY_DAYS = 3650, AUTHORITY_SERVER_DAYS = 825 };

struct authority;

/* A new one that is called `name`. */
STUDIO_MUST_USE enum studio_err authority_create(const char *name, struct authority **out,
                                                 struct studio_error *error);
/* One that was printed. Errors: USAGE (what is read is none), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err authority_read(const char *cert, const char *key,
                                               struct authority **out, struct studio_error *error);
/* NULL does nothing. */
void authority_free(struct authority *authority);

/* Its certificate, which clients are to trust, and its key, which nobody else is to have. */
STUDIO_MUST_USE enum studio_err authority_print(const struct authority *authority, struct buf *cert,
                                                struct buf *key, struct studio_error *error);
/* A new key with a certificate for a server that has these host names and addresses (1 at least), the first of them its
 * common name. Errors: USAGE (which is neither is told), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err authority_issue(const struct authority *authority,
                                                const char *const *names, size_t count,
                                                struct buf *cert, struct buf *key,
                                                struct studio_error *error);

#endif
