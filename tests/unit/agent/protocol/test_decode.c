#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "protocol/decode.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void decode(const char *text, struct message *m)
{
    struct studio_error error = {0};
    if (message_decode(&studio_built_in_values, text, strlen(text), m, &error) != STUDIO_OK)
        fail_msg("%s: %s", text, error.text);
}

/* Expects the error and, unless NULL, that the message carries just this request_id. */
static void expect_error(const char *text, const char *error_text, const char *request_id)
{
    struct message m;
    struct studio_error error = {0};
    if (message_decode(&studio_built_in_values, text, strlen(text), &m, &error) == STUDIO_OK)
        fail_msg("accepted: %s", text);
    assert_string_equal(error.text, error_text);
    if (request_id == NULL)
        assert_null(m.request_id);
    else
        assert_string_equal(m.request_id, request_id);
    assert_null(m.table_id);
    assert_null(m.data);
    assert_null(m.tables);
    assert_null(m.update.sets);
    assert_int_equal(m.table_count, 0);
    message_finish(&m);
}

static void test_not_json(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       " ",
                                       "{",
                                       "sdp=up",
                                       "{\"sdp\":\"up\"} x",
                                       "{\"sdp\":\"up\"}{}",
                                       "{\"a\":01}",
                                       "{\"a\":\"\\u0000\"}",
                                       "{\"a\":\"\\ud800\"}",
                                       "{\"a\":\"\xFF\"}",
                                       "\xEF\xBB\xBF{}",
                                       "{'sdp':'up'}",
                                       "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"};
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i], "Invalid JSON format", NULL);
}

static void test_not_an_object(void **state)
{
    (void)state;
    static const char *const rows[] = {"[]", "[{\"sdp\":\"up\"}]", "7", "\"up\"", "null", "true"};
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i], "Update must be a JSON object", NULL);
}

static void test_too_large(void **state)
{
    (void)state;
    static char text[STUDIO_MESSAGE_MAX + 1];
    struct message m;
    struct studio_error error;
    memset(text, ' ', sizeof(text));
    memcpy(text, "{}", 2);
    assert_int_equal(message_decode(&studio_built_in_values, text, STUDIO_MESSAGE_MAX, &m, &error),
                     STUDIO_OK);
    message_finish(&m);
    assert_int_equal(message_decode(&studio_built_in_values, text, sizeof(text), &m, &error),
                     STUDIO_ERR_TOO_LARGE);
    assert_string_equal(error.text, "Message too large");
    message_finish(&m);
}

static void test_unterminated_input(void **state)
{
    (void)state;
    struct message m;
    struct studio_error error;
    assert_int_equal(
        message_decode(&studio_built_in_values, "{\"sdp\":\"up\"}, and more", 12, &m, &error),
        STUDIO_OK);
    assert_int_equal(m.update.count, 1);
    message_finish(&m);
}

static void test_events(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum message_kind kind;
        const char *table_id, *data, *request_id;
    } rows[] = {
        {"{}", MESSAGE_UPDATE, NULL, NULL, NULL},
        {"{\"sdp\":\"up\"}", MESSAGE_UPDATE, NULL, NULL, NULL},
        {"{\"event\":\"service_status\",\"data\":{}}", MESSAGE_UPDATE, NULL, NULL, NULL},
        {"{\"event\":\"service_status\",\"data\":{\"table_id\":\"T\",\"request_id\":[]},"
         "\"request_id\":7,\"more\":1,\"more\":2}",
         MESSAGE_UPDATE, "T", NULL, "7"},
        {"{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}", MESSAGE_EXCEPTION, NULL,
         "\"NO BALL DETECT\"", NULL},
        {"{ \"request_id\" : \"a\\n\" , \"data\" : { \"cmd\" : { } , \"n\" : 1.50 } ,"
         " \"event\" : \"exception\" }",
         MESSAGE_EXCEPTION, NULL, "{\"cmd\":{},\"n\":1.5}", "\"a\\n\""},
        {"{\"event\":\"get\"}", MESSAGE_GET, NULL, NULL, NULL},
        {"{\"event\":\"get\",\"data\":{}}", MESSAGE_GET, NULL, NULL, NULL},
        {"{\"event\":\"status\"}", MESSAGE_GET, NULL, NULL, NULL},
        {"{\"event\":\"status\",\"data\":{\"table_id\":\"A\"}}", MESSAGE_GET, "A", NULL, NULL},
        {"{\"event\":\"get\",\"data\":{\"table_id\":\"ARO-001\"}}", MESSAGE_GET, "ARO-001", NULL,
         NULL},
        {"{\"event\":\"remove_table\",\"data\":{\"table_id\":\"X\"}}", MESSAGE_REMOVE_TABLE, "X",
         NULL, NULL},
        {"{\"event\":\"get\",\"id\":\"a\",\"token\":\"b\"}", MESSAGE_GET, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct message m;
        decode(rows[i].text, &m);
        assert_int_equal(m.kind, rows[i].kind);
        const char *const pairs[][2] = {{m.table_id, rows[i].table_id},
                                        {m.data, rows[i].data},
                                        {m.request_id, rows[i].request_id}};
        for (size_t p = 0; p < COUNT(pairs); p++) {
            if (pairs[p][1] == NULL)
                assert_null(pairs[p][0]);
            else
                assert_string_equal(pairs[p][0], pairs[p][1]);
        }
        message_finish(&m);
    }
}

