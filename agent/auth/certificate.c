#include "auth/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "config/file.h"

enum { FILE_MAX = 1 << 20 };

struct certificate {
    atomic_uint holders;
    STACK_OF(X509) * chain;       /* ours first */
    STACK_OF(X509) * between;     /* the others of it, which it owns */
    STACK_OF(X509) * authorities; /* of clients; NULL: they need no certificate */
    EVP_PKEY *key;
};

/* --- reading ----------------------------------------------------------------------------------- */

static enum studio_err no_memory(struct studio_error *error)
{
    return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

/* What OpenSSL says of the last thing that failed. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text ? text : "OpenSSL does not say why";
}

/* A file as memory to read from; BIO_free_all frees it. */
static enum studio_err open_file(const char *name, const char *file, BIO **out,
                                 struct studio_error *error)
{
    struct studio_error detail;
    char *text;
    size_t len;
    enum studio_err err = file_read(file, FILE_MAX, &text, &len, NULL, &detail);

    if (err != STUDIO_OK)
        return studio_error_set(error, err, ": %s: %s", name, detail.text);
    *out = BIO_new(BIO_s_secmem());
    if (!*out || (len > 0 && BIO_write(*out, text, (int)len) != (int)len)) {
        BIO_free_all(*out);
        *out = NULL;
        err = no_memory(error);
    }
    explicit_bzero(text, len);
    free(text);
    return err;
}

/* All certificates of a file. */
static enum studio_err read_certificates(const char *name, const char *file, STACK_OF(X509) * *out,
                                         struct studio_error *error)
{
    BIO *bio = NULL;
    X509 *one = NULL;
    enum studio_err err = open_file(name, file, &bio, error);

    if (err != STUDIO_OK)
        return err;
    *out = sk_X509_new_null();
    while (*out && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL &&
           sk_X509_push(*out, one) > 0)
        ;
    BIO_free_all(bio);
    if (!*out || one) {
        X509_free(one);
        return no_memory(error);
    }
    if (sk_X509_num(*out) == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %s: there is no certificate in PEM in %s, or a damaged one (%s)",
                                name, file, reason());
    return STUDIO_OK;
}

static int no_password(char *out, int size, int writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)ctx = true;
    return -1;
}

static enum studio_err read_key(const char *name, const char *file, EVP_PKEY **out,
                                struct studio_error *error)
{
    BIO *bio = NULL;
    bool password = false;
    enum studio_err err = open_file(name, file, &bio, error);

    if (err != STUDIO_OK)
        return err;
    *out = PEM_read_bio_PrivateKey(bio, NULL, no_password, &password);
    BIO_free_all(bio);
    if (*out)
        return secret_check(name, file, error);
    if (password)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": %s: the key in %s has a password, and nobody is here to type "
                                "it: `openssl pkey -in %s` writes it without",
                                name, file, file);
    return studio_error_set(error, STUDIO_ERR_USAGE, ": %s: there is no private key in PEM in %s",
                            name, file);
}

/* --- checking ---------------------------------------------------------------------------------- */

int64_t certificate_end_of(const X509 *x509)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* By a context of its own: OpenSSL judges more than whether they belong together. */
static enum studio_err try_out(const struct certificate *c, const struct certificate_files *files,
                               struct studio_error *error)
{
    SSL_CTX *context;
    SSL *ssl;
    bool ok;

    if (X509_check_private_key(sk_X509_value(c->chain, 0), c->key) != 1)
        return studio_error_set(
            error, STUDIO_ERR_USAGE,
            ": the key in %s is not that of the first certificate in %s: give websocket.tls_cert "
            "and websocket.tls_key that were made together, our own certificate first",
            files->key ? files->key : files->cert, files->cert);
    context = SSL_CTX_new(TLS_server_method());
    ssl = context && certificate_serve(c, context) ? SSL_new(context) : NULL;
    ok = ssl && certificate_show(c, ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    if (!ok)
        return studio_error_set(error, STUDIO_ERR_USAGE,
                                ": the certificate in %s cannot be used: %s", files->cert,
                                reason());
    return STUDIO_OK;
}

enum studio_err certificate_read(const struct certificate_files *files, struct certificate **out,
                                 struct studio_error *error)
{
    struct certificate *c = calloc(1, sizeof(*c));
    enum studio_err err;

