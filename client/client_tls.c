#include "client_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client_error.h"

struct client_tls {
    const struct url *url; /* of the connection in hand */
    SSL_CTX *context;
    bool numeric; /* the address is no name */
    bool shows;   /* we have a certificate */
    bool begun;   /* a handshake is on its way */
    bool wanted;  /* the server wants a certificate of us */
    char why[CLIENT_WHY_MAX];
};

static void note(struct client_tls *tls, const char *fmt, ...) STUDIO_PRINTF(2, 3);

/* The first of what is noted is the cause of the rest. */
static void note(struct client_tls *tls, const char *fmt, ...)
{
    va_list args;

    if (tls->why[0] != '\0')
        return;
    va_start(args, fmt);
    vsnprintf(tls->why, sizeof(tls->why), fmt, args);
    va_end(args);
}

/* --- the server's certificate ------------------------------------------------------------------- */

enum { TIME_MAX = 24, NAMES_MAX = 160 };

static const char *print_time(const ASN1_TIME *time, char out[TIME_MAX])
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return "an odd time";
    strftime(out, TIME_MAX, "%Y-%m-%d %H:%M UTC", &tm);
    return out;
}

/* What somebody else wrote: made harmless, and cut where there is no room. */
static void add_name(char out[NAMES_MAX], const char *text, int len)
{
    size_t at = strlen(out);

    if (at + 8 > NAMES_MAX)
        return;
    if (at > 0)
        at += (size_t)snprintf(out + at, NAMES_MAX - at, ", ");
    for (int i = 0; i < len && at + 1 < NAMES_MAX; i++)
        out[at++] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '?';
    out[at] = '\0';
}

static void add_alternative(char out[NAMES_MAX], const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN];
    int kind;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    const unsigned char *bytes =
        kind == GEN_DNS || kind == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
    const int len = bytes != NULL ? ASN1_STRING_length(value) : 0;

    if (kind == GEN_DNS)
        add_name(out, (const char *)bytes, len);
    else if (kind == GEN_IPADD && (len == 4 || len == 16) &&
             inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) != NULL)
        add_name(out, text, (int)strlen(text));
}

/* Whom a certificate is for. */
static const char *names_of(X509 *x509, char out[NAMES_MAX])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    char common[NAMES_MAX / 2];

    out[0] = '\0';
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++)
        add_alternative(out, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    if (out[0] == '\0' && X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName,
                                                    common, sizeof(common)) > 0)
        add_name(out, common, (int)strlen(common));
    return out[0] != '\0' ? out : "nobody";
}

static void note_certificate(struct client_tls *tls, X509_STORE_CTX *store)
{
    X509 *x509 = X509_STORE_CTX_get_current_cert(store);
    const char *whose = X509_STORE_CTX_get_error_depth(store) > 0
                            ? "the certificate of its authority"
                            : "its certificate";
    char names[NAMES_MAX] = "", time[TIME_MAX];
    int err = X509_STORE_CTX_get_error(store);

    switch (err) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        note(tls,
             "its certificate is for %s, not for %s; use a name of the certificate in the "
             "address, or have one made that has this name",
             names_of(X509_STORE_CTX_get0_cert(store), names), tls->url->host);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        note(tls, "%s has expired (%s); it has to be renewed there, unless the clock here is wrong",
             whose, print_time(X509_get0_notAfter(x509), time));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        note(tls, "%s is not valid before %s; is the clock right, here and there?", whose,
             print_time(X509_get0_notBefore(x509), time));
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        note(tls,
             "its certificate is signed by itself alone; if it is the right one, trust it with "
             "--ca FILE");
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        note(tls, "its certificate is of an authority that is not trusted here; give the "
                  "certificate of its authority with --ca FILE");
        break;
    default:
        note(tls, "%s is not accepted: %s", whose, X509_verify_cert_error_string(err));
        break;
    }
}

/* libwebsockets takes an IPv6 address for the name '[', and cuts long names. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    struct client_tls *tls = arg;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
    bool ok = X509_VERIFY_PARAM_set1_host(param, tls->numeric ? NULL : tls->url->host, 0) == 1 &&
              (!tls->numeric || X509_VERIFY_PARAM_set1_ip_asc(param, tls->url->host) == 1);

    if (!ok) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
        return 0;
    }
    if (X509_verify_cert(store) == 1)
        return 1;
    note_certificate(tls, store);
    return 0;
}

/* --- the handshake ------------------------------------------------------------------------------ */

