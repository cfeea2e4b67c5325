/*
 * test_servers.c - the database as a studio has it: over TCP with TLS and a password from a file, and two servers, one
 * the synchronous standby of the other, which takes over.
 */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/certs.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/port.h"
#include "support/scene.h"
#include "support/tmpdir.h"

static const char *const agent_id = "STUDIO_MQTT_AGENT_ID=edge-1";

/* --- TCP, TLS, a password ---------------------------------------------------------------------- */

static struct port port;
static struct pgserver *alone;
static const char *files; /* certificates and password files */

static void for_the_server(const char *path)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && chown(path, user->pw_uid, user->pw_gid) != 0)
        test_fail("chown of %s", path);
}

static int start_alone(void **state)
{
    static char tcp[] = "listen_addresses=127.0.0.1", ssl[] = "ssl=on";
    (void)state;
    files = tmpdir_create();
    const char *cert = cert_create(files, "db.pem", "DNS:localhost");
    char *key = test_printf("%s.key", cert);
    cert_create(files, "other.pem", "DNS:localhost");
    tmpdir_write(files, "hba", 0644,
                 "local all all trust\nhostssl all studio 127.0.0.1/32 scram-sha-256\n");
    for_the_server(files);
    for_the_server(cert);
    for_the_server(key);
    char *cert_is = test_printf("ssl_cert_file=%s", cert),
         *key_is = test_printf("ssl_key_file=%s", key),
         *hba_is = test_printf("hba_file=%s", tmpdir_path(files, "hba"));
    const char *settings[] = {tcp, ssl, cert_is, key_is, hba_is, NULL};
    port_reserve(&port);
    alone =
        pgserver_create_as(&(struct pgserver_options){.settings = settings, .port = port.number});
    free(pgserver_ask(alone, "public",
                      "CREATE ROLE studio LOGIN PASSWORD 'sesame'; CREATE SCHEMA own AUTHORIZATION"
                      " studio; ALTER ROLE studio SET search_path = own"));
    tmpdir_write(files, "right", 0600, "localhost:*:*:studio:sesame\n");
    tmpdir_write(files, "wrong", 0600, "localhost:*:*:studio:sesam\n");
    free(cert_is);
    free(key_is);
    free(hba_is);
    free(key);
    return 0;
}

static int stop_alone(void **state)
{
    (void)state;
    pgserver_destroy(alone);
    port_release(&port);
    return 0;
}

static char *url_with(const char *passfile, const char *authority)
{
    return test_printf("STUDIO_STORE_URL=postgresql://studio@localhost:%u/postgres?passfile=%s/%s&"
                       "sslmode=verify-full&sslrootcert=%s/%s",
                       port.number, files, passfile, files, authority);
}

static void over_tls_with_a_password(void **state)
{
    (void)state;
    char *url = url_with("right", "db.pem"), *out, *err;
    const char *const env[] = {url, agent_id, NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.env = env});
    struct wsclient *c = wsclient_login(agent_proc_port(a), "ARO-001_pc", TOKEN_DEVICE);
    scene_updates(c, 5);
    wsclient_close(c);
    char *rows = pgserver_ask(alone, "own", "SELECT count(*) FROM studio_log");
    assert_string_equal(rows, "6");
    free(rows);
    rows = pgserver_ask(alone, "own",
                        "SELECT bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
                        " WHERE usename = 'studio'");
    assert_string_equal(rows, "t");
    free(rows);
    (void)proc_run(ARGS(studio_program("studio-agent"), "doctor", "--data", agent_proc_data(a)),
                   env, &out, &err);
    if (!strstr(out, "at localhost, encrypted, answered"))
        test_fail("doctor: %s%s", out, err);
    free(out);
    free(err);
    agent_proc_destroy(a);
    free(url);
}

