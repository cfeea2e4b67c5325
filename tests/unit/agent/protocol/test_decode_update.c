#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "protocol/decode.h"
#include "protocol/decode_update.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct studio_values lists; /* those messages are decoded with */

static int reset_values(void **state)
{
    (void)state;
    lists = studio_built_in_values;
    return 0;
}

static void decode(const char *text, struct message *m)
{
    struct studio_error error = {0};
    if (message_decode(&lists, text, strlen(text), m, &error) != STUDIO_OK)
        fail_msg("%s: %s", text, error.text);
    assert_int_equal(m->kind, MESSAGE_UPDATE);
}

static void expect_error(const char *text, const char *error_text)
{
    struct message m;
    struct studio_error error = {0};
    if (message_decode(&lists, text, strlen(text), &m, &error) == STUDIO_OK)
        fail_msg("accepted: %s", text);
    assert_string_equal(error.text, error_text);
    assert_null(m.update.sets);
    assert_null(m.table_id);
    message_finish(&m);
}

static void expect_set(const struct field_set *set, const char *name, const char *value)
{
    if (set->field != NULL) {
        assert_string_equal(set->field->name, name);
        assert_string_equal(studio_value_name(&lists, set->field->kind, set->value), value);
    } else {
        assert_string_equal(set->name, name);
        if (value == NULL)
            assert_null(set->json);
        else
            assert_string_equal(set->json, value);
    }
}

static void test_every_field(void **state)
{
    (void)state;
    struct message m;
    decode("{\"sdp\":\"up\",\"IDP\":\"calibration\",\"Broker\":\"up\",\"zCam\":\"up\","
           "\"roulette\":\"down\",\"shaker\":\"up\",\"barcodeScanner\":\"up\","
           "\"NFC_SCANNER\":\"up\",\"maintenance\":true}",
           &m);
    static const char *const expected[][2] = {{"SDP", "up"},
                                              {"IDP", "calibration"},
                                              {"BROKER", "up"},
                                              {"ZCam", "up"},
                                              {"ROULETTE", "down"},
                                              {"SHAKER", "up"},
                                              {"BARCODE_SCANNER", "up"},
                                              {"NFC_SCANNER", "up"},
                                              {"MAINTENANCE", "true"}};
    assert_int_equal(m.update.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        expect_set(&m.update.sets[i], expected[i][0], expected[i][1]);
    message_finish(&m);
}

static void test_nothing_set(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "{\"uptime\":1,\"UPTIME\":2,\"TimeStamp\":null}",
                                       "{\"request_id\":1}", "{\"table_id\":\"ARO-001\"}"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct message m;
        decode(rows[i], &m);
        assert_int_equal(m.update.count, 0);
        message_finish(&m);
    }
}

static void test_table_id(void **state)
{
    (void)state;
    static const char *const spellings[] = {"table_id", "TABLE_ID", "tableId"};
    char text[100];
    for (size_t i = 0; i < COUNT(spellings); i++) {
        struct message m;
        snprintf(text, sizeof(text), "{\"%s\":\"ARO-001\",\"sdp\":\"up\"}", spellings[i]);
        decode(text, &m);
        assert_string_equal(m.table_id, "ARO-001");
        assert_int_equal(m.update.count, 1);
        message_finish(&m);
    }
    expect_error("{\"TABLE_ID\":7}", "Invalid value for TABLE_ID: expected a table id");
    expect_error("{\"tableId\":\"a b\"}", "Invalid value for tableId: expected a table id");
    expect_error("{\"table_id\":null}", "Invalid value for table_id: expected a table id");
    expect_error("{\"table_id\":\"A\",\"TABLE_ID\":\"A\"}", "Duplicate field: TABLE_ID");
}

