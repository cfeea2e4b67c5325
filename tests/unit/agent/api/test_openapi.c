/* test_openapi.c - the description of the API is there for all users, whole. */
#include "unit/agent/api/api_fixture.h"

#include "api/openapi.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_served_whole, api_open, api_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