#define NO_TLS "does it speak TLS at this port? Without TLS the address begins with ws://"

/* What the server says of us. */
static void note_alert(struct client_tls *tls, int value)
{
    static const struct {
        int alert;
        const char *words;
    } rows[] = {
        {SSL_AD_CERTIFICATE_REQUIRED,
         "it wants a certificate of us; give one with --cert and --key"},
        {SSL_AD_CERTIFICATE_EXPIRED, "our certificate has expired; renew that of --cert"},
        {SSL_AD_CERTIFICATE_REVOKED, "our certificate is revoked; renew that of --cert"},
        {SSL_AD_UNKNOWN_CA,
         "it does not know the authority of our certificate; --cert must be of one it trusts"},
        {SSL_AD_BAD_CERTIFICATE, "it does not accept our certificate; check that of --cert"},
        {SSL_AD_UNSUPPORTED_CERTIFICATE,
         "it does not accept our certificate; check that of --cert"},
        {SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept our certificate; check that of --cert"},
        {SSL_AD_ACCESS_DENIED, "it does not accept our certificate; check that of --cert"},
        {SSL_AD_PROTOCOL_VERSION,
         "it speaks no version of TLS that is safe; it has to learn TLS 1.2 or later"},
        {SSL_AD_UNRECOGNIZED_NAME, "nobody of this name is there; check the name in the address"},
    };

    if (tls->wanted && !tls->shows && (value & 0xff) == SSL_AD_HANDSHAKE_FAILURE)
        value = SSL_AD_CERTIFICATE_REQUIRED; /* as TLS 1.2 says it */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].alert == (value & 0xff))
            note(tls, "%s", rows[i].words);
    note(tls, "it refuses the TLS handshake (%s)", SSL_alert_desc_string_long(value));
}

/* What we do not like about the server. */
static void note_error(struct client_tls *tls, unsigned long error)
{
    switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER: /* its answer is no TLS at all */
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        note(tls, "it answers without TLS; " NO_TLS);
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
        note_alert(tls, SSL_AD_PROTOCOL_VERSION);
        break;
    default:
        if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
            ERR_GET_REASON(error) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
            note(tls, "the TLS handshake has failed (%s)", ERR_reason_error_string(error));
        break;
    }
}

static void on_progress(const SSL *ssl, int where, int value)
{
    struct client_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (where & SSL_CB_HANDSHAKE_START) {
        tls->begun = true;
        if (tls->numeric) /* an address is no name of a server */
            SSL_set_tlsext_host_name((SSL *)ssl, NULL);
    } else if (where & SSL_CB_HANDSHAKE_DONE) {
        tls->begun = false;
    } else if (where == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL) {
        note_alert(tls, value);
    } else if (where == SSL_CB_CONNECT_EXIT && value <= 0 && ERR_peek_last_error() != 0) {
        note_error(tls, ERR_peek_last_error());
    }
}

