#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/fields.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/decode.h"
#include "protocol/decode_update.h"
#include "protocol/document.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct refused_value refused; /* of the last document_parse */

static int setup(void **state)
{
    struct buf *out = calloc(1, sizeof(*out));
    if (out == NULL)
        return -1;
    buf_init(out, 100000);
    *state = out;
    return 0;
}

static int teardown(void **state)
{
    buf_finish(*state);
    free(*state);
    return 0;
}

static void apply(struct table_state *s, const char *json)
{
    struct message m;
    struct studio_error error;
    struct buf changes;
    assert_int_equal(message_decode(s->lists, json, strlen(json), &m, &error), STUDIO_OK);
    buf_init(&changes, 100000);
    assert_int_equal(state_apply(s, &m.update, 1767323045, &changes), STUDIO_OK);
    buf_finish(&changes);
    message_finish(&m);
}

static void test_first_document(void **state)
{
    struct buf *out = *state;
    struct table_state s;
    state_init(&s, &studio_built_in_values, 1704110400);
    document_print(out, "ARO-001", &s);
    char *expected = test_printf(
        "{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":0,\"TIMESTAMP\":\"2024-01-01T12:00:00\",%s}",
        fields(FIELDS_JSON, ""));
    assert_string_equal(out->data, expected);
    free(expected);
    state_finish(&s);
}

static void test_round_trip(void **state)
{
    struct buf *out = *state;
    struct table_state s, read;
    state_init(&s, &studio_built_in_values, 0);
    apply(&s, "{\"sdp\":\"exception\",\"MAINTENANCE\":true,\"zcam\":\"up\",\"temp\":21.5,"
              "\"note\":{\"a\":[1,\"\\u0041\",null]},\"us\":1704067200123456,\"big\":1e300}");
    document_print(out, "ARO-001", &s);
    char *expected =
        test_printf("{\"TABLE_ID\":\"ARO-001\",\"UPTIME\":1,\"TIMESTAMP\":\"2026-01-02T03:04:05\","
                    "%s,\"temp\":21.5,\"note\":{\"a\":[1,\"A\",null]},"
                    "\"us\":1704067200123456,\"big\":1e+300}",
                    fields(FIELDS_JSON, "maintenance=true sdp=exception zcam=up"));
    assert_string_equal(out->data, expected);
    free(expected);

    assert_int_equal(
        document_parse(&studio_built_in_values, out->data, out->len, NULL, &read, &refused),
        STUDIO_OK);
    assert_int_equal(read.rev, 1);
    assert_int_equal(read.stamp_s, 1767323045);
    assert_int_equal(read.custom_count, 4);
    struct buf again;
    buf_init(&again, 100000);
    document_print(&again, "ARO-001", &read);
    assert_string_equal(again.data, out->data);
    buf_finish(&again);
    state_finish(&read);
    state_finish(&s);
}

/* The deepest custom value a client can set must still be readable in the stored document. */
static void test_deepest_value_survives(void **state)
{
    struct buf *out = *state;
    static const char deepest[] = "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]";
    static const char too_deep[] = "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]";
    struct message m;
    struct studio_error error;
    struct table_state s, read;
    assert_int_equal(message_decode_field(&studio_built_in_values, "deep", too_deep,
                                          strlen(too_deep), &m, &error),
                     STUDIO_ERR_INVALID_VALUE);
    message_finish(&m);
    assert_int_equal(
        message_decode_field(&studio_built_in_values, "deep", deepest, strlen(deepest), &m, &error),
        STUDIO_OK);
    state_init(&s, &studio_built_in_values, 0);
    struct buf changes;
    buf_init(&changes, 1000);
    assert_int_equal(state_apply(&s, &m.update, 0, &changes), STUDIO_OK);
    buf_finish(&changes);
    message_finish(&m);
    document_print(out, "T", &s);
    assert_int_equal(
        document_parse(&studio_built_in_values, out->data, out->len, NULL, &read, &refused),
        STUDIO_OK);
    assert_string_equal(read.custom[0].json, deepest);
    state_finish(&read);
    state_finish(&s);
}

