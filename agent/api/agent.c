#include "api/agent.h"

#include "api/params.h"

void agent_get(struct api_request *r)
{
    struct buf body;

    if (!request_params(r, NULL, 0, NULL))
        return;
    buf_init(&body, SIZE_MAX);
    r->api->describe(r->api->describe_ctx, &body);
    request_reply(r, &body);
}
