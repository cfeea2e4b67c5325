/* The command line. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli.h"
#include "config/config.h"

static struct cli cli;
static struct studio_error error;

#define PARSE(...) parse((const char *const[]){"studio-agent", __VA_ARGS__, NULL})

static enum studio_err parse(const char *const *argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    cli_finish(&cli);
    return cli_parse(&cli, argc, argv, &error);
}

static int teardown(void **state)
{
    (void)state;
    cli_finish(&cli);
    return 0;
}

static void says(const char *text)
{
    assert_int_equal(error.code, STUDIO_ERR_USAGE);
    if (!strstr(error.text, text))
        fail_msg("'%s' does not say '%s'", error.text, text);
}

static void commands(void **state)
{
    const char *const none[] = {"studio-agent", NULL};
    const char *const nothing[] = {NULL};
    (void)state;
    assert_int_equal(parse(none), STUDIO_OK);
    assert_int_equal(cli.command, CLI_RUN);
    assert_int_equal(parse(nothing), STUDIO_OK);
    assert_int_equal(cli.command, CLI_RUN);
    assert_int_equal(PARSE("--help"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_HELP);
    assert_int_equal(PARSE("-h"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_HELP);
    assert_int_equal(PARSE("--help", "options"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_HELP);
    assert_string_equal(cli.topic, "options");
    assert_int_equal(PARSE("--version"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_VERSION);
    assert_int_equal(PARSE("check", "-c", "f"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_CHECK);
    assert_string_equal(cli.file, "f");
    assert_int_equal(
        PARSE("token", "new", "A_*", "--role", "viewer", "--expires=2026-01-01", "--tokens", "t"),
        STUDIO_OK);
    assert_int_equal(cli.command, CLI_TOKEN);
    assert_int_equal(cli.word_count, 2);
    assert_string_equal(cli.words[1], "A_*");
    assert_string_equal(cli.role, "viewer");
    assert_string_equal(cli.expires, "2026-01-01");
    assert_int_equal(PARSE("support", "to", "-c", "f", "--log", "l"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_SUPPORT);
    assert_string_equal(cli.log_file, "l");
    assert_int_equal(PARSE("doctor", "-c", "f", "--broker", "mqtt://b", "--json"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_DOCTOR);
    assert_true(cli.json);
    assert_int_equal(PARSE("backup", "f", "--data", "d"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_BACKUP);
    assert_string_equal(cli.words[0], "f");
    assert_int_equal(PARSE("reload", "--data", "d"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_RELOAD);
    assert_int_equal(PARSE("store", "check", "--data", "d"), STUDIO_OK);
    assert_int_equal(cli.command, CLI_STORE);
}

static void options_become_settings(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--listen", "localhost:0", "--data=/d", "--set", "limits.tables=5"),
                     STUDIO_OK);
    assert_int_equal(cli.setting_count, 3);
    assert_string_equal(cli.settings[0].name, "websocket.listen");
    assert_string_equal(cli.settings[0].value, "localhost:0");
    assert_string_equal(cli.settings[1].name, "store.data");
    assert_string_equal(cli.settings[1].value, "/d");
    assert_string_equal(cli.settings[2].name, "limits.tables");
    assert_string_equal(cli.settings[2].value, "5");
}

static void mistakes(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--lisen", "x"), STUDIO_ERR_USAGE);
    says("unknown flag --lisen; did you mean --listen?");
    assert_int_equal(PARSE("--lisen=x"), STUDIO_ERR_USAGE);
    says("unknown flag --lisen; did you mean --listen?");
    assert_int_equal(PARSE("-x"), STUDIO_ERR_USAGE);
    says("unknown flag -x");
    assert_int_equal(PARSE("--listen"), STUDIO_ERR_USAGE);
    says("--listen needs a value");
    assert_int_equal(PARSE("--version=2"), STUDIO_ERR_USAGE);
    says("takes no value");
    assert_int_equal(PARSE("chek"), STUDIO_ERR_USAGE);
    says("did you mean 'check'?");
    assert_int_equal(PARSE("check", "file"), STUDIO_ERR_USAGE);
    says("unexpected word 'file'");
    assert_int_equal(PARSE("check", "--lisen", "x"), STUDIO_ERR_USAGE);
    says("unknown flag --lisen; did you mean --listen");
    assert_int_equal(PARSE("--role", "viewer"), STUDIO_ERR_USAGE);
    says("unknown flag --role");
    assert_int_equal(PARSE("--set", "nothing"), STUDIO_ERR_USAGE);
    says("section.key=value");
    assert_int_equal(PARSE("--set", "mqtt.password=x"), STUDIO_ERR_USAGE);
    says("use mqtt.password_file, the configuration file");
    assert_int_equal(PARSE("--set", "store.url=postgresql://x"), STUDIO_ERR_USAGE);
    says("use the configuration file");
    assert_int_equal(PARSE("--a-very-long-flag-that-is-longer-than-any-other=1"), STUDIO_ERR_USAGE);
    says("unknown flag");
}

static void later_sources_win(void **state)
{
    char path[] = P_tmpdir "/studio-test-XXXXXX";
    const char *const variables[] = {"STUDIO_LOG_LEVEL=warn", "STUDIO_MQTT_TOPIC_ROOT=env", NULL};
    struct studio_agent_config config;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "[websocket]\nlisten = file:1\n[mqtt]\ntopic_root = file\n"
                            "[log]\nlevel = debug\n") > 0);
    close(fd);
    config_init(&config);
    assert_int_equal(PARSE("--log-level", "error", "-c", path), STUDIO_OK);
    if (cli_configure(&cli, variables, &config, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    assert_string_equal(config.listen, "file:1");
    assert_string_equal(config.topic_root, "env");
    assert_int_equal(config.log_level, 0);
    assert_string_equal(config.data, "studio-data");
    config_finish(&config);
    unlink(path);
}

static void commands_go_on_without_what_they_do_not_need(void **state)
{
    char path[] = P_tmpdir "/studio-test-XXXXXX";
    const char *const variables[] = {"STUDIO_LOG_LEVEL=loud", NULL};
    struct studio_agent_config config;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "[mqtt]\nkeepalive = no\n[store]\ndata = file\n") > 0);
    close(fd);
    config_init(&config);
    assert_int_equal(PARSE("token", "list", "-c", path), STUDIO_OK);
    if (cli_configure(&cli, variables, &config, &error) != STUDIO_OK)
        fail_msg("%s", error.text);
    assert_string_equal(config.data, "file");
    assert_int_equal(PARSE("-c", path), STUDIO_OK);
    assert_int_equal(cli_configure(&cli, variables, &config, &error), STUDIO_ERR_USAGE);
    says("mqtt.keepalive");
    config_finish(&config);
    unlink(path);
}

static void mistakes_of_every_source_are_told(void **state)
{
    const char *const right[] = {NULL};
    const char *const wrong[] = {"STUDIO_LOG_LEVEL=loud", NULL};
    struct studio_agent_config config;
    (void)state;
    config_init(&config);
    assert_int_equal(PARSE("-c", "/nonexistent/file"), STUDIO_OK);
    assert_int_equal(cli_configure(&cli, right, &config, &error), STUDIO_ERR_USAGE);
    says("/nonexistent/file");
    assert_int_equal(PARSE("--log-level", "info"), STUDIO_OK);
    assert_int_equal(cli_configure(&cli, wrong, &config, &error), STUDIO_ERR_USAGE);
    says("STUDIO_LOG_LEVEL");
    assert_int_equal(PARSE("doctor", "--set", "mqtt.password_file=f"), STUDIO_OK);
    assert_int_equal(cli_configure(&cli, right, &config, &error), STUDIO_ERR_USAGE);
    says("mqtt.username");
    assert_int_equal(PARSE("doctor", "--set", "mqtt.password_file=", "--tls-key", "k.pem"),
                     STUDIO_OK);
    assert_int_equal(cli_configure(&cli, right, &config, &error), STUDIO_ERR_USAGE);
    says("websocket.tls_cert");
    config_finish(&config);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands),
        TEST(options_become_settings),
        TEST(mistakes),
        TEST(later_sources_win),
        TEST(commands_go_on_without_what_they_do_not_need),
        TEST(mistakes_of_every_source_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