static void test_value_no_longer_in_the_list(void **state)
{
    struct buf *out = *state;
    struct table_state s, read;
    struct studio_values lists = studio_built_in_values;
    assert_int_equal(studio_values_add(&lists, "paused", NULL, NULL), STUDIO_OK);
    state_init(&s, &lists, 0);
    apply(&s, "{\"sdp\":\"paused\",\"idp\":\"up\"}");
    document_print(out, "T", &s);
    state_finish(&s);

    assert_int_equal(
        document_parse(&studio_built_in_values, out->data, out->len, NULL, &read, &refused),
        STUDIO_ERR_INVALID_VALUE);
    assert_string_equal(refused.field->name, "SDP");
    assert_string_equal(refused.value, "paused");
    assert_string_equal(refused_value_option(&refused), "limits.service_values");
}

#define HEAD "\"TABLE_ID\":\"T\",\"UPTIME\":3,\"TIMESTAMP\":\"2024-02-29T23:59:59\""

static void test_older_documents(void **state)
{
    (void)state;
    /* Without a field this version has, and with a custom one of a name that is built in now. */
    static const char text[] = "{" HEAD ",\"SDP\":\"up\",\"z_cam\":\"up\",\"x\":1}";
    struct table_state read;
    assert_int_equal(
        document_parse(&studio_built_in_values, text, strlen(text), NULL, &read, &refused),
        STUDIO_OK);
    assert_int_equal(read.rev, 3);
    assert_int_equal(read.stamp_s, 1709251199);
    assert_string_equal(state_value(&read, field("zcam")), "up");
    assert_string_equal(state_value(&read, field("idp")), "standby");
    assert_string_equal(state_value(&read, field("shaker")), "down");
    assert_int_equal(read.custom_count, 1);
    state_finish(&read);
}

/* Custom fields of an earlier version whose names are those of built-in ones now. */
static void test_names_taken_over(void **state)
{
    (void)state;
    static const char text[] =
        "{" HEAD ",\"NFC_SCANNER\":\"up\",\"nfc\":\"down\",\"barcode\":\"up\","
        "\"s_d_p\":7,\"IDP\":7,\"x\":1}";
    static const char names[] = "nfc\0barcode\0s_d_p"; /* whose topics are not the built-in one's */
    struct table_state read;
    struct buf former;
    buf_init(&former, 1024);
    assert_int_equal(
        document_parse(&studio_built_in_values, text, strlen(text), &former, &read, &refused),
        STUDIO_OK);
    assert_int_equal(former.len, sizeof(names));
    assert_memory_equal(former.data, names, sizeof(names));
    buf_finish(&former);
    assert_int_equal(read.values[field("nfc_scanner")], 0);     /* its own value stays */
    assert_int_equal(read.values[field("barcode_scanner")], 0); /* taken over */
    assert_int_equal(read.values[field("sdp")], 2);             /* standby, as in the beginning */
    assert_int_equal(read.custom_count, 1);
    state_finish(&read);
}