static void test_service_status(void **state)
{
    (void)state;
    struct message m;
    decode("{\"event\":\"service_status\",\"data\":{\"sdp\":\"up\",\"x\":1,\"uptime\":9}}", &m);
    assert_int_equal(m.kind, MESSAGE_UPDATE);
    assert_int_equal(m.update.count, 2);
    assert_string_equal(m.update.sets[0].field->name, "SDP");
    assert_string_equal(m.update.sets[1].name, "x");
    message_finish(&m);
}

/* As many as a message may hold, however they are written: kept, and not blown up. */
static void test_an_exception_full_of_numbers(void **state)
{
    static const char *const numbers[] = {
        "1e99", "-1E+307", "5e-324",           "1e-99",
        "-0.0", "0.1",     "9007199254740991", "1.7976931348623157e308"};
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct message m;
        struct buf text;
        size_t n = (STUDIO_MESSAGE_MAX - 64) / (strlen(numbers[i]) + 1);
        buf_init(&text, STUDIO_MESSAGE_MAX);
        buf_str(&text, "{\"event\":\"exception\",\"data\":{\"n\":[");
        for (size_t k = 0; k < n; k++)
            buf_printf(&text, "%s%s", k ? "," : "", numbers[i]);
        buf_str(&text, "]}}");
        assert_true(buf_ok(&text));
        decode(text.data, &m);
        assert_int_equal(m.kind, MESSAGE_EXCEPTION);
        const char *at = m.data + strlen("{\"n\":[");
        for (size_t k = 0; k < n; k++) {
            char *end;
            assert_true(strtod(at, &end) == strtod(numbers[i], NULL));
            assert_true(*end == (k + 1 < n ? ',' : ']'));
            at = end + 1;
        }
        assert_string_equal(at, "}");
        assert_true(strlen(m.data) <= 4 * text.len);
        message_finish(&m);
        buf_finish(&text);
    }
}

static void test_the_exception_of_the_contract(void **state)
{
    (void)state;
    static const char data[] =
        "{\"signal\":{\"msgId\":\"\xE2\x80\xA6\",\"metadata\":{\"title\":\"SENSOR STUCK\","
        "\"description\":\"\",\"code\":\"ARE.3\",\"suggestion\":\"\"}},\"cmd\":{}}";
    char text[400] = "{\"event\":\"exception\",\"data\":";
    strcat(text, data);
    strcat(text, "}");
    struct message m;
    decode(text, &m);
    assert_string_equal(m.data, data);
    message_finish(&m);
}

