/*
 * certs.h - certificates and authorities for a test, made by openssl. A file and its key, FILE.key;
 * paths live as long as the program.
 */
#ifndef TESTS_SUPPORT_CERTS_H
#define TESTS_SUPPORT_CERTS_H

/* One that vouches for itself, for these names ("DNS:localhost,IP:::1"); others may be signed by it. */
const char *cert_create(const char *dir, const char *file, const char *names);
/* The same with a key of this kind ("rsa", "ed25519"); else they are of elliptic curves. */
const char *cert_create_of(const char *kind, const char *dir, const char *file, const char *names);
/* Of somebody else, signed by `authority`; valid for so many days, or expired so many ago (-1). */
const char *cert_signed(const char *dir, const char *file, const char *name, const char *authority,
                        int days);
/* As cert_create, but good only from tomorrow on. */
const char *cert_tomorrow(const char *dir, const char *file, const char *names);

/* The same, for two days, with these alternative names ("URI:studio:ARO-001_dealerPC"). */
const char *cert_signed_also(const char *dir, const char *file, const char *name, const char *also,
                             const char *authority);

#endif