static void test_built_in_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{\"sdp\":\"broken\"}",
         "Invalid value for sdp: expected one of up, down, standby, calibration, exception"},
        {"{\"S_DP\":\"Up\"}",
         "Invalid value for S_DP: expected one of up, down, standby, calibration, exception"},
        {"{\"sdp\":null}",
         "Invalid value for sdp: expected one of up, down, standby, calibration, exception"},
        {"{\"idp\":true}",
         "Invalid value for idp: expected one of up, down, standby, calibration, exception"},
        {"{\"zCam\":\"standby\"}", "Invalid value for zCam: expected one of up, down"},
        {"{\"shaker\":\"\"}", "Invalid value for shaker: expected one of up, down"},
        {"{\"roulette\":[\"up\"]}", "Invalid value for roulette: expected one of up, down"},
        {"{\"maintenance\":\"true\"}", "Invalid value for maintenance: expected true or false"},
        {"{\"maintenance\":1}", "Invalid value for maintenance: expected true or false"},
        {"{\"maintenance\":null}", "Invalid value for maintenance: expected true or false"},
        {"{\"zcam\":\"up\",\"zCam\":\"up\"}", "Duplicate field: zCam"},
        {"{\"maintenance\":true,\"MAINTENANCE\":false}", "Duplicate field: MAINTENANCE"},
        {"{\"nfc_scanner\":\"up\",\"nfcScanner\":\"bad\"}", "Duplicate field: nfcScanner"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i].text, rows[i].error);
}

static void test_configured_values(void **state)
{
    (void)state;
    struct message m;
    assert_int_equal(studio_values_add(&lists, "paused", "broken", NULL), STUDIO_OK);
    decode("{\"sdp\":\"paused\",\"zcam\":\"broken\"}", &m);
    expect_set(&m.update.sets[0], "SDP", "paused");
    expect_set(&m.update.sets[1], "ZCam", "broken");
    message_finish(&m);
    expect_error("{\"zcam\":\"x\"}", "Invalid value for zcam: expected one of up, down, broken");
}

static void test_custom_fields(void **state)
{
    (void)state;
    struct message m;
    decode("{\"temp\":21.50,\"_n\":\"\\u0041\",\"a.b-c\":{ \"x\" : [ 1, null ] },\"gone\":null,"
           "\"f\":false,\"IDX\":1,\"Temp\":1e2}",
           &m);
    static const char *const expected[][2] = {
        {"temp", "21.5"}, {"_n", "\"A\""}, {"a.b-c", "{\"x\":[1,null]}"},
        {"gone", NULL},   {"f", "false"},  {"IDX", "1"},
        {"Temp", "100"}};
    assert_int_equal(m.update.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        expect_set(&m.update.sets[i], expected[i][0], expected[i][1]);
    message_finish(&m);
}

#define N64 "abcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefghabcdefgh"

static void test_custom_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"{\"1a\":1}", "Invalid field name: 1a"},
        {"{\"\":1}", "Invalid field name: "},
        {"{\"a b\":1}", "Invalid field name: a b"},
        {"{\"a/b\":null}", "Invalid field name: a/b"},
        {"{\"\\u00e9\":1}", "Invalid field name: \xC3\xA9"},
        {"{\"" N64 "x\":1}", "Invalid field name: " N64 "x"},
        {"{\"id\":\"x\"}", "Invalid field name: id"},
        {"{\"token\":\"x\"}", "Invalid field name: token"},
        {"{\"data\":{}}", "Invalid field name: data"},
        {"{\"Data\":1}", "Invalid field name: Data"},
        {"{\"_tOKEN\":null}", "Invalid field name: _tOKEN"},
        {"{\"event\":{}}", "Invalid field name: event"},
        {"{\"a\":1,\"b\":1,\"a\":1}", "Duplicate field: a"},
        {"{\"a\":null,\"a\":1}", "Duplicate field: a"},
        {"{\"a\":1e400}", "Invalid value for a"},
        {"{\"a\":[{\"b\":-1e999}]}", "Invalid value for a"},
        {"{\"a\":9007199254740992}",
         "Invalid value for a: expected integers within +-9007199254740991"},
        {"{\"ok\":1,\"a\":[1,-9007199254740993]}",
         "Invalid value for a: expected integers within +-9007199254740991"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_error(rows[i].text, rows[i].error);

    struct message m;
    decode("{\"" N64 "\":9007199254740991,\"big\":1e300}", &m);
    expect_set(&m.update.sets[0], N64, "9007199254740991");
    expect_set(&m.update.sets[1], "big", "1e+300");
    message_finish(&m);
}

