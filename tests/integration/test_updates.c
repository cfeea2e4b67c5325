/* test_updates.c - updates, exceptions and their answers on WebSocket (protocol sections 2 and 3).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/updates_rig.h"
#include "support/agent.h"
#include "support/cmocka_all.h"
#include "support/deadline.h"
#include "support/json.h"
#include "support/tokens.h"
#include "support/wsclient.h"

/* --- what is accepted ------------------------------------------------------------------------ */

static void flat_and_in_an_envelope(void **state)
{
    (void)state;
    expect_updated("{\"sdp\":\"up\",\"roulette\":\"up\"}");
    const char *text = get_document();
    expect_json(text, "data.SDP", "up");
    expect_json(text, "data.ROULETTE", "up");
    expect_json(text, "data.IDP", "standby");
    expect_json(text, "data.UPTIME", "1");
    expect_updated("{\"event\":\"service_status\",\"data\":{\"sdp\":\"down\"}}");
    expect_field("SDP", "down");
    expect_updated(
        " {\"event\" : \"service_status\" , \"other\":{}, \"data\" : {\"idp\":\"up\"} }\n");
    expect_field("IDP", "up");
    expect_field("UPTIME", "3");
}

static void every_field_in_every_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *field, *shown;
    } rows[] = {
        {"maintenance", "true", "MAINTENANCE", "true"},
        {"MAINTENANCE", "false", "MAINTENANCE", "false"},
        {"sdp", "\"up\"", "SDP", "up"},
        {"SDP", "\"exception\"", "SDP", "exception"},
        {"Sdp", "\"calibration\"", "SDP", "calibration"},
        {"s_d_p", "\"busy\"", "SDP", "busy"},
        {"idp", "\"down\"", "IDP", "down"},
        {"broker", "\"up\"", "BROKER", "up"},
        {"zcam", "\"up\"", "ZCam", "up"},
        {"zCam", "\"down\"", "ZCam", "down"},
        {"Z_CAM", "\"up\"", "ZCam", "up"},
        {"roulette", "\"up\"", "ROULETTE", "up"},
        {"shaker", "\"up\"", "SHAKER", "up"},
        {"barcode_scanner", "\"up\"", "BARCODE_SCANNER", "up"},
        {"barcodeScanner", "\"down\"", "BARCODE_SCANNER", "down"},
        {"NFC_SCANNER", "\"up\"", "NFC_SCANNER", "up"},
        {"nfcscanner", "\"down\"", "NFC_SCANNER", "down"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *message = test_printf("{\"%s\":%s}", rows[i].key, rows[i].value);
        expect_updated(message);
        expect_field(rows[i].field, rows[i].shown);
        free(message);
    }
    expect_field("UPTIME", "17");
}

static void nothing_set_is_no_update(void **state)
{
    (void)state;
    expect_updated("{}");
    expect_updated("{\"event\":\"service_status\",\"data\":{}}");
    expect_updated("{\"uptime\":77,\"timestamp\":\"never\"}");
    expect_field("UPTIME", "0");
    expect_updated("{\"sdp\":\"standby\"}");
    expect_field("UPTIME", "1");
}

static void custom_fields(void **state)
{
    (void)state;
    expect_updated("{\"speed\":7,\"Note\":\"a \\u20ac\",\"list\":[1,{\"a\":null}]}");
    const char *text = get_document();
    assert_non_null(
        strstr(text, "\"speed\":7,\"Note\":\"a \xe2\x82\xac\",\"list\":[1,{\"a\":null}]}"));
    expect_updated("{\"Note\":null}");
    assert_null(strstr(get_document(), "Note"));
    expect_updated("{\"Note\":1}");
    assert_non_null(strstr(get_document(), "\"list\":[1,{\"a\":null}],\"Note\":1}"));
    expect_updated("{\"speed\":8}"); /* stays where it is */
    assert_non_null(strstr(get_document(), "\"speed\":8,\"list\":"));
    expect_updated("{\"SPEED\":9}"); /* another one: custom names match exactly */
    assert_non_null(strstr(get_document(), "\"Note\":1,\"SPEED\":9}"));
    expect_updated("{\"gone\":null}"); /* removing what is not there is fine */
}

