#include "support/cmocka_all.h"

#include <string.h>

#include "base/text.h"
#include "studio/error.h"

static void test_texts_and_classes(void **state)
{
    (void)state;
    assert_string_equal(studio_err_text(STUDIO_OK), "ok");
    assert_string_equal(studio_err_text(STUDIO_ERR_STORAGE), "Storage unavailable");
    assert_int_equal(studio_err_class(STUDIO_OK), STUDIO_CLASS_OK);
    assert_int_equal(studio_err_class(STUDIO_ERR_INVALID_JSON), STUDIO_CLASS_PEER);
    assert_int_equal(studio_err_class(STUDIO_ERR_STORAGE), STUDIO_CLASS_RETRY);
    assert_int_equal(studio_err_class(STUDIO_ERR_USAGE), STUDIO_CLASS_CALLER);
    assert_int_equal(studio_err_class(STUDIO_ERR_IO), STUDIO_CLASS_FATAL);
    for (int i = 0; i < STUDIO_ERR_COUNT; i++)
        assert_true(strlen(studio_err_text((enum studio_err)i)) > 0);
}

static void test_unknown_code(void **state)
{
    (void)state;
    assert_string_equal(studio_err_text(STUDIO_ERR_COUNT), "Unknown error");
    assert_int_equal(studio_err_class((enum studio_err) - 1), STUDIO_CLASS_FATAL);
}

static void test_set(void **state)
{
    (void)state;
    struct studio_error error;
    assert_int_equal(studio_error_set(&error, STUDIO_ERR_UNKNOWN_TABLE, "%s-%d", "ARO", 1),
                     STUDIO_ERR_UNKNOWN_TABLE);
    assert_int_equal(error.code, STUDIO_ERR_UNKNOWN_TABLE);
    assert_string_equal(error.text, "Unknown table: ARO-1");

    assert_int_equal(studio_error_set(&error, STUDIO_ERR_RATE_LIMIT, NULL), STUDIO_ERR_RATE_LIMIT);
    assert_string_equal(error.text, "Rate limit exceeded");
    assert_int_equal(studio_error_set(NULL, STUDIO_ERR_LIMIT, NULL), STUDIO_ERR_LIMIT);
}

static void test_long_detail_is_cut_between_characters(void **state)
{
    (void)state;
    char detail[2 * STUDIO_ERROR_TEXT_MAX];
    for (size_t shift = 0; shift < 2; shift++) {
        memset(detail, 'x', shift);
        for (size_t i = shift; i + 2 < sizeof(detail); i += 2)
            memcpy(detail + i, "\xC3\xA9", 3);
        struct studio_error error;
        (void)studio_error_set(&error, STUDIO_ERR_UNKNOWN_EVENT, "%s", detail);
        size_t len = strlen(error.text);
        assert_in_range(len, STUDIO_ERROR_TEXT_MAX - 2, STUDIO_ERROR_TEXT_MAX - 1);
        assert_true(text_utf8_valid(error.text, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_classes),
        cmocka_unit_test(test_unknown_code),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_long_detail_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
