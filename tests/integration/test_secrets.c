/* test_secrets.c - what is safe without being asked for: where the agent listens, and who gets to secrets. */
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "integration/api_rig.h"
#include "support/broker.h"
#include "support/certs.h"
#include "support/corefile.h"
#include "support/tmpdir.h"
#include "support/tunnel.h"

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

/* --- what an agent knows ------------------------------------------------------------------------ */

#define BROKER_PASSWORD  "secret-of-broker-0815"
#define COMMAND_PASSWORD "secret-of-commands-42"
#define METRICS_TOKEN    "secret-of-metrics-4711"
#define PERSON_TOKEN     "secret-of-a-device-1234"

enum { SCALAR_LEN = 32 /* bytes of a private key of P-256 */ };

static struct broker *broker;
static unsigned char scalars[2][SCALAR_LEN]; /* as it is printed, and as it is reckoned with */

static void read_scalars(const char *cert)
{
    char *file = test_printf("%s.key", cert);
    FILE *f = fopen(file, "re");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
    BIGNUM *scalar = NULL;

    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar), 1);
    assert_int_equal(BN_bn2binpad(scalar, scalars[0], SCALAR_LEN), SCALAR_LEN);
    assert_int_equal(BN_bn2lebinpad(scalar, scalars[1], SCALAR_LEN), SCALAR_LEN);
    BN_clear_free(scalar);
    EVP_PKEY_free(key);
    fclose(f);
    free(file);
}

static uint16_t tls_port(void)
{
    char *line =
        proc_wait_line(agent_proc_proc(agent), PROC_STDOUT, "listening on wss://", WAIT_MS);
    uint16_t tls = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);

    free(line);
    return tls;
}

/* By each way in; the last one stays. */
static struct wsclient *log_in(uint16_t to)
{
    struct wsclient *c = wsclient_connect(to, "/");

    port = to;
    wsclient_sendf(c, "{\"id\":\"ARO-001_a\",\"token\":\"%s\"}", PERSON_TOKEN);
    (void)wsclient_until(c, "TABLE_ID", "ARO-001");
    wsclient_close(c);
    assert_int_equal(
        wsclient_upgrade(to, "/", "Authorization: Bearer ARO-001_b:" PERSON_TOKEN "\r\n", &c), 101);
    wsclient_close(c);
    api_expect("ARO-001_c:" PERSON_TOKEN, "GET", "/api/v1/tables/ARO-001", NULL, 200, NULL);
    return wsclient_login(to, "ARO-001_d", PERSON_TOKEN);
}

