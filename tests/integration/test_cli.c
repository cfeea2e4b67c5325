/* test_cli.c - the program: flags, files, signals, exit codes (protocol section 7). */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/pgserver.h"
#include "support/port.h"
#include "support/storedir.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* Runs `studio-agent args...` (ending with NULL) to its end. *err may be NULL. */
static int run(const char *const args[], char **out, char **err)
{
    const char *argv[32] = {studio_program("studio-agent")};
    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    return proc_run(argv, NULL, out, err);
}

/* It ends with this code and says `word` on standard error. */
static void expect_exit(const char *const args[], int code, const char *word)
{
    char *err;
    int got = run(args, NULL, &err);
    if (got != code || !strstr(err, word))
        test_fail("studio-agent %s ...: exit %d, expected %d and '%s' in: %s", args[0], got, code,
                  word, err);
    free(err);
}

static void help_and_version(void **state)
{
    (void)state;
    char *out;
    assert_int_equal(run((const char *[]){"--version", NULL}, &out, NULL), 0);
    assert_non_null(strstr(out, "0."));
    free(out);
    assert_int_equal(run((const char *[]){"--help", NULL}, &out, NULL), 0);
    static const char *const words[] = {"--listen",    "--broker",     "--data",
                                        "--tokens",    "--agent-id",   "--topic-root",
                                        "--log-level", "--log-format", "check"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strstr(out, words[i]))
            test_fail("--help does not name %s", words[i]);
    }
    free(out);
}

static void usage_mistakes(void **state)
{
    (void)state;
    expect_exit((const char *[]){"--lisen", "localhost:0", NULL}, 2, "--listen");
    expect_exit((const char *[]){"--listen", NULL}, 2, "--listen");
    expect_exit((const char *[]){"--listen", "localhost:99999", NULL}, 2, "listen");
    expect_exit((const char *[]){"--log-level", "loud", NULL}, 2, "info");
    expect_exit((const char *[]){"--topic-root", "a/#", NULL}, 2, "topic");
    expect_exit((const char *[]){"--agent-id", "not valid", NULL}, 2, "agent");
    expect_exit((const char *[]){"--broker", "http://x", NULL}, 2, "http");
    expect_exit((const char *[]){"dance", NULL}, 2, "dance");
    expect_exit((const char *[]){"-c", "/nonexistent/agent.conf", NULL}, 2, "/nonexistent");
}

static void missing_tokens(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 2,
                "studio-agent token new");
    tmpdir_write(dir, "tokens", 0600, "");
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 2, "tokens");
    tmpdir_write(dir, "tokens", 0600, "* device MY_TOKEN\n");
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 2, "tokens");
    const char *path = tokens_write_default(dir);
    assert_int_equal(chmod(path, 0666), 0);
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 2, "tokens");
}

static void the_line_with_the_port(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    char *expected = test_printf("listening on ws://localhost:%u\n", agent_proc_port(a));
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *out = proc_output(agent_proc_proc(a), PROC_STDOUT);
    assert_string_equal(out, expected); /* and nothing else */
    free(out);
    free(expected);
    agent_proc_destroy(a);
}

static void a_port_in_use(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    tokens_write_default(dir);
    struct port port;
    char listen[32], number[8];
    port_occupy(&port);
    snprintf(listen, sizeof listen, "localhost:%u", port.number);
    snprintf(number, sizeof number, "%u", port.number);
    expect_exit((const char *[]){"--listen", listen, "--data", dir, NULL}, 3, number);
    port_release(&port);
    /* No address of this machine (TEST-NET-1). */
    expect_exit((const char *[]){"--listen", "192.0.2.1:0", "--data", dir, NULL}, 3, "192.0.2.1");
}

static void one_data_folder_one_agent(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)proc_pid(agent_proc_proc(a)));
    const char *args[] = {"--listen", "localhost:0", "--data", agent_proc_data(a), NULL};
    expect_exit(args, 4, pid);
    /* The first one did not notice. */
    struct wsclient *c = wsclient_login(agent_proc_port(a), "ONE-001_x", TOKEN_DEVICE);
    wsclient_ask(c, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ONE-001\"}");
    wsclient_close(c);
    agent_proc_kill(a); /* leaves its lock behind, if that were a mere file */
    agent_proc_restart(a);
    agent_proc_destroy(a);
}

