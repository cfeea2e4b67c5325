#include "api/openapi.h"

#include "api/params.h"

void openapi_get(struct api_request *r)
{
    if (request_params(r, NULL, 0, NULL))
        exchange_send(r->exchange, 200, "application/json", openapi_text, openapi_len);
}