static void test_subscribe(void **state)
{
    (void)state;
    struct message m;
    decode("{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ARO-001\",\"*\",\"ARO-001\"]}}", &m);
    assert_int_equal(m.kind, MESSAGE_SUBSCRIBE);
    assert_int_equal(m.table_count, 3);
    assert_false(m.presence);
    assert_string_equal(m.tables[0], "ARO-001");
    assert_string_equal(m.tables[1], "*");
    message_finish(&m);
    decode("{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],\"presence\":true}}", &m);
    assert_true(m.presence);
    message_finish(&m);
    expect_error("{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],\"presence\":1}}",
                 "Invalid data for subscribe", NULL);
    for (const char **wrong = (const char *[]){"-1", "10001", "1.5", "\"1\"", "1e300", NULL};
         *wrong; wrong++) {
        char text[128];
        snprintf(text, sizeof(text),
                 "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],\"interval_ms\":%s}}",
                 *wrong);
        expect_error(text, "Invalid data for subscribe", NULL);
    }
    decode("{\"event\":\"subscribe\",\"data\":{\"tables\":[\"*\"],\"interval_ms\":250}}", &m);
    assert_int_equal(m.interval_ms, 250);
    message_finish(&m);
    decode("{\"event\":\"unsubscribe\",\"data\":{\"tables\":[]}}", &m);
    assert_int_equal(m.kind, MESSAGE_UNSUBSCRIBE);
    assert_int_equal(m.table_count, 0);
    message_finish(&m);
}

static void subscribe_to(size_t count, char *text)
{
    strcpy(text, "{\"event\":\"subscribe\",\"data\":{\"tables\":[");
    char *at = text + strlen(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, i == 0 ? "\"t\"" : ",\"t\"", i == 0 ? 3 : 4);
        at += i == 0 ? 3 : 4;
    }
    strcpy(at, "]}}");
}

static void test_subscribe_bound(void **state)
{
    (void)state;
    static char text[STUDIO_MESSAGE_MAX];
    struct message m;
    subscribe_to(MESSAGE_SUBSCRIBE_MAX, text);
    decode(text, &m);
    assert_int_equal(m.table_count, MESSAGE_SUBSCRIBE_MAX);
    message_finish(&m);
    subscribe_to(MESSAGE_SUBSCRIBE_MAX + 1, text);
    expect_error(text, "Invalid data for subscribe", NULL);
}

/* What there is instead, named in the refusal of an event. */
#define KNOWN                                                                                      \
    " (known are service_status, exception, subscribe, unsubscribe, get, status, remove_table)"

static void test_bad_envelopes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{\"event\":\"reboot\"}", "Unknown event: reboot" KNOWN},
        {"{\"event\":\"\"}", "Unknown event: " KNOWN},
        {"{\"event\":\"Get\"}", "Unknown event: Get" KNOWN},
        {"{\"event\":\"service_status\"}", "Invalid data for service_status"},
        {"{\"event\":\"service_status\",\"data\":\"up\"}", "Invalid data for service_status"},
        {"{\"event\":\"service_status\",\"data\":[]}", "Invalid data for service_status"},
        {"{\"event\":\"service_status\",\"data\":{\"sdp\":\"x\"}}",
         "Invalid value for sdp: expected one of up, down, standby, calibration, exception"},
        {"{\"event\":\"service_status\",\"data\":{\"event\":\"get\"}}",
         "Invalid field name: event"},
        {"{\"event\":\"exception\"}", "Invalid data for exception"},
        {"{\"event\":\"exception\",\"data\":7}", "Invalid data for exception"},
        {"{\"event\":\"exception\",\"data\":[]}", "Invalid data for exception"},
        {"{\"event\":\"exception\",\"data\":null}", "Invalid data for exception"},
        {"{\"event\":\"exception\",\"data\":{\"a\":1e400}}", "Invalid data for exception"},
        {"{\"event\":\"exception\",\"data\":{\"a\":9007199254740992}}",
         "Invalid data for exception"},
        {"{\"event\":\"subscribe\"}", "Invalid data for subscribe"},
        {"{\"event\":\"subscribe\",\"data\":[\"*\"]}", "Invalid data for subscribe"},
        {"{\"event\":\"subscribe\",\"data\":{}}", "Invalid data for subscribe"},
        {"{\"event\":\"subscribe\",\"data\":{\"tables\":\"*\"}}", "Invalid data for subscribe"},
        {"{\"event\":\"subscribe\",\"data\":{\"tables\":[\"ok\",7]}}",
         "Invalid data for subscribe"},
        {"{\"event\":\"subscribe\",\"data\":{\"tables\":[\"a b\"]}}", "Invalid data for subscribe"},
        {"{\"event\":\"unsubscribe\",\"data\":{\"tables\":[\"**\"]}}",
         "Invalid data for unsubscribe"},
        {"{\"event\":\"get\",\"data\":\"ARO-001\"}", "Invalid data for get"},
        {"{\"event\":\"status\",\"data\":{\"sdp\":\"up\"}}",
         "Invalid data for status (an update is sent as service_status)"},
        {"{\"event\":\"get\",\"data\":null}", "Invalid data for get"},
        {"{\"event\":\"get\",\"data\":{\"table_id\":\"*\"}}", "Invalid data for get"},
        {"{\"event\":\"get\",\"data\":{\"table_id\":7}}", "Invalid data for get"},
        {"{\"event\":\"remove_table\"}", "Invalid data for remove_table"},
        {"{\"event\":\"remove_table\",\"data\":{}}", "Invalid data for remove_table"},
        {"{\"event\":\"remove_table\",\"data\":{\"table_id\":\"\"}}",
         "Invalid data for remove_table"},
        {"{\"event\":\"get\",\"event\":\"get\"}", "Duplicate field: event"},
        {"{\"data\":{},\"event\":\"get\",\"data\":{}}", "Duplicate field: data"},
        {"{\"event\":7}", "Invalid field name: event"},
        {"{\"event\":null,\"event\":\"get\"}", "Invalid field name: event"},
        {"{\"data\":{\"sdp\":\"up\"}}", "Invalid field name: data"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i].text, rows[i].error, NULL);
}

