/* The table of fields in README.md says what the table in the program says. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "studio/status.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"

static const char *const kinds[] = {[STUDIO_KIND_FLAG] = "flag",
                                    [STUDIO_KIND_SERVICE] = "service",
                                    [STUDIO_KIND_DEVICE] = "device"};

/* | NAME, NAME | `value` `value` | kind | */
static void print_row(struct buf *out, enum studio_kind kind)
{
    const char *separator = "| ", *value;

    for (size_t i = 0; i < studio_field_count; i++) {
        if (studio_fields[i].kind != kind)
            continue;
        buf_printf(out, "%s%s", separator, studio_fields[i].name);
        separator = ", ";
    }
    buf_str(out, " |");
    for (size_t i = 0; (value = studio_value_name(&studio_built_in_values, kind, i)) != NULL; i++)
        buf_printf(out, " `%s`", value);
    buf_printf(out, " | %s |\n", kinds[kind]);
}

static void each_kind_has_its_row(void **state)
{
    const char *source = getenv("STUDIO_SOURCE");
    struct buf row;
    size_t len;
    (void)state;
    if (source == NULL)
        skip();
    char *page = tmpdir_read(tmpdir_path(source, "README.md"), &len);
    assert_non_null(page);
    buf_init(&row, 4096);
    for (size_t kind = 0; kind < STUDIO_KIND_COUNT; kind++) {
        buf_clear(&row);
        print_row(&row, (enum studio_kind)kind);
        assert_true(buf_ok(&row));
        if (strstr(page, row.data) == NULL)
            test_fail("README.md has not this row: %s", row.data);
    }
    buf_finish(&row);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_kind_has_its_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
