/* test_exchange_origin.c - a page of another origin, whose request is not carried out. */
#include "unit/agent/net/exchange_fixture.h"

static struct wire wire;

static void never(void *ctx, struct exchange *exchange)
{
    (void)ctx;
    (void)exchange;
    fail_msg("it is carried out");
}

static int setup(void **state)
{
    (void)state;
    wire_env_init(never, NULL);
    return 0;
}

static void expect_refusal(const char *method, const char *length, int status)
{
    memset(&wire, 0, sizeof(wire));
    wire.exchange = exchange_create(
        &wire_env, &wire,
        &(struct exchange_head){.method = method, .path = "/", .length = length, .foreign = true});
    wire_drain(&wire);
    assert_int_equal(wire.status, status);
    assert_int_equal(wire.last, EXCHANGE_CLOSE);
    assert_int_equal(strstr(wire.body, "websocket.origins") != NULL, status == 403);
    exchange_body(wire.exchange, "x", 1);         /* may still come */
    assert_true(exchange_lingers(wire.exchange)); /* and is read away, so that the answer arrives */
    wire_close(&wire);
}

/* What would be wrong anyway is told as ever. */
static void it_changes_nothing(void **state)
{
    (void)state;
    expect_refusal("DELETE", NULL, 403);
    expect_refusal("POST", "4", 403);
    expect_refusal("POST", "0", 403);
    expect_refusal("POST", NULL, 411);
    expect_refusal("PUT", "16385", 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(it_changes_nothing, setup)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
