/*
 * Any bytes as a message, and what it makes of a table: what is accepted can be applied, the
 * document reads back the same, answers are valid JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "protocol/decode.h"
#include "protocol/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_json(const struct buf *text)
{
    require(buf_ok(text) && json_check(text->data, text->len, NULL));
}

/* The state printed, read and printed again is the same text. */
static void check_round_trip(const struct table_state *state)
{
    struct buf first, second;
    struct table_state read;
    struct refused_value refused;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    document_print(&first, "ARO-001", state);
    require_json(&first);
    require(document_parse(&studio_built_in_values, first.data, first.len, NULL, &read, &refused) ==
            STUDIO_OK);
    document_print(&second, "ARO-001", &read);
    require(strcmp(first.data, second.data) == 0);
    state_finish(&read);
    buf_finish(&second);
    buf_finish(&first);
}

static void check_update(const struct update *update)
{
    struct table_state state;
    struct buf changes;
    state_init(&state, &studio_built_in_values, 1704110400);
    buf_init(&changes, 1 << 20);
    enum studio_err err = state_apply(&state, update, 1704110401, &changes);
    if (err == STUDIO_OK) {
        require(state.rev == 1 && state.custom_count <= STUDIO_CUSTOM_FIELDS_MAX);
        check_round_trip(&state);
        /* Set already: the same update again changes nothing. */
        buf_clear(&changes);
        require(state_apply(&state, update, 1704110402, &changes) == STUDIO_OK);
        require(strcmp(changes.data, "{}") == 0 && state.rev == 2);
    } else {
        require(err == STUDIO_ERR_TOO_MANY_FIELDS && state.rev == 0);
    }
    buf_finish(&changes);
    state_finish(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct message message;
    struct studio_error error = {0};
    enum studio_err err = message_decode(&studio_built_in_values, text, size, &message, &error);
    if (err == STUDIO_OK && message.kind == MESSAGE_UPDATE)
        check_update(&message.update);
    if (err != STUDIO_OK) {
        struct buf answer;
        require(error.code == err && studio_err_class(err) == STUDIO_CLASS_PEER);
        buf_init(&answer, 1 << 16);
        answer_error(&answer, error.text, message.request_id);
        require_json(&answer);
        buf_finish(&answer);
    }
    message_finish(&message);

    err = message_decode_auth(text, size, &message, &error);
    require(err == STUDIO_ERR_AUTH_MISSING || (err == STUDIO_OK && message.kind == MESSAGE_AUTH));
    message_finish(&message);

    struct table_state state;
    struct refused_value refused;
    if (document_parse(&studio_built_in_values, text, size, NULL, &state, &refused) == STUDIO_OK) {
        check_round_trip(&state);
        state_finish(&state);
    }
    return 0;
}
