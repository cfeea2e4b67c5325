#include "base/figures.h"

#include <string.h>

#include "support/cmocka_all.h"

static void test_rows_are_the_members(void **state)
{
    (void)state;
    struct figures figures = {0};
    figure_set(&figures.committed, 7);
    figure_add(&figures.closed_slow, 2);
    figure_add(&figures.closed_slow, 1);
    assert_int_equal(figure_count * sizeof(figures.committed), sizeof(figures));
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];
        uint64_t expected = strcmp(row->name, "committed") == 0     ? 7
                            : strcmp(row->name, "closed_slow") == 0 ? 3
                                                                    : 0;
        assert_true(strlen(row->help) > 0);
        assert_int_equal(figure_value(&figures, row), expected);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, figure_rows[j].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_the_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