static void no_start_otherwise(void **state)
{
    static const struct {
        const char *passfile, *authority, *words;
    } rows[] = {
        {"wrong", "db.pem", "check user and password in store.url or its passfile"},
        {"none", "db.pem", "no password supplied"},
        {"right", "other.pem", "check sslmode and sslrootcert in store.url"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *url = url_with(rows[i].passfile, rows[i].authority), *out, *err;
        const char *const env[] = {url, agent_id, NULL};
        const char *data = tmpdir_create();
        int code = proc_run(ARGS(studio_program("studio-agent"), "--listen", "localhost:0",
                                 "--data", data, "--tokens", tokens_write_default(data)),
                            env, &out, &err);
        if (code != 4 || !strstr(err, rows[i].words) || strstr(err, "sesam"))
            test_fail("exit %d, no '%s' in: %s", code, rows[i].words, err);
        free(out);
        free(err);
        free(url);
    }
}

/* --- two servers ------------------------------------------------------------------------------- */

static struct pgserver *first, *second;
static char *pair; /* the variable that names both */

static int start_two(void **state)
{
    static const char *const names[] = {"synchronous_standby_names=*", NULL};
    (void)state;
    first = pgserver_create_as(&(struct pgserver_options){.settings = names});
    char *from = test_printf("host=%s user=postgres", pgserver_host(first));
    second = pgserver_create_as(&(struct pgserver_options){.copy_of = from});
    pgserver_wait_synchronous(first);
    pair = test_printf("STUDIO_STORE_URL=postgresql:///postgres?host=%s,%s&user=postgres",
                       pgserver_host(first), pgserver_host(second));
    free(from);
    return 0;
}

static int stop_two(void **state)
{
    (void)state;
    pgserver_destroy(second);
    pgserver_destroy(first);
    free(pair);
    return 0;
}

static const char refused[] = "{\"error\":\"Storage unavailable\"}";

/* Asks until it is taken. */
static void until_updated(struct wsclient *c, const char *message)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    int64_t deadline = now_ms() + WAIT_MS;
    for (;;) {
        wsclient_send(c, message);
        const char *answer = wsclient_text(c);
        if (strcmp(answer, refused) != 0) {
            expect_json(answer, "status", "updated");
            return;
        }
        if (deadline_left(deadline) <= 0)
            test_fail("updates are still refused");
        nanosleep(&pause, NULL);
    }
}

/* Of what was under way each has its answer, and what was answered is on the one that goes on. */
static void the_standby_goes_on(void **state)
{
    enum { COUNT = 100 };
    (void)state;
    const char *const env[] = {pair, agent_id, NULL};
    struct scene s = {.broker = broker_create(NULL), .judge = judge_create("studio")};
    s.sub = scene_subscribe(s.broker, 5);
    judge_start(s.judge, 1);
    s.agent = agent_proc_start(
        &(struct agent_options){.broker = broker_uri(s.broker), .config = NO_LIMITS, .env = env});
    struct wsclient *c = scene_device(&s, "ARO-001_pc");
    uint64_t stored = 1; /* the table was made by it */
    scene_updates(c, 20);
    stored += 20;
    for (int i = 0; i < COUNT; i++) {
        char *message = test_printf("{\"n\":%d}", i);
        wsclient_queue(c, message);
        free(message);
    }
    wsclient_flush(c);
    pgserver_kill(first);
    pgserver_promote(second);
    for (int i = 0; i < COUNT; i++) {
        const char *answer = wsclient_text(c);
        stored += strcmp(answer, refused) != 0;
    }
    until_updated(c, "{\"again\":true}");
    stored++;
    scene_updates(c, 20);
    stored += 20;
    judge_wait_seq(s.judge, s.sub, stored);
    judge_expect_clean(s.judge, s.sub);
    char *rows = pgserver_ask(second, "public",
                              "SELECT max(seq) || ' ' || count(*) || ' ' || max(rev) + 1"
                              " FROM studio_log");
    char *expected = test_printf("%d %d %d", (int)stored, (int)stored, (int)stored);
    assert_string_equal(rows, expected);
    free(expected);
    free(rows);
    wsclient_close(c);
    scene_close(&s);
}

/* A start on what is left says that one machine is not two; so do check and doctor. */
static void one_is_not_two(void **state)
{
    static const char doubt[] = "no synchronous standby is configured";
    (void)state;
    const char *const env[] = {pair, agent_id, NULL};
    const char *data = tmpdir_create();
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data, .env = env});
    free(proc_wait_line(agent_proc_proc(a), PROC_STDERR, doubt, WAIT_MS));
    agent_proc_destroy(a);

    char *ini =
        test_printf("[mqtt]\nagent_id = edge-1\n[store]\nurl = %s\n", strchr(pair, '=') + 1);
    tmpdir_write(data, "agent.ini", 0600, ini);
    free(ini);
    const char *file = tmpdir_path(data, "agent.ini"), *program = studio_program("studio-agent");
    char *out, *err;
    assert_int_equal(proc_run(ARGS(program, "check", "-c", file), NULL, &out, &err), 0);
    if (!strstr(out, doubt))
        test_fail("check: %s%s", out, err);
    free(out);
    free(err);
    (void)proc_run(ARGS(program, "doctor", "-c", file, "--data", data), NULL, &out, &err);
    if (!strstr(out, doubt) || !strstr(out, "warning  database"))
        test_fail("doctor: %s%s", out, err);
    free(out);
    free(err);
}

int main(void)
{
    const struct CMUnitTest tcp[] = {
        cmocka_unit_test(over_tls_with_a_password),
        cmocka_unit_test(no_start_otherwise),
    };
    const struct CMUnitTest two[] = {
        cmocka_unit_test(the_standby_goes_on),
        cmocka_unit_test(one_is_not_two),
    };
    if (!pgserver_there())
        return 77;
    return cmocka_run_group_tests(tcp, start_alone, stop_alone) +
           cmocka_run_group_tests(two, start_two, stop_two);
}