static int on_certificate_wanted(SSL *ssl, void *arg)
{
    struct client_tls *tls = arg;

    (void)ssl;
    tls->wanted = true;
    return 1;
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

void client_tls_begin(struct client_tls *tls, const struct url *url)
{
    if (tls == NULL)
        return;
    tls->url = url;
    tls->numeric = is_numeric(url->host);
    tls->begun = tls->wanted = false;
    tls->why[0] = '\0';
}

bool client_tls_pending(const struct client_tls *tls)
{
    return tls != NULL && tls->begun;
}

void client_tls_explain(const struct client_tls *tls, bool asked, const char *why,
                        char out[CLIENT_WHY_MAX])
{
    const char *words = NULL;

    if (tls == NULL || !tls->url->tls)
        words =
            asked ? "it hangs up without an answer; with TLS the address begins with wss://" : NULL;
    else if (tls->why[0] != '\0')
        words = tls->why;
    else if (tls->begun)
        words = "it hangs up in the TLS handshake; " NO_TLS;
    else if (tls->wanted && asked) /* TLS 1.3 refuses behind the handshake, if it is heard */
        words = tls->shows ? "it does not accept our certificate; check that of --cert"
                           : "it wants a certificate of us; give one with --cert and --key";
    if (words != NULL)
        snprintf(out, CLIENT_WHY_MAX, "%s", words);
    else
        snprintf(out, CLIENT_WHY_MAX, "%.300s; is the agent running, and is this its address?",
                 why);
}

/* --- our files ---------------------------------------------------------------------------------- */

static enum studio_err readable(const char *option, const char *file, struct studio_error *error)
{
    if (access(file, R_OK) == 0)
        return STUDIO_OK;
    return client_error_usage(error, "%s: %.200s cannot be read: %s", option, file,
                              strerror(errno));
}

static enum studio_err trust(struct client_tls *tls, const char *file, struct studio_error *error)
{
    enum studio_err err;

    if (file == NULL) {
        SSL_CTX_set_default_verify_paths(tls->context);
        return STUDIO_OK;
    }
    err = readable("--ca", file, error);
    if (err == STUDIO_OK && SSL_CTX_load_verify_locations(tls->context, file, NULL) != 1)
        err = client_error_usage(error, "--ca: there is no certificate in PEM in %.200s", file);
    /* Any of them is believed, that of the server alone as well. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls->context), X509_V_FLAG_PARTIAL_CHAIN);
    return err;
}

static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)arg = true;
    return -1;
}

/* Of one of another kind OpenSSL says that there is none to it. */
static bool of_another_certificate(unsigned long error)
{
    return (ERR_GET_LIB(error) == ERR_LIB_X509 &&
            ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH) ||
           (ERR_GET_LIB(error) == ERR_LIB_SSL &&
            ERR_GET_REASON(error) == SSL_R_NO_CERTIFICATE_ASSIGNED);
}

static enum studio_err show(struct client_tls *tls, const char *cert, const char *key,
                            struct studio_error *error)
{
    const char *file = key != NULL ? key : cert;
    const char *option = key != NULL ? "--key" : "--cert";
    bool password = false;
    enum studio_err err;

    if (cert == NULL)
        return key == NULL ? STUDIO_OK
                           : client_error_usage(error, "--key needs --cert, the certificate to it");
    err = readable("--cert", cert, error);
    if (err == STUDIO_OK)
        err = readable(option, file, error);
    if (err != STUDIO_OK)
        return err;
    if (SSL_CTX_use_certificate_chain_file(tls->context, cert) != 1)
        return client_error_usage(error, "--cert: there is no certificate in PEM in %.200s", cert);
    SSL_CTX_set_default_passwd_cb(tls->context, no_password);
    SSL_CTX_set_default_passwd_cb_userdata(tls->context, &password);
    tls->shows = SSL_CTX_use_PrivateKey_file(tls->context, file, SSL_FILETYPE_PEM) == 1 &&
                 SSL_CTX_check_private_key(tls->context) == 1;
    if (tls->shows)
        return STUDIO_OK;
    if (password)
        return client_error_usage(error,
                                  "%s: the key in %.150s has a password; `openssl pkey -in "
                                  "%.150s` writes it without",
                                  option, file, file);
    if (of_another_certificate(ERR_peek_last_error()))
        return client_error_usage(error,
                                  "%s: the key in %.150s is not that of the certificate in "
                                  "%.150s",
                                  option, file, cert);
    return client_error_usage(error, "%s: there is no private key in PEM in %.200s", option, file);
}

enum studio_err client_tls_create(const struct studio_client_options *options,
                                  struct client_tls **out, struct studio_error *error)
{
    struct client_tls *tls;
    enum studio_err err;

    *out = NULL;
    tls = calloc(1, sizeof(*tls));
    if (tls != NULL)
        tls->context = SSL_CTX_new(TLS_client_method());
    if (tls == NULL || tls->context == NULL) {
        free(tls);
        return studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    SSL_CTX_set_app_data(tls->context, tls);
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls->context, verify, tls);
    SSL_CTX_set_info_callback(tls->context, on_progress);
    SSL_CTX_set_cert_cb(tls->context, on_certificate_wanted, tls);
    ERR_clear_error();
    err = trust(tls, options->ca_file, error);
    if (err == STUDIO_OK)
        err = show(tls, options->cert_file, options->key_file, error);
    ERR_clear_error();
    if (err == STUDIO_OK)
        *out = tls;
    else
        client_tls_destroy(tls);
    return err;
}

void client_tls_destroy(struct client_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

struct ssl_ctx_st *client_tls_context(struct client_tls *tls)
{
    return tls != NULL ? tls->context : NULL;
}
