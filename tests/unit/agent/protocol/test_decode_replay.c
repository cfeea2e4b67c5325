/* test_decode_replay.c - the payload of a replay request. */
#include "protocol/decode_replay.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static struct message message;

/* NULL when it is a request; else what is wrong with it. */
static const char *read_bytes(const char *text, size_t len, struct studio_replay *out)
{
    static struct studio_error error;
    enum studio_err err = message_decode_replay(text, len, out, &message, &error);

    message_finish(&message);
    return err == STUDIO_OK ? NULL : error.text;
}

static const char *read_text(const char *text, struct studio_replay *out)
{
    return read_bytes(text, strlen(text), out);
}

static void by_sequence(void **state)
{
    struct studio_replay a;

    (void)state;
    assert_null(read_text("{\"from_seq\":12}", &a));
    assert_false(a.by_table);
    assert_int_equal(a.from_seq, 12);
    assert_false(a.has_to);
    assert_null(read_text(" { \"to_seq\" : 99 ,\n\"from_seq\":0,\"epoch\":\"6f1c\"} ", &a));
    assert_true(a.has_to);
    assert_int_equal(a.to_seq, 99);
    assert_string_equal(a.epoch, "6f1c");
}

static void by_table(void **state)
{
    struct studio_replay a;

    (void)state;
    assert_null(read_text("{\"table_id\":\"ARO-001\",\"from_rev\":17}", &a));
    assert_true(a.by_table);
    assert_string_equal(a.table_id, "ARO-001");
    assert_int_equal(a.from_rev, 17);
}

static void unknown_members_are_skipped(void **state)
{
    struct studio_replay a;

    (void)state;
    assert_null(read_text("{\"a\":[1,-2.5e+3,{\"b\":[]},\"x\\\"\\u00e9\",null,true],\"from_seq\":1,"
                          "\"c\":{\"d\":{}}}",
                          &a));
    assert_int_equal(a.from_seq, 1);
}

static void what_is_no_request_is_named(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "7",
        "\"x\"",
        "null",
        "{\"from_seq\":\"1\"}",
        "{\"from_seq\":-1}",
        "{\"from_seq\":1.5}",
        "{\"from_seq\":null}",
        "{\"from_seq\":[1]}",
        "{\"from_seq\":9007199254740992}",
        "{\"from_seq\":99999999999999999999999}",
        "{\"to_seq\":1}",
        "{\"table_id\":\"A\"}",
        "{\"from_rev\":1}",
        "{\"table_id\":\"A b\",\"from_rev\":1}",
        "{\"table_id\":7,\"from_rev\":1}",
        "{\"table_id\":\"A\",\"from_rev\":1,\"from_seq\":1}",
        "{\"from_seq\":1,\"from_seq\":2}",
        "{\"from_seq\":1,\"epoch\":5}",
    };
    static const char *const no_json[] = {
        "",
        "{",
        "}",
        "{\"from_seq\":01}",
        "{\"from_seq\":1}x",
        "{\"from_seq\":1,}",
        "{from_seq:1}",
        "{\"a\":\"\x01\",\"from_seq\":1}",
        "{\"a\":\"\xff\"}",
        "{\"a\":tru}",
        "{\"a\":\"\\q\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\"",
        "{\"a\":\"",
        "[1,]",
        "nul",
    };
    struct studio_replay a;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *says = read_text(bad[i], &a);

        if (!says || strcmp(says, "Invalid data for replay") != 0)
            fail_msg("%s: %s", bad[i], says);
    }
    for (size_t i = 0; i < sizeof(no_json) / sizeof(*no_json); i++) {
        const char *says = read_text(no_json[i], &a);

        if (!says || strcmp(says, "Invalid JSON format") != 0)
            fail_msg("%s: %s", no_json[i], says);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    static char text[STUDIO_MESSAGE_MAX + 2];
    struct studio_replay a;

    (void)state;
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    assert_string_equal(read_bytes(text, 200, &a), "Invalid JSON format");
    memset(text, ' ', sizeof(text));
    assert_string_equal(read_bytes(text, sizeof(text), &a), "Message too large");
}

static void no_cut_of_a_request_reads_beyond_its_end(void **state)
{
    static const char text[] =
        "{\"table_id\":\"ARO-001\",\"from_rev\":17,\"x\":[\"\\u0041\",-1.5e3]}";
    struct studio_replay a;

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *exact = malloc(len ? len : 1); /* the sanitizer checks its end */

        memcpy(exact, text, len);
        assert_non_null(read_bytes(exact, len, &a));
        free(exact);
    }
}

static void the_answer_to_a_wrong_one_can_carry_its_request_id(void **state)
{
    static const char *const texts[] = {"{\"from_seq\":1,\"request_id\":\"r1\"}",
                                        "{\"from_seq\":-1,\"request_id\":\"r1\"}"};
    struct studio_replay a;
    struct studio_error error;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        enum studio_err err =
            message_decode_replay(texts[i], strlen(texts[i]), &a, &message, &error);

        assert_int_equal(err, i == 0 ? STUDIO_OK : STUDIO_ERR_INVALID_DATA);
        assert_string_equal(message.request_id, "\"r1\"");
        message_finish(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_sequence),
        cmocka_unit_test(by_table),
        cmocka_unit_test(unknown_members_are_skipped),
        cmocka_unit_test(what_is_no_request_is_named),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(the_answer_to_a_wrong_one_can_carry_its_request_id),
        cmocka_unit_test(no_cut_of_a_request_reads_beyond_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
