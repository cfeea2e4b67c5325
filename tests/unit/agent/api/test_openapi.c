/* test_openapi.c - the description of the API is there for all users, whole. */
#include "unit/agent/api/api_fixture.h"

#include "api/openapi.h"
#include "api/routes.h"
#include "support/json.h"

static void it_is_served_whole(void **state)
{
    (void)state;
    get(DEVICE, "/api/v1/openapi.json");
    take_answer(&wire, 200, NULL);
    assert_int_equal(wire.len, openapi_len);
    assert_memory_equal(wire.body, openapi_text, openapi_len);
    expect_json(wire.body, "openapi", "3.1.0");
    wire_close(&wire);
    get(NULL, "/api/v1/openapi.json");
    expect_answer(401, NULL);
    get(DEVICE, "/api/v1/openapi.json?x=1");
    expect_answer(400, NULL);
}

/* All but what is for browsers, and the other protocol. */
static void every_path_is_described(void **state)
{
    static const char *const others[] = {"/", "/dashboard/*", "/v1/ws"};

    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        bool other = false;
        for (size_t n = 0; n < sizeof(others) / sizeof(others[0]); n++)
            other = other || strcmp(routes[i].path, others[n]) == 0;
        char *key = test_printf("\"%s\":{", routes[i].path);
        if (!other && !memmem(openapi_text, openapi_len, key, strlen(key)))
            test_fail("%s is not described", routes[i].path);
        free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_described),
        cmocka_unit_test_setup_teardown(it_is_served_whole, api_open, api_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
