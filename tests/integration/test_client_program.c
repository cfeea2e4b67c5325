/* test_client_program.c - studio-client against the real agent (protocol section 7). */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fields.h"
#include "support/tmpdir.h"
#include "support/tokens.h"
#include "support/wsfake.h"

enum { ARGS_MAX = 24 };

/* The command line `studio-client --url ws://localhost:PORT args...`. */
struct line {
    char url[64];
    const char *argv[ARGS_MAX];
};

static void make_line(struct line *line, uint16_t port, const char *const args[])
{
    size_t n = 0;

    snprintf(line->url, sizeof(line->url), "ws://localhost:%u", port);
    line->argv[n++] = studio_program("studio-client");
    line->argv[n++] = "--url";
    line->argv[n++] = line->url;
    for (size_t i = 0; args[i] != NULL; i++)
        line->argv[n++] = args[i];
    assert_true(n < ARGS_MAX);
    line->argv[n] = NULL;
}

static const char *const device_env[] = {"STUDIO_TOKEN=" TOKEN_DEVICE, NULL};

/* Runs it to its end, which must be this exit code; *out (may be NULL) and what it says on standard
 * error must hold these words. */
static void expect(uint16_t port, const char *const args[], int exit_code, const char *out_word,
                   const char *err_word)
{
    struct line line;
    char *out, *err;

    make_line(&line, port, args);
    int got = proc_run(line.argv, device_env, &out, &err);
    if (got != exit_code || strstr(out, out_word) == NULL || strstr(err, err_word) == NULL)
        test_fail("studio-client %s: exit %d, expected %d, '%s' and '%s'\n%s%s", args[0], got,
                  exit_code, out_word, err_word, out, err);
    free(out);
    free(err);
}

/* An interactive one reads these lines from a pipe. */
static void expect_dialogue(uint16_t port, const char *input, int exit_code, const char *out_word,
                            const char *err_word)
{
    struct line line;

    make_line(&line, port, ARGS("interactive"));
    struct proc *proc = proc_spawn(line.argv, device_env);
    proc_write(proc, input);
    proc_close_stdin(proc);
    int got = proc_wait(proc, WAIT_MS);
    char *out = proc_output(proc, PROC_STDOUT), *err = proc_output(proc, PROC_STDERR);
    if (got != exit_code || strstr(out, out_word) == NULL || strstr(err, err_word) == NULL)
        test_fail("interactive: exit %d, expected %d, '%s' and '%s'\n%s%s", got, exit_code,
                  out_word, err_word, out, err);
    if (strstr(out, "studio>") != NULL)
        test_fail("a prompt in a pipe: %s", out);
    free(out);
    free(err);
    proc_destroy(proc);
}

static void the_demo(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    struct line line;
    char *out;
    (void)state;
    make_line(&line, port, ARGS("--table", "DEM-001"));
    assert_int_equal(proc_run(line.argv, device_env, &out, NULL), 0);
    static const char *const in_order[] = {"1/5",
                                           "2/5",
                                           "3/5",
                                           "4/5",
                                           "{\"maintenance\":true}",
                                           "5/5",
                                           "\"MAINTENANCE\":false,\"SDP\":\"calibration\""};
    const char *at = out;
    for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++) {
        at = strstr(at, in_order[i]);
        if (at == NULL)
            test_fail("no %s, or not in this order: %s", in_order[i], out);
    }
    free(out);
    expect(port, ARGS("--table", "DEM-001", "get"), 0,
           fields(FIELDS_JSON, "sdp=calibration idp=up broker=up zcam=up roulette=down shaker=up "
                               "barcode_scanner=up nfc_scanner=up"),
           "");
    agent_proc_destroy(agent);
}