#define S64 "0123456789012345678901234567890123456789012345678901234567890123"

static void test_request_id(void **state)
{
    (void)state;
    static const struct {
        const char *sent, *kept;
    } good[] = {
        {"\"a1\"", "\"a1\""},
        {"\"\"", "\"\""},
        {"7", "7"},
        {"-7", "-7"},
        {"0", "0"},
        {"9007199254740991", "9007199254740991"},
        {"-9007199254740991", "-9007199254740991"},
        {"\"" S64 "\"", "\"" S64 "\""},
        {"\"\\u0001\\\"\\u00e9\"", "\"\\u0001\\\"\xC3\xA9\""},
    };
    static const char *const bad[] = {"null",  "true", "1.5",     "9007199254740992",
                                      "1e400", "{}",   "[\"a\"]", "\"" S64 "x\""};
    static const char complaint[] =
        "Invalid value for request_id: expected a string of up to 64 bytes or an integer";
    char text[300];
    for (size_t i = 0; i < COUNT(good); i++) {
        struct message m;
        strcat(strcat(strcpy(text, "{\"sdp\":\"up\",\"request_id\":"), good[i].sent), "}");
        decode(text, &m);
        assert_string_equal(m.request_id, good[i].kept);
        assert_int_equal(m.update.count, 1);
        message_finish(&m);
        strcat(strcat(strcpy(text, "{\"event\":\"get\",\"request_id\":"), good[i].sent), "}");
        decode(text, &m);
        assert_string_equal(m.request_id, good[i].kept);
        message_finish(&m);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        strcat(strcat(strcpy(text, "{\"request_id\":"), bad[i]), "}");
        expect_error(text, complaint, NULL);
        strcat(strcat(strcpy(text, "{\"event\":\"get\",\"request_id\":"), bad[i]), "}");
        expect_error(text, complaint, NULL);
    }
}

static void test_errors_carry_the_request_id(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error, *request_id;
    } rows[] = {
        {"{\"maintenance\":1,\"request_id\":7}",
         "Invalid value for maintenance: expected true or false", "7"},
        {"{\"request_id\":\"a\",\"1x\":1}", "Invalid field name: 1x", "\"a\""},
        {"{\"event\":\"reboot\",\"request_id\":7}", "Unknown event: reboot" KNOWN, "7"},
        {"{\"event\":\"get\",\"data\":7,\"request_id\":7}", "Invalid data for get", "7"},
        {"{\"request_id\":7,\"request_id\":8}", "Duplicate field: request_id", "7"},
        {"{\"event\":\"get\",\"request_id\":7,\"request_id\":8}", "Duplicate field: request_id",
         "7"},
        {"{\"event\":\"service_status\",\"data\":{\"x y\":1,\"request_id\":1}}",
         "Invalid field name: x y", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i].text, rows[i].error, rows[i].request_id);
}

