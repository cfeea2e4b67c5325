#include "auth/admission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fake_clock.h"
#include "support/tokens.h"

static struct fake_clock clock_;
static struct admission *admission;

static struct tokens *parse(const char *pattern, const char *role, const char *token,
                            const char *expires)
{
    char *text = tokens_line(pattern, role, token, expires);
    struct tokens *tokens = NULL;
    struct studio_error error;

    assert_int_equal(tokens_parse(text, strlen(text), "tokens", &tokens, &error), STUDIO_OK);
    free(text);
    return tokens;
}

static int start(size_t connections, size_t per_id, unsigned failures)
{
    struct admission_options options = {&clock_.clock, connections, per_id, failures};

    fake_clock_init(&clock_);
    admission = admission_create(&options, parse("ARO-*", "device", "RIGHT", NULL));
    return admission ? 0 : -1;
}

static int setup(void **state)
{
    (void)state;
    return start(2, 2, 3);
}

static int teardown(void **state)
{
    (void)state;
    admission_destroy(admission);
    return 0;
}

static enum studio_err try_beside(size_t connections, const char *address, const char *id,
                                  const char *token)
{
    struct credentials credentials;
    struct grant grant;

    assert_int_equal(
        credentials_make(&(struct credentials_in){.id = id, .token = token}, &credentials),
        STUDIO_OK);
    return admission_check(admission, address, &credentials, connections, &grant);
}

static enum studio_err try(const char *address, const char *id, const char *token)
{
    return try_beside(0, address, id, token);
}

static void the_right_token_and_its_role(void **state)
{
    struct credentials credentials;
    struct grant grant = {.role = ROLE_OPERATOR};

    (void)state;
    assert_int_equal(
        credentials_make(&(struct credentials_in){.id = "ARO-001", .token = "RIGHT"}, &credentials),
        STUDIO_OK);
    assert_int_equal(admission_check(admission, "::1", &credentials, 0, &grant), STUDIO_OK);
    assert_int_equal(grant.role, ROLE_DEVICE);
    assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("::1", "BCR-001", "RIGHT"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("::1", "ARO-001", "no token"), STUDIO_ERR_AUTH_CREDENTIALS);
}

static void so_many_connections_in_all(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
        admission_enter(admission);
    }
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_ERR_LIMIT);
    assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    admission_leave(admission);
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
}