static void test_value_size_is_that_of_the_printed_text(void **state)
{
    (void)state;
    static char value[STUDIO_CUSTOM_VALUE_MAX], text[4 * STUDIO_CUSTOM_VALUE_MAX];
    struct message m;
    memset(value, 'x', sizeof(value));
    int fits = STUDIO_CUSTOM_VALUE_MAX - 2; /* and two quotes */
    snprintf(text, sizeof(text), "{\"a\":   \"%.*s\"   }", fits, value);
    decode(text, &m);
    assert_int_equal(strlen(m.update.sets[0].json), STUDIO_CUSTOM_VALUE_MAX);
    message_finish(&m);
    snprintf(text, sizeof(text), "{\"a\":\"%.*s\"}", fits + 1, value);
    expect_error(text, "Value too large: a");
}

static void add_fields(struct buf *text, char prefix, const char *value)
{
    for (int i = 0; i < STUDIO_CUSTOM_FIELDS_MAX; i++)
        buf_printf(text, ",\"%c%d\":%s", prefix, i, value);
}

static void test_bound_of_one_update(void **state)
{
    (void)state;
    char space[4096];
    struct buf text;
    struct message m;
    /* As many as a full table can lose, and as many as it can gain. */
    buf_init_fixed(&text, space, sizeof(space));
    buf_str(&text, "{\"sdp\":\"up\"");
    add_fields(&text, 'a', "null");
    add_fields(&text, 'b', "1");
    buf_str(&text, "}");
    decode(space, &m);
    assert_int_equal(m.update.count, MESSAGE_CUSTOM_MAX + 1);
    message_finish(&m);
    text.len--;
    buf_str(&text, ",\"one_more\":null}");
    expect_error(space, "Too many custom fields");
    /* More than any table may have is refused before one is made for it. */
    buf_clear(&text);
    buf_str(&text, "{\"sdp\":\"up\"");
    add_fields(&text, 'b', "1");
    buf_str(&text, ",\"one_more\":1}");
    expect_error(space, "Too many custom fields");
}

static void test_nesting(void **state)
{
    (void)state;
    struct message m;
    decode("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", &m); /* 16 with the object */
    message_finish(&m);
    expect_error("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "Invalid JSON format");
}

/* --- one field as plain text ------------------------------------------------------------------ */

static void test_field_text(void **state)
{
    (void)state;
    static const struct {
        const char *field, *text;
        const char *name, *value;
    } rows[] = {
        {"SDP", "up", "SDP", "up"},
        {"barcodeScanner", "down\r\n", "BARCODE_SCANNER", "down"},
        {"zcam", " \tup ", "ZCam", "up"},
        {"maintenance", "true\n", "MAINTENANCE", "true"},
        {"MAINTENANCE", "false", "MAINTENANCE", "false"},
        {"temp", "21.50\n", "temp", "21.5"},
        {"note", "{ \"a\" : 1 }", "note", "{\"a\":1}"},
        {"note", "\"text\"", "note", "\"text\""},
        {"note", " null ", "note", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct message m;
        struct studio_error error;
        assert_int_equal(message_decode_field(&lists, rows[i].field, rows[i].text,
                                              strlen(rows[i].text), &m, &error),
                         STUDIO_OK);
        assert_int_equal(m.kind, MESSAGE_UPDATE);
        assert_int_equal(m.update.count, 1);
        assert_null(m.table_id);
        expect_set(&m.update.sets[0], rows[i].name, rows[i].value);
        message_finish(&m);
    }
}

static void test_field_errors(void **state)
{
    (void)state;
    static const struct {
        const char *field, *text, *error;
    } rows[] = {
        {"s_dp", "broken",
         "Invalid value for s_dp: expected one of up, down, standby, calibration, exception"},
        {"SDP", "",
         "Invalid value for SDP: expected one of up, down, standby, calibration, exception"},
        {"zCam", "\"up\"", "Invalid value for zCam: expected one of up, down"},
        {"zCam", "null", "Invalid value for zCam: expected one of up, down"},
        {"maintenance", "True", "Invalid value for maintenance: expected true or false"},
        {"maintenance", "1", "Invalid value for maintenance: expected true or false"},
        {"uptime", "1", "Invalid field name: uptime"},
        {"TIMESTAMP", "1", "Invalid field name: TIMESTAMP"},
        {"tableId", "\"A\"", "Invalid field name: tableId"},
        {"id", "1", "Invalid field name: id"},
        {"token", "1", "Invalid field name: token"},
        {"event", "1", "Invalid field name: event"},
        {"data", "1", "Invalid field name: data"},
        {"request_id", "1", "Invalid field name: request_id"},
        {"a b", "1", "Invalid field name: a b"},
        {"", "1", "Invalid field name: "},
        {"temp", "", "Invalid value for temp: expected JSON text"},
        {"temp", "warm", "Invalid value for temp: expected JSON text"},
        {"temp", "1 2", "Invalid value for temp: expected JSON text"},
        {"temp", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "Invalid value for temp: expected JSON text"},
        {"roulete", "on", "Invalid value for roulete: expected JSON text (did you mean roulette?)"},
        {"spd", "up", "Invalid value for spd: expected JSON text (did you mean sdp?)"},
        {"Token", "1", "Invalid field name: Token"},
        {"_ID", "1", "Invalid field name: _ID"},
        {"temp", "\"\xFF\"", "Invalid JSON format"},
        {"SDP", "\xFF", "Invalid JSON format"},
        {"temp", "1e400", "Invalid value for temp"},
        {"temp", "9007199254740992",
         "Invalid value for temp: expected integers within +-9007199254740991"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct message m;
        struct studio_error error;
        if (message_decode_field(&lists, rows[i].field, rows[i].text, strlen(rows[i].text), &m,
                                 &error) == STUDIO_OK)
            fail_msg("accepted: %s = %s", rows[i].field, rows[i].text);
        assert_string_equal(error.text, rows[i].error);
        assert_null(m.update.sets);
        message_finish(&m);
    }
}

static void expect_refused(const struct message *m, const char *key, const char *value)
{
    if (key == NULL) {
        assert_null(m->refused.field);
        return;
    }
    assert_non_null(m->refused.field);
    assert_string_equal(m->refused.field->key, key);
    assert_string_equal(m->refused.value, value);
}

/* What the configuration could allow is told to whoever runs the agent. */
static void test_values_that_could_be_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *key, *value;
    } rows[] = {
        {"{\"SDP\":\"idle\"}", "sdp", "idle"},
        {"{\"request_id\":1,\"nfc\":\"busy\"}", "nfc_scanner", "busy"},
        {"{\"sdp\":\"i d l e\"}", NULL, NULL},
        {"{\"sdp\":\"\"}", NULL, NULL},
        {"{\"sdp\":7}", NULL, NULL},
        {"{\"maintenance\":\"idle\"}", NULL, NULL},
        {"{\"sdp\":\"up\"}", NULL, NULL},
    };
    struct message m;
    struct studio_error error;
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)!message_decode(&lists, rows[i].text, strlen(rows[i].text), &m, &error);
        expect_refused(&m, rows[i].key, rows[i].value);
        message_finish(&m);
    }
    assert_int_equal(message_decode_field(&lists, "SDP", " idle\n", 6, &m, &error),
                     STUDIO_ERR_INVALID_VALUE);
    expect_refused(&m, "sdp", "idle");
    message_finish(&m);
}