/* The same, spelled exactly like the built-in one: known by their place or by the kind of the value. */
static void test_exact_names_taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        enum studio_err err;
        size_t nfc; /* the index of the value: up, down */
    } rows[] = {
        {"\"SDP\":\"up\",\"NFC_SCANNER\":\"up\"", STUDIO_OK, 0},
        {"\"SDP\":\"up\",\"x\":1,\"NFC_SCANNER\":\"up\"", STUDIO_OK, 0},
        {"\"SDP\":\"up\",\"x\":1,\"NFC_SCANNER\":\"idle\"", STUDIO_OK, 1},
        {"\"SDP\":\"up\",\"x\":1,\"NFC_SCANNER\":{\"a\":1}", STUDIO_OK, 1},
        {"\"SDP\":\"up\",\"x\":1,\"NFC_SCANNER\":7", STUDIO_OK, 1},
        {"\"SDP\":\"up\",\"x\":1,\"MAINTENANCE\":\"on\"", STUDIO_OK, 1},
        {"\"SDP\":\"up\",\"NFC_SCANNER\":7,\"x\":1", STUDIO_OK, 1},
        {"\"SDP\":\"up\",\"NFC_SCANNER\":\"no word\",\"x\":1", STUDIO_OK, 1},
        /* a place in the table before that of one that was there already */
        {"\"SDP\":\"up\",\"NFC_SCANNER\":\"up\",\"ROULETTE\":\"idle\",\"x\":1", STUDIO_OK, 0},
        /* of two spellings the first that is valid */
        {"\"x\":1,\"nfc\":\"up\",\"NFC_SCANNER\":\"down\"", STUDIO_OK, 0},
        {"\"x\":1,\"nfcScanner\":\"down\",\"nfc\":\"up\"", STUDIO_OK, 1},
        {"\"x\":1,\"nfc\":7,\"nfcScanner\":\"up\"", STUDIO_OK, 0},
        /* in its place: a value that was taken out of the list */
        {"\"SDP\":\"up\",\"NFC_SCANNER\":\"idle\",\"x\":1", STUDIO_ERR_INVALID_VALUE, 0},
        {"\"SDP\":\"idle\",\"NFC_SCANNER\":\"up\",\"x\":1", STUDIO_ERR_INVALID_VALUE, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *text = test_printf("{" HEAD ",%s}", rows[i].members);
        struct table_state read;
        enum studio_err err =
            document_parse(&studio_built_in_values, text, strlen(text), NULL, &read, &refused);
        if (err != rows[i].err)
            fail_msg("%s: %d", text, (int)err);
        if (err == STUDIO_OK) {
            if (read.values[field("nfc_scanner")] != rows[i].nfc)
                fail_msg("%s: %s", text, state_value(&read, field("nfc_scanner")));
            state_finish(&read);
        }
        free(text);
    }
}

static void test_not_a_document(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum studio_err err;
    } rows[] = {
        {"{\"TABLE_ID\":", STUDIO_ERR_INVALID_JSON},
        {"[]", STUDIO_ERR_INVALID_DATA},
        {"7", STUDIO_ERR_INVALID_DATA},
        {"{}", STUDIO_ERR_INVALID_DATA},
        {"{\"TABLE_ID\":\"T\",\"UPTIME\":3}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"UPTIME\":-1}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"UPTIME\":1.5}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"UPTIME\":\"3\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TABLE_ID\":\"a b\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TABLE_ID\":7}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":7}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":\"2023-02-29T23:59:59\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":\"2023-00-00T00:00:00\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":\"0000-01-01T00:00:00\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":\"2023-01-01 00:00:00\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"TIMESTAMP\":\"2023-01-01T00:00:0x\"}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"a b\":1}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"a\":null}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"a\":1e999}", STUDIO_ERR_INVALID_DATA},
        {"{" HEAD ",\"a\":1,\"a\":2}", STUDIO_ERR_INVALID_DATA},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct table_state read;
        if (document_parse(&studio_built_in_values, rows[i].text, strlen(rows[i].text), NULL, &read,
                           &refused) != rows[i].err)
            fail_msg("%s", rows[i].text);
    }
}

static void test_document_bounds(void **state)
{
    struct buf *out = *state;
    struct table_state read;
    buf_str(out, "{" HEAD);
    for (int i = 0; i <= STUDIO_CUSTOM_FIELDS_MAX; i++)
        buf_printf(out, ",\"f%d\":1", i);
    buf_str(out, "}");
    assert_int_equal(
        document_parse(&studio_built_in_values, out->data, out->len, NULL, &read, &refused),
        STUDIO_ERR_INVALID_DATA);

    buf_clear(out);
    buf_str(out, "{" HEAD ",\"a\":\"");
    for (int i = 0; i < STUDIO_CUSTOM_VALUE_MAX; i++)
        buf_str(out, "x");
    buf_str(out, "\"}");
    assert_int_equal(
        document_parse(&studio_built_in_values, out->data, out->len, NULL, &read, &refused),
        STUDIO_ERR_INVALID_DATA);
}

static const struct event_origin origin = {
    .table_id = "ARO-001", .by = "ARO-001_\"PC\"", .via = VIA_WEBSOCKET, .wall_ms = 1767323045678};

