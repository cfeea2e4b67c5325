#include "api/commands.h"

#include "api/params.h"
#include "core/core.h"

static void carry_out(struct api_request *r, enum message_kind kind)
{
    struct http_command command = {
        .kind = kind,
        .table_id = r->table,
        .key = exchange_field(r->exchange, EXCHANGE_IDEMPOTENCY_KEY),
    };

    command.text = exchange_request(r->exchange, &command.len);
    if (request_params(r, NULL, 0, NULL))
        core_http_command(r->api->core, r->actor, &command);
}

void commands_update(struct api_request *r)
{
    carry_out(r, MESSAGE_UPDATE);
}

void commands_exception(struct api_request *r)
{
    carry_out(r, MESSAGE_EXCEPTION);
}

void commands_remove(struct api_request *r)
{
    carry_out(r, MESSAGE_REMOVE_TABLE);
}
