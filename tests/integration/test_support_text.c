/* test_support_text.c - `studio-agent support`: all that helps, and no secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

/* Everything that a configuration can have of them, and what a careless log may show. */
#define PASSWORD         "pass-word-of-the-broker"
#define PASSWORD_IN_FILE "pass word in a file"
#define COMMAND_PASSWORD "pass-word-for-commands"
#define METRICS_TOKEN    "token-of-the-metrics-0123456789"
#define KEY              "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"

static const char *dir, *file;

static const char *secret_file(const char *name, const char *text)
{
    return tmpdir_write(dir, name, 0600, text);
}

static void configure(void)
{
    dir = tmpdir_create();
    tokens_write_default(dir);
    char *text = test_printf(
        "[websocket]\nlisten = localhost:0\n[mqtt]\nbroker = mqtt://127.0.0.1:1\nusername = agent\n"
        "password = " PASSWORD "\ncommand_username = agent-in\ncommand_password = " COMMAND_PASSWORD
        "\n[store]\ndata = %s/data\n"
        "[auth]\ntokens = %s/tokens\n[metrics]\ntoken = " METRICS_TOKEN "\n",
        dir, dir);
    file = secret_file("agent.ini", text);
    free(text);
}

static char *support(const char *const *more, int expected)
{
    const char *argv[16] = {studio_program("studio-agent"), "support", "-c", file};
    size_t n = 4;
    char *out, *err;
    while (*more)
        argv[n++] = *more++;
    const int code = proc_run(argv, NULL, &out, &err);
    if (code != expected)
        test_fail("exit %d, not %d: %s%s", code, expected, out, err);
    free(err);
    return out;
}

static void says(const char *text, const char *words)
{
    if (!strstr(text, words))
        test_fail("'%s' is not in:\n%s", words, text);
}

static void expect_no_secret(const char *text)
{
    char *tokens = tmpdir_read(tmpdir_path(dir, "tokens"), NULL);
    static const char *const secrets[] = {
        PASSWORD, PASSWORD_IN_FILE, COMMAND_PASSWORD, METRICS_TOKEN,
        KEY,      TOKEN_DEVICE,     TOKEN_VIEWER,     TOKEN_OPERATOR};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strstr(text, secrets[i]))
            test_fail("'%s' is in:\n%s", secrets[i], text);
    for (char *at = tokens; (at = strstr(at, "sha256:")); at++) {
        char hash[17];
        snprintf(hash, sizeof hash, "%.16s", at + 7);
        if (strstr(text, hash))
            test_fail("the hash %s is in:\n%s", hash, text);
    }
    free(tokens);
}

/* Without an agent, and beside one. */
static void what_it_tells(void **state)
{
    (void)state;
    configure();
    const char *nothing[] = {NULL};
    char *out = support(nothing, 0);
    says(out, "== configuration\n");
    says(out, "mqtt.username = agent\n");
    says(out, "mqtt.password = (set, not shown)\n");
    says(out, "limits.tables = 20000\n");
    says(out, "3: 1 devices, 1 viewers, 1 operators; 0 expired");
    says(out, "no agent runs on");
    says(out, "there is no store in");
    says(out, "Max open files");
    expect_no_secret(out);
    free(out);

    const char *argv[] = {studio_program("studio-agent"), "-c", file, NULL};
    struct proc *a = proc_spawn(argv, NULL);
    free(proc_wait_line(a, PROC_STDOUT, "listening on", WAIT_MS));
    out = support(nothing, 0);
    says(out, "\"health\":{\"ts\":");
    says(out, "studio_updates_total");
    says(out, "no fault found");
    says(out, "of the agent, pid ");
    expect_no_secret(out);
    assert_int_equal(proc_stop(a, WAIT_MS), 0);
    char *log = proc_output(a, PROC_STDERR);
    expect_no_secret(log);
    free(log);
    proc_destroy(a);
    free(out);
}

/* A log in which somebody has written what does not belong there. */
static void what_it_leaves_out(void **state)
{
    (void)state;
    configure();
    const char *password_file = secret_file("password", PASSWORD_IN_FILE "\n"),
               *key = secret_file("key.pem", "-----BEGIN PRIVATE KEY-----\n" KEY "\n");
    char *tokens = tmpdir_read(tmpdir_path(dir, "tokens"), NULL);
    char *text = test_printf("begins\nlogin with " PASSWORD " and " METRICS_TOKEN
                             "\n%s" PASSWORD_IN_FILE " " COMMAND_PASSWORD "\nends\n",
                             tokens);
    const char *log = tmpdir_write(dir, "log", 0600, text), *to = tmpdir_path(dir, "support.txt");
    char *set_key = test_printf("mqtt.key=%s", key),
         *set_password = test_printf("mqtt.password_file=%s", password_file),
         *set_broker = test_printf("mqtt.broker=mqtt://127.0.0.1:1");
    const char *more[] = {"--log",      log,     "--set",    set_key, "--set",
                          set_password, "--set", set_broker, to,      NULL};
    free(support(more, 0));
    struct stat about;
    assert_int_equal(stat(to, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    char *out = tmpdir_read(to, NULL);
    says(out, "== log\nbegins\nlogin with ***");
    says(out, "\nends\n");
    says(out, "key.pem: ");
    expect_no_secret(out);
    free(support(more, 1)); /* it is there already, and stays */
    char *again = tmpdir_read(to, NULL);
    assert_string_equal(again, out);
    free(again);
    free(out);
    free(text);
    free(tokens);
    free(set_key);
    free(set_password);
    free(set_broker);
}

/* One that is wrong shows none of it. */
static void a_configuration_with_mistakes(void **state)
{
    (void)state;
    configure();
    char *right = tmpdir_read(file, NULL);
    char *text = test_printf("%s[mqtt]\npasword = " PASSWORD_IN_FILE "\n" KEY "\n", right);
    file = secret_file("agent.ini", text);
    const char *argv[] = {studio_program("studio-agent"), "support", "-c", file, NULL};
    char *out, *err;
    assert_int_equal(proc_run(argv, NULL, &out, &err), 0);
    says(err, "of the configuration is wrong");
    says(out, "mqtt.username = agent\n");
    expect_no_secret(out);
    expect_no_secret(err);
    free(out);
    free(err);
    free(right);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_tells),
        cmocka_unit_test(what_it_leaves_out),
        cmocka_unit_test(a_configuration_with_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
