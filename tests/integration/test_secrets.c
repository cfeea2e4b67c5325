/* test_secrets.c - what is safe without being asked for: where the agent listens, and who gets to secrets. */
#include <sys/stat.h>

#include "integration/api_rig.h"
#include "support/tmpdir.h"

static void expect_exposed(const char *exposed)
{
    struct http_answer answer;

    port = agent_proc_port(agent);
    answer = api_ask(VIEWER, "GET", "/api/v1/agent", NULL, NULL);
    api_check(&answer, "/api/v1/agent", 200, NULL);
    expect_json(answer.body, "health.exposed", exposed);
    http_answer_finish(&answer);
}

static void a_port_open_to_the_network_is_told(void **state)
{
    const char *args[] = {"--listen", "0.0.0.0:0", "--log-level", "warn", NULL};
    agent = agent_proc_start(&(struct agent_options){.args = args});

    (void)state;
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR, "NO TLS: websocket.listen 0.0.0.0:0",
                        WAIT_MS));
    expect_exposed("true");
    agent_proc_destroy(agent);
    agent = agent_proc_start(NULL);
    expect_exposed("false");
    agent_proc_destroy(agent);
}

/* Runs the program to its end. */
static void expect(const char *const args[], int code, const char *says)
{
    const char *argv[16] = {studio_program("studio-agent")};
    char *out, *err;
    size_t n = 1;

    for (; args[n - 1]; n++)
        argv[n] = args[n - 1];
    argv[n] = NULL;
    int got = proc_run(argv, NULL, &out, &err);
    if (got != code || (!strstr(out, says) && !strstr(err, says)))
        test_fail("studio-agent %s ended with %d, not %d and '%s': %s%s", args[0], got, code, says,
                  out, err);
    free(out);
    free(err);
}
#define ARGS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void check_tells_it_too(void **state)
{
    (void)state;
    expect(ARGS("check", "--listen", "192.0.2.1:8080"), 0, "command line: warning: NO TLS");
    expect(ARGS("check", "--listen", "192.0.2.1:8080"), 0, "command line: ok");
}

static void a_secret_that_everybody_can_read_is_refused(void **state)
{
    const char *dir = tmpdir_create(), *data = tmpdir_create();
    const char *file = tmpdir_write(dir, "secret", 0644, "a-secret-of-ours\n");
    char *metrics = test_printf("metrics.token_file=%s", file);
    char *password = test_printf("mqtt.password_file=%s", file);

    (void)state;
    tokens_write_default(data);
    assert_int_equal(chmod(dir, 0755), 0);
    expect(ARGS("--listen", "localhost:0", "--data", data, "--set", metrics), 2, "chmod o-r");
    expect(ARGS("--listen", "localhost:0", "--data", data, "--broker", "mqtt://localhost:1",
                "--set", "mqtt.username=u", "--set", password),
           2, "chmod o-r");
    free(metrics);
    free(password);
}

/* It has hashes only: an agent that has always read it goes on. */
static void a_tokens_file_that_everybody_can_read_is_told_of(void **state)
{
    const char *dir = tmpdir_create();
    const char *file = tokens_write_default(dir);

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(chmod(file, 0644), 0);
    agent = agent_proc_start(&(struct agent_options){.tokens = file});
    free(proc_wait_line(agent_proc_proc(agent), PROC_STDERR, "chmod o-r", WAIT_MS));
    agent_proc_destroy(agent);
}

/* Others see a command line, but not for long. */
static void a_token_is_not_left_on_the_command_line(void **state)
{
    static const char *const tokens[] = {"--token=" TOKEN_VIEWER, "--token"};

    agent = agent_proc_start(NULL);
    char *url = test_printf("ws://localhost:%u", agent_proc_port(agent));

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *argv[] = {
            studio_program("studio-client"), "--url", url, "watch", "--all", "--json", tokens[i],
            i ? TOKEN_VIEWER : NULL,         NULL};
        char path[64], *said, *seen;
        size_t len;

        struct proc *watch = proc_spawn(argv, NULL);
        struct wsclient *device =
            wsclient_connect(agent_proc_port(agent), "/?id=ARO-001_dealerPC&token=" TOKEN_DEVICE);
        said = proc_wait_line(watch, PROC_STDOUT, "ARO-001", WAIT_MS);
        snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)proc_pid(watch));
        seen = tmpdir_read(path, &len);
        assert_non_null(seen);
        assert_true(len > 0);
        assert_null(memmem(seen, len, TOKEN_VIEWER, strlen(TOKEN_VIEWER)));
        assert_non_null(memmem(seen, len, "watch", 5));
        proc_destroy(watch);
        wsclient_close(device);
        free(said);
        free(seen);
    }
    agent_proc_destroy(agent);
    free(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_open_to_the_network_is_told),
        cmocka_unit_test(check_tells_it_too),
        cmocka_unit_test(a_secret_that_everybody_can_read_is_refused),
        cmocka_unit_test(a_tokens_file_that_everybody_can_read_is_told_of),
        cmocka_unit_test(a_token_is_not_left_on_the_command_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
