#include "support/cmocka_all.h"

#include <string.h>

#include "protocol/userid.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A64         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *id, *device, *game_code;
        const char *table, *user; /* NULL: Invalid table id */
    } rows[] = {
        {"ARO-001_dealerPC", NULL, NULL, "ARO-001", "ARO-001_dealerPC"},
        {"ARO-001", NULL, NULL, "ARO-001", "ARO-001"},
        {"ARO-001_a_b", NULL, NULL, "ARO-001", "ARO-001_a_b"},
        {"ARO-001_dealer PC", NULL, NULL, "ARO-001", "ARO-001_dealer PC"},
        {"ARO-001_\xC3\xA9", NULL, NULL, "ARO-001", "ARO-001_\xC3\xA9"},
        {"ARO-001", "dealerPC", NULL, "ARO-001", "ARO-001_dealerPC"},
        {"ARO-001", "_x_", NULL, "ARO-001", "ARO-001__x_"},
        {"ARO-001", "", "", "ARO-001", "ARO-001"},
        {"ARO-001_dealerPC", "other", NULL, "ARO-001", "ARO-001_dealerPC"},
        {"ARO-001-1-SDP", NULL, "ARO-001-1", "ARO-001-1", "ARO-001-1_SDP"},
        {"ARO-001-1-SDP", "other", "ARO-001-1", "ARO-001-1", "ARO-001-1_SDP"},
        {"ARO-001-1", NULL, "ARO-001-1", "ARO-001-1", "ARO-001-1"},
        {"ARO-001-1", "SDP", "ARO-001-1", "ARO-001-1", "ARO-001-1_SDP"},
        {"ARO-001-1-SDP", NULL, NULL, "ARO-001-1-SDP", "ARO-001-1-SDP"},
        {"ARO-001-1-S_P", NULL, "ARO-001-1", "ARO-001-1", "ARO-001-1_S_P"},
        {A64 "_" A64, NULL, NULL, A64, A64 "_" A64},
        {"ARO-001-1-SDP", NULL, "ARO-001-2", NULL, NULL},
        {"ARO-001-1-SDP", NULL, "ARO-001-1-SDP-X", NULL, NULL},
        {"ARO-001-1SDP", NULL, "ARO-001-1", NULL, NULL},
        {"ARO-001_dealerPC", NULL, "ARO-001", NULL, NULL},
        {"ARO-001_dealerPC", NULL, "ARO-001_dealerPC", NULL, NULL},
        {"ARO-001-", NULL, "ARO-001", NULL, NULL},
        {"ARO-001_", NULL, NULL, NULL, NULL},
        {"ARO-001_", "dealerPC", NULL, NULL, NULL},
        {"_dealerPC", NULL, NULL, NULL, NULL},
        {"_", NULL, NULL, NULL, NULL},
        {"-ARO", NULL, NULL, NULL, NULL},
        {"ARO 001", NULL, NULL, NULL, NULL},
        {"ARO/001_x", NULL, NULL, NULL, NULL},
        {"ARO-001_a\nb", NULL, NULL, NULL, NULL},
        {"ARO-001_\xFF", NULL, NULL, NULL, NULL},
        {"ARO-001", "a\x7f", NULL, NULL, NULL},
        {A64 "a", NULL, NULL, NULL, NULL},
        {"ARO-001_" A64 "a", NULL, NULL, NULL, NULL},
        {"ARO-001", A64 "a", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credentials out;
        struct credentials_in in = {rows[i].id, "MY_TOKEN", rows[i].device, rows[i].game_code};
        enum studio_err err = credentials_make(&in, &out);
        if (rows[i].user == NULL) {
            assert_int_equal(err, STUDIO_ERR_AUTH_TABLE);
            continue;
        }
        assert_int_equal(err, STUDIO_OK);
        assert_string_equal(out.table_id, rows[i].table);
        assert_string_equal(out.user_id, rows[i].user);
        assert_string_equal(out.token, "MY_TOKEN");
    }
}

static void test_missing(void **state)
{
    (void)state;
    static const struct credentials_in rows[] = {
        {NULL, NULL, NULL, NULL},
        {"ARO-001", NULL, NULL, NULL},
        {"ARO-001", "", NULL, NULL},
        {NULL, "MY_TOKEN", "a", NULL},
        {"", "MY_TOKEN", NULL, NULL},
        {"not a table", "", NULL, NULL}, /* missing is said before invalid */
    };
    struct credentials out;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(credentials_make(&rows[i], &out), STUDIO_ERR_AUTH_MISSING);
}

