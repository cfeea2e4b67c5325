/* test_guard.c - who may see the figures. */
#include "api/guard.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "api/request.h"
#include "config/config.h"
#include "net/logins.h"
#include "support/tmpdir.h"
#include "unit/agent/net/exchange_fixture.h"
#include "unit/agent/tokens_fixture.h"

#define TOKEN "a-token-of-monitoring"

enum { FAILURES = 20 };

static const char here[] = "here";
static struct api api;
static struct figures figures;
static struct logins logins = {.figures = &figures};

static void respond(void *ctx, struct exchange *exchange)
{
    struct api_request *request = request_create(ctx, exchange);

    assert_non_null(request);
    if (guard_lets_in(request))
        exchange_reply(exchange, 200, "{}", 2);
}

/* What it says is in *wire. From `here` it is this machine's own. */
static void ask(struct wire *wire, const char *peer, const char *authorization)
{
    bool own = strcmp(peer, here) == 0;
    struct exchange_head head = {
        .method = "GET", .path = "/metrics", .peer = own ? "127.0.0.1" : peer, .here = own};

    head.fields[EXCHANGE_AUTHORIZATION] = authorization;
    memset(wire, 0, sizeof(*wire));
    wire->exchange = exchange_create(&wire_env, wire, &head);
    assert_non_null(wire->exchange);
}

static void expect(const char *peer, const char *authorization, int status)
{
    static struct wire wire;

    ask(&wire, peer, authorization);
    wire_drain(&wire);
    if (wire.status != status)
        test_fail("%s with %s is answered %d, not %d", peer, authorization ? authorization : "none",
                  wire.status, status);
    if (status != 200)
        assert_string_equal(wire.answer.type, "application/problem+json");
    if (status == 401) {
        assert_int_equal(wire.answer.header_count, 1);
        assert_string_equal(wire.answer.headers[0].name, "www-authenticate");
    }
    assert_int_equal(wire.known, status == 200 && authorization);
    wire_close(&wire);
}

static void finish(void)
{
    guard_finish(&api.metrics);
    admission_destroy(api.admission);
}

static enum studio_err configure(const char *name, const char *value, struct studio_error *error)
{
    struct studio_agent_config config;
    enum studio_err err;

    finish();
    wire_env_init(respond, &api);
    figures = (struct figures){0};
    api = (struct api){
        .clock = &wire_clock.clock,
        .logins = &logins,
        .admission = admission_create(&(struct admission_options){.clock = &wire_clock.clock,
                                                                  .failures_per_minute = FAILURES},
                                      fixture_tokens(NULL)),
    };
    config_init(&config);
    if (name)
        assert_int_equal(studio_agent_config_set(&config, name, value, error), STUDIO_OK);
    err = guard_init(&api.metrics, &config, error);
    config_finish(&config);
    return err;
}

static void without_a_token_this_machine_alone(void **state)
{
    struct studio_error error;

    (void)state;
    assert_int_equal(configure(NULL, NULL, &error), STUDIO_OK);
    expect(here, NULL, 200);
    expect("127.0.0.1", NULL, 403); /* whom a proxy spoke for */
    expect("::1", NULL, 403);
    expect("10.0.0.7", NULL, 403);
    expect("10.0.0.7", "Bearer ", 403);
    expect("2001:db8::1", "Bearer " TOKEN, 403);
    expect("", NULL, 403);
}

static void with_a_token_who_has_it_too(void **state)
{
    struct studio_error error;

    (void)state;
    assert_int_equal(configure("metrics.token", TOKEN, &error), STUDIO_OK);
    expect(here, NULL, 200);
    expect("127.0.0.1", NULL, 401);
    expect("10.0.0.7", "Bearer " TOKEN, 200);
    expect("10.0.0.7", "bearer  " TOKEN " ", 200);
    expect("10.0.0.7", NULL, 401);
    expect("10.0.0.7", "Bearer " TOKEN "x", 401);
    expect("10.0.0.7", "Bearer a-token-of-monitorin", 401);
    expect("10.0.0.7", "Bearer", 401);
    expect("10.0.0.7", "Bearer ", 401);
    expect("10.0.0.7", "Basic " TOKEN, 401);
    expect("10.0.0.7", TOKEN, 401);
    expect("10.0.0.7", "Bearer ARO-001_pc:" TOKEN, 401);
}

/* As at any other login; who has it is let in at once. */
static void who_guesses_waits(void **state)
{
    static struct wire wire;
    struct studio_error error;

    (void)state;
    assert_int_equal(configure("metrics.token", TOKEN, &error), STUDIO_OK);
    for (int i = 0; i < FAILURES; i++)
        expect("10.0.0.7", "Bearer guess", 401);
    ask(&wire, "10.0.0.7", "Bearer guess");
    assert_false(wire.wanted);
    fake_clock_advance(&wire_clock, 100);
    exchange_tick(wire.exchange);
    wire_drain(&wire);
    assert_int_equal(wire.status, 401);
    wire_close(&wire);
    expect("10.0.0.7", "Bearer " TOKEN, 200);
    expect("10.0.0.7", NULL, 401); /* is no guess */
    assert_int_equal(figure_get(&figures.logins[LOGIN_CREDENTIALS]), FAILURES + 1);
}

static void the_token_may_stand_in_a_file(void **state)
{
    struct studio_error error;
    const char *dir = tmpdir_create();
    char *file = test_printf("%s/token", dir);
    static const struct {
        const char *text;
        enum studio_err err;
    } cases[] = {
        {TOKEN, STUDIO_OK},
        {TOKEN "\n", STUDIO_OK},
        {TOKEN "\r\nwhat else it is for\n", STUDIO_OK},
        {"", STUDIO_ERR_USAGE},
        {"\n" TOKEN "\n", STUDIO_ERR_USAGE},
        {"not a token\n", STUDIO_ERR_USAGE},
    };

    (void)state;
    assert_int_equal(configure("metrics.token_file", file, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "metrics.token_file"));
    assert_non_null(strstr(error.text, file)); /* it is not there */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        FILE *out = fopen(file, "w");

        assert_non_null(out);
        fputs(cases[i].text, out);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(chmod(file, 0600), 0);
        assert_int_equal(configure("metrics.token_file", file, &error), cases[i].err);
        if (cases[i].err != STUDIO_OK)
            assert_non_null(strstr(error.text, file));
        else
            expect("10.0.0.7", "Bearer " TOKEN, 200);
    }
    assert_int_equal(chmod(file, 0644), 0);
    assert_int_equal(chmod(dir, 0755), 0); /* now everybody can read it */
    assert_int_equal(configure("metrics.token_file", file, &error), STUDIO_ERR_USAGE);
    assert_non_null(strstr(error.text, "chmod o-r"));
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_token_this_machine_alone),
        cmocka_unit_test(with_a_token_who_has_it_too),
        cmocka_unit_test(who_guesses_waits),
        cmocka_unit_test(the_token_may_stand_in_a_file),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    finish();
    return failed;
}
