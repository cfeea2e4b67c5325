/* A topic, a NUL byte and a payload, as of a command: taken apart, then decoded as the agent would. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/topics.h"
#include "protocol/decode.h"
#include "protocol/decode_update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* What was taken apart is the topic again when it is put together. */
static void same(const struct topic_request *request, const char *topic, size_t len)
{
    char again[4 * TOPIC_MAX];
    int n = -1;

    if (request->kind == TOPIC_SET)
        n = snprintf(again, sizeof(again), "studio/tables/%s/set/%s", request->table,
                     request->client);
    else if (request->kind == TOPIC_SET_FIELD)
        n = snprintf(again, sizeof(again), "studio/tables/%s/set/%s/%s", request->table,
                     request->client, request->field);
    else if (request->kind == TOPIC_REPLAY)
        n = snprintf(again, sizeof(again), "studio/agents/edge/replay/%s", request->client);
    if (n >= 0 && !memchr(topic, '\0', len))
        require((size_t)n == len && memcmp(again, topic, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    const char *payload;
    size_t topic_len, len;
    struct topics topics;
    struct topic_request request;
    struct message message;
    struct studio_error error;
    enum studio_err err;

    if (!end)
        return 0;
    topic_len = (size_t)(end - data);
    payload = (const char *)end + 1;
    len = size - topic_len - 1;
    require(topics_init(&topics, "studio", "edge", false));
    topics_parse(&topics, (const char *)data, topic_len, &request);
    same(&request, (const char *)data, topic_len);
    (void)topics_response(&topics, (const char *)data, "plc1", "studio/tables/T/reply/plc1");
    if (request.kind == TOPIC_SET || request.kind == TOPIC_SET_FIELD) {
        if (request.kind == TOPIC_SET)
            err = message_decode(&studio_built_in_values, payload, len, &message, &error);
        else
            err = message_decode_field(&studio_built_in_values, request.field, payload, len,
                                       &message, &error);
        require(err == STUDIO_OK || error.text[0]);
        message_finish(&message);
    }
    return 0;
}