static void set_and_get(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    (void)state;
    expect(port, ARGS("set", "sdp=up", "maintenance=on", "barcode=up"), 0, "updated", "");
    expect(port, ARGS("get"), 0, "\"MAINTENANCE\":true,\"SDP\":\"up\"", "");
    expect(port, ARGS("set", "maintenance=false", "shift=3", "dealer=Ann B.", "quoted=\"3\""), 0,
           "updated", "");
    expect(port, ARGS("get"), 0, ",\"shift\":3,\"dealer\":\"Ann B.\",\"quoted\":\"3\"}", "");
    expect(port, ARGS("set", "dealer=", "shift=null"), 0, "updated", "");
    expect(port, ARGS("get"), 0, fields(FIELDS_JSON, "sdp=up barcode_scanner=up"), "");
    expect(port, ARGS("get"), 0, "\",\"quoted\":\"3\"}", "");
    expect(port, ARGS("get"), 0, "\"UPTIME\":3,", "");
    expect(port, ARGS("exception", "NO BALL DETECT"), 0, "received", "");
    expect(port, ARGS("--device", "", "get"), 0, "ARO-001", "");
    agent_proc_destroy(agent);
}

static void exit_codes(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    (void)state;
    expect(port, ARGS("set", "table_id=ARO-009", "sdp=up"), 1, "", "Not permitted");
    expect(port, ARGS("get", "ARO-009"), 1, "", "Not permitted");
    expect(port, ARGS("watch", "--all"), 1, "", "Not permitted");
    expect(port, ARGS("set", "sdp=sideways"), 2, "", "calibration");
    expect(port, ARGS("set", "sdp"), 2, "", "KEY=VALUE");
    expect(port, ARGS("set"), 2, "", "usage");
    expect(port, ARGS("watch", "--all", "X"), 2, "", "both");
    expect(port, ARGS("wach"), 2, "", "watch");
    expect(port, ARGS("--tabel", "X"), 2, "", "--table");
    expect(port, ARGS("--url", "localhost", "get"), 2, "", "ws://");
    expect(port, ARGS("--table", "no table", "get"), 2, "", "ARO-001");
    expect(port, ARGS("--token", "wrong", "get"), 4, "", "Invalid credentials");
    expect(port, ARGS("--help"), 0, "Examples", "");
    expect(port, ARGS("--version"), 0, "studio-client 0.", "");
    agent_proc_destroy(agent);
    expect(port, ARGS("get"), 3, "", "Not connected");
}

static void where_the_token_comes_from(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    const char *dir = tmpdir_create();
    const char *good = tmpdir_write(dir, "good", 0600, TOKEN_DEVICE "\nsecond line\n");
    const char *empty = tmpdir_write(dir, "empty", 0600, "\n");
    static const char *const no_env[] = {"STUDIO_TOKEN=", NULL};
    struct line line;
    char *err;
    (void)state;
    expect(port, ARGS("--token-file", good, "get"), 0, "TABLE_ID", "");
    expect(port, ARGS("--token-file", empty, "get"), 2, "", "no token");
    expect(port, ARGS("--token-file", tmpdir_path(dir, "none"), "get"), 2, "", "none");
    expect(port, ARGS("--token", TOKEN_DEVICE, "--token-file", empty, "get"), 0, "TABLE_ID", "");
    make_line(&line, port, ARGS("get"));
    assert_int_equal(proc_run(line.argv, no_env, NULL, &err), 2);
    assert_non_null(strstr(err, "STUDIO_TOKEN"));
    free(err);
    agent_proc_destroy(agent);
}

static void a_dialogue_from_a_pipe(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    (void)state;
    expect_dialogue(port,
                    "# a comment\n\nsdp up roulette down\nbarcode up\nmaintenance on\n"
                    "custom { \"note\" : \"a  b\" }\nexception NO BALL\nstatus\nquit\nsdp down\n",
                    0, "\"MAINTENANCE\":true,\"SDP\":\"up\"", "");
    expect(port, ARGS("get"), 0, "\"SDP\":\"up\"", "");
    expect(port, ARGS("get"), 0, "\"note\":\"a  b\"", "");
    /* A refused line does not stop those after it, but is told in the end. */
    expect_dialogue(port, "sdp sideways\nidp up", 1, "updated", "calibration");
    expect_dialogue(port, "custom {\"sdp\":\"sideways\"}\n", 1, "", "Invalid value for sdp");
    expect_dialogue(port, "dance\n", 1, "", "dance");
    expect(port, ARGS("get"), 0, "\"IDP\":\"up\"", "");
    agent_proc_destroy(agent);
}