    *out = NULL;
    if (!c)
        return no_memory(error);
    atomic_init(&c->holders, 1);
    ERR_clear_error();
    if ((err = read_certificates("websocket.tls_cert", files->cert, &c->chain, error)) ==
            STUDIO_OK &&
        (err = files->key
                   ? read_key("websocket.tls_key", files->key, &c->key, error)
                   : read_key("websocket.tls_cert", files->cert, &c->key, error)) == STUDIO_OK &&
        files->client_ca)
        err =
            read_certificates("websocket.tls_client_ca", files->client_ca, &c->authorities, error);
    if (err == STUDIO_OK && !(c->between = sk_X509_dup(c->chain)))
        err = no_memory(error);
    if (err == STUDIO_OK) {
        (void)sk_X509_shift(c->between);
        err = try_out(c, files, error);
    }
    ERR_clear_error();
    if (err != STUDIO_OK) {
        certificate_free(c);
        return err;
    }
    *out = c;
    return STUDIO_OK;
}

struct certificate *certificate_share(struct certificate *c)
{
    atomic_fetch_add(&c->holders, 1);
    return c;
}

void certificate_free(struct certificate *c)
{
    if (!c || atomic_fetch_sub(&c->holders, 1) > 1)
        return;
    sk_X509_free(c->between);
    sk_X509_pop_free(c->chain, X509_free);
    sk_X509_pop_free(c->authorities, X509_free);
    EVP_PKEY_free(c->key);
    free(c);
}

int64_t certificate_ends(const struct certificate *c)
{
    return certificate_end_of(sk_X509_value(c->chain, 0));
}

int64_t certificate_chain_ends(const struct certificate *c)
{
    int64_t first_s = INT64_MAX;

    for (int i = 0; i < sk_X509_num(c->between); i++) {
        int64_t ends_s = certificate_end_of(sk_X509_value(c->between, i));

        if (ends_s < first_s)
            first_s = ends_s;
    }
    return first_s;
}

/* --- serving ----------------------------------------------------------------------------------- */

/* Those that clients are told of, and that their certificates are held against. */
static bool demand_certificates(const struct certificate *c, SSL_CTX *context)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    bool ok = store && names;

    for (int i = 0; ok && i < sk_X509_num(c->authorities); i++) {
        X509 *authority = sk_X509_value(c->authorities, i);
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(authority));

        ok = name && sk_X509_NAME_push(names, name) > 0 && X509_STORE_add_cert(store, authority);
    }
    if (ok) {
        ok = SSL_CTX_set1_verify_cert_store(context, store);
        SSL_CTX_set_client_CA_list(context, names);
        names = NULL;
    }
    X509_STORE_free(store);
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    /* Each shows its certificate: what was true of it an hour ago need not be any more. */
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return ok;
}

bool certificate_serve(const struct certificate *c, SSL_CTX *context)
{
    bool ok = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;

    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* A client that comes again shows a ticket; nothing is kept here of those who were there. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return ok && (!c->authorities || demand_certificates(c, context));
}

bool certificate_show(const struct certificate *c, SSL *ssl)
{
    SSL_certs_clear(ssl);
    return SSL_use_cert_and_key(ssl, sk_X509_value(c->chain, 0), c->key, c->between, 1) == 1;
}

/* --- who is there ------------------------------------------------------------------------------ */

static bool has_authority(const struct certificate *c, const X509 *authority)
{
    for (int i = 0; i < sk_X509_num(c->authorities); i++)
        if (X509_cmp(sk_X509_value(c->authorities, i), authority) == 0)
            return true;
    return false;
}

bool certificate_drops(const struct certificate *c, const struct certificate *former)
{
    for (int i = 0; i < sk_X509_num(former->authorities); i++)
        if (!has_authority(c, sk_X509_value(former->authorities, i)))
            return true;
    return false;
}

bool certificate_admits(const struct certificate *c, const SSL *ssl)
{
    X509 *theirs = SSL_get0_peer_certificate(ssl);
    X509_STORE_CTX *check = c->authorities ? X509_STORE_CTX_new() : NULL;
    bool ok = !c->authorities;

    if (theirs && check &&
        X509_STORE_CTX_init(check, NULL, theirs, SSL_get_peer_cert_chain(ssl)) == 1 &&
        X509_STORE_CTX_set_default(check, "ssl_client") == 1) {
        X509_STORE_CTX_set0_trusted_stack(check, c->authorities);
        ok = X509_verify_cert(check) == 1;
        ERR_clear_error();
    }
    X509_STORE_CTX_free(check);
    return ok;
}
