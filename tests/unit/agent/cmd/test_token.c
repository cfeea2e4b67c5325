/* `studio-agent token ...`: what a script and a person get to see. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_command.h"

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s/studio-test-XXXXXX", P_tmpdir);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/tokens", dir);
    return 0;
}

static int teardown(void **state)
{
    static const char *const made[] = {"tokens", "agent.ini", "passwd", "acl"};
    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, made[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static void new_list_revoke(void **state)
{
    (void)state;
    assert_int_equal(RUN("token", "new", "ARO-001_*", "--data", dir), STUDIO_EXIT_OK);
    /* Only the token on standard output: TOKEN=$(studio-agent token new ...) */
    assert_int_equal(strspn(out_text, "0123456789abcdef"), 40);
    assert_string_equal(out_text + 40, "\n");
    assert_non_null(strstr(err_text, "reload --data"));
    assert_int_equal(
        RUN("token", "new", "boss", "--role=operator", "--expires", "2999-12-31", "--tokens", path),
        STUDIO_EXIT_OK);
    assert_int_equal(RUN("token", "new", "ARO-*", "--tables", "20000", "--tokens", path),
                     STUDIO_EXIT_OK);
    assert_int_equal(RUN("token", "list", "--tokens", path), STUDIO_EXIT_OK);
    assert_non_null(strstr(out_text, "  never       -           ARO-*  tables=20000\n"));
    assert_non_null(strstr(out_text, "   1  device    "));
    assert_non_null(strstr(out_text, "  never       -           ARO-001_*\n"));
    assert_non_null(strstr(out_text, "  2999-12-31  -           boss\n"));
    assert_int_equal(RUN("token", "revoke", "boss", "--data", dir), STUDIO_EXIT_OK);
    assert_non_null(strstr(out_text, "boss\n"));
    assert_int_equal(RUN("token", "revoke", "ARO-*", "--data", dir), STUDIO_EXIT_OK);
    assert_int_equal(RUN("token", "revoke", "ARO-001_*", "--data", dir), STUDIO_EXIT_OK);
    assert_non_null(strstr(err_text, "no user is left"));
    assert_int_equal(RUN("token", "list", "--data", dir), STUDIO_EXIT_USAGE);
}

static void a_certificate_has_no_token(void **state)
{
    (void)state;
    assert_int_equal(RUN("token", "new", "ARO-001_*", "--certificate", "--data", dir),
                     STUDIO_EXIT_OK);
    assert_string_equal(out_text, "");
    assert_non_null(strstr(err_text, "a certificate with this id lets in"));
    assert_int_equal(RUN("token", "list", "--data", dir), STUDIO_EXIT_OK);
    assert_non_null(
        strstr(out_text, "   1  device    certificate   never       -           ARO-001_*\n"));
    assert_int_equal(RUN("token", "new", "A", "--certificate", "--password", "--data", dir),
                     STUDIO_EXIT_USAGE);
    /* It is taken away without the tokens of the same users. */
    assert_int_equal(RUN("token", "new", "ARO-001_*", "--data", dir), STUDIO_EXIT_OK);
    assert_int_equal(RUN("token", "revoke", "ARO-001_*", "--certificate", "--data", dir),
                     STUDIO_EXIT_OK);
    assert_non_null(strstr(out_text, "  certificate  "));
    assert_int_equal(RUN("token", "revoke", "ARO-001_*", "--certificate", "--data", dir),
                     STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "list", "--data", dir), STUDIO_EXIT_OK);
    assert_null(strstr(out_text, "certificate"));
    assert_non_null(strstr(out_text, "ARO-001_*\n"));
    assert_int_equal(RUN("token", "revoke", "ARO-001_*", "--data", dir), STUDIO_EXIT_OK);
}