static void watching(void **state)
{
    struct agent_proc *agent = agent_proc_start(&(struct agent_options){.same_port = true});
    uint16_t port = agent_proc_port(agent);
    struct line line;
    (void)state;
    expect(port, ARGS("set", "sdp=up"), 0, "updated", "");
    make_line(&line, port, ARGS("--token", TOKEN_VIEWER, "watch", "--all"));
    struct proc *watch = proc_spawn(line.argv, NULL);
    free(proc_wait_line(watch, PROC_STDOUT, "\"UPTIME\":1,", WAIT_MS));
    expect(port, ARGS("set", "sdp=down"), 0, "updated", "");
    free(proc_wait_line(watch, PROC_STDOUT, "\"UPTIME\":2,", WAIT_MS));
    expect(port, ARGS("--table", "NEW-001", "exception", "STUCK"), 0, "received", "");
    free(proc_wait_line(watch, PROC_STDOUT, "\"data\":\"STUCK\"", WAIT_MS));

    /* Over a restart of the agent. */
    agent_proc_kill(agent);
    agent_proc_restart(agent);
    free(proc_wait_line(watch, PROC_STDERR, "Not connected", WAIT_MS));
    free(proc_wait_line(watch, PROC_STDERR, "studio-client: connected", WAIT_MS));
    expect(port, ARGS("set", "sdp=calibration"), 0, "updated", "");
    free(proc_wait_line(watch, PROC_STDOUT, "\"SDP\":\"calibration\"", WAIT_MS));
    proc_signal(watch, SIGINT);
    assert_int_equal(proc_wait(watch, WAIT_MS), 0);
    proc_destroy(watch);
    agent_proc_destroy(agent);
}

/* Starts `watch` writing to this file; a shell puts it there. */
static struct proc *watch_into(uint16_t port, const char *path)
{
    char target[200];
    struct line line;
    const char *argv[ARGS_MAX + 4] = {"sh", "-c", "exec \"$@\" >\"$OUT\"", "sh"};

    snprintf(target, sizeof(target), "OUT=%s", path);
    make_line(&line, port, ARGS("watch"));
    memcpy(&argv[4], line.argv, sizeof(line.argv) - 4 * sizeof(line.argv[0]));
    const char *const env[] = {device_env[0], target, NULL};
    return proc_spawn(argv, env);
}

/* Reads until this text has come. */
static void read_until(int fd, const char *text)
{
    char got[8192];
    size_t len = 0;
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    do {
        assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
        ssize_t n = read(fd, got + len, sizeof(got) - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
        got[len] = '\0';
    } while (strstr(got, text) == NULL);
}

/* A reader that has stopped reading does not keep `watch` from ending. */
static void watching_into_a_stalled_pipe(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    const char *path = tmpdir_path(tmpdir_create(), "pipe");
    char value[1000];
    (void)state;
    /* The pipe takes the first part of this document and no more. */
    memset(value, 'x', sizeof(value));
    memcpy(value, "a=", 2);
    value[sizeof(value) - 1] = '\0';
    for (; value[0] <= 'e'; value[0]++)
        expect(port, ARGS("set", value), 0, "updated", "");
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC); /* both ends, so that opening waits for nobody */
    assert_int_equal(fcntl(fd, F_SETPIPE_SZ, 4096), 4096);
    struct proc *watch = watch_into(port, path);
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, WAIT_MS), 1);
    proc_signal(watch, SIGTERM);
    assert_int_equal(proc_wait(watch, WAIT_MS), 0);
    proc_destroy(watch);
    close(fd);
    agent_proc_destroy(agent);
}

/* Nor does a terminal whose output is held (Ctrl-S). */
static void watching_on_a_held_terminal(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    (void)state;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const char *path = ptsname(master);
    int terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    struct proc *watch = watch_into(agent_proc_port(agent), path);
    read_until(master, "ARO-001");
    assert_int_equal(tcflow(terminal, TCOOFF), 0);
    proc_signal(watch, SIGTERM);
    assert_int_equal(proc_wait(watch, WAIT_MS), 0);
    proc_destroy(watch);
    close(terminal);
    close(master);
    agent_proc_destroy(agent);
}

