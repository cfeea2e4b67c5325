#include "auth/holder.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "auth/certificate.h"
#include "base/text.h"

static const char scheme[] = "studio:";

/* No NUL may hide what stands behind it. */
static bool take(const unsigned char *text, int len, char out[STUDIO_USER_ID_MAX + 1])
{
    if (len <= 0 || len > STUDIO_USER_ID_MAX || memchr(text, '\0', (size_t)len))
        return false;
    memcpy(out, text, (size_t)len);
    out[len] = '\0';
    return true;
}

static bool read_name(const X509 *x509, char out[STUDIO_USER_ID_MAX + 1])
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), len;
    unsigned char *text;
    bool ok;

    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (len < 0)
        return false;
    ok = take(text, len, out);
    OPENSSL_free(text);
    return ok;
}

/* In place. False: a sequence is none, or a NUL. */
static bool decode(char *text)
{
    char *to = text;

    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;

        if (*at == '%') {
            if (strnlen(at, 3) < 3 || !text_unhex(at + 1, 2, &byte, 1) || byte == 0)
                return false;
            at += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    return true;
}

static bool read_uri(const X509 *x509, char out[STUDIO_USER_ID_MAX + 1])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    const int skip = sizeof(scheme) - 1;
    int found = 0;
    bool ok = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const unsigned char *text;
        int len;

        if (name->type != GEN_URI)
            continue;
        text = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
        len = ASN1_STRING_length(name->d.uniformResourceIdentifier);
        if (len < skip || memcmp(text, scheme, (size_t)skip) != 0)
            continue;
        found++;
        ok = take(text + skip, len - skip, out) && decode(out);
    }
    GENERAL_NAMES_free(names);
    return ok && found == 1;
}

bool holder_read(const struct ssl_st *ssl, enum certificate_user from, struct holder *out)
{
    const X509 *x509;
    int64_t end_s;

    if (!ssl || from == CERTIFICATE_USER_NONE || SSL_get_verify_result(ssl) != X509_V_OK)
        return false;
    x509 = SSL_get0_peer_certificate(ssl);
    end_s = x509 ? certificate_end_of(x509) : 0;
    if (end_s == 0)
        return false;
    out->ends_s = end_s + 1;
    return from == CERTIFICATE_USER_CN ? read_name(x509, out->id) : read_uri(x509, out->id);
}
