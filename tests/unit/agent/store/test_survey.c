/* test_survey.c - which doubts there are about what an answer is worth. */
#include <stdio.h>
#include <string.h>

#include "store/survey.h"
#include "support/cmocka_all.h"

static char told[2048];

static void tell(void *ctx, const char *what, const char *advice)
{
    size_t len = strlen(told);
    (void)ctx;
    snprintf(told + len, sizeof told - len, "%s -> %s\n", what, advice);
}

static const char *doubts(const struct store_survey *s, bool two)
{
    told[0] = '\0';
    survey_doubts(s, two, tell, NULL);
    return told;
}

static struct store_survey sound(void)
{
    return (struct store_survey){.hosts = 2,
                                 .host = "db-1",
                                 .encrypted = true,
                                 .syncs = true,
                                 .commit = "on",
                                 .standbys = "*",
                                 .following = 1,
                                 .waited_for = 1};
}

static void none(void **state)
{
    (void)state;
    struct store_survey s = sound();
    assert_string_equal(doubts(&s, true), "");
    s.waited_for = -1; /* this role may not see it */
    assert_string_equal(doubts(&s, true), "");
    s = (struct store_survey){.host = "/run/postgresql", .syncs = true};
    assert_string_equal(doubts(&s, false), "");
}

static void no_standby(void **state)
{
    (void)state;
    struct store_survey s = sound();
    s.standbys[0] = '\0';
    assert_non_null(strstr(doubts(&s, true), "no synchronous standby is configured"));
    assert_string_equal(doubts(&s, false), "");
    s = sound();
    s.waited_for = 0;
    assert_non_null(
        strstr(doubts(&s, true), "synchronous_standby_names is *, but no such standby"));
    assert_non_null(strstr(doubts(&s, false), "every update waits for one"));
}

static void not_synced(void **state)
{
    (void)state;
    struct store_survey s = sound();
    s.syncs = false;
    assert_non_null(strstr(doubts(&s, false), "fsync is off"));
}

static void open_on_the_way(void **state)
{
    static const struct {
        const char *host;
        bool told;
    } rows[] = {{"db-1", true},       {"10.0.0.5", true},   {"/run/postgresql", false},
                {"127.0.0.1", false}, {"localhost", false}, {"::1", false},
                {"", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct store_survey s = sound();
        s.encrypted = false;
        snprintf(s.host, sizeof s.host, "%s", rows[i].host);
        assert_int_equal(strstr(doubts(&s, false), "is not encrypted") != NULL, rows[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(no_standby),
        cmocka_unit_test(not_synced),
        cmocka_unit_test(open_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
