#include <string.h>

#include "client/client_error.h"
#include "support/cmocka_all.h"

static void texts_of_the_protocol(void **state)
{
    static const struct {
        const char *text;
        enum studio_err code;
    } rows[] = {
        {"Invalid JSON format", STUDIO_ERR_INVALID_JSON},
        {"Invalid value for sdp: expected one of up, down", STUDIO_ERR_INVALID_VALUE},
        {"Unknown table: X", STUDIO_ERR_UNKNOWN_TABLE},
        {"Duplicate field: zCam", STUDIO_ERR_DUPLICATE_FIELD},
        {"Not permitted", STUDIO_ERR_NOT_PERMITTED},
        {"Storage unavailable", STUDIO_ERR_STORAGE},
        {"Rate limit exceeded", STUDIO_ERR_RATE_LIMIT},
        {"something a newer server says", STUDIO_ERR_NOT_PERMITTED},
        {"", STUDIO_ERR_NOT_PERMITTED},
        {"ok", STUDIO_ERR_NOT_PERMITTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct studio_error error;
        assert_int_equal(client_error_from_server(&error, rows[i].text), rows[i].code);
        assert_string_equal(error.text, rows[i].text);
        assert_int_equal(error.code, rows[i].code);
    }
    assert_int_equal(client_error_from_server(NULL, "Not permitted"), STUDIO_ERR_NOT_PERMITTED);
}

static void ends_of_connections(void **state)
{
    static const struct {
        unsigned code;
        const char *reason;
        enum studio_err err;
    } rows[] = {
        {1008, "Missing authentication parameters", STUDIO_ERR_AUTH_MISSING},
        {1008, "Invalid credentials", STUDIO_ERR_AUTH_CREDENTIALS},
        {1008, "Invalid table id", STUDIO_ERR_AUTH_TABLE},
        {1008, "Credentials revoked", STUDIO_ERR_AUTH_REVOKED},
        {1008, "other words", STUDIO_ERR_AUTH_CREDENTIALS},
        {1008, "", STUDIO_ERR_AUTH_CREDENTIALS},
        {1013, "Try again later", STUDIO_ERR_LIMIT},
        {1009, "Message too large", STUDIO_ERR_TOO_LARGE},
        {1001, "Server shutting down", STUDIO_ERR_NOT_CONNECTED},
        {1006, "", STUDIO_ERR_NOT_CONNECTED},
        {0, "", STUDIO_ERR_NOT_CONNECTED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct studio_error error;
        assert_int_equal(client_error_from_close(&error, rows[i].code, rows[i].reason),
                         rows[i].err);
        assert_int_equal(error.code, rows[i].err);
        assert_true(error.text[0] != '\0');
    }
}

static void long_texts_are_cut_at_characters(void **state)
{
    char text[2 * STUDIO_ERROR_TEXT_MAX];
    struct studio_error error;
    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = STUDIO_ERROR_TEXT_MAX - 2; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof(text) - 2] = '\0';
    client_error_exact(&error, STUDIO_ERR_USAGE, text);
    assert_int_equal(strlen(error.text), STUDIO_ERROR_TEXT_MAX - 2);
    client_error_usage(&error, "%s", text);
    assert_int_equal(strlen(error.text), STUDIO_ERROR_TEXT_MAX - 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_the_protocol),
        cmocka_unit_test(ends_of_connections),
        cmocka_unit_test(long_texts_are_cut_at_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
