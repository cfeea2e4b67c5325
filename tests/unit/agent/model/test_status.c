#include "support/cmocka_all.h"
#include "support/fields.h"

#include <stdio.h>
#include <string.h>

#include "studio/status.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_fields_in_document_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < studio_field_count; i++) {
        const struct studio_field *field = &studio_fields[i];
        assert_int_equal(studio_field_index(field), i);
        assert_true(studio_value_find(&studio_built_in_values, field->kind, field->first,
                                      strlen(field->first)) >= 0);
        assert_true(studio_key_equal(field->key, strlen(field->key), field->name));
        assert_true(strlen(field->what) > 0);
    }
    /* Readers know these places. */
    assert_string_equal(studio_fields[0].name, "MAINTENANCE");
    assert_string_equal(studio_fields[1].name, "SDP");
    assert_string_equal(studio_fields[8].name, "NFC_SCANNER");
    assert_string_equal(studio_fields[field("barcode_scanner")].alias, "barcode");
    assert_string_equal(studio_fields[field("nfc_scanner")].alias, "nfc");
}

static void test_find_any_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *name;
    } rows[] = {
        {"sdp", "SDP"},
        {"S_D_P", "SDP"},
        {"zCam", "ZCam"},
        {"ZCAM", "ZCam"},
        {"barcodeScanner", "BARCODE_SCANNER"},
        {"BARCODE_SCANNER", "BARCODE_SCANNER"},
        {"_nfc__scanner_", "NFC_SCANNER"},
        {"maintenance", "MAINTENANCE"},
        {"sd", NULL},
        {"sdpx", NULL},
        {"", NULL},
        {"___", NULL},
        {"barcode", "BARCODE_SCANNER"},
        {"NFC", "NFC_SCANNER"},
        {"bar_Code", "BARCODE_SCANNER"},
        {"barcodes", NULL},
        {"z-cam", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct studio_field *field = studio_field_find(rows[i].key, strlen(rows[i].key));
        if (rows[i].name == NULL)
            assert_null(field);
        else
            assert_string_equal(field->name, rows[i].name);
    }
    assert_string_equal(studio_field_find("sdpXYZ", 3)->name, "SDP");
}

static void test_near_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *key;
    } rows[] = {
        {"roulete", "roulette"},
        {"ROULETE", "roulette"},
        {"spd", "sdp"},
        {"zcan", "zcam"},
        {"maintainance", "maintenance"},
        {"bar_code", "barcode_scanner"},
        {"shift", NULL},
        {"dealer", NULL},
        {"note", NULL},
        {"c", NULL},
        {"up", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct studio_field *field = studio_field_near(rows[i].name);
        if (rows[i].key == NULL)
            assert_null(field);
        else
            assert_string_equal(field->key, rows[i].key);
    }
}

static int find(const struct studio_values *lists, enum studio_kind kind, const char *value)
{
    return studio_value_find(lists, kind, value, strlen(value));
}

static void test_values(void **state)
{
    (void)state;
    const struct studio_values *lists = &studio_built_in_values;
    assert_int_equal(lists->count[STUDIO_KIND_FLAG], 2);
    assert_string_equal(studio_value_name(lists, STUDIO_KIND_FLAG, 0), "false");
    assert_string_equal(studio_value_name(lists, STUDIO_KIND_FLAG, 1), "true");
    assert_int_equal(lists->count[STUDIO_KIND_SERVICE], 5);
    assert_string_equal(studio_value_name(lists, STUDIO_KIND_SERVICE, 0), "up");
    assert_string_equal(studio_value_name(lists, STUDIO_KIND_SERVICE, 4), "exception");
    assert_null(studio_value_name(lists, STUDIO_KIND_SERVICE, 5));
    assert_int_equal(lists->count[STUDIO_KIND_DEVICE], 2);

    assert_int_equal(find(lists, STUDIO_KIND_SERVICE, "standby"), 2);
    assert_int_equal(studio_value_find(lists, STUDIO_KIND_SERVICE, "standbyX", 7), 2);
    assert_int_equal(find(lists, STUDIO_KIND_SERVICE, "Standby"), -1);
    assert_int_equal(find(lists, STUDIO_KIND_SERVICE, "stand"), -1);
    assert_int_equal(studio_value_find(lists, STUDIO_KIND_SERVICE, "up\0", 3), -1);
    assert_int_equal(find(lists, STUDIO_KIND_DEVICE, "standby"), -1);
    assert_int_equal(find(lists, STUDIO_KIND_DEVICE, ""), -1);
}

static void test_values_added(void **state)
{
    (void)state;
    struct studio_error error;
    struct studio_values lists = studio_built_in_values;
    assert_int_equal(studio_values_add(&lists, "paused, up ,warm-up", NULL, &error), STUDIO_OK);
    assert_int_equal(lists.count[STUDIO_KIND_SERVICE], 7); /* up was there */
    assert_string_equal(studio_value_name(&lists, STUDIO_KIND_SERVICE, 5), "paused");
    assert_string_equal(studio_value_name(&lists, STUDIO_KIND_SERVICE, 6), "warm-up");
    assert_int_equal(find(&lists, STUDIO_KIND_SERVICE, "warm-up"), 6);
    assert_int_equal(find(&lists, STUDIO_KIND_DEVICE, "paused"), -1);

    assert_int_equal(studio_values_add(&lists, NULL, "broken", &error), STUDIO_OK);
    assert_int_equal(find(&lists, STUDIO_KIND_DEVICE, "broken"), 2);
    assert_int_equal(find(&lists, STUDIO_KIND_SERVICE, "paused"), 5);
    assert_int_equal(studio_values_add(&lists, "", " ", &error), STUDIO_OK);

    /* They are the owner's: nobody else's lists have them. */
    assert_int_equal(studio_built_in_values.count[STUDIO_KIND_SERVICE], 5);
    assert_int_equal(find(&studio_built_in_values, STUDIO_KIND_DEVICE, "broken"), -1);
}

static void test_bad_values_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a,b c", "a,,b", "a,", ",", "a;b", "\xC3\xA9", "abcdefghijabcdefghijabcdefghijabc"};
    struct studio_error error;
    struct studio_values lists = studio_built_in_values;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(studio_values_add(&lists, "good", bad[i], &error), STUDIO_ERR_USAGE);
        assert_int_equal(lists.count[STUDIO_KIND_SERVICE], 5);
        assert_int_equal(lists.count[STUDIO_KIND_DEVICE], 2);
    }
    assert_int_equal(studio_values_add(&lists, "b c", NULL, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "'b c'"));
}

static void test_values_are_bounded(void **state)
{
    (void)state;
    char list[1024] = "v0";
    for (int i = 1; i < STUDIO_VALUES_MAX - 2; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), ",v%d", i);
    struct studio_error error;
    struct studio_values lists = studio_built_in_values;
    assert_int_equal(studio_values_add(&lists, NULL, list, &error), STUDIO_OK);
    assert_int_equal(studio_values_add(&lists, NULL, "more", &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "'more'"));
    assert_int_equal(find(&lists, STUDIO_KIND_DEVICE, "v29"), STUDIO_VALUES_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_in_document_order),
        cmocka_unit_test(test_find_any_spelling),
        cmocka_unit_test(test_near_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_added),
        cmocka_unit_test(test_bad_values_change_nothing),
        cmocka_unit_test(test_values_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
