/* test_doctor.c - `studio-agent doctor`: what is right is ok, what is not has what to do next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/broker.h"
#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/pgserver.h"
#include "support/tmpdir.h"
#include "support/tokens.h"

static const struct broker_user users[] = {{"agent", "agent-pw"}, {NULL, NULL}};

static struct broker *broker;
static const char *dir, *file;

/* A configuration for the broker with this password; `more` lines of it. */
static void configure(const char *password, const char *more)
{
    char *text = test_printf("[mqtt]\nbroker = %s\nusername = agent\npassword_file = %s\n"
                             "agent_id = edge-1\n[store]\ndata = %s/data\n[auth]\ntokens = %s\n%s",
                             broker_uri(broker), tmpdir_write(dir, "password", 0600, password), dir,
                             tmpdir_path(dir, "tokens"), more);
    file = tmpdir_write(dir, "agent.ini", 0600, text);
    free(text);
}

static void open_broker(const char *acl)
{
    broker = broker_create(&(struct broker_options){.users = users, .acl = acl});
    configure("agent-pw\n", "");
}

static int setup(void **state)
{
    (void)state;
    dir = tmpdir_create();
    tokens_write_default(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    broker_destroy(broker);
    broker = NULL;
    return 0;
}

/* Exit code and what it says; free(). */
static char *doctor(int expected)
{
    const char *argv[] = {studio_program("studio-agent"), "doctor", "-c", file, NULL};
    char *out, *err;
    const int code = proc_run(argv, NULL, &out, &err);
    if (code != expected)
        test_fail("exit %d, not %d: %s%s", code, expected, out, err);
    free(err);
    return out;
}

static void says(const char *out, const char *words)
{
    if (!strstr(out, words))
        test_fail("'%s' is not in:\n%s", words, out);
}

static void all_is_right(void **state)
{
    (void)state;
    open_broker(NULL);
    char *out = doctor(0);
    assert_null(strstr(out, "\nfault"));
    says(out, "none runs on");
    says(out, "connected and logged in with MQTT 5");
    says(out, "a message to itself came back (studio/agents/edge-1/check/doctor)");
    says(out, "0 faults");
    assert_null(strstr(out, "\033"));
    free(out);
    if (pgserver_wanted()) /* the agent's store is elsewhere than this file says */
        return;
    /* And beside an agent, which is not disturbed. */
    struct agent_proc *a =
        agent_proc_start(&(struct agent_options){.data = tmpdir_path(dir, "data"),
                                                 .tokens = tmpdir_path(dir, "tokens"),
                                                 .broker = broker_uri(broker)});
    agent_proc_destroy(a);
    out = doctor(0); /* a store without an agent */
    says(out, "no fault found in");
    free(out);
}

static void beside_an_agent(void **state)
{
    (void)state;
    open_broker(NULL);
    const char *argv[] = {
        studio_program("studio-agent"), "-c", file, "--listen", "localhost:0", NULL};
    struct proc *a = proc_spawn(argv, NULL);
    free(proc_wait_line(a, PROC_STDOUT, "listening on", WAIT_MS));
    char *out = doctor(0);
    says(out, "studio-agent 0.");
    says(out, " runs on ");
    says(out, "it can be written");
    says(out, "0 events wait for the broker");
    says(out, "a message to itself came back");
    assert_int_equal(proc_stop(a, WAIT_MS), 0);
    proc_destroy(a);
    free(out);
}

static void what_is_wrong_with_the_broker(void **state)
{
    (void)state;
    open_broker("user agent\ntopic read studio/#\n");
    char *out = doctor(0);
    says(out, "warning  access list");
    says(out, "let the agent's login read and write studio/agents/edge-1/check/doctor");
    free(out);
    configure("wrong\n", "");
    out = doctor(1);
    says(out, "fault    broker");
    says(out, "check mqtt.username");
    free(out);
    broker_stop(broker);
    out = doctor(1);
    says(out, "nobody listens at that port");
    says(out, "-> see that it runs");
    says(out, "1 fault,");
    free(out);
}

/* What doctor says with this certificate, key and address; exit code as expected. */
static void with_certificate(const char *cert, const char *key, const char *at, int expected,
                             const char *words)
{
    char *more =
        test_printf("[websocket]\nlisten = %s\ntls_cert = %s\ntls_key = %s.key\n", at, cert, key);
    char *out;

    configure("agent-pw\n", more);
    out = doctor(expected);
    says(out, words);
    free(out);
    free(more);
}

static void what_is_wrong_with_a_certificate(void **state)
{
    (void)state;
    open_broker(NULL);
    const char *cert = cert_create(dir, "agent.pem", "DNS:localhost,IP:192.0.2.7");
    const char *other = cert_create(dir, "other.pem", "DNS:localhost");
    char host[65] = "";
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    char *name = test_printf("DNS:studio.example,DNS:%s", host);
    const char *both = cert_create(dir, "both.pem", name);
    const char *old = cert_signed(dir, "old.pem", "localhost", cert, -1);
    const time_t made = time(NULL);
    char *with_old = test_printf("cat %s %s >%s", cert, old, tmpdir_path(dir, "chain.pem"));
    char *ours = test_printf("[mqtt]\ncert = %s\nkey = %s.key\nca_file = %s\n", old, old, other);
    char *out;

    while (time(NULL) == made) /* in its first second two whole days are left */
        usleep(10000);
    with_certificate(cert, cert, "wss://localhost:0", 0, "agent.pem: 1 day left");
    with_certificate(cert, cert, "wss://localhost:0", 0,
                     "ok       certificate   it is for localhost");
    with_certificate(cert, cert, "wss://192.0.2.7:1", 0, "it is for 192.0.2.7");
    with_certificate(cert, cert, "wss://127.0.0.1:1", 0,
                     "warning  certificate   it is not for 127.0.0.1");
    with_certificate(cert, cert, "wss://0.0.0.0:1", 0, "it is not for ");
    with_certificate(both, both, "wss://[::]:1", 0, "ok       certificate   it is for ");
    with_certificate(cert, other, "wss://localhost:0", 1, "is not that of the first certificate");
    with_certificate(old, old, "wss://localhost:0", 1, "old.pem has expired");
    assert_int_equal(proc_run((const char *const[]){"sh", "-c", with_old, NULL}, NULL, NULL, NULL),
                     0);
    with_certificate(tmpdir_path(dir, "chain.pem"), cert, "wss://localhost:0", 0,
                     "chain.pem: one behind ours has 0 days left");
    free(with_old);
    free(name);
    configure("agent-pw\n", ours);
    out = doctor(1);
    says(out, "mqtt.cert ");
    says(out, "old.pem has expired");
    says(out, "other.pem: 1 day left");
    free(out);
    free(ours);
}

/* As `setup --mosquitto` leaves it there, and it is forgotten. */
static void what_is_wrong_with_the_brokers_certificate(void **state)
{
    (void)state;
    open_broker(NULL);
    const char *ca = cert_create(dir, "ca.pem", "DNS:localhost");
    char *more = test_printf("[mqtt]\nuser_files = %s\n", dir), *out;

    configure("agent-pw\n", more);
    out = doctor(0);
    assert_null(strstr(out, "mqtt.user_files"));
    free(out);
    (void)cert_signed(dir, "tls.pem", "localhost", ca, 5);
    out = doctor(0);
    says(out, "warning  certificate   mqtt.user_files ");
    says(out, "restart the broker");
    free(out);
    (void)cert_signed(dir, "tls.pem", "localhost", ca, -1);
    out = doctor(1);
    says(out, "tls.pem has expired");
    free(out);
    free(more);
}

static void a_configuration_with_mistakes(void **state)
{
    (void)state;
    open_broker(NULL);
    configure("agent-pw\n", "speed = 3\nspede = 4\n");
    char *out = doctor(1);
    says(out, "fault    configuration");
    says(out, "unknown key 'speed'");
    says(out, "unknown key 'spede'");
    says(out, "2 faults, 0 warnings");
    free(out);
    configure("agent-pw\n", "");
    tmpdir_write(dir, "tokens", 0600, "");
    out = doctor(1);
    says(out, "fault    tokens");
    char *advice = test_printf("studio-agent token new PATTERN -c %s\n", file);
    says(out, advice);
    free(advice);
    free(out);
}

/* Root reads everything; the agent, which is the owner of the data directory, does not. */
static void what_only_root_may_read(void **state)
{
    enum { NOBODY = 65534 };
    const char *data = tmpdir_path(dir, "data"), *cert, *key;

    (void)state;
    if (geteuid() != 0)
        skip();
    open_broker(NULL);
    cert = cert_create(dir, "agent.pem", "DNS:localhost");
    key = tmpdir_path(dir, "agent.pem.key");
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(chown(data, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(dir, 0711), 0);
    assert_int_equal(chown(tmpdir_path(dir, "tokens"), 0, NOBODY), 0);
    assert_int_equal(chmod(tmpdir_path(dir, "tokens"), 0640), 0);
    assert_int_equal(chmod(cert, 0644), 0);
    assert_int_equal(chmod(key, 0640), 0); /* of root's own group */
    with_certificate(cert, cert, "wss://localhost:0", 1, "fault    certificate");
    assert_int_equal(chown(key, 0, NOBODY), 0);
    with_certificate(cert, cert, "wss://localhost:0", 1, "password cannot be read");
    assert_int_equal(chown(tmpdir_path(dir, "password"), NOBODY, NOBODY), 0);
    with_certificate(cert, cert, "wss://localhost:0", 0, "connected and logged in");
    assert_int_equal(chmod(tmpdir_path(dir, "tokens"), 0600), 0);
    with_certificate(cert, cert, "wss://localhost:0", 1, "fault    tokens");
}

/* Both logins are told of at once. */
static void no_password_can_be_read(void **state)
{
    static const char *const options[] = {"password_file", "command_password_file"};
    const char *data = tmpdir_path(dir, "data");
    char *out, *more, *words;

    (void)state;
    more = test_printf("[mqtt]\ncommand_username = me\ncommand_password_file = %s\n",
                       tmpdir_write(dir, "commands", 0600, "SECRET\n"));
    broker = broker_create(&(struct broker_options){.users = users});
    configure("agent-pw\n", more);
    if (geteuid() == 0) { /* who reads everything: the agent is somebody else */
        assert_int_equal(mkdir(data, 0700), 0);
        assert_int_equal(chown(data, 65534, 65534), 0);
        assert_int_equal(chown(tmpdir_path(dir, "tokens"), 65534, 65534), 0);
        assert_int_equal(chmod(dir, 0711), 0);
    } else {
        assert_int_equal(chmod(tmpdir_path(dir, "password"), 0), 0);
        assert_int_equal(chmod(tmpdir_path(dir, "commands"), 0), 0);
    }
    out = doctor(1);
    for (size_t i = 0; i < 2; i++) {
        words = test_printf("fault    broker        mqtt.%s /", options[i]);
        says(out, words);
        free(words);
    }
    free(more);
    free(out);
}

/* Then what stands in websocket.listen is not what is listened on. */
static void where_systemd_listens(void **state)
{
    static const struct {
        const char *state, *handed, *words;
    } units[] = {
        {"active", NULL, "(studio-agent.socket: [::]:8443, /run/a): those addresses count"},
        {"inactive", "LISTEN_FDS=1", "(LISTEN_FDS): those addresses count"},
        {"inactive", NULL, NULL}};

    (void)state;
    open_broker(NULL);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char *script = test_printf("#!/bin/sh\n[ $# = 4 ] && echo 'Listen=[::]:8443 (Stream)\n"
                                   "Listen=/run/a (Stream)\nActiveState=%s'\n",
                                   units[i].state),
             *path = test_printf("PATH=%s:%s", dir, getenv("PATH"));
        const char *env[] = {path, units[i].handed, NULL};
        static const char *const commands[] = {"doctor", "check"};

        tmpdir_write(dir, "systemctl", 0700, script);
        for (size_t j = 0; j < 2; j++) {
            const char *argv[] = {studio_program("studio-agent"), commands[j], "-c", file, NULL};
            char *out;

            assert_int_equal(proc_run(argv, env, &out, NULL), 0);
            if (units[i].words)
                says(out, units[i].words);
            else
                assert_null(strstr(out, "those addresses count"));
            free(out);
        }
        free(script);
        free(path);
    }
}

/* A line of JSON for each, the words the same. */
static void for_programs(void **state)
{
    (void)state;
    open_broker(NULL);
    broker_stop(broker);
    const char *argv[] = {studio_program("studio-agent"), "doctor", "--json", "-c", file, NULL};
    char *out, *rest, *line;
    unsigned faults = 0;
    assert_int_equal(proc_run(argv, NULL, &out, NULL), 1);
    rest = out;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *result = json_at(line, "result"), *text = json_at(line, "text"),
             *advice = json_at(line, "advice");
        assert_non_null(text);
        assert_true((strcmp(result, "ok") == 0) == (advice == NULL));
        faults += strcmp(result, "fault") == 0;
        free(result);
        free(text);
        free(advice);
    }
    assert_int_equal(faults, 1);
    free(out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_is_right),
        TEST(beside_an_agent),
        TEST(what_is_wrong_with_the_broker),
        TEST(what_is_wrong_with_a_certificate),
        TEST(what_is_wrong_with_the_brokers_certificate),
        TEST(what_only_root_may_read),
        TEST(no_password_can_be_read),
        TEST(where_systemd_listens),
        TEST(a_configuration_with_mistakes),
        TEST(for_programs),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
