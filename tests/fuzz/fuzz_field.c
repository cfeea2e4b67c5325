/* A field name, a NUL byte and a payload, as of the topic `set/<client>/<FIELD>`. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/decode_update.h"
#include "protocol/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* One set that a table can take, whose document can be read again. */
static void check(const struct message *message)
{
    struct table_state state, read;
    struct refused_value refused;
    struct buf text;
    require(message->kind == MESSAGE_UPDATE && message->update.count == 1);
    state_init(&state, &studio_built_in_values, 1704110400);
    buf_init(&text, 1 << 20);
    require(state_apply(&state, &message->update, 1704110401, &text) == STUDIO_OK);
    buf_clear(&text);
    document_print(&text, "ARO-001", &state);
    require(document_parse(&studio_built_in_values, text.data, text.len, NULL, &read, &refused) ==
            STUDIO_OK);
    require(read.custom_count == state.custom_count);
    state_finish(&read);
    buf_finish(&text);
    state_finish(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    if (end == NULL)
        return 0;
    size_t name_len = (size_t)(end - data);
    struct message message;
    struct studio_error error;
    if (message_decode_field(&studio_built_in_values, (const char *)data, (const char *)end + 1,
                             size - name_len - 1, &message, &error) == STUDIO_OK)
        check(&message);
    message_finish(&message);
    return 0;
}