static void a_store_that_is_none(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    tokens_write_default(dir);
    tmpdir_write(dir, "studio.db", 0600,
                 "this is no database, and longer than its header: "
                 "0123456789012345678901234567890123456789012345678901");
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 4, "studio.db");
    char *text = tmpdir_read(tmpdir_path(dir, "studio.db"), NULL);
    assert_non_null(strstr(text, "this is no database")); /* never replaced */
    free(text);
}

static void stops_in_time(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        /* A broker that is not there, and a client that does not answer the close. */
        struct port nobody;
        char broker[64];
        port_reserve(&nobody);
        snprintf(broker, sizeof broker, "mqtt://127.0.0.1:%u", nobody.number);
        struct agent_proc *a = agent_proc_start(&(struct agent_options){.broker = broker});
        struct wsclient *c = wsclient_login(agent_proc_port(a), "STO-001_x", TOKEN_DEVICE);
        int64_t start = now_ms();
        proc_signal(agent_proc_proc(a), signals[i]);
        assert_int_equal(proc_wait(agent_proc_proc(a), WAIT_MS), 0);
        assert_true(now_ms() - start < 5000);
        wsclient_expect_close(c, 1001, "Server shutting down");
        wsclient_close(c);
        agent_proc_destroy(a);
        port_release(&nobody);
    }
}

static void updates_at_the_stop_are_answered_or_not_there(void **state)
{
    (void)state;
    struct agent_proc *a = agent_proc_start(NULL);
    struct wsclient *c = wsclient_login(agent_proc_port(a), "STO-002_x", TOKEN_DEVICE);
    unsigned answered = 0;
    for (int i = 0; i < 100; i++)
        wsclient_queue(c, "{\"sdp\":\"up\"}");
    wsclient_flush(c);
    proc_signal(agent_proc_proc(a), SIGTERM);
    struct ws_message m;
    while ((m = wsclient_next(c, WAIT_MS)).kind == WS_GOT_TEXT)
        answered++;
    assert_int_equal(m.kind, WS_GOT_CLOSE);
    assert_int_equal(m.code, 1001);
    wsclient_close(c);
    assert_int_equal(proc_wait(agent_proc_proc(a), WAIT_MS), 0);
    agent_proc_stop(a);
    agent_proc_restart(a);
    c = wsclient_connect(agent_proc_port(a), "/?id=STO-002_x&token=MY_TOKEN");
    char *uptime = test_printf("\"UPTIME\":%u,", answered);
    assert_non_null(strstr(wsclient_text(c), uptime));
    free(uptime);
    wsclient_close(c);
    agent_proc_destroy(a);
}

static void configurations_are_checked(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    const char *path = tmpdir_write(dir, "good.ini", 0600,
                                    "; a comment\n[websocket]\nlisten = localhost:0\n"
                                    "[limits]\nconnections = 5\n[log]\nlevel = warn\n");
    tmpdir_write(dir, "tokens", 0600, "");
    assert_int_equal(run((const char *[]){"check", "-c", path, NULL}, NULL, NULL), 0);
    path = tmpdir_write(dir, "bad.ini", 0600,
                        "[websocket]\nlisen = localhost:0\n[limits]\nconnections = many\n"
                        "[mqqt]\nbroker = mqtt://x\n");
    char *out, *err;
    assert_int_equal(run((const char *[]){"check", "-c", path, NULL}, &out, &err), 1);
    char *all = test_printf("%s%s", out, err);
    /* Line by line, with the nearest known name. */
    static const char *const words[] = {"bad.ini:2", "listen",    "bad.ini:4",
                                        "many",      "bad.ini:5", "mqtt"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strstr(all, words[i]))
            test_fail("'%s' is not named in: %s", words[i], all);
    }
    free(all);
    free(out);
    free(err);
    expect_exit((const char *[]){"-c", path, NULL}, 2, "bad.ini:2");
}

