#include "base/figures.h"

#include <string.h>

#include "support/cmocka_all.h"

static void test_rows_are_the_members(void **state)
{
    (void)state;
    struct figures figures = {0};
    uint64_t n = 100;
#define SET(name, kind, unit, help) figure_set(&figures.name, n++);
    FIGURES_MAP(SET)
#undef SET
    assert_int_equal(figure_count, n - 100);
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];
        assert_int_equal(figure_value(&figures, row), 100 + i);
        assert_true(strlen(row->help) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, figure_rows[j].name);
    }
}

static void test_counting(void **state)
{
    (void)state;
    struct figures figures = {0};
    figure_add(&figures.closed_slow, 5);
    figure_drop(&figures.closed_slow, 2);
    assert_int_equal(figure_get(&figures.closed_slow), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_the_members),
        cmocka_unit_test(test_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
