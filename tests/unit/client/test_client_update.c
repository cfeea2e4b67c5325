#include <stdlib.h>
#include <string.h>

#include "client/client_update.h"
#include "support/cmocka_all.h"

static void expect(const char *name, const char *value, const char *json)
{
    const struct studio_client_field field = {name, value};
    struct studio_error error;
    struct buf b;
    buf_init(&b, 4096);
    enum studio_err err = update_print(&b, &studio_built_in_values, &field, 1, &error);
    if (json == NULL) {
        assert_int_equal(err, STUDIO_ERR_USAGE);
        assert_int_equal(error.code, STUDIO_ERR_USAGE);
        assert_true(strlen(error.text) > 10);
    } else {
        assert_int_equal(err, STUDIO_OK);
        assert_string_equal(b.data, json);
    }
    buf_finish(&b);
}

static void builtin_fields(void **state)
{
    (void)state;
    expect("sdp", "up", "{\"sdp\":\"up\"}");
    expect("SDP", "calibration", "{\"sdp\":\"calibration\"}");
    expect("zCam", "down", "{\"zcam\":\"down\"}");
    expect("barcodeScanner", "up", "{\"barcode_scanner\":\"up\"}");
    expect("barcode", "up", "{\"barcode_scanner\":\"up\"}");
    expect("nfc", "down", "{\"nfc_scanner\":\"down\"}");
    expect("maintenance", "true", "{\"maintenance\":true}");
    expect("maintenance", "off", "{\"maintenance\":false}");
    expect("sdp", "Up", NULL);
    expect("sdp", "", NULL);
    expect("sdp", NULL, NULL);
    expect("roulette", "standby", NULL);
    expect("maintenance", "yes", NULL);
}

static void custom_fields(void **state)
{
    (void)state;
    expect("shift", "3", "{\"shift\":3}");
    expect("note", "\"a \\\"b\\\"\"", "{\"note\":\"a \\\"b\\\"\"}");
    expect("note", NULL, "{\"note\":null}");
    expect("x.y-z_1", "{\"a\":[1]}", "{\"x.y-z_1\":{\"a\":[1]}}");
    expect("note", "plain", NULL);
    expect("note", "1,\"sdp\":\"up\"", NULL); /* no smuggling of other fields */
    expect("1x", "3", NULL);
    expect("", "3", NULL);
    expect("a b", "3", NULL);
    static const char *const reserved[] = {"id",     "token",     "event",     "data",
                                           "uptime", "timestamp", "TIMESTAMP", "request_id"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        expect(reserved[i], "3", NULL);
}

static void table_id(void **state)
{
    (void)state;
    expect("table_id", "ARO-002", "{\"table_id\":\"ARO-002\"}");
    expect("TableId", "ARO-002", "{\"table_id\":\"ARO-002\"}");
    expect("table_id", "no table", NULL);
    expect("table_id", NULL, NULL);
}

static void several(void **state)
{
    static const struct studio_client_field fields[] = {
        {"sdp", "up"}, {"maintenance", "on"}, {"n", "1.5"}};
    struct buf b;
    (void)state;
    buf_init(&b, 4096);
    assert_int_equal(update_print(&b, &studio_built_in_values, fields, 3, NULL), STUDIO_OK);
    assert_string_equal(b.data, "{\"sdp\":\"up\",\"maintenance\":true,\"n\":1.5}");
    buf_clear(&b);
    assert_int_equal(update_print(&b, &studio_built_in_values, NULL, 0, NULL), STUDIO_OK);
    assert_string_equal(b.data, "{}");
    buf_finish(&b);
    buf_init(&b, 10);
    assert_int_equal(update_print(&b, &studio_built_in_values, fields, 3, NULL),
                     STUDIO_ERR_NO_MEMORY);
    buf_finish(&b);
}

static void pairs(void **state)
{
    static const struct {
        const char *pair, *name, *value;
        enum studio_err err;
    } rows[] = {
        {"sdp=up", "sdp", "up", STUDIO_OK},
        {"sdp=", "sdp", "", STUDIO_OK}, /* refused later, with the values in its text */
        {"maintenance=on", "maintenance", "on", STUDIO_OK},
        {"shift=3", "shift", "3", STUDIO_OK},
        {"shift=\"3\"", "shift", "\"3\"", STUDIO_OK},
        {"dealer=Ann B.", "dealer", "\"Ann B.\"", STUDIO_OK},
        {"note=a=b", "note", "\"a=b\"", STUDIO_OK},
        {"note=01", "note", "\"01\"", STUDIO_OK},
        {"note=\x01", "note", "\"\\u0001\"", STUDIO_OK},
        {"note=", "note", NULL, STUDIO_OK},
        {"note=null", "note", "null", STUDIO_OK},
        {"table_id=ARO-002", "table_id", "ARO-002", STUDIO_OK},
        {"sdp", NULL, NULL, STUDIO_ERR_USAGE},
        {"=up", NULL, NULL, STUDIO_ERR_USAGE},
        {"", NULL, NULL, STUDIO_ERR_USAGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *name, *value;
        struct studio_error error;
        assert_int_equal(update_parse_pair(rows[i].pair, &name, &value, &error), rows[i].err);
        if (rows[i].name != NULL)
            assert_string_equal(name, rows[i].name);
        if (rows[i].value != NULL)
            assert_string_equal(value, rows[i].value);
        else
            assert_null(value);
        free(name);
        free(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_fields), cmocka_unit_test(custom_fields),
        cmocka_unit_test(table_id),       cmocka_unit_test(several),
        cmocka_unit_test(pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