/* The same program at a server that wants the credentials in the address. */
static void a_server_that_wants_an_address(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct line line;
    (void)state;
    make_line(&line, wsfake_port(fake), ARGS("--table", "ARO-002", "set", "sdp=up"));
    struct proc *proc = proc_spawn(line.argv, device_env);
    wsfake_close(wsfake_accept(fake), 1008, "Missing authentication parameters");
    struct wsfake_conn *conn = wsfake_accept(fake);
    assert_string_equal(wsfake_path(conn), "/?id=ARO-002_dealerPC&token=" TOKEN_DEVICE);
    wsfake_send(conn, "{\"TABLE_ID\":\"ARO-002\",\"UPTIME\":4}");
    wsfake_expect(conn, "{\"sdp\":\"up\"}");
    wsfake_send(conn, "{\"status\":\"updated\",\"table_id\":\"ARO-002\"}");
    wsfake_expect_close(conn, 1000);
    assert_int_equal(proc_wait(proc, WAIT_MS), 0);
    proc_destroy(proc);
    wsfake_destroy(fake);
}

/* One connection to a server that knows updates and no envelopes: every object is `updated`. */
static void serve_without_envelopes(struct wsfake *fake)
{
    struct wsfake_conn *conn = wsfake_accept(fake);

    wsfake_send(conn,
                "{\"message\":\"Connected to Studio WebSocket Server\",\"status\":\"ready\"}");
    (void)wsfake_receive(conn);
    wsfake_send(conn, "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":4,\"SDP\":\"calibration\"}");
    for (const char *text; (text = wsfake_receive_or_end(conn)) != NULL;) {
        bool get = strstr(text, "\"event\":\"get\"") != NULL;
        wsfake_send(conn, "{\"status\":\"updated\"}");
        if (get)
            serve_without_envelopes(fake); /* the login that tells it instead */
    }
}

