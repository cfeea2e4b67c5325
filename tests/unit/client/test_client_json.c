#include <stdlib.h>
#include <string.h>

#include "client/client_json.h"
#include "support/cmocka_all.h"

#define DOC "{\"TABLE_ID\":\"A-1\",\"UPTIME\":3,\"SDP\":\"up\",\"status\":\"x\",\"error\":\"y\"}"

static void kinds(void **state)
{
    static const struct {
        const char *text;
        enum reply_kind kind;
        const char *document, *tables, *error, *request_id;
    } rows[] = {
        {"{\"message\":\"Connected\",\"status\":\"ready\"}", REPLY_WELCOME, NULL, NULL, NULL, NULL},
        {DOC, REPLY_DOCUMENT, DOC, NULL, NULL, NULL},
        {"{\"event\":\"status\",\"data\":" DOC "}", REPLY_STATUS, DOC, NULL, NULL, NULL},
        {"{\"event\":\"status\",\"data\":" DOC ",\"request_id\":\"a\"}", REPLY_STATUS, DOC, NULL,
         NULL, "\"a\""},
        {"{\"status\":\"updated\",\"table_id\":\"A\",\"request_id\":7}", REPLY_DONE, NULL, NULL,
         NULL, "7"},
        {"{ \"status\" : \"subscribed\", \"tables\" : [ \"A\", \"*\" ] }", REPLY_DONE, NULL,
         "[\"A\",\"*\"]", NULL, NULL},
        {"{\"error\":\"Not permitted\",\"request_id\":1}", REPLY_ERROR, NULL, NULL, "Not permitted",
         "1"},
        {"{\"event\":\"exception\",\"table_id\":\"A\"}", REPLY_EXCEPTION, NULL, NULL, NULL, NULL},
        {"{\"event\":\"lagged\",\"data\":{\"missed\":3}}", REPLY_LAGGED, NULL, NULL, NULL, NULL},
        {"{\"event\":\"removed\",\"table_id\":\"A\"}", REPLY_REMOVED, NULL, NULL, NULL, NULL},
        {"{\"event\":\"status\",\"data\":3}", REPLY_UNKNOWN, NULL, NULL, NULL, NULL},
        {"{\"event\":\"news\",\"status\":\"updated\"}", REPLY_UNKNOWN, NULL, NULL, NULL, NULL},
        {"{\"status\":3}", REPLY_UNKNOWN, NULL, NULL, NULL, NULL},
        {"{}", REPLY_UNKNOWN, NULL, NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reply reply;
        const char *const expected[] = {rows[i].document, rows[i].tables, rows[i].error,
                                        rows[i].request_id};
        assert_int_equal(reply_parse(rows[i].text, strlen(rows[i].text), &reply), STUDIO_OK);
        const char *const got[] = {reply.document, reply.tables, reply.error, reply.request_id};
        assert_int_equal(reply.kind, rows[i].kind);
        for (size_t n = 0; n < 4; n++) {
            if (expected[n] == NULL)
                assert_null(got[n]);
            else
                assert_string_equal(got[n], expected[n]);
        }
        reply_finish(&reply);
    }
}

static void not_objects(void **state)
{
    static const char *const texts[] = {"", "x", "[]", "3", "{", "\"status\""};
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(reply_parse(texts[i], strlen(texts[i]), &reply), STUDIO_ERR_INVALID_JSON);
}

static void outgoing(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        struct outgoing expected;
    } rows[] = {
        {"{\"sdp\":\"up\"}", true, {OUTGOING_PLAIN, false}},
        {"{\"sdp\":\"up\",\"request_id\":1}", true, {OUTGOING_PLAIN, true}},
        {"{\"event\":\"get\"}", true, {OUTGOING_GET, false}},
        {"{\"event\":\"subscribe\",\"request_id\":\"a\"}", true, {OUTGOING_SUBSCRIBE, true}},
        {"{\"event\":\"unsubscribe\"}", true, {OUTGOING_SUBSCRIBE, false}},
        {"{\"event\":3}", true, {OUTGOING_PLAIN, false}},
        {"[]", false, {OUTGOING_PLAIN, false}},
        {"{} x", false, {OUTGOING_PLAIN, false}},
        {"{\"a\":01}", false, {OUTGOING_PLAIN, false}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outgoing seen;
        assert_int_equal(outgoing_inspect(rows[i].text, strlen(rows[i].text), &seen), rows[i].ok);
        assert_int_equal(seen.kind, rows[i].expected.kind);
        assert_int_equal(seen.has_request_id, rows[i].expected.has_request_id);
    }
}

static bool collect(void *ctx, const char *name, const char *value)
{
    char *out = ctx;
    strcat(out, name);
    strcat(out, "=");
    strcat(out, value);
    strcat(out, ";");
    return strcmp(name, "stop") != 0;
}

static void members(void **state)
{
    char out[200] = "";
    (void)state;
    assert_true(json_each_member("{\"a\":\"x y\",\"b\":{\"c\":[1]},\"d\":true,\"stop\":null,"
                                 "\"e\":1}",
                                 collect, out));
    assert_string_equal(out, "a=x y;b={\"c\":[1]};d=true;stop=null;");
    assert_false(json_each_member("[1]", collect, out));
    assert_false(json_each_member("", collect, out));

    char *value = json_member("{\"a\":\"x\",\"b\":[1]}", "a");
    assert_string_equal(value, "x");
    free(value);
    value = json_member("{\"a\":\"x\",\"b\":[1]}", "b");
    assert_string_equal(value, "[1]");
    free(value);
    assert_null(json_member("{}", "a"));
    assert_null(json_member("not JSON", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(not_objects),
        cmocka_unit_test(outgoing),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
