#include "base/figures.h"

#include <string.h>

#include "support/cmocka_all.h"

static void test_rows_are_the_members(void **state)
{
    (void)state;
    struct figures figures = {0};
    uint64_t n = 100;
#define SET_ONE(name, kind, unit, help) figure_set(&figures.name, n++);
#define SET_ALL(name, kind, label, values, help)                                                   \
    for (size_t i = 0; i < (values); i++)                                                          \
        figure_set(&figures.name[i], n++);
    FIGURES_MAP(SET_ONE, SET_ALL)
#undef SET_ONE
#undef SET_ALL
    uint64_t expected = 100;
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];
        for (size_t k = 0; k < row->count; k++)
            assert_int_equal(figure_value(&figures, row, k), expected++);
        assert_true(strlen(row->help) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(row->name, figure_rows[j].name);
    }
    assert_int_equal(expected, n);
}

static void test_values_of_a_label_have_words_of_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < figure_count; i++) {
        const struct figure_row *row = &figure_rows[i];
        size_t shown = 0;
        assert_true((row->label != NULL) == (row->words != NULL));
        for (size_t k = 0; row->words && k < row->count; k++) {
            shown += row->words[k] != NULL;
            for (size_t j = 0; row->words[k] && j < k; j++)
                assert_true(!row->words[j] || strcmp(row->words[j], row->words[k]) != 0);
        }
        assert_true(!row->label || shown > 1);
    }
}

static void test_counting(void **state)
{
    (void)state;
    struct figures figures = {0};
    figure_add(&figures.closed[CLOSED_SLOW], 5);
    figure_drop(&figures.closed[CLOSED_SLOW], 2);
    figure_add(&figures.closed[CLOSED_CLIENT], 1);
    assert_int_equal(figure_get(&figures.closed[CLOSED_SLOW]), 3);
    assert_int_equal(FIGURE_SUM(figures.closed), 4);
}

static void test_histograms_are_found(void **state)
{
    (void)state;
    struct figures figures = {0};
    assert_int_equal(histogram_count, 3);
    for (size_t i = 0; i < histogram_count; i++) {
        struct histogram_view view;
        histogram_observe(i == 0   ? &figures.commit
                          : i == 1 ? &figures.answer
                                   : &figures.publish,
                          5);
        histogram_read(figure_histogram(&figures, &histogram_rows[i]), &view);
        assert_int_equal(view.count, 1);
    }
}

static void test_logins_are_told_apart_by_their_end(void **state)
{
    (void)state;
    assert_int_equal(figure_login(STUDIO_OK), LOGIN_ACCEPTED);
    assert_int_equal(figure_login(STUDIO_ERR_AUTH_MISSING), LOGIN_MISSING);
    assert_int_equal(figure_login(STUDIO_ERR_AUTH_CREDENTIALS), LOGIN_CREDENTIALS);
    assert_int_equal(figure_login(STUDIO_ERR_AUTH_TABLE), LOGIN_TABLE);
    assert_int_equal(figure_login(STUDIO_ERR_LIMIT), LOGIN_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_the_members),
        cmocka_unit_test(test_values_of_a_label_have_words_of_their_own),
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_histograms_are_found),
        cmocka_unit_test(test_logins_are_told_apart_by_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
