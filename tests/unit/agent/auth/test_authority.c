/* test_authority.c - an authority of one's own and what it signs, as OpenSSL judges it. */
#include "auth/authority.h"

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "support/cmocka_all.h"

static struct buf cert, key;
static struct studio_error error;

static int setup(void **state)
{
    (void)state;
    buf_init(&cert, 65536);
    buf_init(&key, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_finish(&cert);
    buf_finish(&key);
    return 0;
}

static struct authority *create(const char *name)
{
    struct authority *authority;

    assert_int_equal(authority_create(name, &authority, &error), STUDIO_OK);
    return authority;
}

static X509 *x509_of(const struct buf *text)
{
    BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    assert_non_null(x509);
    return x509;
}

/* As a client that trusts `authority` alone would, now. */
static bool is_trusted(X509 *server, X509 *authority)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool yes;

    assert_int_equal(X509_STORE_add_cert(store, authority), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, server, NULL), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER), 1);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
    yes = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return yes;
}

static void a_server_is_trusted_by_its_names(void **state)
{
    static const char *const names[] = {"agent.studio.example", "localhost", "10.0.0.7", "::1"};
    struct authority *authority = create("An authority"), *other = create("An authority");
    X509 *server, *ca, *stranger;

    (void)state;
    assert_int_equal(authority_print(authority, &cert, &key, &error), STUDIO_OK);
    ca = x509_of(&cert);
    assert_int_equal(X509_check_ca(ca), 1);
    buf_clear(&cert);
    buf_clear(&key);
    assert_int_equal(authority_print(other, &cert, &key, &error), STUDIO_OK);
    stranger = x509_of(&cert);
    buf_clear(&cert);
    buf_clear(&key);
    assert_int_equal(authority_issue(authority, names, 4, &cert, &key, &error), STUDIO_OK);
    assert_non_null(strstr(key.data, "BEGIN PRIVATE KEY"));
    server = x509_of(&cert);
    assert_true(is_trusted(server, ca));
    assert_false(is_trusted(server, stranger));
    assert_int_equal(X509_check_ca(server), 0);
    assert_int_equal(X509_check_host(server, names[0], 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(server, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(server, "elsewhere", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(server, "10.0.0.7", 0), 1);
    assert_int_equal(X509_check_ip_asc(server, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(server, "10.0.0.8", 0), 0);
    assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(server)), -1);
    X509_free(server);
    X509_free(ca);
    X509_free(stranger);
    authority_free(authority);
    authority_free(other);
}

static void it_is_read_as_it_was_printed(void **state)
{
    static const char *const names[] = {"localhost"};
    struct authority *authority = create("An authority"), *again;
    struct buf more, its_key;
    X509 *server, *ca;

    (void)state;
    buf_init(&more, 65536);
    buf_init(&its_key, 65536);
    assert_int_equal(authority_print(authority, &cert, &key, &error), STUDIO_OK);
    assert_int_equal(authority_read(cert.data, key.data, &again, &error), STUDIO_OK);
    assert_int_equal(authority_issue(again, names, 1, &more, &its_key, &error), STUDIO_OK);
    ca = x509_of(&cert);
    server = x509_of(&more);
    assert_true(is_trusted(server, ca));
    X509_free(ca);
    X509_free(server);
    authority_free(again);
    /* A server's pair is no authority's. */
    assert_int_equal(authority_read(more.data, its_key.data, &again, &error), STUDIO_ERR_USAGE);
    assert_int_equal(authority_read(cert.data, its_key.data, &again, &error), STUDIO_ERR_USAGE);
    assert_int_equal(authority_read("", "", &again, &error), STUDIO_ERR_USAGE);
    authority_free(authority);
    buf_finish(&more);
    buf_finish(&its_key);
}

/* Nobody's name smuggles another in. */
static void what_is_no_name_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "a,DNS:b",
                                        "a b",
                                        "a;b",
                                        "/etc/mosquitto",
                                        "https://agent.example",
                                        "agent.example:8443",
                                        "[::1]"};
    static const char *const right[] = {"*.studio.example", "ARO_1-a"};
    struct authority *authority = create("An authority");

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const names[] = {"localhost", wrong[i]};

        assert_int_equal(authority_issue(authority, names, 2, &cert, &key, &error),
                         STUDIO_ERR_USAGE);
        assert_non_null(strstr(error.text, wrong[i]));
    }
    assert_int_equal(cert.len, 0);
    assert_int_equal(authority_issue(authority, right, 2, &cert, &key, &error), STUDIO_OK);
    authority_free(authority);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_server_is_trusted_by_its_names),
        TEST(it_is_read_as_it_was_printed),
        TEST(what_is_no_name_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
