/* test_params.c - values of parameters that more than one path takes. */
#include "api/params.h"

#include "support/cmocka_all.h"

static void kinds_of_events(void **state)
{
    static const struct {
        const char *text;
        unsigned kinds; /* 0: they are none */
    } rows[] = {
        {"changes", EVENT_BIT(EVENT_CHANGE)},
        {"exceptions", EVENT_BIT(EVENT_EXCEPTION)},
        {"changes,exceptions", EVENT_BIT(EVENT_CHANGE) | EVENT_BIT(EVENT_EXCEPTION)},
        {"exceptions,changes", EVENT_BIT(EVENT_CHANGE) | EVENT_BIT(EVENT_EXCEPTION)},
        {"changes,changes", EVENT_BIT(EVENT_CHANGE)},
        {"changes,exceptions,changes", EVENT_BIT(EVENT_CHANGE) | EVENT_BIT(EVENT_EXCEPTION)},
        {"changes,changes,", 0},
        {"", 0},
        {",", 0},
        {"change", 0},
        {"changes,", 0},
        {",changes", 0},
        {"changesx", 0},
        {"changes exceptions", 0},
        {"changes, exceptions", 0},
        {"all", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned kinds;
        if (param_kinds(rows[i].text, &kinds) != (rows[i].kinds != 0) ||
            (rows[i].kinds != 0 && kinds != rows[i].kinds))
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
