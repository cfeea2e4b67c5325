/* test_passwords.c - tokens that a person chose: slow hashes, made by `token new --password`. */
#include "integration/api_rig.h"
#include "support/tmpdir.h"

#define PIN "pin-4711"

/* Runs `studio-agent token ...` on this data folder, with a line on standard input. */
static void token_command(const char *data, const char *const args[], const char *in)
{
    const char *argv[16] = {studio_program("studio-agent"), "token"};
    char *err;
    size_t n = 2;

    for (size_t i = 0; args[i]; i++)
        argv[n++] = args[i];
    argv[n++] = "--data";
    argv[n++] = data;
    argv[n] = NULL;
    if (proc_run_on(argv, NULL, in, NULL, &err) != 0)
        test_fail("studio-agent token %s: %s", args[0], err);
    free(err);
}

/* PIN for the devices of ARO-001 and the office; the usual tokens besides. */
static int start(void **state)
{
    const char *data = tmpdir_create();

    (void)state;
    tokens_write_default(data);
    token_command(data, ARGS("new", "ARO-001_*", "--password"), PIN "\n");
    token_command(data, ARGS("new", "OFFICE_*", "--role", "viewer", "--password"), PIN "\n");
    agent = agent_proc_start(
        &(struct agent_options){.data = data, .tokens = tmpdir_path(data, "tokens")});
    port = agent_proc_port(agent);
    return 0;
}

static void by_all_ways_in(void **state)
{
    struct wsclient *c;

    (void)state;
    c = wsclient_login(port, "ARO-001_a", PIN); /* by address */
    wsclient_ask(c, "{\"sdp\":\"up\"}", "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(c);
    c = wsclient_connect(port, "/");
    (void)wsclient_text(c);
    /* By message; what comes with it waits until it is checked. */
    wsclient_queue(c, "{\"id\":\"ARO-001_b\",\"token\":\"" PIN "\"}");
    wsclient_queue(c, "{\"sdp\":\"down\"}");
    wsclient_queue(c, "{\"idp\":\"up\"}");
    wsclient_flush(c);
    assert_non_null(strstr(wsclient_text(c), "\"SDP\":\"up\""));
    assert_string_equal(wsclient_text(c), "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    assert_string_equal(wsclient_text(c), "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    wsclient_close(c);
    api_expect("OFFICE_1:" PIN, "GET", "/api/v1/tables/ARO-001", NULL, 200, NULL);
    api_expect("OFFICE_1:" PIN, "GET", "/api/v1/tables/ARO-001", NULL, 200, NULL);
    /* The others go on as ever. */
    c = wsclient_login(port, "ARO-001_c", TOKEN_DEVICE);
    wsclient_close(c);
}

static void wrong_ones(void **state)
{
    struct wsclient *c;

    (void)state;
    c = wsclient_connect(port, "/?id=ARO-001_a&token=pin-0000");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
    c = wsclient_connect(port, "/?id=NOBODY&token=pin-0000");
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
    api_expect("OFFICE_1:pin-0000", "GET", "/api/v1/tables", NULL, 401, NULL);
    api_expect("ARO-002_a:" PIN, "GET", "/api/v1/tables", NULL, 401, NULL);
}

/* While guesses are being checked, others are served: the net thread does not wait for them. */
static void guesses_keep_nobody_waiting(void **state)
{
    enum { GUESSERS = 30 };
    struct wsclient *guessers[GUESSERS], *c = wsclient_login(port, "ARO-009_a", TOKEN_DEVICE);

    (void)state;
    for (size_t i = 0; i < GUESSERS; i++)
        guessers[i] = wsclient_connect(port, "/?id=ARO-001_a&token=pin-0000");
    for (int i = 0; i < 100; i++)
        wsclient_ask(c, "{}", "{\"status\":\"updated\",\"table_id\":\"ARO-009\"}");
    /* Who is known is let in past all of them. */
    wsclient_close(wsclient_login(port, "ARO-001_a", PIN));
    for (size_t i = 0; i < GUESSERS; i++) { /* more than may wait for it of one address */
        struct ws_message m = wsclient_next(guessers[i], WAIT_MS);
        assert_int_equal(m.kind, WS_GOT_CLOSE);
        assert_true(m.code == 1008 || m.code == 1013);
        wsclient_close(guessers[i]);
    }
    wsclient_close(c);
}

static void a_line_taken_away_closes(void **state)
{
    struct wsclient *c = wsclient_login(port, "ARO-001_a", PIN);
    const char *data = agent_proc_data(agent);
    const char *argv[] = {studio_program("studio-agent"), "reload", "--data", data, NULL};

    (void)state;
    token_command(data, ARGS("revoke", "ARO-001_*"), "");
    assert_int_equal(proc_run(argv, NULL, NULL, NULL), 0);
    wsclient_expect_close(c, 1008, "Credentials revoked");
    wsclient_close(c);
    c = wsclient_connect(port, "/?id=ARO-001_a&token=" PIN);
    wsclient_expect_close(c, 1008, "Invalid credentials");
    wsclient_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_all_ways_in),
        cmocka_unit_test(wrong_ones),
        cmocka_unit_test(guesses_keep_nobody_waiting),
        cmocka_unit_test(a_line_taken_away_closes),
    };

    return cmocka_run_group_tests(tests, start, stop_agent);
}
