/* test_tables.c - tables as they are, page by page and singly, and who may see which. */
#include "unit/agent/api/api_fixture.h"

#define DOCUMENT(id, rev)                                                                          \
    "{\"TABLE_ID\":\"" id "\",\"UPTIME\":" rev ",\"TIMESTAMP\":\"2024-01-01T12:00:00\","           \
    "\"MAINTENANCE\":false,\"SDP\":\"standby\",\"IDP\":\"standby\",\"BROKER\":\"down\","           \
    "\"ZCam\":\"down\",\"ROULETTE\":\"down\",\"SHAKER\":\"down\",\"BARCODE_SCANNER\":\"down\","    \
    "\"NFC_SCANNER\":\"down\"}"

static void nobody_sees_anything_without_a_login(void **state)
{
    (void)state;
    get(NULL, "/api/v1/tables");
    take_answer(&wire, 401, "{\"status\":401,\"title\":\"Missing authentication parameters\"}");
    expect_header(&wire, "www-authenticate", "Bearer");
    assert_false(wire.known);
    wire_close(&wire);
    get("ARO-001:wrong_one", "/api/v1/tables/ARO-001");
    expect_answer(401, "{\"status\":401,\"title\":\"Invalid credentials\"}");
}

static void all_are_listed_by_name(void **state)
{
    (void)state;
    get(VIEWER, "/api/v1/tables");
    expect_answer(200, "{\"tables\":[]}");
    make_table("BAC-002");
    make_table("ARO-010");
    make_table("ARO-001");
    get(VIEWER, "/api/v1/tables");
    take_answer(&wire, 200,
                "{\"tables\":[" DOCUMENT("ARO-001", "0") "," DOCUMENT("ARO-010", "0") "," DOCUMENT(
                    "BAC-002", "0") "]}");
    assert_null(answered_header(&wire, "link"));
    assert_true(wire.known);
    wire_close(&wire);
    get(OPERATOR, "/api/v1/tables?prefix=ARO-0&after=ARO-001");
    expect_answer(200, "{\"tables\":[" DOCUMENT("ARO-010", "0") "]}");
    get(VIEWER, "/api/v1/tables?prefix=aro");
    expect_answer(200, "{\"tables\":[]}");
    get(VIEWER, "/api/v1/tables?prefix=ARO&after=ZZZ");
    expect_answer(200, "{\"tables\":[]}");
    get(VIEWER, "/api/v1/tables?prefix=B&after=ARO-001");
    expect_answer(200, "{\"tables\":[" DOCUMENT("BAC-002", "0") "]}");
    send_request(&wire,
                 &(struct request){.method = "HEAD", .target = "/api/v1/tables", .user = VIEWER});
    take_answer(&wire, 200, "");
    assert_true(wire.answer.length > 500);
    wire_close(&wire);
}

static void pages_lead_to_each_other(void **state)
{
    (void)state;
    make_table("A-1");
    make_table("A-2");
    make_table("A-3");
    make_table("B-1");
    get(VIEWER, "/api/v1/tables?prefix=A-&limit=2");
    take_answer(&wire, 200, "{\"tables\":[" DOCUMENT("A-1", "0") "," DOCUMENT("A-2", "0") "]}");
    expect_header(&wire, "link", "</api/v1/tables?prefix=A-&limit=2&after=A-2>; rel=\"next\"");
    wire_close(&wire);
    get(VIEWER, "/api/v1/tables?prefix=A-&limit=2&after=A-2");
    take_answer(&wire, 200, "{\"tables\":[" DOCUMENT("A-3", "0") "]}");
    assert_null(answered_header(&wire, "link"));
    wire_close(&wire);
    /* What stands behind the last of a page but is removed is no next page. */
    send_request(&wire, &(struct request){
                            .method = "DELETE", .target = "/api/v1/tables/B-1", .user = OPERATOR});
    settle();
    expect_answer(200, "{\"status\":\"removed\",\"table_id\":\"B-1\"}");
    get(VIEWER, "/api/v1/tables?limit=3");
    take_answer(&wire, 200, NULL);
    assert_null(answered_header(&wire, "link"));
    assert_null(strstr(wire.body, "B-1"));
    wire_close(&wire);
}

static void a_device_sees_its_own(void **state)
{
    (void)state;
    make_table("ARO-001");
    make_table("BAC-002");
    get(DEVICE, "/api/v1/tables");
    expect_answer(200, "{\"tables\":[" DOCUMENT("ARO-001", "0") "]}");
    get(DEVICE, "/api/v1/tables?prefix=B");
    expect_answer(200, "{\"tables\":[]}");
    get(DEVICE, "/api/v1/tables/ARO-001");
    expect_answer(200, DOCUMENT("ARO-001", "0"));
    get(DEVICE, "/api/v1/tables/BAC-002");
    expect_answer(403, "{\"status\":403,\"title\":\"Not permitted\"}");
    get("NEW-1:" TOKEN_DEVICE, "/api/v1/tables/NEW-1"); /* and makes none */
    expect_answer(404, "{\"status\":404,\"title\":\"Unknown table: NEW-1\"}");
    get("NEW-1:" TOKEN_DEVICE, "/api/v1/tables");
    expect_answer(200, "{\"tables\":[]}");
}