static void test_the_first_problem_is_reported(void **state)
{
    (void)state;
    expect_error("{\"1x\":1,\"maintenance\":1}", "Invalid field name: 1x", NULL);
    expect_error("{\"maintenance\":1,\"1x\":1}",
                 "Invalid value for maintenance: expected true or false", NULL);
    expect_error("{\"a\":1,\"request_id\":null,\"a\":1}",
                 "Invalid value for request_id: expected a string of up to 64 bytes or an integer",
                 NULL);
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    char text[2000] = "{\"";
    for (int i = 0; i < 300; i++)
        strcat(text, "\xC3\xA9");
    strcat(text, "\":1}");
    struct message m;
    struct studio_error error;
    assert_int_equal(message_decode(&studio_built_in_values, text, strlen(text), &m, &error),
                     STUDIO_ERR_INVALID_FIELD_NAME);
    assert_in_range(strlen(error.text), STUDIO_ERROR_TEXT_MAX - 2, STUDIO_ERROR_TEXT_MAX - 1);
    message_finish(&m);

    /* Of an event's name so much is shown that what is known stands after it. */
    strcpy(text, "{\"event\":\"x");
    for (int i = 0; i < 300; i++)
        strcat(text, "\xC3\xA9");
    strcat(text, "\"}");
    assert_int_equal(message_decode(&studio_built_in_values, text, strlen(text), &m, &error),
                     STUDIO_ERR_UNKNOWN_EVENT);
    assert_string_equal(error.text + strlen("Unknown event: ") + 199, KNOWN);
    message_finish(&m);
}

static void test_authentication_again(void **state)
{
    (void)state;
    struct message m;
    decode("{\"id\":\"ARO-001\",\"token\":7,\"device\":\"PC\",\"gameCode\":\"ARO-001\","
           "\"request_id\":1}",
           &m);
    assert_int_equal(m.kind, MESSAGE_AUTH);
    assert_string_equal(m.id, "ARO-001");
    assert_null(m.token);
    assert_string_equal(m.device, "PC");
    assert_string_equal(m.game_code, "ARO-001");
    assert_string_equal(m.request_id, "1");
    message_finish(&m);
    expect_error("{\"id\":\"ARO-001\"}", "Invalid field name: id", NULL);
    expect_error("{\"token\":\"abcd\"}", "Invalid field name: token", NULL);
}

static void test_first_message(void **state)
{
    (void)state;
    struct message m;
    struct studio_error error;
    static const char text[] = "{\"id\":\"ARO-001_PC\",\"token\":\"MY_TOKEN\",\"more\":[]}";
    assert_int_equal(message_decode_auth(text, strlen(text), &m, &error), STUDIO_OK);
    assert_int_equal(m.kind, MESSAGE_AUTH);
    assert_string_equal(m.id, "ARO-001_PC");
    assert_string_equal(m.token, "MY_TOKEN");
    assert_null(m.device);
    assert_null(m.game_code);
    message_finish(&m);

    static const char *const objects[] = {"{}", "{\"sdp\":\"up\"}", "{\"event\":\"get\",\"id\":7}"};
    for (size_t i = 0; i < COUNT(objects); i++) {
        assert_int_equal(message_decode_auth(objects[i], strlen(objects[i]), &m, &error),
                         STUDIO_OK);
        assert_int_equal(m.kind, MESSAGE_AUTH);
        assert_null(m.id);
        message_finish(&m);
    }
    static const char *const others[] = {"", "[]", "MY_TOKEN", "{\"id\":\"a\"", "7"};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(message_decode_auth(others[i], strlen(others[i]), &m, &error),
                         STUDIO_ERR_AUTH_MISSING);
        assert_string_equal(error.text, "Missing authentication parameters");
        message_finish(&m);
    }
    static char large[STUDIO_MESSAGE_MAX + 1];
    memset(large, ' ', sizeof(large));
    memcpy(large, "{}", 2);
    assert_int_equal(message_decode_auth(large, sizeof(large), &m, &error),
                     STUDIO_ERR_AUTH_MISSING);
    message_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_not_an_object),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_unterminated_input),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_service_status),
        cmocka_unit_test(test_the_exception_of_the_contract),
        cmocka_unit_test(test_an_exception_full_of_numbers),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_subscribe_bound),
        cmocka_unit_test(test_bad_envelopes),
        cmocka_unit_test(test_request_id),
        cmocka_unit_test(test_errors_carry_the_request_id),
        cmocka_unit_test(test_the_first_problem_is_reported),
        cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_authentication_again),
        cmocka_unit_test(test_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
