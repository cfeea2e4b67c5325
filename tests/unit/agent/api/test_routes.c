/* test_routes.c - which paths there are. */
#include "api/api.h"

#include "base/figures.h"

#include "unit/agent/net/exchange_fixture.h"

static struct figures figures;
static struct api api = {.figures = &figures};

static void expect_header(const char *method, const char *path, int status, const char *body,
                          const char *name, const char *text)
{
    static struct wire wire;

    wire_env_init(api_respond, &api);
    wire_open(&wire, method, path, "0");
    wire_drain(&wire);
    assert_int_equal(wire.status, status);
    assert_string_equal(wire.body, body);
    assert_string_equal(wire.answer.type, status == 200 || status == 503
                                              ? "application/json"
                                              : "application/problem+json");
    assert_int_equal(wire.answer.header_count, name ? 1 : 0);
    if (name) {
        assert_string_equal(wire.answer.headers[0].name, name);
        assert_string_equal(wire.answer.headers[0].text, text);
    }
    wire_close(&wire);
}

static void expect(const char *method, const char *path, int status, const char *body)
{
    expect_header(method, path, status, body, NULL, NULL);
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    figures = (struct figures){0};
    expect_header("DELETE", "/healthz", 405, "{\"status\":405,\"title\":\"Method not allowed\"}",
                  "allow", "GET, HEAD");
    expect_header("DELETE", "/readyz", 405, "{\"status\":405,\"title\":\"Method not allowed\"}",
                  "allow", "GET, HEAD");
    expect_header("GET", "/v1/ws", 426,
                  "{\"status\":426,\"title\":\"This is a WebSocket address\"}", "upgrade",
                  "websocket");
    expect_header("POST", "/", 405, "{\"status\":405,\"title\":\"Method not allowed\"}", "allow",
                  "GET, HEAD");
    expect("GET", "/healthz/", 404, "{\"status\":404,\"title\":\"Not found\"}");
    expect("GET", "", 404, "{\"status\":404,\"title\":\"Not found\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
