/* test_commands.c - updates, exceptions and removals over HTTP: durable before they are answered, and once. */
#include "unit/agent/api/api_fixture.h"

#include "core/requests.h"

#define STATUS     "/api/v1/tables/ARO-001/status"
#define EXCEPTIONS "/api/v1/tables/ARO-001/exceptions"
#define UPDATED    "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}"
#define UPDATED_K  "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"k\"}"

static int open_table(void **state)
{
    (void)api_open(state);
    make_table("ARO-001");
    return 0;
}

static uint64_t last_seq(void)
{
    return store_info(core_f.store)->last_seq;
}

/* The answer comes when it is durable. */
static void expect_durable(int status, const char *body)
{
    assert_int_equal(wire.status, 0);
    assert_false(wire.wanted);
    settle();
    expect_answer(status, body);
}

/* The same refused, at once. */
static void expect_problem(int status, const char *title)
{
    char *body = test_printf("{\"status\":%d,\"title\":\"%s\"}", status, title);

    expect_answer(status, body);
    free(body);
}

static void an_update_is_durable_before_it_is_answered(void **state)
{
    (void)state;
    post(DEVICE, STATUS, NULL, "{\"sdp\":\"up\"}");
    expect_durable(200, UPDATED);
    post(OPERATOR, STATUS, NULL, "{\"event\":\"service_status\",\"data\":{\"zcam\":\"up\"}}");
    expect_durable(200, UPDATED);
    post(OPERATOR, STATUS, NULL, "{\"table_id\":\"ARO-001\",\"x\":1}");
    expect_durable(200, UPDATED);
    assert_int_equal(last_seq(), 4);
    post(DEVICE, STATUS, NULL, "{}"); /* is none */
    expect_answer(200, UPDATED);
    get(VIEWER, "/api/v1/tables/ARO-001");
    take_answer(&wire, 200, NULL);
    expect_header(&wire, "etag", "\"3\"");
    assert_non_null(strstr(wire.body, "\"SDP\":\"up\""));
    assert_non_null(strstr(wire.body, "\"ZCam\":\"up\""));
    assert_non_null(strstr(wire.body, "\"x\":1}"));
    wire_close(&wire);
}

