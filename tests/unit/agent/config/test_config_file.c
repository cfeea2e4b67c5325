/* The INI file: values, and every mistake with its line. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_file.h"
#include "config/options.h"

static struct studio_agent_config config;
static char report[4096]; /* "LINE: what\n" of every mistake */
static size_t mistakes;

static int setup(void **state)
{
    (void)state;
    config_init(&config);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    config_finish(&config);
    return 0;
}

static void tell(void *ctx, unsigned line, const char *what)
{
    size_t len = strlen(report);
    (void)ctx;
    snprintf(report + len, sizeof report - len, "%u: %s\n", line, what);
}

static void parse_bytes(const char *text, size_t len)
{
    report[0] = '\0';
    assert_int_equal(config_parse(&config, text, len, NULL, tell, NULL, &mistakes), STUDIO_OK);
}

static void parse(const char *text)
{
    parse_bytes(text, strlen(text));
}

static void reported(const char *text)
{
    if (!strstr(report, text))
        fail_msg("no '%s' in:\n%s", text, report);
}

static void values_are_read(void **state)
{
    (void)state;
    parse("\xEF\xBB\xBF# a comment\n"
          "[websocket]\r\n"
          "listen = 0.0.0.0:9000   ; inline\r\n"
          "\n"
          "[mqtt] ; here too\n"
          "   broker=mqtt://a,mqtt://b\n"
          "   topic_root: casino/studio\n"
          "; and this\n"
          "[log]\n"
          "level\t=\tdebug");
    assert_string_equal(report, "");
    assert_int_equal(mistakes, 0);
    assert_string_equal(config.listen, "0.0.0.0:9000");
    assert_string_equal(config.broker, "mqtt://a,mqtt://b");
    assert_string_equal(config.topic_root, "casino/studio");
    assert_int_equal(config.log_level, 3);
}

static void an_empty_file_is_right(void **state)
{
    (void)state;
    parse("");
    assert_int_equal(mistakes, 0);
    parse("\n\n# nothing\n");
    assert_int_equal(mistakes, 0);
}

static void all_mistakes_are_told(void **state)
{
    (void)state;
    parse("early = 1\n"                 /* 1 */
          "[websoket]\n"                /* 2 */
          "listen = x\n"                /* 3: not judged */
          "[mqtt]\n"                    /* 4 */
          "brokr = mqtt://a\n"          /* 5 */
          "keepalive = none\n"          /* 6 */
          "keepalive = 20\n"            /* 7 */
          "no equals sign\n"            /* 8 */
          "[log\n"                      /* 9 */
          "[log] level = debug\n"       /* 10 */
          "[log]\n"                     /* 11 */
          "level = loud\n"              /* 12 */
          "format = json # comment\n"); /* 13 */
    reported("1: a key before the first");
    reported("2: unknown section [websoket]; did you mean [websocket]?");
    reported("5: unknown key 'brokr' in [mqtt]; did you mean 'broker'?");
    reported("6: mqtt.keepalive: expected a number in 1-65535, not 'none'");
    reported("7: mqtt.keepalive is set twice; the first is on line 6");
    reported("8: expected `key = value`");
    reported("9: a section line ends in ]");
    reported("10: nothing may follow");
    reported("12: log.level: expected one of error|warn|info|debug, not 'loud'");
    reported("13: log.format");
    assert_int_equal(mistakes, 10);
}

static void what_is_right_is_set_beside_mistakes(void **state)
{
    (void)state;
    parse("[log]\nlevel = loud\nformat = json\n");
    assert_int_equal(mistakes, 1);
    assert_int_equal(config.log_format, 1);
}

static void indented_lines_do_not_continue(void **state)
{
    (void)state;
    parse("[websocket]\nauth_timeout = 5\n  ping_after = 6\n\tping_grace = 7\n");
    assert_int_equal(mistakes, 0);
    assert_int_equal(config.ping_after_s, 6);
    assert_int_equal(config.ping_grace_s, 7);
}

static void an_unknown_section_without_keys_is_told(void **state)
{
    (void)state;
    parse("[logs]\n");
    reported("1: unknown section [logs]; did you mean [log]?");
}

static void a_line_too_long_is_told(void **state)
{
    char text[600];
    (void)state;
    int len = snprintf(text, sizeof text, "[auth]\ntokens = %0400d\n[log]\nlevel = warn\n", 0);
    parse_bytes(text, (size_t)len);
    reported("2: line too long: 409 bytes");
    assert_int_equal(mistakes, 1);
    assert_null(config.tokens);
    assert_int_equal(config.log_level, 1);
}

static void bytes_that_are_no_text_are_told(void **state)
{
    static const char nul[] = "[log]\nlevel = in\0fo\n";
    (void)state;
    parse_bytes(nul, sizeof nul - 1);
    reported("2: a control character");
    parse("[mqtt]\nusername = \xFF\n");
    reported("2: not UTF-8");
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static bool wants_data(const struct option *option)
{
    return strcmp(option->key, "data") == 0;
}

/* A command that needs some of it goes on where a wrong value is none of its business, but not where it
 * could overlook what it needs. */
static void a_file_is_read(void **state)
{
    struct studio_error error;
    char dir[] = P_tmpdir "/studio-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/agent.conf", dir);

    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "agent.conf: No such file"));
    assert_int_equal(studio_agent_config_read(&config, dir, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "regular file"));

    write_file(path, "[log]\nlevel = warn\n");
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_OK);
    assert_int_equal(config.log_level, 1);

    write_file(path, "[log]\nlevel = loud\n");
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "agent.conf:2: log.level"));

    write_file(path, "[log]\nlevel = loud\nformat = xml\n");
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "1 more"));
    assert_int_equal(config_read(&config, path, wants_data, &error), STUDIO_OK);

    write_file(path, "[log]\nlevel = loud\n[stroe]\ndata = x\n");
    assert_int_equal(config_read(&config, path, wants_data, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "agent.conf:3: unknown section [stroe]"));
    unlink(path);
    rmdir(dir);
}

static void a_secret_wants_a_file_that_others_cannot_read(void **state)
{
    struct studio_error error;
    char dir[] = P_tmpdir "/studio-test-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/agent.conf", dir);
    write_file(path, "[mqtt]\nusername = u\npassword = hush\n");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_OK);
    assert_string_equal(config.password, "hush");

    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "agent.conf:3: mqtt.password is a secret"));
    assert_non_null(strstr(error.text, "password_file"));
    assert_null(strstr(error.text, "hush"));
    assert_int_equal(config_read(&config, path, wants_data, &error), STUDIO_OK);

    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_OK);
    write_file(path, "[mqtt]\nusername = u\npassword =\n");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(studio_agent_config_read(&config, path, &error), STUDIO_OK);
    unlink(path);
    rmdir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_read),
        TEST(an_empty_file_is_right),
        TEST(all_mistakes_are_told),
        TEST(what_is_right_is_set_beside_mistakes),
        TEST(indented_lines_do_not_continue),
        TEST(an_unknown_section_without_keys_is_told),
        TEST(a_line_too_long_is_told),
        TEST(bytes_that_are_no_text_are_told),
        TEST(a_file_is_read),
        TEST(a_secret_wants_a_file_that_others_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