/* Flags win over the environment, that over the file. */
static void who_wins(void **state)
{
    (void)state;
    static const char config[] = "[limits]\nconnections_per_id = 1\nservice_values = one\n";
    const char *env[] = {"STUDIO_LIMITS_SERVICE_VALUES=two", "STUDIO_WEBSOCKET_LISTEN=nowhere:1",
                         NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.config = config, .env = env});
    struct wsclient *c = wsclient_login(agent_proc_port(a), "WIN-001_x", TOKEN_DEVICE);
    wsclient_ask(c, "{\"sdp\":\"two\"}", "{\"status\":\"updated\",\"table_id\":\"WIN-001\"}");
    wsclient_send(c, "{\"sdp\":\"one\"}");
    assert_non_null(strstr(wsclient_text(c), "Invalid value for sdp"));
    struct wsclient *second = wsclient_connect(agent_proc_port(a), "/?id=WIN-001_x&token=MY_TOKEN");
    wsclient_expect_close(second, 1013, "Try again later");
    wsclient_close(second);
    wsclient_close(c);
    agent_proc_destroy(a);
}

/* Kubernetes names the ports of services like options, and a container is given what its agent needs. */
static void an_environment_of_others(void **state)
{
    const char *env[] = {"STUDIO_MQTT_PORT=tcp://10.0.0.7:1883", "STUDIO_MQTT_BROKR=x", NULL};
    struct agent_proc *a;
    const char *dir = tmpdir_create();
    char *out, *err;

    (void)state;
    a = agent_proc_start(&(struct agent_options){.env = env});
    proc_stop(agent_proc_proc(a), WAIT_MS);
    err = proc_output(agent_proc_proc(a), PROC_STDERR);
    assert_non_null(strstr(err, "STUDIO_MQTT_PORT is left out"));
    assert_non_null(strstr(err, "did you mean 'broker'?"));
    free(err);
    agent_proc_destroy(a);

    setenv("STUDIO_MQTT_PASSWORD_FILE", "/nonexistent", 1);
    setenv("STUDIO_LOG_LEVEL", "loud", 1);
    setenv("STUDIO_STORE_DATA", dir, 1);
    assert_int_equal(run((const char *[]){"token", "new", "ARO-001_*", NULL}, &out, &err), 0);
    free(out);
    free(err);
    assert_int_equal(run((const char *[]){"token", "list", NULL}, &out, &err), 0);
    assert_non_null(strstr(out, "ARO-001_*"));
    free(out);
    free(err);
    expect_exit((const char *[]){"reload", NULL}, 1, "no agent runs on");
    expect_exit((const char *[]){"store", "check", NULL}, 4, dir);
    expect_exit((const char *[]){"--log-level", "info", NULL}, 2, "STUDIO_LOG_LEVEL");
    unsetenv("STUDIO_MQTT_PASSWORD_FILE");
    unsetenv("STUDIO_LOG_LEVEL");
    unsetenv("STUDIO_STORE_DATA");
}

/* What root makes in the directory of another user is that user's. */
static void root_works_for_another_user(void **state)
{
    enum { OTHER = 12345 };
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *dir = tmpdir_path(tmpdir_create(), "data");
    char *file = test_printf("%s/tokens", dir), *out, *err;
    struct stat about;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chown(dir, OTHER, OTHER), 0);
    for (int i = 0; i < 2; i++) { /* made, then changed */
        const char *args[] = {"token", "new", "ARO-001_*", "--data", dir, NULL};
        assert_int_equal(run(args, &out, &err), 0);
        free(out);
        free(err);
        assert_int_equal(stat(file, &about), 0);
        assert_int_equal(about.st_uid, OTHER);
        assert_int_equal(about.st_gid, OTHER);
        assert_int_equal(about.st_mode & 0777, 0600);
    }
    assert_int_equal(run((const char *[]){"token", "list", "--data", dir, NULL}, &out, &err), 0);
    free(out);
    free(err);
    /* An agent would be root here, and its user could change the file under it. */
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 2, "chown");
    assert_int_equal(
        run((const char *[]){"token", "revoke", "ARO-001_*", "--data", dir, NULL}, &out, &err), 0);
    free(out);
    free(err);
    assert_int_equal(stat(file, &about), 0);
    assert_int_equal(about.st_uid, OTHER);
    free(file);
}

