#include <string.h>

#include "client/program/columns.h"
#include "support/cmocka_all.h"

static void what_fits(void **state)
{
    static const struct {
        const char *text;
        size_t room, bytes, used;
    } rows[] = {
        {"", 5, 0, 0},
        {"abc", 5, 3, 3},
        {"abc", 2, 2, 2},
        {"\xc3\xbc\xc3\xbc", 1, 2, 1},
        {"\xe8\xa1\xa8\xe8\xa1\xa8", 4, 6, 4}, /* two columns each */
        {"\xe8\xa1\xa8\xe8\xa1\xa8", 3, 3, 2}, /* none is halved */
        {"u\xcc\x88"
         "b",
         1, 3, 1}, /* what combines comes along */
        {"\xf0\x9f\x8e\xb2"
         "b",
         3, 5, 3},              /* a die */
        {"a\xe8\xa1", 5, 3, 2}, /* cut short */
        {"a\xe2\x80\x8d"
         "b",
         2, 5, 2}, /* a joiner is not seen */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t used, bytes = columns_cut(rows[i].text, rows[i].room, &used);
        if (bytes != rows[i].bytes || used != rows[i].used)
            fail_msg("'%s' in %zu: %zu bytes, %zu columns", rows[i].text, rows[i].room, bytes,
                     used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