/* With what a broker is to be told. */
static void a_user_of_both(void **state)
{
    (void)state;
    assert_int_equal(RUN("user", "add", "ARO-001_pc", "--data", dir, "--topic-root", "casino/a"),
                     STUDIO_EXIT_OK);
    const char *token = strchr(out_text, '\n') + 1;
    assert_int_equal(strspn(token, "0123456789abcdef"), 40);
    assert_non_null(strstr(out_text, "\nARO-001_pc:$7$101$"));
    assert_non_null(strstr(out_text, "\nuser ARO-001_pc\n"));
    assert_non_null(strstr(out_text, "\ntopic write casino/a/tables/ARO-001/set/ARO-001_pc/#\n"));
    assert_null(strstr(out_text, "replay"));
    assert_int_equal(RUN("user", "add", "ops", "--role", "operator", "--data", dir),
                     STUDIO_EXIT_OK);
    assert_non_null(strstr(out_text, "\ntopic write studio/tables/+/set/ops/#\n"));
    assert_non_null(strstr(out_text, "\ntopic write studio/agents/+/replay/ops\n"));
    assert_int_equal(RUN("user", "add", "board", "--role", "viewer", "--data", dir),
                     STUDIO_EXIT_OK);
    assert_null(strstr(out_text, "/set/"));
    static const char *const wrong[] = {"ARO-*", "_x", "ARO-001_dealer PC", "a:b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(RUN("user", "add", wrong[i], "--data", dir), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("user", "add", "--data", dir), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("user"), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("user", "remove", "ops", "--data", dir), STUDIO_EXIT_USAGE);
}

static void write_ini(const char *ini, const char *user_files)
{
    FILE *file = fopen(ini, "w");
    assert_non_null(file);
    fprintf(file,
            "[mqtt]\nusername = main, spare\ncommand_username = agent\nuser_files = %s\n"
            "[store]\ndata = %s\n",
            user_files, dir);
    assert_int_equal(fclose(file), 0);
}

/* Whose password and rights at the broker a user of that name would take. */
static void the_agents_own_logins_are_no_users(void **state)
{
    static const char *const own[] = {"main", "spare", "agent"};
    char ini[128];
    (void)state;
    snprintf(ini, sizeof ini, "%s/agent.ini", dir);
    write_ini(ini, dir);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_int_equal(RUN("user", "add", own[i], "-c", ini), STUDIO_EXIT_USAGE);
        assert_non_null(strstr(err_text, "login of the agent itself"));
    }
    assert_int_equal(RUN("user", "add", "age", "-c", ini), STUDIO_EXIT_OK);
    assert_non_null(strstr(err_text, "studio-agent reload -c "));
    assert_int_equal(RUN("user", "add", "agent1", "-c", ini), STUDIO_EXIT_OK);
}

/* The line that is there already is named, to be taken away before another try. */
static void a_broker_that_cannot_be_told(void **state)
{
    char ini[128], hash[13];
    (void)state;
    snprintf(ini, sizeof ini, "%s/agent.ini", dir);
    write_ini(ini, "/nonexistent/of/a/broker");
    assert_int_equal(RUN("user", "add", "plc", "-c", ini), STUDIO_EXIT_USAGE);
    const char *line = strstr(err_text, "token revoke ");
    assert_non_null(line);
    snprintf(hash, sizeof hash, "%s", line + strlen("token revoke "));
    assert_int_equal(RUN("token", "revoke", hash, "-c", ini), STUDIO_EXIT_OK);
}

static void mistakes_are_usage(void **state)
{
    (void)state;
    assert_int_equal(RUN("token"), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "nw", "x"), STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "token new"));
    assert_int_equal(RUN("token", "new", "--data", dir), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "revoke", "--data", dir), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "list", "more", "--data", dir), STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "new", "x", "--role", "king", "--data", dir), STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "operator"));
    assert_int_equal(RUN("token", "new", "x", "--expires", "2020-01-01", "--data", dir),
                     STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "past"));
    assert_int_equal(RUN("token", "new", "x", "--expires", "soon", "--data", dir),
                     STUDIO_EXIT_USAGE);
    assert_int_equal(RUN("token", "new", "x", "--tables", "0", "--data", dir), STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "--tables"));
    assert_string_equal(out_text, "");
    assert_int_not_equal(access(path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_list_revoke),
        TEST(a_certificate_has_no_token),
        TEST(a_user_of_both),
        TEST(the_agents_own_logins_are_no_users),
        TEST(a_broker_that_cannot_be_told),
        TEST(mistakes_are_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
