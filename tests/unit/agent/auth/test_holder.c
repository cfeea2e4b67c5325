/* test_holder.c - whom a certificate names: out of a handshake between two ends in memory. */
#include "auth/holder.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "support/cmocka_all.h"
#include "support/deadline.h"

enum { DAYS = 2 };

static EVP_PKEY *key; /* of everybody */

static int make_key(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    return key ? 0 : -1;
}

static int free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

struct names {
    const char *cn[2];   /* common names */
    size_t cn_len;       /* of the first, where it is no text; 0: it is one */
    const char *also[3]; /* URIs, or without a colon DNS names */
};

static void add_names(X509 *x509, const struct names *names)
{
    GENERAL_NAMES *also = GENERAL_NAMES_new();

    for (int i = 0; i < 3 && names->also[i]; i++) {
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();

        assert_int_equal(ASN1_STRING_set(text, names->also[i], -1), 1);
        GENERAL_NAME_set0_value(name, strchr(names->also[i], ':') ? GEN_URI : GEN_DNS, text);
        assert_true(sk_GENERAL_NAME_push(also, name) > 0);
    }
    if (names->also[0])
        assert_int_equal(X509_add1_ext_i2d(x509, NID_subject_alt_name, also, 0, X509V3_ADD_APPEND),
                         1);
    GENERAL_NAMES_free(also);
}

/* Vouches for itself. */
static X509 *make(const struct names *names)
{
    X509 *x509 = X509_new();
    X509_NAME *subject = X509_get_subject_name(x509);

    for (int i = 0; i < 2 && names->cn[i]; i++)
        assert_int_equal(X509_NAME_add_entry_by_txt(
                             subject, "CN", MBSTRING_UTF8, (const unsigned char *)names->cn[i],
                             i == 0 && names->cn_len ? (int)names->cn_len : -1, -1, 0),
                         1);
    assert_int_equal(X509_set_issuer_name(x509, subject), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), DAYS * 86400L));
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    add_names(x509, names);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    return x509;
}

/* Shows `theirs` to a server that takes those of `trusted` (NULL: any, and none); its end. */
static SSL *shake_hands(X509 *theirs, X509 *trusted)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    X509 *ours = make(&(struct names){.cn = {"server"}});
    SSL *client, *server;
    BIO *a, *b;

    assert_int_equal(SSL_CTX_use_certificate(context, ours), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    if (trusted) {
        assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), trusted), 1);
    }
    server = SSL_new(context);
    client = SSL_new(context);
    SSL_set_verify(server, trusted ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_set_verify(client, SSL_VERIFY_NONE, NULL);
    if (theirs)
        assert_int_equal(SSL_use_certificate(client, theirs), 1);
    assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && (!SSL_is_init_finished(server) || !SSL_is_init_finished(client));
         i++) {
        (void)SSL_do_handshake(client);
        (void)SSL_do_handshake(server);
    }
    SSL_free(client);
    SSL_CTX_free(context);
    X509_free(ours);
    return server;
}

static void expect(const struct names *names, enum certificate_user from, const char *id)
{
    X509 *theirs = make(names);
    SSL *ssl = shake_hands(theirs, theirs);
    struct holder holder = {.id = ""};
    bool named = holder_read(ssl, from, &holder);
    int64_t now_s = time(NULL);

    assert_true(SSL_is_init_finished(ssl));
    if (named != (id != NULL) || (id && strcmp(holder.id, id) != 0))
        test_fail("'%s' names '%s', not '%s'", names->cn[0], named ? holder.id : "nobody",
                  id ? id : "nobody");
    if (named) {
        assert_true(holder.ends_s > now_s + (DAYS - 1) * 86400);
        assert_true(holder.ends_s <= now_s + DAYS * 86400 + 1);
    }
    SSL_free(ssl);
    X509_free(theirs);
}

static void a_common_name(void **state)
{
    (void)state;
    expect(&(struct names){.cn = {"ARO-001_dealerPC"}}, CERTIFICATE_USER_CN, "ARO-001_dealerPC");
    expect(&(struct names){.cn = {"ARO-001_J\xc3\xbcrgen"}}, CERTIFICATE_USER_CN,
           "ARO-001_J\xc3\xbcrgen");
    expect(&(struct names){.cn = {"a", "b"}}, CERTIFICATE_USER_CN, NULL);
    expect(&(struct names){.also = {"studio:ARO-001"}}, CERTIFICATE_USER_CN, NULL);
    expect(&(struct names){.cn = {"ops\0.evil"}, .cn_len = 9}, CERTIFICATE_USER_CN, NULL);
    expect(&(struct names){.cn = {"ARO-001"}}, CERTIFICATE_USER_NONE, NULL);
}

static void a_uri(void **state)
{
    static const char long_one[] =
        "studio:ARO-001_0123456789012345678901234567890123456789012345678901234567890123"
        "0123456789012345678901234567890123456789012345678901234567890123";

    (void)state;
    expect(&(struct names){.cn = {"x"}, .also = {"studio:ARO-001_pc"}}, CERTIFICATE_USER_URI,
           "ARO-001_pc");
    expect(&(struct names){.cn = {"x"},
                           .also = {"localhost", "https://studio.example/", "studio:A_a%20%C3%bc"}},
           CERTIFICATE_USER_URI, "A_a \xc3\xbc");
    expect(&(struct names){.cn = {"x"}, .also = {"studio:A", "studio:B"}}, CERTIFICATE_USER_URI,
           NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"studio:A", "studio:A"}}, CERTIFICATE_USER_URI,
           NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"studio:"}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"studio:A%0"}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"studio:A%00B"}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"studio:A%zz"}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"x"}, .also = {"urn:studio:A"}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"x"}, .also = {long_one}}, CERTIFICATE_USER_URI, NULL);
    expect(&(struct names){.cn = {"ARO-001"}}, CERTIFICATE_USER_URI, NULL);
}

/* Not verified, not asked for, not shown. */
static void who_shows_none_is_nobody(void **state)
{
    X509 *theirs = make(&(struct names){.cn = {"ARO-001"}});
    X509 *other = make(&(struct names){.cn = {"other"}});
    struct holder holder;
    SSL *ssl;

    (void)state;
    assert_false(holder_read(NULL, CERTIFICATE_USER_CN, &holder));
    ssl = shake_hands(theirs, NULL);
    assert_true(SSL_is_init_finished(ssl));
    assert_false(holder_read(ssl, CERTIFICATE_USER_CN, &holder));
    SSL_free(ssl);
    ssl = shake_hands(theirs, other);
    assert_false(holder_read(ssl, CERTIFICATE_USER_CN, &holder));
    SSL_free(ssl);
    X509_free(theirs);
    X509_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_common_name),
        cmocka_unit_test(a_uri),
        cmocka_unit_test(who_shows_none_is_nobody),
    };

    return cmocka_run_group_tests(tests, make_key, free_key);
}
