/*
 * Fails the n-th allocation of decoding, printing and applying a message, for every n, until one
 * run needs no more: each failure must be NO_MEMORY, lose nothing and leave the state as it was.
 * The sources are included, so that their allocations can be renamed; cJSON takes its own by hooks.
 */
#include "protocol/decode.h"
#include "protocol/decode_update.h"
#include "support/cmocka_all.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static long allocations_left; /* before one fails; negative: none fails */
static long blocks;           /* allocated and not freed */

static bool may_allocate(void)
{
    if (allocations_left == 0)
        return false;
    if (allocations_left > 0)
        allocations_left--;
    return true;
}

static void *count(void *block)
{
    blocks += block != NULL;
    return block;
}

static void *fault_malloc(size_t size)
{
    return may_allocate() ? count(malloc(size)) : NULL;
}

static void *fault_calloc(size_t n, size_t size)
{
    return may_allocate() ? count(calloc(n, size)) : NULL;
}

static void *fault_realloc(void *old, size_t size)
{
    if (!may_allocate())
        return NULL;
    void *block = realloc(old, size);
    blocks += block != NULL && old == NULL;
    return block;
}

static char *fault_strdup(const char *text)
{
    return may_allocate() ? count(strdup(text)) : NULL;
}

static void fault_free(void *block)
{
    blocks -= block != NULL;
    free(block);
}

#undef strdup
#define calloc  fault_calloc
#define realloc fault_realloc
#define strdup  fault_strdup
#define free    fault_free
#include "agent/base/buf.c"
#include "agent/model/state.c"
#include "agent/protocol/decode.c"
#include "agent/protocol/decode_update.c"
#include "agent/protocol/decoder.c"
#include "agent/protocol/document.c"
#include "agent/protocol/message.c"
#include "agent/protocol/tree.c"
#undef calloc
#undef realloc
#undef strdup
#undef free

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int setup(void **state)
{
    (void)state;
    cJSON_InitHooks(&(cJSON_Hooks){fault_malloc, fault_free});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cJSON_InitHooks(NULL);
    return 0;
}

/* Runs `step` with the first allocation failing, then the second, and so on. */
static long for_every_allocation(enum studio_err (*step)(const char *), const char *text)
{
    for (long n = 0; n < 1000; n++) {
        allocations_left = n;
        long before = blocks;
        enum studio_err err = step(text);
        bool spare = allocations_left > 0;
        allocations_left = -1;
        assert_int_equal(blocks, before);
        if (err == STUDIO_OK && spare)
            return n;
        if (err != STUDIO_OK)
            assert_int_equal(err, STUDIO_ERR_NO_MEMORY);
    }
    fail_msg("needs more than 1000 allocations: %s", text);
    return 0;
}

static enum studio_err decode_step(const char *text)
{
    struct message m;
    struct studio_error error = {0};
    enum studio_err err = message_decode(&studio_built_in_values, text, strlen(text), &m, &error);
    if (err != STUDIO_OK)
        assert_string_equal(error.text, "Out of memory");
    message_finish(&m);
    return err;
}

static enum studio_err auth_step(const char *text)
{
    struct message m;
    struct studio_error error;
    enum studio_err err = message_decode_auth(text, strlen(text), &m, &error);
    message_finish(&m);
    return err;
}

static enum studio_err field_step(const char *text)
{
    struct message m;
    struct studio_error error;
    enum studio_err err =
        message_decode_field(&studio_built_in_values, "custom", text, strlen(text), &m, &error);
    message_finish(&m);
    return err;
}

static void test_decoding(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "{\"sdp\":\"up\",\"table_id\":\"T\",\"a\":[1,\"x\"],\"b\":null,\"request_id\":\"r\"}",
        "{\"event\":\"service_status\",\"data\":{\"a\":1}}",
        "{\"event\":\"exception\",\"data\":{\"a\":\"b\"},\"request_id\":7}",
        "{\"event\":\"subscribe\",\"data\":{\"tables\":[\"A\",\"*\"]}}",
        "{\"event\":\"get\",\"data\":{\"table_id\":\"T\"}}",
        "{\"id\":\"a\",\"token\":\"b\",\"device\":\"c\",\"gameCode\":\"d\"}",
    };
    for (size_t i = 0; i < COUNT(messages); i++)
        assert_true(for_every_allocation(decode_step, messages[i]) > 3);
    assert_true(for_every_allocation(auth_step, messages[COUNT(messages) - 1]) > 3);
    assert_true(for_every_allocation(field_step, "{\"a\":1}") > 3);
}

static enum studio_err document_step(const char *text)
{
    struct table_state read;
    struct refused_value refused;
    enum studio_err err =
        document_parse(&studio_built_in_values, text, strlen(text), NULL, &read, &refused);
    if (err == STUDIO_OK)
        state_finish(&read);
    return err;
}

static void test_reading_a_document(void **state)
{
    (void)state;
    for_every_allocation(document_step, "{\"TABLE_ID\":\"T\",\"UPTIME\":3,"
                                        "\"TIMESTAMP\":\"2024-01-01T12:00:00\",\"a\":1,\"b\":[]}");
}

static struct table_state base;
static struct update update;

static enum studio_err apply_step(const char *expected)
{
    struct table_state copy;
    enum studio_err err = state_copy(&copy, &base);
    if (err != STUDIO_OK)
        return err;
    struct buf changes;
    buf_init(&changes, 1000);
    err = state_apply(&copy, &update, 5, &changes);
    assert_int_equal(copy.rev, err == STUDIO_OK ? base.rev + 1 : base.rev);
    assert_int_equal(copy.custom_count, 2);
    assert_string_equal(copy.custom[0].name, err == STUDIO_OK ? "b" : "a");
    assert_string_equal(copy.custom[1].json, err == STUDIO_OK ? "4" : "2");
    if (err == STUDIO_OK)
        assert_string_equal(changes.data, expected);
    buf_finish(&changes);
    state_finish(&copy);
    return err;
}

static void decode_into(const char *text, struct message *m)
{
    struct studio_error error;
    assert_int_equal(message_decode(&studio_built_in_values, text, strlen(text), m, &error),
                     STUDIO_OK);
}

static void test_applying(void **state)
{
    (void)state;
    struct message first, second;
    struct buf changes;
    allocations_left = -1;
    decode_into("{\"a\":1,\"b\":2}", &first);
    decode_into("{\"b\":3,\"a\":null,\"c\":4,\"sdp\":\"up\"}", &second);
    state_init(&base, &studio_built_in_values, 0);
    buf_init(&changes, 1000);
    assert_int_equal(state_apply(&base, &first.update, 0, &changes), STUDIO_OK);
    update = second.update;
    for_every_allocation(apply_step, "{\"b\":[2,3],\"a\":[1,null],\"c\":[null,4],"
                                     "\"SDP\":[\"standby\",\"up\"]}");
    buf_finish(&changes);
    state_finish(&base);
    message_finish(&first);
    message_finish(&second);
    assert_int_equal(blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoding),
        cmocka_unit_test(test_reading_a_document),
        cmocka_unit_test(test_applying),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
