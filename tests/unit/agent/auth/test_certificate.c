#include "auth/certificate.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/proc.h"
#include "support/tmpdir.h"

static const char *dir, *ours, *other, *key, *other_key;
static struct studio_error error;

static int make(void **state)
{
    (void)state;
    dir = tmpdir_create();
    ours = cert_create(dir, "ours.pem", "DNS:localhost");
    other = cert_create(dir, "other.pem", "DNS:localhost");
    key = tmpdir_path(dir, "ours.pem.key");
    other_key = tmpdir_path(dir, "other.pem.key");
    return 0;
}

static void refused(const char *cert, const char *its_key, const char *client_ca, const char *words)
{
    const struct certificate_files files = {cert, its_key, client_ca};
    struct certificate *certificate;

    assert_int_equal(certificate_read(&files, &certificate, &error), STUDIO_ERR_USAGE);
    assert_null(certificate);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static void a_pair_is_read_and_served(void **state)
{
    const struct certificate_files files = {ours, key, other};
    struct certificate *certificate;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl;
    int64_t now_s = time(NULL);

    (void)state;
    if (certificate_read(&files, &certificate, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    assert_true(certificate_ends(certificate) > now_s + 86400);
    assert_true(certificate_ends(certificate) <= now_s + 2 * 86400);
    assert_true(certificate_serve(certificate, context));
    assert_int_equal(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_get_verify_mode(context),
                     SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context)), 1);
    ssl = SSL_new(context);
    assert_true(certificate_show(certificate, ssl));
    certificate_free(certificate_share(certificate));
    certificate_free(certificate);
    assert_int_equal(SSL_check_private_key(ssl), 1); /* the handshake keeps it */
    SSL_free(ssl);
    SSL_CTX_free(context);
}

/* One that is over may be another way to an authority, which nobody needs: it is told apart. */
static void ours_ends_by_itself(void **state)
{
    const char *old = cert_signed(dir, "old.pem", "an authority", other, -1);
    const char *chain = tmpdir_path(dir, "chain.pem");
    char *join = test_printf("cat %s %s %s >%s", ours, old, other, chain);
    struct certificate *alone, *with_old;
    int64_t now_s = time(NULL);

    (void)state;
    assert_int_equal(proc_run((const char *const[]){"sh", "-c", join, NULL}, NULL, NULL, NULL), 0);
    if (certificate_read(&(struct certificate_files){ours, key, NULL}, &alone, &error) !=
            STUDIO_OK ||
        certificate_read(&(struct certificate_files){chain, key, NULL}, &with_old, &error) !=
            STUDIO_OK)
        fail_msg("%s", error.text);
    assert_true(certificate_ends(with_old) == certificate_ends(alone));
    assert_true(certificate_chain_ends(with_old) <= now_s);
    assert_true(certificate_chain_ends(alone) == INT64_MAX);
    certificate_free(alone);
    certificate_free(with_old);
    free(join);
}

static void what_would_not_work_is_told_in_words(void **state)
{
    const char *text = tmpdir_write(dir, "text.pem", 0600, "no certificate\n");
    const char *locked = tmpdir_path(dir, "locked.key"), *broken = tmpdir_path(dir, "broken.pem");
    char *lock = test_printf("openssl pkey -aes256 -passout pass:x -in %s -out %s", key, locked);
    char *half = test_printf("cp %s %s && head -c 200 %s >>%s", ours, broken, other, broken);

    (void)state;
    assert_int_equal(proc_run((const char *const[]){"sh", "-c", lock, NULL}, NULL, NULL, NULL), 0);
    assert_int_equal(proc_run((const char *const[]){"sh", "-c", half, NULL}, NULL, NULL, NULL), 0);
    refused("/nowhere/c.pem", key, NULL, "websocket.tls_cert: cannot read /nowhere/c.pem");
    refused(ours, "/nowhere/k.pem", NULL, "websocket.tls_key: cannot read /nowhere/k.pem");
    refused(text, key, NULL, "there is no certificate in PEM in");
    refused(broken, key, NULL, "or a damaged one");
    refused(ours, text, NULL, "there is no private key in PEM in");
    refused(ours, locked, NULL, "has a password");
    refused(ours, other_key, NULL, "is not that of the first certificate in");
    refused(ours, NULL, NULL, "websocket.tls_cert: there is no private key in PEM in");
    refused(ours, key, text, "websocket.tls_client_ca: there is no certificate in PEM in");
    free(lock);
    free(half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_read_and_served),
        cmocka_unit_test(ours_ends_by_itself),
        cmocka_unit_test(what_would_not_work_is_told_in_words),
    };

    return cmocka_run_group_tests(tests, make, NULL);
}
