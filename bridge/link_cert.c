#include "link_cert.h"

#include <openssl/ssl.h>

static int no_password(char *out, int size, int writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)ctx;
    return 0;
}

static const char *trouble_in(SSL_CTX *tls, const char *cert_file, const char *key_file)
{
    SSL_CTX_set_default_passwd_cb(tls, no_password);
    if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
        return "mqtt.cert cannot be read, or is no certificate in PEM";
    if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
        return "mqtt.key cannot be read, is no key in PEM, has a password, or is not that of "
               "mqtt.cert";
    return NULL;
}

const char *cert_trouble(const char *cert_file, const char *key_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    const char *trouble = tls ? trouble_in(tls, cert_file, key_file) : "no memory for TLS";

    SSL_CTX_free(tls);
    return trouble;
}