static void test_change_event(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 10000);
    event_change_body(&body, &origin, 17, "{\"SDP\":[\"standby\",\"up\"]}", false);
    assert_string_equal(body.data,
                        "\"table_id\":\"ARO-001\",\"rev\":17,"
                        "\"ts\":\"2026-01-02T03:04:05.678Z\",\"by\":\"ARO-001_\\\"PC\\\"\","
                        "\"via\":\"websocket\",\"changes\":{\"SDP\":[\"standby\",\"up\"]}}");

    buf_clear(&body);
    event_change_body(&body, &origin, 18, "{}", true);
    assert_non_null(strstr(body.data, "\"changes\":{},\"removed\":true}"));
    buf_finish(&body);
}

static void test_exception_event(void **state)
{
    (void)state;
    struct buf body;
    struct event_origin by_mqtt = origin;
    by_mqtt.via = VIA_MQTT;
    by_mqtt.by = "plc";
    buf_init(&body, 10000);
    event_exception_body(&body, &by_mqtt, "\"NO BALL DETECT\"");
    assert_string_equal(body.data,
                        "\"table_id\":\"ARO-001\","
                        "\"ts\":\"2026-01-02T03:04:05.678Z\",\"by\":\"plc\",\"via\":\"mqtt\","
                        "\"data\":\"NO BALL DETECT\"}");
    buf_finish(&body);
    assert_string_equal(via_name(VIA_HTTP), "http");
}

static void expect(struct buf *out, const char *text)
{
    assert_true(buf_ok(out));
    assert_string_equal(out->data, text);
    buf_clear(out);
}

static void test_answers(void **state)
{
    struct buf *out = *state;
    static const char *const tables[] = {"ARO-001", "*"};

    answer_done(out, "updated", "ARO-001", NULL);
    expect(out, "{\"status\":\"updated\",\"table_id\":\"ARO-001\"}");
    answer_done(out, "received", "ARO-001", "\"a1\"");
    expect(out, "{\"status\":\"received\",\"table_id\":\"ARO-001\",\"request_id\":\"a1\"}");
    answer_tables(out, "subscribed", tables, 2, "7");
    expect(out, "{\"status\":\"subscribed\",\"tables\":[\"ARO-001\",\"*\"],\"request_id\":7}");
    answer_tables(out, "unsubscribed", NULL, 0, NULL);
    expect(out, "{\"status\":\"unsubscribed\",\"tables\":[]}");
    answer_document(out, "{\"TABLE_ID\":\"T\"}xx", 16, NULL);
    expect(out, "{\"event\":\"status\",\"data\":{\"TABLE_ID\":\"T\"}}");
    answer_document(out, "{}", 2, "7");
    expect(out, "{\"event\":\"status\",\"data\":{},\"request_id\":7}");
    answer_error(out, "Invalid field name: a\"\n", "7");
    expect(out, "{\"error\":\"Invalid field name: a\\\"\\n\",\"request_id\":7}");
    push_exception(out, &origin, 9, "{\"a\":1}");
    expect(out, "{\"event\":\"exception\",\"table_id\":\"ARO-001\",\"seq\":9,"
                "\"ts\":\"2026-01-02T03:04:05.678Z\",\"data\":{\"a\":1}}");
    push_lagged(out, 3);
    expect(out, "{\"event\":\"lagged\",\"data\":{\"missed\":3}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_document),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_deepest_value_survives),
        cmocka_unit_test(test_value_no_longer_in_the_list),
        cmocka_unit_test(test_older_documents),
        cmocka_unit_test(test_names_taken_over),
        cmocka_unit_test(test_exact_names_taken_over),
        cmocka_unit_test(test_not_a_document),
        cmocka_unit_test(test_document_bounds),
        cmocka_unit_test(test_change_event),
        cmocka_unit_test(test_exception_event),
        cmocka_unit_test(test_answers),
    };
    struct CMUnitTest with_buffer[COUNT(tests)];
    for (size_t i = 0; i < COUNT(tests); i++) {
        with_buffer[i] = tests[i];
        with_buffer[i].setup_func = setup;
        with_buffer[i].teardown_func = teardown;
    }
    return cmocka_run_group_tests(with_buffer, NULL, NULL);
}
