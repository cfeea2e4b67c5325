#include "support/certs.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/deadline.h"
#include "support/proc.h"
#include "support/tmpdir.h"

#define NEW_KEY "-newkey", "ec", "-pkeyopt", CURVE, "-nodes"
#define CURVE   "ec_paramgen_curve:prime256v1"
#define DAY_S   86400L

static void openssl(const char *const *argv)
{
    char *err = NULL;

    if (proc_run(argv, NULL, NULL, &err) != 0)
        test_fail("openssl cannot make a certificate: %s", err);
    free(err);
}

/* `kind` NULL: of an elliptic curve. */
static const char *create(const char *kind, const char *dir, const char *file, const char *names)
{
    const char *cert = tmpdir_path(dir, file);
    char *key = test_printf("%s.key", cert), *alternative = test_printf("subjectAltName=%s", names);
    char *subject = test_printf("/CN=%s of a test", file);

    openssl((const char *const[]){"openssl", "req", "-x509", "-nodes", "-days", "2", "-subj",
                                  subject, "-addext", alternative, "-keyout", key, "-out", cert,
                                  "-newkey", kind ? kind : "ec", kind ? NULL : "-pkeyopt", CURVE,
                                  NULL});
    free(key);
    free(alternative);
    free(subject);
    return cert;
}

const char *cert_create(const char *dir, const char *file, const char *names)
{
    return create(NULL, dir, file, names);
}

const char *cert_create_of(const char *kind, const char *dir, const char *file, const char *names)
{
    return create(kind, dir, file, names);
}

/* The commands of openssl make none that is over, or not valid yet. From and until: seconds from now. */
static void date(const char *cert, const char *signing_key, long from, long until)
{
    FILE *in = fopen(cert, "r"), *key_in = fopen(signing_key, "r"), *out;
    X509 *x509 = PEM_read_X509(in, NULL, NULL, NULL);
    EVP_PKEY *pkey = PEM_read_PrivateKey(key_in, NULL, NULL, NULL);

    X509_gmtime_adj(X509_getm_notBefore(x509), from);
    X509_gmtime_adj(X509_getm_notAfter(x509), until);
    X509_sign(x509, pkey, EVP_sha256());
    out = fopen(cert, "w");
    if (PEM_write_X509(out, x509) != 1)
        test_fail("cannot write %s", cert);
    fclose(in);
    fclose(key_in);
    fclose(out);
    X509_free(x509);
    EVP_PKEY_free(pkey);
}

/* `also` NULL: no alternative names. */
static const char *sign(const char *dir, const char *file, const char *name, const char *also,
                        const char *authority, int days)
{
    const char *cert = tmpdir_path(dir, file);
    char *key = test_printf("%s.key", cert), *request = test_printf("%s.req", cert);
    char *subject = test_printf("/CN=%s", name), *by = test_printf("%s.key", authority);
    char *valid = test_printf("%d", days > 0 ? days : 1),
         *names = test_printf("subjectAltName=%s", also ? also : "");

    openssl((const char *const[]){"openssl", "req", "-new", NEW_KEY, "-subj", subject, "-keyout",
                                  key, "-out", request, also ? "-addext" : NULL, names, NULL});
    openssl((const char *const[]){"openssl", "x509", "-req", "-in", request, "-CA", authority,
                                  "-CAkey", by, "-set_serial", "1", "-copy_extensions", "copy",
                                  "-days", valid, "-out", cert, NULL});
    if (days <= 0)
        date(cert, by, (days - 1) * DAY_S, days * DAY_S);
    free(key);
    free(request);
    free(subject);
    free(by);
    free(valid);
    free(names);
    return cert;
}

const char *cert_signed(const char *dir, const char *file, const char *name, const char *authority,
                        int days)
{
    return sign(dir, file, name, NULL, authority, days);
}

const char *cert_signed_also(const char *dir, const char *file, const char *name, const char *also,
                             const char *authority)
{
    return sign(dir, file, name, also, authority, 2);
}

const char *cert_tomorrow(const char *dir, const char *file, const char *names)
{
    const char *cert = cert_create(dir, file, names);
    char *key = test_printf("%s.key", cert);

    date(cert, key, DAY_S, 2 * DAY_S);
    free(key);
    return cert;
}