static void one_has_its_revision_as_a_tag(void **state)
{
    static const struct {
        const char *known;
        int status;
    } rows[] = {
        {"\"0\"", 304},       {"W/\"0\"", 304},
        {"*", 304},           {"\"7\", W/\"0\"", 304},
        {"\"7\",\"0\"", 304}, {" ,\"0\"", 304},
        {"\"7\"", 200},       {"0", 200},
        {"\"00\"", 200},      {"\"0", 200},
        {"\"7\" \"0\"", 304}, {"", 200},
        {"\"7\", *", 304},    {"nonsense, \"0\"", 200},
        {"*x", 200},
    };

    (void)state;
    make_table("ARO-001");
    get(VIEWER, "/api/v1/tables/ARO-001");
    take_answer(&wire, 200, DOCUMENT("ARO-001", "0"));
    expect_header(&wire, "etag", "\"0\"");
    expect_header(&wire, "cache-control", "private, no-cache");
    wire_close(&wire);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        send_request(&wire, &(struct request){
                                .target = "/api/v1/tables/ARO-001",
                                .user = VIEWER,
                                .fields = {[EXCHANGE_IF_NONE_MATCH] = rows[i].known},
                            });
        take_answer(&wire, rows[i].status, rows[i].status == 304 ? "" : NULL);
        expect_header(&wire, "etag", "\"0\"");
        if (rows[i].status == 304)
            assert_null(wire.answer.type);
        wire_close(&wire);
    }
}

static void parameters_are_taken_at_their_word(void **state)
{
    static const struct {
        const char *target, *title;
    } rows[] = {
        {"/api/v1/tables?limit=0", "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit=1001", "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit=", "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit", "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit=5x", "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit=99999999999999999999",
         "Invalid value for limit: expected 1 to 1000"},
        {"/api/v1/tables?limit=1&limit=1", "Duplicate parameter: limit"},
        {"/api/v1/tables?Limit=1", "Unknown parameter: Limit"},
        {"/api/v1/tables/ARO-001?x=1", "Unknown parameter: x"},
        {"/api/v1/tables/ARO-001?\xff=1", "Unknown parameter: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *body = test_printf("{\"status\":400,\"title\":\"%s\"}", rows[i].title);
        get(VIEWER, rows[i].target);
        expect_answer(400, body);
        free(body);
    }
}

static void what_is_not_there(void **state)
{
    (void)state;
    get(VIEWER, "/api/v1/tables/NO-1");
    expect_answer(404, "{\"status\":404,\"title\":\"Unknown table: NO-1\"}");
    get(VIEWER, "/api/v1/tables/no%20name");
    expect_answer(404, "{\"status\":404,\"title\":\"Unknown table: that is no name of one\"}");
    get(NULL, "/api/v1/tables/no%20name");
    expect_answer(401, NULL);
    get(VIEWER, "/api/v1/tables/");
    expect_answer(404, "{\"status\":404,\"title\":\"Not found\"}");
    get(VIEWER, "/api/v1/tables/A-1/status");
    take_answer(&wire, 405, NULL);
    expect_header(&wire, "allow", "POST");
    wire_close(&wire);
    send_request(&wire,
                 &(struct request){.method = "PUT", .target = "/api/v1/tables/A-1", .body = "{}"});
    take_answer(&wire, 405, NULL);
    expect_header(&wire, "allow", "GET, HEAD, DELETE");
    wire_close(&wire);
}

static void a_user_has_one_rate(void **state)
{
    (void)state;
    make_table("ARO-001");
    api.rate = 1;
    api.burst = 2;
    for (int i = 0; i < 3; i++) {
        get(VIEWER, "/api/v1/tables/ARO-001");
        take_answer(&wire, i < 2 ? 200 : 429, NULL);
        if (i == 2)
            assert_string_equal(wire.body, "{\"status\":429,\"title\":\"Rate limit exceeded\"}");
        if (i == 2)
            expect_header(&wire, "retry-after", "1");
        wire_close(&wire);
    }
    get(OPERATOR, "/api/v1/tables/ARO-001");
    expect_answer(200, NULL);
    fake_clock_advance(&core_f.clock, 1000);
    get(VIEWER, "/api/v1/tables");
    expect_answer(200, NULL);
    get(VIEWER, "/api/v1/tables");
    expect_answer(429, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, api_open, api_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_sees_anything_without_a_login),
        TEST(all_are_listed_by_name),
        TEST(pages_lead_to_each_other),
        TEST(a_device_sees_its_own),
        TEST(one_has_its_revision_as_a_tag),
        TEST(parameters_are_taken_at_their_word),
        TEST(what_is_not_there),
        TEST(a_user_has_one_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
