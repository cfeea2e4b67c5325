/* test_client_asking.c - addresses with parameters, and refusals as errors. */
#include <string.h>

#include "client/client_asking.h"
#include "support/cmocka_all.h"

static void parameters(void **state)
{
    struct buf path;

    (void)state;
    buf_init(&path, 1000);
    buf_str(&path, "/stream");
    client_asking_add(&path, "kinds", NULL);
    client_asking_add(&path, "tables", "A-1,*");
    client_asking_add(&path, "since", "2026-01-02T06:00:00+01:00");
    assert_string_equal(path.data,
                        "/stream?tables=A-1%2C%2A&since=2026-01-02T06%3A00%3A00%2B01%3A00");
    buf_finish(&path);
}

static void refusals(void **state)
{
    static const struct {
        unsigned status;
        const char *body, *text;
        enum studio_err err;
    } rows[] = {
        {401, "{\"status\":401,\"title\":\"Invalid credentials\"}", "Invalid credentials",
         STUDIO_ERR_AUTH_CREDENTIALS},
        {403, "{\"status\":403,\"title\":\"Not permitted\"}", "Not permitted",
         STUDIO_ERR_NOT_PERMITTED},
        {400, "{\"status\":400,\"title\":\"Invalid data for since\"}", "Invalid data for since",
         STUDIO_ERR_INVALID_DATA},
        {404, "{\"status\":404,\"title\":\"Unknown table: X\"}", "Unknown table: X",
         STUDIO_ERR_UNKNOWN_TABLE},
        {503, "{\"status\":503,\"title\":\"Try again later\"}", "Try again later",
         STUDIO_ERR_LIMIT},
        {404, "{\"status\":404,\"title\":\"Not found\"}",
         "this agent has no HTTP API: it is of an earlier version", STUDIO_ERR_UNKNOWN_EVENT},
        {404, "{\"error\":\"Not found\"}", "Not connected to h:1: it answered HTTP 404",
         STUDIO_ERR_NOT_CONNECTED},
        {502, "<html>", "Not connected to h:1: it answered HTTP 502", STUDIO_ERR_NOT_CONNECTED},
        {500, "", "Not connected to h:1: it answered HTTP 500", STUDIO_ERR_NOT_CONNECTED},
    };
    struct studio_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf body;
        buf_init(&body, CLIENT_PROBLEM_MAX);
        buf_str(&body, rows[i].body);
        assert_int_equal(client_asking_refused(&error, "h:1", rows[i].status, &body), rows[i].err);
        assert_string_equal(error.text, rows[i].text);
        buf_finish(&body);
    }
    assert_int_equal(client_asking_lost(&error, "h:1", "no answer came"), STUDIO_ERR_NOT_CONNECTED);
    assert_string_equal(error.text, "Not connected to h:1: no answer came");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