/* All in the directory is of this user. */
static void expect_owner(const char *dir, uid_t owner)
{
    DIR *open = opendir(dir);
    struct stat about;

    assert_non_null(open);
    for (const struct dirent *entry; (entry = readdir(open)) != NULL;) {
        const char *path = tmpdir_path(dir, entry->d_name);
        if (strcmp(entry->d_name, "..") == 0)
            continue;
        assert_int_equal(lstat(path, &about), 0);
        if (about.st_uid != owner || about.st_gid != owner)
            test_fail("%s belongs to %u", path, (unsigned)about.st_uid);
    }
    closedir(open);
}

static void give(const char *dir, uid_t owner)
{
    DIR *open = opendir(dir);

    assert_non_null(open);
    for (const struct dirent *entry; (entry = readdir(open)) != NULL;)
        if (strcmp(entry->d_name, "..") != 0)
            assert_int_equal(lchown(tmpdir_path(dir, entry->d_name), owner, owner), 0);
    closedir(open);
}

/* What root does to the store of another user leaves it that user's, with all that is made beside it. */
static void root_keeps_another_users_store(void **state)
{
    enum { OTHER = 12345 };
    (void)state;
    if (geteuid() != 0 || pgserver_wanted())
        skip();
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* it cannot look for leaks in a process that has become another user */
#endif
    const char *top = tmpdir_create(), *data = tmpdir_path(top, "data");
    const char *copy = tmpdir_path(top, "copy");
    char *lines;
    assert_int_equal(chmod(top, 0711), 0); /* the other user comes through */
    assert_int_equal(mkdir(data, 0700), 0);
    assert_int_equal(mkdir(copy, 0700), 0);
    tokens_write_default(data);
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.data = data});
    wsclient_close(wsclient_login(agent_proc_port(a), "ARO-001_x", TOKEN_DEVICE));
    agent_proc_kill(a); /* its log is left to be read */
    agent_proc_destroy(a);
    give(data, OTHER);
    give(copy, OTHER);
    assert_int_equal(storedir_command("check", data, NULL, NULL, NULL), 0);
    expect_owner(data, OTHER);
    assert_int_equal(storedir_command("export", data, NULL, &lines, NULL), 0);
    assert_int_equal(storedir_command("restored", data, NULL, NULL, NULL), 0);
    expect_owner(data, OTHER);
    assert_int_equal(storedir_command("import", copy, lines, NULL, NULL), 0);
    expect_owner(copy, OTHER);
    free(lines);
}

static void a_directory_of_everybody(void **state)
{
    (void)state;
    const char *dir = tmpdir_create();
    tokens_write_default(dir);
    assert_int_equal(chmod(dir, 0777), 0);
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", dir, NULL}, 4, "chmod go-w");
    assert_int_equal(chmod(dir, 0700), 0);
    const char *other = tmpdir_create();
    assert_int_equal(symlink(tmpdir_path(dir, "tokens"), tmpdir_path(other, "tokens")), 0);
    expect_exit((const char *[]){"--listen", "localhost:0", "--data", other, NULL}, 2,
                "symbolic link");
    expect_exit((const char *[]){"token", "new", "ARO-001_*", "--data", other, NULL}, 2,
                "symbolic link");
}

static void no_broker_is_said_once(void **state)
{
    (void)state;
    const char *args[] = {"--log-format", "json", NULL};
    struct agent_proc *a = agent_proc_start(&(struct agent_options){.args = args});
    proc_stop(agent_proc_proc(a), WAIT_MS);
    char *log = proc_output(agent_proc_proc(a), PROC_STDERR);
    const char *first = strcasestr(log, "broker");
    assert_non_null(first);
    assert_null(strcasestr(strchr(first, '\n'), "no broker"));
    assert_int_equal(log[0], '{');
    free(log);
    agent_proc_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_and_version),
        cmocka_unit_test(usage_mistakes),
        cmocka_unit_test(missing_tokens),
        cmocka_unit_test(the_line_with_the_port),
        cmocka_unit_test(a_port_in_use),
        cmocka_unit_test(one_data_folder_one_agent),
        cmocka_unit_test(a_store_that_is_none),
        cmocka_unit_test(stops_in_time),
        cmocka_unit_test(updates_at_the_stop_are_answered_or_not_there),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(who_wins),
        cmocka_unit_test(an_environment_of_others),
        cmocka_unit_test(root_works_for_another_user),
        cmocka_unit_test(root_keeps_another_users_store),
        cmocka_unit_test(a_directory_of_everybody),
        cmocka_unit_test(no_broker_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