static void limits_of_custom_fields(void **state)
{
    (void)state;
    char value[1100];
    /* 1024 bytes as printed, with both quotes. */
    memset(value, 'x', sizeof value);
    value[1022] = '\0';
    char *message = test_printf("{\"long\":\"%s\"}", value);
    expect_updated(message);
    free(message);
    message = test_printf("{\"long\":\"%sx\"}", value);
    expect_error(message, "Value too large: long");
    free(message);
    char name[66];
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    message = test_printf("{\"%s\":1}", name);
    expect_updated(message);
    free(message);
    name[64] = 'n';
    name[65] = '\0';
    message = test_printf("{\"%s\":1}", name);
    char *error = test_printf("Invalid field name: %s", name);
    expect_error(message, error);
    free(error);
    free(message);
    for (int i = 2; i < 32; i++) {
        message = test_printf("{\"f%d\":%d}", i, i);
        expect_updated(message);
        free(message);
    }
    expect_error("{\"one_more\":1}", "Too many custom fields");
    expect_error("{\"sdp\":\"up\",\"one_more\":1}", "Too many custom fields");
    expect_field("SDP", "standby");
    expect_updated("{\"f2\":null,\"one_more\":1}");
}

static void exceptions(void **state)
{
    (void)state;
    expect_done("{\"event\":\"exception\",\"data\":\"NO BALL DETECT\"}", "received", "");
    expect_done("{\"event\":\"exception\",\"data\":{\"signal\":{\"msgId\":\"m1\",\"metadata\":"
                "{\"title\":\"SENSOR STUCK\",\"description\":\"d\",\"code\":\"ARE.3\","
                "\"suggestion\":\"s\"}},\"cmd\":{}}}",
                "received", "");
    expect_field("UPTIME", "0");
}

static void request_ids(void **state)
{
    (void)state;
    expect_done("{\"sdp\":\"up\",\"request_id\":\"a1\"}", "updated", ",\"request_id\":\"a1\"");
    expect_done("{\"event\":\"service_status\",\"data\":{\"sdp\":\"down\"},\"request_id\":7}",
                "updated", ",\"request_id\":7");
    expect_done("{\"event\":\"exception\",\"data\":\"X\",\"request_id\":-1}", "received",
                ",\"request_id\":-1");
    wsclient_ask(pc, "{\"sdp\":\"sideways\",\"request_id\":\"\\\"q\\\"\"}",
                 "{\"error\":\"Invalid value for sdp: expected one of up, down, standby, "
                 "calibration, exception, busy\",\"request_id\":\"\\\"q\\\"\"}");
    wsclient_send(pc, "{\"event\":\"get\",\"request_id\":9}");
    const char *text = wsclient_text(pc);
    expect_json(text, "event", "status");
    expect_json(text, "request_id", "9");
    expect_json(text, "data.SDP", "down");
}

/* --- what is refused ------------------------------------------------------------------------- */

static void strict_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "{\"sdp\":\"up\"",
        "{\"sdp\":\"up\"}x",
        "{\"sdp\":\"up\"}{}",
        "{sdp:\"up\"}",
        "{'sdp':'up'}",
        "{\"sdp\":\"up\",}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "\xef\xbb\xbf{}",
        "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
        "// note\n{}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_error(bad[i], "Invalid JSON format");
    static const char *const others[] = {"[]",   "\"sdp\"", "1",
                                         "true", "null",    "[{\"sdp\":\"up\"}]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_error(others[i], "Update must be a JSON object");
    expect_updated("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}");
    expect_field("UPTIME", "1");
}

