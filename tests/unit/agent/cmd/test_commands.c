/* The commands: what they print where, and how they end. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "run_command.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s/studio-test-XXXXXX", P_tmpdir);
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void help_and_version(void **state)
{
    (void)state;
    assert_int_equal(RUN("--help"), STUDIO_EXIT_OK);
    assert_non_null(strstr(out_text, "Usage"));
    assert_null(strchr(out_text, '\033'));
    assert_int_equal(RUN("--help", "options"), STUDIO_EXIT_OK);
    assert_int_equal(strncmp(out_text, "| key |", 7), 0);
    assert_int_equal(RUN("--version"), STUDIO_EXIT_OK);
    assert_int_equal(strncmp(out_text, "studio-agent ", 13), 0);
    assert_string_equal(err_text, "");
}

static void check(void **state)
{
    char path[96], expected[128];
    (void)state;
    snprintf(path, sizeof path, "%s/agent.conf", dir);
    assert_int_equal(RUN("check"), STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "check -c FILE"));
    assert_int_equal(RUN("check", "-c", path), STUDIO_EXIT_USAGE);
    assert_non_null(strstr(err_text, "No such file"));

    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("[log]\nlevel = loud\nformt = text\n[websocket]\ntrusted_proxies = 10.0.0.0/33\n", f);
    fclose(f);
    assert_int_equal(RUN("check", "-c", path), STUDIO_EXIT_FAILED);
    assert_non_null(strstr(out_text, "agent.conf:2: log.level"));
    assert_non_null(strstr(out_text, "agent.conf:3: unknown key 'formt'"));
    assert_non_null(strstr(out_text, "agent.conf:5: websocket.trusted_proxies"));

    f = fopen(path, "w");
    assert_non_null(f);
    fputs("[mqtt]\npassword_file = x\n", f);
    fclose(f);
    assert_int_equal(RUN("check", "-c", path), STUDIO_EXIT_FAILED);
    assert_non_null(strstr(out_text, "mqtt.username"));

    f = fopen(path, "w");
    assert_non_null(f);
    fputs("[log]\nlevel = info\n", f);
    fclose(f);
    assert_int_equal(RUN("check", "-c", path), STUDIO_EXIT_OK);
    snprintf(expected, sizeof expected, "%s: ok\n", path);
    assert_string_equal(out_text, expected);

    /* Flags are checked with the file, as a start would take them. */
    assert_int_equal(RUN("check", "-c", path, "--listen", "localhost:0"), STUDIO_EXIT_OK);
    assert_int_equal(RUN("check", "-c", path, "--listen", "x", "--set", "limits.tables=0"),
                     STUDIO_EXIT_FAILED);
    assert_non_null(strstr(out_text, "command line: websocket.listen"));
    assert_non_null(strstr(out_text, "command line: limits.tables"));
    assert_int_equal(RUN("check", "--set", "mqtt.password_file=f"), STUDIO_EXIT_FAILED);
    assert_non_null(strstr(out_text, "mqtt.username"));
    assert_int_equal(RUN("check", "--broker", "mqtt://localhost"), STUDIO_EXIT_OK);
    assert_int_equal(RUN("check"), STUDIO_EXIT_USAGE);
    unlink(path);
}

static void reload_without_an_agent(void **state)
{
    (void)state;
    assert_int_equal(RUN("reload", "--data", dir), STUDIO_EXIT_FAILED);
    assert_non_null(strstr(err_text, "no agent runs on "));
    assert_string_equal(out_text, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(help_and_version),
        TEST(check),
        TEST(reload_without_an_agent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