static void test_field_sizes(void **state)
{
    (void)state;
    static char text[STUDIO_MESSAGE_MAX + 1];
    struct message m;
    struct studio_error error;
    memset(text, 'x', sizeof(text));
    text[0] = '"';
    text[STUDIO_CUSTOM_VALUE_MAX] = '"';
    assert_int_equal(
        message_decode_field(&lists, "a", text, STUDIO_CUSTOM_VALUE_MAX + 1, &m, &error),
        STUDIO_ERR_VALUE_TOO_LARGE);
    assert_string_equal(error.text, "Value too large: a");
    message_finish(&m);
    assert_int_equal(message_decode_field(&lists, "a", text, sizeof(text), &m, &error),
                     STUDIO_ERR_TOO_LARGE);
    message_finish(&m);
    assert_int_equal(message_decode_field(&lists, "sdp", "up\0", 3, &m, &error),
                     STUDIO_ERR_INVALID_VALUE);
    message_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_nothing_set),
        cmocka_unit_test(test_table_id),
        cmocka_unit_test(test_built_in_errors),
        cmocka_unit_test_teardown(test_configured_values, reset_values),
        cmocka_unit_test(test_custom_fields),
        cmocka_unit_test(test_custom_errors),
        cmocka_unit_test(test_value_size_is_that_of_the_printed_text),
        cmocka_unit_test(test_bound_of_one_update),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_field_text),
        cmocka_unit_test(test_field_errors),
        cmocka_unit_test(test_values_that_could_be_allowed),
        cmocka_unit_test(test_field_sizes),
    };
    return cmocka_run_group_tests(tests, reset_values, NULL);
}
