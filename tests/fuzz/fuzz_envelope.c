/*
 * The first byte chooses an event, the rest is its data: gets past the envelope where random bytes
 * rarely do. What is accepted has just what its kind promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/names.h"
#include "protocol/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const events[] = {"service_status", "exception", "subscribe",
                                     "unsubscribe",    "get",       "remove_table"};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check(const struct message *m)
{
    require(strcmp(m->request_id, "7") == 0);
    switch (m->kind) {
    case MESSAGE_UPDATE:
        require(m->update.count <= studio_field_count + MESSAGE_CUSTOM_MAX);
        break;
    case MESSAGE_EXCEPTION:
        require(json_check(m->data, strlen(m->data), NULL));
        require(m->data[0] == '"' || m->data[0] == '{');
        break;
    case MESSAGE_SUBSCRIBE:
    case MESSAGE_UNSUBSCRIBE:
        require(m->table_count <= MESSAGE_SUBSCRIBE_MAX);
        for (size_t i = 0; i < m->table_count; i++)
            require(strcmp(m->tables[i], "*") == 0 ||
                    name_is_table(m->tables[i], strlen(m->tables[i])));
        break;
    case MESSAGE_REMOVE_TABLE:
        require(m->table_id != NULL);
        break;
    case MESSAGE_GET:
        break;
    case MESSAGE_AUTH:
        abort(); /* an envelope is never taken for an authentication */
    }
    require(m->table_id == NULL || name_is_table(m->table_id, strlen(m->table_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_printf(&text, "{\"event\":\"%s\",\"request_id\":7,\"data\":",
               events[data[0] % (sizeof(events) / sizeof(events[0]))]);
    buf_add(&text, data + 1, size - 1);
    buf_str(&text, "}");
    if (buf_ok(&text)) {
        struct message message;
        struct studio_error error;
        if (message_decode(&studio_built_in_values, text.data, text.len, &message, &error) ==
            STUDIO_OK)
            check(&message);
        message_finish(&message);
    }
    buf_finish(&text);
    return 0;
}