static void wrong_values(void **state)
{
    (void)state;
    static const char services[] =
        "expected one of up, down, standby, calibration, exception, busy";
    static const struct {
        const char *message, *key, *expected;
    } rows[] = {
        {"{\"sdp\":\"sideways\"}", "sdp", services},
        {"{\"SDP\":\"UP\"}", "SDP", services},
        {"{\"idp\":\"\"}", "idp", services},
        {"{\"sdp\":true}", "sdp", services},
        {"{\"sdp\":null}", "sdp", services},
        {"{\"zCam\":\"standby\"}", "zCam", "expected one of up, down"},
        {"{\"nfc_scanner\":[\"up\"]}", "nfc_scanner", "expected one of up, down"},
        {"{\"maintenance\":\"true\"}", "maintenance", "expected true or false"},
        {"{\"maintenance\":1}", "maintenance", "expected true or false"},
        {"{\"maintenance\":null}", "maintenance", "expected true or false"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = test_printf("Invalid value for %s: %s", rows[i].key, rows[i].expected);
        expect_error(rows[i].message, text);
        free(text);
    }
    /* Integers that a double cannot hold. */
    wsclient_send(pc, "{\"n\":9007199254740992}");
    char *error = json_at(wsclient_text(pc), "error");
    assert_non_null(error);
    assert_int_equal(strncmp(error, "Invalid value for n", 19), 0);
    free(error);
    expect_updated("{\"n\":9007199254740991,\"m\":-9007199254740991,\"e\":1e300,\"h\":0.5}");
    const char *text = get_document();
    assert_non_null(strstr(text, "\"n\":9007199254740991,\"m\":-9007199254740991,"));
    expect_json(text, "data.h", "0.5");
}

/* Whoever runs the agent is told how to allow what a client sends. */
static void a_value_that_could_be_allowed(void **state)
{
    struct agent_proc *own = agent_proc_start(NULL);
    struct wsclient *client = wsclient_login(agent_proc_port(own), "VAL-001_pc", TOKEN_DEVICE);
    (void)state;
    wsclient_ask(client, "{\"sdp\":\"idle\"}",
                 "{\"error\":\"Invalid value for sdp: expected one of up, down, standby, "
                 "calibration, exception\"}");
    free(proc_wait_line(agent_proc_proc(own), PROC_STDERR,
                        "VAL-001_pc was refused sdp 'idle'; limits.service_values can allow it",
                        WAIT_MS));
    wsclient_close(client);
    agent_proc_destroy(own);
}

/* The short names, and `status` said for `get`. */
static void names_of_earlier_clients(void **state)
{
    (void)state;
    expect_updated("{\"barcode\":\"up\",\"NFC\":\"up\"}");
    expect_field("BARCODE_SCANNER", "up");
    expect_field("NFC_SCANNER", "up");
    expect_error("{\"barcode\":\"up\",\"barcode_scanner\":\"up\"}",
                 "Duplicate field: barcode_scanner");
    wsclient_send(pc, "{\"event\":\"status\"}");
    expect_json(wsclient_text(pc), "data.UPTIME", "1");
}

static void wrong_names(void **state)
{
    (void)state;
    expect_error("{\"sdp\":\"up\",\"SDP\":\"up\"}", "Duplicate field: SDP");
    expect_error("{\"zcam\":\"up\",\"zCam\":\"down\"}", "Duplicate field: zCam");
    expect_error("{\"barcode_scanner\":\"up\",\"barcodeScanner\":\"up\"}",
                 "Duplicate field: barcodeScanner");
    expect_error("{\"mine\":1,\"mine\":2}", "Duplicate field: mine");
    expect_error("{\"1st\":1}", "Invalid field name: 1st");
    expect_error("{\"a b\":1}", "Invalid field name: a b");
    expect_error("{\"\":1}", "Invalid field name: ");
    expect_error("{\"K\xc3\xa4se\":1}", "Invalid field name: K\xc3\xa4se");
    expect_error("{\"token\":\"x\"}", "Invalid field name: token");
    expect_error("{\"id\":\"x\"}", "Invalid field name: id");
    expect_error("{\"data\":{}}", "Invalid field name: data");
    expect_error("{\"event\":1}", "Invalid field name: event");
    expect_field("UPTIME", "0");
}

/* What there is instead, named in the refusal of an event. */
#define KNOWN                                                                                      \
    " (known are service_status, exception, subscribe, unsubscribe, get, status, remove_table)"

static void wrong_envelopes(void **state)
{
    (void)state;
    expect_error("{\"event\":\"dance\",\"data\":{}}", "Unknown event: dance" KNOWN);
    expect_error("{\"event\":\"\"}", "Unknown event: " KNOWN);
    static const char *const without[] = {"service_status", "exception", "subscribe",
                                          "unsubscribe"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        wsclient_sendf(pc, "{\"event\":\"%s\"}", without[i]);
        char *error = json_at(wsclient_text(pc), "error");
        char *start = test_printf("Invalid data for %s", without[i]);
        assert_non_null(error);
        assert_int_equal(strncmp(error, start, strlen(start)), 0);
        free(start);
        free(error);
    }
}

static void other_tables(void **state)
{
    (void)state;
    char *own = test_printf("{\"table_id\":\"%s\",\"sdp\":\"up\"}", table);
    expect_updated(own);
    free(own);
    expect_error("{\"table_id\":\"OTHER-1\",\"sdp\":\"up\"}", "Not permitted");
    expect_field("SDP", "up");
}

static void all_or_nothing(void **state)
{
    (void)state;
    wsclient_send(pc, "{\"sdp\":\"up\",\"mine\":1,\"zcam\":\"sideways\"}");
    assert_non_null(strstr(wsclient_text(pc), "Invalid value for zcam"));
    const char *text = get_document();
    expect_json(text, "data.SDP", "standby");
    expect_json(text, "data.UPTIME", "0");
    assert_null(strstr(text, "mine"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PC(flat_and_in_an_envelope),
        WITH_PC(every_field_in_every_spelling),
        WITH_PC(nothing_set_is_no_update),
        WITH_PC(custom_fields),
        WITH_PC(limits_of_custom_fields),
        WITH_PC(exceptions),
        WITH_PC(request_ids),
        WITH_PC(strict_json),
        WITH_PC(wrong_values),
        WITH_PC(names_of_earlier_clients),
        cmocka_unit_test(a_value_that_could_be_allowed),
        WITH_PC(wrong_names),
        WITH_PC(wrong_envelopes),
        WITH_PC(other_tables),
        WITH_PC(all_or_nothing),
    };
    return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
