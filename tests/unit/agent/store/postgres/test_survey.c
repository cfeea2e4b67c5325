/* test_survey.c - what a server says it does for an answer, alone and with a synchronous standby. */
#include "store/transfer.h"
#include "unit/agent/store/postgres/database_fixture.h"

static struct pgserver *primary, *standby;

static int setup(void **state)
{
    static const char *const names[] = {"synchronous_standby_names=*", NULL};
    (void)state;
    primary = pgserver_create_as(&(struct pgserver_options){.settings = names});
    char *from = test_printf("host=%s user=postgres", pgserver_host(primary));
    standby = pgserver_create_as(&(struct pgserver_options){.copy_of = from});
    free(from);
    pgserver_wait_synchronous(primary);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pgserver_destroy(standby);
    pgserver_destroy(primary);
    return 0;
}

static struct store_survey survey_of(const char *url)
{
    struct store_survey survey;
    struct studio_error error;
    if (store_survey(url, &survey, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    return survey;
}

static char *url_of(const char *hosts, const char *more)
{
    return test_printf("postgresql:///postgres?host=%s&user=postgres%s", hosts, more);
}

static void both_of_them(void **state)
{
    (void)state;
    char *hosts = test_printf("%s,%s", pgserver_host(standby), pgserver_host(primary));
    char *url = url_of(hosts, "");
    struct store_survey s = survey_of(url);
    assert_int_equal(s.hosts, 2);
    assert_string_equal(s.host, pgserver_host(primary)); /* the one that can be written to */
    assert_string_equal(s.standbys, "*");
    assert_string_equal(s.commit, "on");
    assert_int_equal(s.following, 1);
    assert_int_equal(s.waited_for, 1);
    assert_false(s.syncs); /* of the tests' servers */
    assert_false(s.encrypted);
    assert_in_range(strtol(s.server, NULL, 10), 14, 99);
    free(url);
    free(hosts);
}

/* No session commits less than synced, there and on the standby, whatever the server's default. */
static void no_session_does_less(void **state)
{
    static const struct {
        const char *asked, *is;
    } rows[] = {{"off", "on"},
                {"local", "on"},
                {"remote_write", "on"},
                {"on", "on"},
                {"remote_apply", "remote_apply"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *more = test_printf("&options=-csynchronous_commit%%3D%s", rows[i].asked);
        char *url = url_of(pgserver_host(primary), more);
        assert_string_equal(survey_of(url).commit, rows[i].is);
        free(url);
        free(more);
    }
}

static void who_may_not_see_it(void **state)
{
    (void)state;
    free(pgserver_ask(primary, "public", "CREATE ROLE little LOGIN"));
    char *url = test_printf("postgresql:///postgres?host=%s&user=little", pgserver_host(primary));
    struct store_survey s = survey_of(url);
    assert_int_equal(s.following, 1);
    assert_int_equal(s.waited_for, -1);
    assert_string_equal(s.standbys, "*");
    free(url);
}

static void nobody_there(void **state)
{
    (void)state;
    struct store_survey survey;
    struct studio_error error;
    char *url = url_of(tmpdir_create(), "");
    assert_int_equal(store_survey(url, &survey, &error), STUDIO_ERR_STORE_UNUSABLE);
    assert_non_null(strstr(error.text, "the database cannot be used"));
    free(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_of_them),
        cmocka_unit_test(no_session_does_less),
        cmocka_unit_test(who_may_not_see_it),
        cmocka_unit_test(nobody_there),
    };
    return pgserver_there() ? cmocka_run_group_tests(tests, setup, teardown) : 77;
}