static void an_exception_stands_for_itself_or_in_its_envelope(void **state)
{
    static const char received[] = "{\"status\":\"received\",\"table_id\":\"ARO-001\"}";
    static const char *const bodies[] = {
        "\"NO BALL DETECT\"", "{\"signal\":{\"msgId\":\"7\"},\"cmd\":{}}",
        "{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}",
        "{\"event\":5,\"request_id\":{}}", /* no envelope: data of its own */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        post(DEVICE, EXCEPTIONS, NULL, bodies[i]);
        expect_durable(200, received);
        assert_int_equal(last_seq(), i + 2);
    }
    static const struct {
        const char *body, *title;
    } wrong[] = {
        {"[1]", "Invalid data for exception"},
        {"5", "Invalid data for exception"},
        {"null", "Invalid data for exception"},
        {"{\"event\":\"exception\"}", "Invalid data for exception"},
        {"{\"event\":\"get\"}", "Invalid data for exception"},
        {"{\"event\":\"service_status\",\"data\":{}}", "Invalid data for exception"},
        {"NO BALL", "Invalid JSON format"},
        {"", "Invalid JSON format"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        post(DEVICE, EXCEPTIONS, NULL, wrong[i].body);
        expect_problem(400, wrong[i].title);
    }
}

static void what_is_wrong_is_told_in_the_same_words(void **state)
{
    static const struct {
        const char *user, *target, *body, *title;
        int status;
    } rows[] = {
        {DEVICE, STATUS, "{\"sdp\":\"no\"}",
         "Invalid value for sdp: expected one of up, down, standby, calibration, exception", 400},
        {DEVICE, STATUS, "[]", "Update must be a JSON object", 400},
        {DEVICE, STATUS, "{\"zCam\":\"up\",\"zcam\":\"up\"}", "Duplicate field: zcam", 400},
        {DEVICE, STATUS, "{\"event\":\"exception\",\"data\":\"X\"}", "Invalid data for status",
         400},
        {DEVICE, STATUS, "{\"id\":\"ARO-001\",\"token\":\"MY_TOKEN\"}", "Invalid field name: id",
         400},
        {DEVICE, STATUS, "{\"table_id\":\"BAC-002\",\"sdp\":\"up\"}",
         "Invalid value for table_id: expected ARO-001, as in the address", 400},
        {DEVICE, STATUS "?x=1", "{}", "Unknown parameter: x", 400},
        {DEVICE, "/api/v1/tables/BAC-002/status", "{}", "Not permitted", 403},
        {VIEWER, STATUS, "{\"sdp\":\"up\"}", "Not permitted", 403},
        {VIEWER, EXCEPTIONS, "\"X\"", "Not permitted", 403},
        {OPERATOR, "/api/v1/tables/BAC-002/status", "{}", "Unknown table: BAC-002", 404},
        {"BAC-002:" TOKEN_DEVICE, "/api/v1/tables/BAC-002/status", "{}", "Unknown table: BAC-002",
         404},
        {DEVICE, "/api/v1/tables/_/status", "{}", "Unknown table: that is no name of one", 404},
        {NULL, STATUS, "{}", "Missing authentication parameters", 401},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        post(rows[i].user, rows[i].target, NULL, rows[i].body);
        expect_problem(rows[i].status, rows[i].title);
    }
    char *value = test_printf("{\"x\":\"%01100d\"}", 0);
    post(DEVICE, STATUS, NULL, value);
    expect_problem(413, "Value too large: x");
    free(value);
    assert_int_equal(last_seq(), 1);
}

static void operators_remove_tables(void **state)
{
    const struct request removal = {
        .method = "DELETE", .target = "/api/v1/tables/ARO-001", .user = OPERATOR};
    struct request another = removal;

    (void)state;
    another.user = DEVICE;
    send_request(&wire, &another);
    expect_problem(403, "Not permitted");
    struct fake_actor device;
    fake_actor_init(&device, VIA_WEBSOCKET, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    join(&core_f, &device);
    send_request(&wire, &removal);
    expect_problem(409, "Devices of this table are connected");
    fake_actor_finish(&core_f, &device);
    send_request(&wire, &removal);
    expect_durable(200, "{\"status\":\"removed\",\"table_id\":\"ARO-001\"}");
    send_request(&wire, &removal);
    expect_problem(404, "Unknown table: ARO-001");
    post(DEVICE, STATUS, NULL, "{\"sdp\":\"up\"}"); /* does not come back by this */
    expect_problem(404, "Unknown table: ARO-001");
}

/* --- once --------------------------------------------------------------------------------------- */

static void a_key_is_a_request_id(void **state)
{
    (void)state;
    post(DEVICE, STATUS, "k", "{\"x\":1}");
    expect_durable(200, UPDATED_K);
    uint64_t before = last_seq();
    post(DEVICE, STATUS, "k", "{\"x\":1}");
    expect_durable(200, UPDATED_K);
    post(DEVICE, STATUS, "\"k\"", "{\"x\":1}"); /* as a structured field */
    expect_durable(200, UPDATED_K);
    post(DEVICE, STATUS, "k", "{\"x\":2}");
    expect_durable(409, "{\"status\":409,\"title\":\"request_id already used\",\"request_id\":"
                        "\"k\"}");
    post(DEVICE, EXCEPTIONS, "k", "{\"x\":1}"); /* the same bytes are another request there */
    expect_durable(409, NULL);
    assert_int_equal(last_seq(), before);
    post(OPERATOR, STATUS, "k", "{\"x\":2}"); /* of another user */
    expect_durable(200, UPDATED_K);
    assert_int_equal(last_seq(), before + 1);
    /* In the body it is the same; both must say the same. */
    post(DEVICE, STATUS, NULL, "{\"x\":3,\"request_id\":\"b\"}");
    expect_durable(200, "{\"status\":\"updated\",\"table_id\":\"ARO-001\",\"request_id\":\"b\"}");
    post(DEVICE, STATUS, "b", "{\"x\":3,\"request_id\":\"b\"}");
    expect_durable(200, NULL);
    post(DEVICE, STATUS, "7", "{\"x\":4,\"request_id\":7}");
    expect_answer(400, "{\"status\":400,\"title\":\"Invalid value for request_id: expected that of "
                       "the Idempotency-Key\",\"request_id\":7}");
    assert_int_equal(last_seq(), before + 2);
}

static void a_key_is_a_short_text(void **state)
{
    static const char *const keys[] = {
        "", "\"\"", "\xff", "a2345678901234567890123456789012345678901234567890123456789012345"};

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        post(DEVICE, STATUS, keys[i], "{\"x\":1}");
        expect_problem(400,
                       "Invalid value for Idempotency-Key: expected a string of up to 64 bytes");
    }
    post(DEVICE, STATUS, keys[3] + 1, "{\"x\":1}");
    expect_durable(200, NULL);
}

static void a_removal_is_remembered_too(void **state)
{
    const struct request removal = {.method = "DELETE",
                                    .target = "/api/v1/tables/ARO-001",
                                    .user = OPERATOR,
                                    .fields = {[EXCHANGE_IDEMPOTENCY_KEY] = "gone"}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        send_request(&wire, &removal);
        expect_durable(200, "{\"status\":\"removed\",\"table_id\":\"ARO-001\",\"request_id\":"
                            "\"gone\"}");
    }
    assert_int_equal(last_seq(), 2);
}

/* One who has the same name there has sent another request. */
static void what_mqtt_remembers_is_no_answer_here(void **state)
{
    static const char body[] = "{\"x\":1,\"request_id\":\"k\"}";
    struct fake_actor plc;

    (void)state;
    fake_actor_init(&plc, VIA_MQTT, ROLE_DEVICE, "ARO-001", "ARO-001_pc");
    command(&core_f, &plc, body);
    settle();
    expect(&plc, UPDATED_K);
    fake_actor_finish(&core_f, &plc);
    post(DEVICE, STATUS, "k", body);
    expect_durable(409, NULL);
    assert_int_equal(last_seq(), 2);
}

static void who_has_gone_is_carried_out(void **state)
{
    (void)state;
    post(DEVICE, STATUS, "k", "{\"x\":1}");
    exchange_destroy(wire.exchange); /* while it is looked up */
    settle();
    assert_int_equal(last_seq(), 2);
    post(DEVICE, STATUS, "k", "{\"x\":1}");
    expect_durable(200, UPDATED_K);
    assert_int_equal(last_seq(), 2);
}

static void too_many_at_once_are_told_so(void **state)
{
    static struct wire wires[LINE_MAX];

    (void)state;
    core_f.lookup.held = true;
    for (size_t i = 0; i < LINE_MAX; i++) {
        char *key = test_printf("%zu", i);
        send_request(&wires[i], &(struct request){.method = "POST",
                                                  .target = STATUS,
                                                  .user = DEVICE,
                                                  .fields = {[EXCHANGE_IDEMPOTENCY_KEY] = key},
                                                  .body = "{\"x\":1}"});
        assert_false(wires[i].wanted);
        free(key);
    }
    post(DEVICE, STATUS, "more", "{\"x\":1}");
    take_answer(&wire, 503,
                "{\"status\":503,\"title\":\"Try again later\",\"request_id\":\"more\"}");
    expect_header(&wire, "retry-after", "1");
    exchange_destroy(wire.exchange);
    core_f.lookup.held = false;
    settle();
    for (size_t i = 0; i < LINE_MAX; i++) {
        take_answer(&wires[i], 200, NULL);
        exchange_destroy(wires[i].exchange);
    }
    assert_int_equal(wire_env.count, 0);
    assert_int_equal(last_seq(), 1 + LINE_MAX);
}

static void a_store_that_cannot_write(void **state)
{
    (void)state;
    post(DEVICE, STATUS, NULL, "{\"x\":1}");
    fake_committer_turn(&core_f, &committer, STUDIO_ERR_STORAGE);
    take_answer(&wire, 503, "{\"status\":503,\"title\":\"Storage unavailable\"}");
    expect_header(&wire, "retry-after", "1");
    wire_close(&wire);
}

static void the_rate_is_that_of_messages(void **state)
{
    (void)state;
    core_f.core->o.rate = api.rate = 1;
    core_f.core->o.burst = api.burst = 1;
    post(DEVICE, STATUS, NULL, "{\"x\":1}");
    expect_durable(200, NULL);
    get(DEVICE, "/api/v1/tables");
    expect_answer(429, NULL);
    post(DEVICE, STATUS, "k", "{\"x\":1}");
    expect_answer(429, "{\"status\":429,\"title\":\"Rate limit exceeded\",\"request_id\":\"k\"}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_table, api_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_update_is_durable_before_it_is_answered),
        TEST(an_exception_stands_for_itself_or_in_its_envelope),
        TEST(what_is_wrong_is_told_in_the_same_words),
        TEST(operators_remove_tables),
        TEST(a_key_is_a_request_id),
        TEST(a_key_is_a_short_text),
        TEST(a_removal_is_remembered_too),
        TEST(what_mqtt_remembers_is_no_answer_here),
        TEST(who_has_gone_is_carried_out),
        TEST(too_many_at_once_are_told_so),
        TEST(a_store_that_cannot_write),
        TEST(the_rate_is_that_of_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