static void test_token_that_cannot_be_one(void **state)
{
    (void)state;
    static const char *const tokens[] = {"abc", "with blank", "a:bcd", "\xC3\xA9\xC3\xA9",
                                         A64 A64 "a"};
    for (size_t i = 0; i < COUNT(tokens); i++) {
        struct credentials out;
        struct credentials_in in = {"ARO-001", tokens[i], NULL, NULL};
        assert_int_equal(credentials_make(&in, &out), STUDIO_OK);
        assert_string_equal(out.token, "");
    }
    struct credentials out;
    struct credentials_in longest = {"ARO-001", A64 A64, NULL, NULL};
    assert_int_equal(credentials_make(&longest, &out), STUDIO_OK);
    assert_string_equal(out.token, A64 A64);
}

/* Whom a certificate names nobody else can say to be. */
static void test_holder(void **state)
{
    (void)state;
    static const struct {
        struct credentials_in in;
        const char *holder;
        enum studio_err err;
        const char *token;
    } rows[] = {
        {{0}, "ARO-001_pc", STUDIO_OK, ""},
        {{.device = "other"}, "ARO-001_pc", STUDIO_OK, ""},
        {{.id = "ARO-001_pc"}, "ARO-001_pc", STUDIO_OK, ""},
        {{.id = "ARO-001", .device = "pc"}, "ARO-001_pc", STUDIO_OK, ""},
        {{.id = "ARO-001-1-SDP", .game_code = "ARO-001-1"}, "ARO-001-1_SDP", STUDIO_OK, ""},
        {{.id = "ARO-001_pc", .token = "MY_TOKEN"}, "ARO-001_pc", STUDIO_OK, "MY_TOKEN"},
        {{.token = "MY_TOKEN"}, "ARO-001_pc", STUDIO_OK, "MY_TOKEN"},
        {{.id = "ARO-001_x"}, "ARO-001_pc", STUDIO_ERR_AUTH_CREDENTIALS, ""},
        {{.id = "ARO-001", .token = "MY_TOKEN"},
         "ARO-001_pc",
         STUDIO_ERR_AUTH_CREDENTIALS,
         "MY_TOKEN"},
        {{.id = "aro-001_pc"}, "ARO-001_pc", STUDIO_ERR_AUTH_CREDENTIALS, ""},
        {{.id = "no table_x"}, "ARO-001_pc", STUDIO_ERR_AUTH_TABLE, NULL},
        {{0}, "Ann B.", STUDIO_ERR_AUTH_TABLE, NULL},
        {{0}, "", STUDIO_ERR_AUTH_MISSING, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct credentials out;
        assert_int_equal(credentials_of_holder(&rows[i].in, rows[i].holder, &out), rows[i].err);
        if (rows[i].token)
            assert_string_equal(out.token, rows[i].token);
        assert_true(out.certified);
    }
    struct credentials out;
    assert_int_equal(
        credentials_make(&(struct credentials_in){.id = "A", .token = "MY_TOKEN"}, &out),
        STUDIO_OK);
    assert_false(out.certified);
}

static void test_bearer(void **state)
{
    (void)state;
    static const struct {
        const char *header, *id, *token; /* NULL: not of that form */
    } rows[] = {
        {"Bearer ARO-001_dealerPC:MY_TOKEN", "ARO-001_dealerPC", "MY_TOKEN"},
        {"bearer  ARO-001:t", "ARO-001", "t"},
        {"Bearer ARO-001_a:b:MY_TOKEN", "ARO-001_a:b", "MY_TOKEN"},
        {"Bearer ARO-001_dealer PC:T", "ARO-001_dealer PC", "T"},
        {"Bearer :", "", ""},
        {"Bearer ARO-001", NULL, NULL},
        {"Bearer", NULL, NULL},
        {"Basic QTpC", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char header[100];
        char *id = NULL, *token = NULL;
        strcpy(header, rows[i].header);
        assert_int_equal(credentials_bearer(header, &id, &token), rows[i].id != NULL);
        if (rows[i].id == NULL)
            continue;
        assert_string_equal(id, rows[i].id);
        assert_string_equal(token, rows[i].token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_token_that_cannot_be_one),
        cmocka_unit_test(test_holder),
        cmocka_unit_test(test_bearer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
