#include "auth/authority.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

enum {
    DAY_S = 86400,
    SERIAL_LEN = 16,
    COMMON_NAME_MAX = 64, /* of X.509 */
    NAMES_MAX = 4096      /* of all names, as OpenSSL reads them */
};

struct authority {
    X509 *cert;
    EVP_PKEY *key;
};

static enum studio_err no_memory(struct studio_error *error)
{
    return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

/* --- certificates -------------------------------------------------------------------------------- */

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_LEN];
    BIGNUM *number = NULL;
    bool ok = getentropy(bytes, sizeof(bytes)) == 0;

    bytes[0] &= 0x7f; /* it is not negative */
    ok = ok && (number = BN_bin2bn(bytes, sizeof(bytes), NULL)) != NULL &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool set_name(X509 *cert, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1;
}

/* `issuer` is the certificate itself for the authority's own. */
static bool extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;
    bool ok;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* From yesterday on, since clocks differ. NULL: out of memory. */
static X509 *begin(const char *name, EVP_PKEY *key, int days)
{
    X509 *cert = X509_new();

    if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
        X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY_S) && set_name(cert, name) &&
        X509_set_pubkey(cert, key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool sign(X509 *cert, X509 *issuer, EVP_PKEY *key)
{
    return X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

static EVP_PKEY *new_key(void)
{
    return EVP_EC_gen("P-256");
}

/* --- printing ------------------------------------------------------------------------------------ */

static bool print(struct buf *out, BIO *bio)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);

    buf_add(out, text, (size_t)len);
    return buf_ok(out);
}

static enum studio_err print_pair(X509 *cert, EVP_PKEY *key, struct buf *cert_text,
                                  struct buf *key_text, struct studio_error *error)
{
    BIO *bio = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
    bool ok = bio && secret && PEM_write_bio_X509(bio, cert) == 1 &&
              PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              print(cert_text, bio) && print(key_text, secret);

    BIO_free_all(bio);
    BIO_free_all(secret);
    return ok ? STUDIO_OK : no_memory(error);
}

/* --- the authority ------------------------------------------------------------------------------- */

enum studio_err authority_create(const char *name, struct authority **out,
                                 struct studio_error *error)
{
    struct authority *a = calloc(1, sizeof(*a));

    *out = NULL;
    if (a && (a->key = new_key()) && (a->cert = begin(name, a->key, AUTHORITY_DAYS)) &&
        extend(a->cert, a->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        extend(a->cert, a->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        extend(a->cert, a->cert, NID_subject_key_identifier, "hash") &&
        sign(a->cert, a->cert, a->key)) {
        *out = a;
        return STUDIO_OK;
    }
    authority_free(a);
    return no_memory(error);
}

/* A text in PEM to read from; BIO_free frees it. */
static BIO *text_bio(const char *text)
{
    return BIO_new_mem_buf(text, -1);
}

static int no_password(char *out, int size, int writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

enum studio_err authority_read(const char *cert, const char *key, struct authority **out,
                               struct studio_error *error)
{
    struct authority *a = calloc(1, sizeof(*a));
    BIO *certs = text_bio(cert), *keys = text_bio(key);
    enum studio_err err = STUDIO_OK;

    *out = NULL;
    if (!a || !certs || !keys) {
        err = no_memory(error);
    } else {
        a->cert = PEM_read_bio_X509(certs, NULL, NULL, NULL);
        a->key = PEM_read_bio_PrivateKey(keys, NULL, no_password, NULL);
        if (!a->cert || !a->key || X509_check_private_key(a->cert, a->key) != 1 ||
            X509_check_ca(a->cert) == 0)
            err = studio_error_set(error, STUDIO_ERR_USAGE,
                                   ": this is no authority's certificate with its key");
    }
    BIO_free(certs);
    BIO_free(keys);
    if (err == STUDIO_OK)
        *out = a;
    else
        authority_free(a);
    return err;
}

void authority_free(struct authority *a)
{
    if (!a)
        return;
    X509_free(a->cert);
    EVP_PKEY_free(a->key);
    free(a);
}

enum studio_err authority_print(const struct authority *a, struct buf *cert, struct buf *key,
                                struct studio_error *error)
{
    return print_pair(a->cert, a->key, cert, key, error);
}

/* --- servers ------------------------------------------------------------------------------------- */

static bool is_address(const char *name)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, ignored) == 1 || inet_pton(AF_INET6, name, ignored) == 1;
}

static bool is_host(const char *name)
{
    static const char may[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._*-";

    return *name && name[strspn(name, may)] == '\0';
}

/* For OpenSSL, which would read a name with a comma as several. */
static enum studio_err print_names(struct buf *out, const char *const *names, size_t count,
                                   struct studio_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const bool address = is_address(names[i]);

        if (!address && !is_host(names[i]))
            return config_fail(error, STUDIO_ERR_USAGE,
                               "this is no host name and no address: \"%.200s\"", names[i]);
        buf_printf(out, "%s%s:%s", i ? "," : "", address ? "IP" : "DNS", names[i]);
    }
    return buf_ok(out)
               ? STUDIO_OK
               : config_fail(error, STUDIO_ERR_USAGE,
                             "host names and addresses are too long, %s and others", names[0]);
}

enum studio_err authority_issue(const struct authority *a, const char *const *names, size_t count,
                                struct buf *cert_text, struct buf *key_text,
                                struct studio_error *error)
{
    char space[NAMES_MAX], common[COMMON_NAME_MAX + 1];
    struct buf all;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    enum studio_err err;

    buf_init_fixed(&all, space, sizeof(space));
    err = print_names(&all, names, count, error);
    if (err != STUDIO_OK)
        return err;
    (void)snprintf(common, sizeof(common), "%s", names[0]);
    key = new_key();
    cert = key ? begin(common, key, AUTHORITY_SERVER_DAYS) : NULL;
    if (!cert || !extend(cert, a->cert, NID_basic_constraints, "critical,CA:FALSE") ||
        !extend(cert, a->cert, NID_key_usage, "critical,digitalSignature") ||
        !extend(cert, a->cert, NID_ext_key_usage, "serverAuth") ||
        !extend(cert, a->cert, NID_authority_key_identifier, "keyid"))
        err = no_memory(error);
    else if (!extend(cert, a->cert, NID_subject_alt_name, space))
        err = config_fail(error, STUDIO_ERR_USAGE, "these are no host names and addresses: %.200s",
                          space);
    else if (!sign(cert, a->cert, a->key))
        err = no_memory(error);
    else
        err = print_pair(cert, key, cert_text, key_text, error);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}