/* An agent that has a secret of every kind, and uses them. A sanitizer keeps a copy of the environment. */
static void with_secrets(void (*look)(pid_t pid), bool one_in_environment)
{
    static const struct broker_user users[] = {
        {"agent-login", BROKER_PASSWORD}, {"agent-in", COMMAND_PASSWORD}, {NULL, NULL}};
    const char *dir = tmpdir_create(), *cert = cert_create(dir, "agent.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert);
    const char *args[] = {
        "--listen", "ws://localhost:0,wss://localhost:0", "--tls-cert", cert, "--tls-key", key,
        NULL};
    const char *env[] = {
        one_in_environment ? "STUDIO_MQTT_COMMAND_PASSWORD=" COMMAND_PASSWORD : NULL, NULL};
    char *line = tokens_line("ARO-001_*", "device", PERSON_TOKEN, NULL);
    char *config =
        test_printf("[mqtt]\nagent_id = edge-1\nusername = agent-login\n"
                    "password_file = %s\ncommand_username = agent-in\n%s"
                    "[metrics]\ntoken = " METRICS_TOKEN "\n",
                    tmpdir_write(dir, "password", 0600, BROKER_PASSWORD "\n"),
                    one_in_environment ? "" : "command_password = " COMMAND_PASSWORD "\n");

    read_scalars(cert);
    broker = broker_create(&(struct broker_options){.users = users});
    agent =
        agent_proc_start(&(struct agent_options){.broker = broker_uri(broker),
                                                 .tokens = tmpdir_write(dir, "tokens", 0600, line),
                                                 .config = config,
                                                 .args = args,
                                                 .env = env});
    free(proc_wait_line(broker_proc(broker), PROC_STDERR,
                        "Sending SUBACK to studio-agent-edge-1-in", WAIT_MS));
    struct tunnel *tunnel = tunnel_create(tls_port(), &(struct tunnel_options){.ca = cert});
    struct wsclient *plain = log_in(agent_proc_port(agent));
    struct wsclient *tls = log_in(tunnel_port(tunnel));
    look(proc_pid(agent_proc_proc(agent)));
    wsclient_close(tls);
    wsclient_close(plain);
    tunnel_destroy(tunnel);
    agent_proc_destroy(agent);
    broker_destroy(broker);
    free(config);
    free(line);
    free(key);
}

static const char *const words[] = {BROKER_PASSWORD, COMMAND_PASSWORD, METRICS_TOKEN, PERSON_TOKEN};
enum { WORDS = sizeof(words) / sizeof(words[0]), CONFIGURED = WORDS - 1 };

static void look_into_cores(pid_t pid)
{
    const unsigned filter = corefile_filter(pid);
    static const char login[] = "agent-login"; /* no secret */

    /* What is sought is found where it may be. */
    assert_true(corefile_has(pid, COREFILE_USUAL, login, strlen(login)));
    for (size_t i = 0; i < WORDS; i++)
        if (corefile_has(pid, filter, words[i], strlen(words[i])))
            test_fail("a core file would have %s", words[i]);
    for (size_t i = 0; i < 2; i++)
        assert_false(corefile_has(pid, filter, scalars[i], SCALAR_LEN));
    /* Also where somebody wants more of a core file: what is configured is left out of any. */
    for (size_t i = 0; i < CONFIGURED; i++)
        if (corefile_has(pid, COREFILE_USUAL, words[i], strlen(words[i])))
            test_fail("a whole core file would have %s", words[i]);
}

static void no_core_file_has_a_secret(void **state)
{
    (void)state;
    with_secrets(look_into_cores, false);
}

static void expect_none(const char *where, const char *bytes, size_t len)
{
    assert_non_null(bytes);
    for (size_t i = 0; i < WORDS; i++)
        if (memmem(bytes, len, words[i], strlen(words[i])))
            test_fail("%s has %s", where, words[i]);
}

static void look_from_outside(pid_t pid)
{
    static const char *const files[] = {"cmdline", "environ"};
    struct http_answer answer =
        api_ask("ARO-001_c:" PERSON_TOKEN, "GET", "/api/v1/agent", NULL, NULL);
    char *said = proc_output(agent_proc_proc(agent), PROC_STDERR);

    expect_none("what the agent says of itself", answer.body, strlen(answer.body));
    expect_none("its log", said, strlen(said));
    for (size_t i = 0; i < 2; i++) {
        char *path = test_printf("/proc/%d/%s", (int)pid, files[i]), *text;
        size_t len = 0;

        text = tmpdir_read(path, &len);
        expect_none(path, text, len);
        free(text);
        free(path);
    }
    http_answer_finish(&answer);
    free(said);
}

static void nothing_the_agent_shows_has_a_secret(void **state)
{
    (void)state;
    with_secrets(look_from_outside, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_open_to_the_network_is_told),
        cmocka_unit_test(check_tells_it_too),
        cmocka_unit_test(a_secret_that_everybody_can_read_is_refused),
        cmocka_unit_test(a_tokens_file_that_everybody_can_read_is_told_of),
        cmocka_unit_test(a_token_is_not_left_on_the_command_line),
        cmocka_unit_test(no_core_file_has_a_secret),
        cmocka_unit_test(nothing_the_agent_shows_has_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