static void so_many_connections_of_one_id(void **state)
{
    (void)state;
    assert_int_equal(try_beside(1, "::1", "ARO-001", "RIGHT"), STUDIO_OK);
    assert_int_equal(try_beside(2, "::1", "ARO-001", "RIGHT"), STUDIO_ERR_LIMIT);
    assert_int_equal(try_beside(2, "::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try_beside(0, "::1", "ARO-001_other", "RIGHT"), STUDIO_OK);
}

static int64_t delay(const char *address, const char *table)
{
    return admission_delay(admission, address, table);
}

static void the_right_token_is_let_in_whatever_went_before(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(try("10.0.0.1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(try("10.0.0.1", "ARO-001", "RIGHT"), STUDIO_OK);
    assert_int_equal(try("10.0.0.2", "ARO-001", "RIGHT"), STUDIO_OK);
}

static void a_guesser_waits_longer_and_longer(void **state)
{
    static const int64_t expected[] = {0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        char id[32];
        /* Another device each time does not help. */
        snprintf(id, sizeof(id), "ARO-001_%zu", i);
        assert_int_equal(try("10.0.0.1", id, "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
        assert_int_equal(delay("10.0.0.1", "ARO-001"), expected[i]);
    }
    /* Nor another address, nor another table; those who share neither do not wait. */
    assert_int_equal(delay("10.0.0.9", "ARO-001"), 5000);
    assert_int_equal(delay("10.0.0.1", "ARO-009"), 5000);
    assert_int_equal(delay("10.0.0.9", "ARO-009"), 0);
    fake_clock_advance(&clock_, 60000);
    assert_int_equal(delay("10.0.0.1", "ARO-001"), 0);
}

static void what_is_remembered_of_failures_is_bounded(void **state)
{
    char id[32];

    (void)state;
    for (int i = 0; i < 70000; i++) {
        snprintf(id, sizeof(id), "ARO-%d", i);
        assert_int_equal(try(id, id, "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    }
    /* Those that come on top are counted as well. */
    for (int i = 0; i < 4; i++)
        assert_int_equal(try("::1", "ARO-NEW", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(delay("::1", "ARO-NEW"), 100);
    assert_int_equal(try("::1", "ARO-NEW", "RIGHT"), STUDIO_OK);
}

static char told[4096];

static void keep_line(void *ctx, int level, const char *module, const char *message)
{
    size_t len = strlen(told);

    (void)ctx;
    assert_int_equal(level, LOG_WARN);
    assert_string_equal(module, "auth");
    snprintf(told + len, sizeof(told) - len, "%s\n", message);
}

static void what_is_told(void **state)
{
    const struct log log = {.level = LOG_INFO, .sink = keep_line};
    const struct log *before = log_use(&log);

    (void)state;
    told[0] = '\0';
    for (int i = 0; i < 29; i++)
        assert_int_equal(try("10.0.0.1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_string_equal(told,
                        "10 wrong logins from 10.0.0.1 within a minute, the last as ARO-001\n"
                        "20 wrong logins from 10.0.0.1 within a minute, the last as ARO-001\n");
    told[0] = '\0';
    for (int i = 0; i < 3; i++) { /* once for each id */
        assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_OK);
        assert_int_equal(try("::1", "ARO-002", "RIGHT"), STUDIO_OK);
    }
    assert_int_equal(strncmp(told, "ARO-001 has a token of fewer than 16", 36), 0);
    assert_non_null(strstr(told, "\nARO-002 has a token"));
    assert_ptr_equal(strstr(told, "ARO-001"), told);
    assert_null(strstr(told + 1, "ARO-001"));
    log_use(before);
}

static void limits_that_are_off(void **state)
{
    (void)state;
    teardown(state);
    start(2, 2, 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(try("::1", "ARO-001", "WRONG"), STUDIO_ERR_AUTH_CREDENTIALS);
    assert_int_equal(delay("::1", "ARO-001"), 0);
}

static void a_reload_counts_from_now_on(void **state)
{
    unsigned char digest[32];
    unsigned before = admission_generation(admission);

    (void)state;
    tokens_digest("RIGHT", digest);
    assert_int_equal(admission_generation(admission), before);
    assert_true(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_OPERATOR));
    tokens_destroy(admission_reload(admission, parse("ARO-002", "viewer", "RIGHT", NULL)));
    assert_int_not_equal(admission_generation(admission), before);
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_false(admission_still_valid(admission, "ARO-002", digest, ROLE_DEVICE));
    assert_true(admission_still_valid(admission, "ARO-002", digest, ROLE_VIEWER));
    assert_int_equal(try("::1", "ARO-001", "RIGHT"), STUDIO_ERR_AUTH_CREDENTIALS);
}

static void a_new_day_is_a_new_generation(void **state)
{
    unsigned char digest[32];
    unsigned before;

    (void)state;
    tokens_digest("TODAY", digest);
    tokens_destroy(admission_reload(admission, parse("ARO-*", "device", "TODAY", "2024-01-01")));
    before = admission_generation(admission);
    fake_clock_advance(&clock_, 12 * 3600 * 1000 - 1);
    assert_int_equal(admission_generation(admission), before);
    assert_true(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    fake_clock_advance(&clock_, 1);
    assert_int_equal(admission_generation(admission), before + 1);
    assert_int_equal(admission_generation(admission), before + 1);
    assert_false(admission_still_valid(admission, "ARO-001", digest, ROLE_DEVICE));
    assert_int_equal(try("::1", "ARO-001", "TODAY"), STUDIO_ERR_AUTH_CREDENTIALS);
    admission_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_right_token_and_its_role),
        TEST(so_many_connections_in_all),
        TEST(so_many_connections_of_one_id),
        TEST(the_right_token_is_let_in_whatever_went_before),
        TEST(a_guesser_waits_longer_and_longer),
        TEST(what_is_told),
        TEST(what_is_remembered_of_failures_is_bounded),
        TEST(limits_that_are_off),
        TEST(a_reload_counts_from_now_on),
        TEST(a_new_day_is_a_new_generation),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
