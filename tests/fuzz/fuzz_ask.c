/* The payload of a replay request. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "protocol/decode_replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct studio_replay ask;
    struct message message;
    struct studio_error error;
    char *text = malloc(size ? size : 1); /* exact, so that a read behind the end is seen */

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (message_decode_replay(text, size, &ask, &message, &error) ==
        STUDIO_OK) { /* it is a request: all it says is in bounds */
        if (ask.by_table && !name_is_table(ask.table_id, strlen(ask.table_id)))
            abort();
        if (strnlen(ask.epoch, sizeof(ask.epoch)) == sizeof(ask.epoch))
            abort();
    }
    message_finish(&message);
    free(text);
    return 0;
}