/* Every command finishes with what such a server offers. */
static void a_server_without_envelopes(void **state)
{
    static const struct {
        const char *args[4];
        int exit_code;
        const char *out, *err;
    } rows[] = {
        {{"--yes"}, 0, "\"SDP\":\"calibration\"", "cannot be asked"},
        {{"get"}, 0, "\"SDP\":\"calibration\"", "cannot be asked"},
        {{"set", "sdp=up"}, 0, "updated", ""},
        {{"exception", "STUCK"}, 1, "", "the server answered 'updated'"},
        {{"watch"}, 1, "\"SDP\":\"calibration\"", "cannot be watched"},
        {{"custom", "{\"a\":1}"}, 0, "{\"status\":\"updated\"}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsfake *fake = wsfake_create();
        struct line line;
        make_line(&line, wsfake_port(fake), rows[i].args);
        struct proc *proc = proc_spawn(line.argv, device_env);
        serve_without_envelopes(fake);
        int got = proc_wait(proc, WAIT_MS);
        char *out = proc_output(proc, PROC_STDOUT), *err = proc_output(proc, PROC_STDERR);
        if (got != rows[i].exit_code || strstr(out, rows[i].out) == NULL ||
            strstr(err, rows[i].err) == NULL)
            test_fail("%s: exit %d\n%s%s", rows[i].args[0], got, out, err);
        free(out);
        free(err);
        proc_destroy(proc);
        wsfake_destroy(fake);
    }
}

/* What it sends to everybody meanwhile does not get into the line of the status: two threads print. */
static void pushes_of_a_server_that_cannot_be_watched(void **state)
{
    enum { PUSHES = 20 };
    static const char document[] =
        "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":4,\"SDP\":\"calibration\"}";
    struct wsfake *fake = wsfake_create();
    const char *texts[PUSHES + 1];
    struct line line;
    (void)state;
    make_line(&line, wsfake_port(fake), ARGS("watch"));
    struct proc *proc = proc_spawn(line.argv, device_env);
    struct wsfake_conn *conn = wsfake_accept(fake);
    wsfake_send(conn, "{\"message\":\"welcome\",\"status\":\"ready\"}");
    (void)wsfake_receive(conn);
    wsfake_send(conn, document);
    (void)wsfake_receive(conn); /* the subscription */
    texts[0] = "{\"status\":\"updated\"}";
    for (size_t i = 1; i <= PUSHES; i++)
        texts[i] = document;
    wsfake_send_all(conn, texts, PUSHES + 1);
    while (wsfake_receive_or_end(conn) != NULL)
        ;
    assert_int_equal(proc_wait(proc, WAIT_MS), 1);
    char *out = proc_output(proc, PROC_STDOUT);
    size_t lines = 0;
    for (const char *at = out; *at != '\0'; lines++, at += strlen(document) + 1) {
        assert_int_equal(strncmp(at, document, strlen(document)), 0);
        assert_int_equal(at[strlen(document)], '\n');
    }
    assert_in_range(lines, 1, PUSHES + 1);
    free(out);
    proc_destroy(proc);
    wsfake_destroy(fake);
}

/* Even the credentials are an update to it, and no document comes. */
static void a_server_that_says_updated_to_everything(void **state)
{
    struct wsfake *fake = wsfake_create();
    struct line line;
    (void)state;
    make_line(&line, wsfake_port(fake), ARGS("set", "sdp=up"));
    struct proc *proc = proc_spawn(line.argv, device_env);
    struct wsfake_conn *conn = wsfake_accept(fake);
    wsfake_send(conn, "{\"message\":\"welcome\",\"status\":\"ready\"}");
    while (wsfake_receive_or_end(conn) != NULL)
        wsfake_send(conn, "{\"status\":\"updated\"}");
    assert_int_equal(proc_wait(proc, WAIT_MS), 0);
    proc_destroy(proc);
    wsfake_destroy(fake);
}

/* What went wrong, and what to do about it. */
static void messages_that_name_the_fix(void **state)
{
    struct agent_proc *agent = agent_proc_start(NULL);
    uint16_t port = agent_proc_port(agent);
    struct wsfake *fake = wsfake_create();
    struct line line;
    char *err;
    (void)state;
    expect(port, ARGS("--token", "wrong", "get"), 4, "", "studio-agent token new");
    expect(port, ARGS("watch", "--all"), 1, "", "--role viewer");
    expect(port, ARGS("watch", "ARO-002"), 1, "", "--role viewer");
    expect(port, ARGS("set", "roulete=down"), 2, "", "did you mean roulette");
    expect(port, ARGS("set", "--custom", "roulete=down"), 0, "updated", "");
    expect(port, ARGS("set", "roulete="), 0, "updated", "");
    expect(port, ARGS("roulete", "down"), 2, "", "roulette");
    expect(port, ARGS("sdp", "up", "idp=up"), 0, "updated", "");
    expect(port, ARGS("status"), 0, "\"UPTIME\":3,", "");
    expect(port, ARGS("set", "note=\xff"), 2, "", "not UTF-8");
    expect(port, ARGS("?"), 0, "Examples", "");
    expect(port, ARGS("--id", "wall", "--token", TOKEN_VIEWER, "get", "ARO-001"), 0,
           "\"UPTIME\":3,", "");
    expect(port, ARGS("--id", "wall", "--table", "ARO-001", "--token", TOKEN_VIEWER, "get"), 0,
           "\"UPTIME\":3,", "");
    expect(port, ARGS("--id", "ARO-001_x", "--table", "ARO-002", "exception", "X"), 2, "",
           "ARO-002");
    agent_proc_destroy(agent);

    make_line(&line, wsfake_port(fake), ARGS("get"));
    struct proc *proc = proc_spawn(line.argv, device_env);
    wsfake_answer(fake, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(proc_wait(proc, WAIT_MS), 3);
    err = proc_output(proc, PROC_STDERR);
    if (strstr(err, "HTTP 404") == NULL || strstr(err, "path") == NULL)
        test_fail("%s", err);
    free(err);
    proc_destroy(proc);
    wsfake_destroy(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_demo),
        cmocka_unit_test(set_and_get),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(where_the_token_comes_from),
        cmocka_unit_test(a_dialogue_from_a_pipe),
        cmocka_unit_test(watching),
        cmocka_unit_test(watching_into_a_stalled_pipe),
        cmocka_unit_test(watching_on_a_held_terminal),
        cmocka_unit_test(a_server_that_wants_an_address),
        cmocka_unit_test(a_server_without_envelopes),
        cmocka_unit_test(pushes_of_a_server_that_cannot_be_watched),
        cmocka_unit_test(a_server_that_says_updated_to_everything),
        cmocka_unit_test(messages_that_name_the_fix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
