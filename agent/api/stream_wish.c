#include "api/stream_wish.h"

#include <string.h>

#include "api/params.h"
#include "api/sse.h"
#include "core/core.h"
#include "core/rights.h"

static bool read_tables(void *query, const char *value)
{
    struct stream_wish *wish = query;

    return stream_filter_tables(&wish->filter, value);
}

static bool read_kinds(void *query, const char *value)
{
    struct stream_wish *wish = query;

    return param_kinds(value, &wish->filter.kinds);
}

static bool read_from_seq(void *query, const char *value)
{
    struct stream_wish *wish = query;

    wish->anew = false;
    if (!text_number(value, 0, INT64_MAX, &wish->place))
        return false;
    wish->place -= wish->place > 0; /* behind the one before */
    return true;
}

static const struct param params[] = {
    {"tables", "* or names of tables", read_tables},
    {"kinds", PARAM_KINDS, read_kinds},
    {"from_seq", "the number of an event", read_from_seq},
};

static void fill_in(const struct api_request *r, struct stream_filter *filter)
{
    if (!filter->names)
        (void)stream_filter_tables(filter,
                                   rights_to_read(r->actor, NULL) ? "*" : r->actor->table_id);
    if (filter->kinds == 0)
        filter->kinds = EVENT_BIT(EVENT_CHANGE) | EVENT_BIT(EVENT_EXCEPTION);
}

static bool may_watch(const struct actor *actor, const struct stream_filter *filter)
{
    bool may = !filter->all;

    for (size_t i = 0; may && i < filter->count; i++)
        may = rights_to_read(actor, filter->tables[i]);
    return may || rights_to_read(actor, NULL);
}

/* Who comes back says where in a header, beside the address it had at first. */
static enum studio_err read_place(const struct api_request *r, struct stream_wish *out)
{
    const char *last = exchange_field(r->exchange, EXCHANGE_LAST_EVENT_ID);
    char epoch[SSE_EPOCH_MAX + 1];

    if (last && *last) {
        out->anew = false;
        if (!sse_read_place(last, epoch, &out->place))
            return STUDIO_ERR_INVALID_DATA;
        if (strcmp(epoch, r->api->epoch) != 0)
            out->lost = "other epoch";
    }
    if (!out->lost && out->place > core_last_seq(r->api->core))
        out->lost = "not yet there";
    return STUDIO_OK;
}

bool stream_wish_read(struct api_request *r, struct stream_wish *out)
{
    enum studio_err err = STUDIO_OK;

    *out = (struct stream_wish){.anew = true};
    if (!request_params(r, params, sizeof(params) / sizeof(params[0]), out)) {
        stream_filter_finish(&out->filter);
        return false;
    }
    fill_in(r, &out->filter);
    if (out->filter.failed)
        err = STUDIO_ERR_LIMIT;
    else if (!may_watch(r->actor, &out->filter))
        err = STUDIO_ERR_NOT_PERMITTED;
    else
        err = read_place(r, out);
    if (err == STUDIO_OK)
        return true;
    stream_filter_finish(&out->filter);
    request_refuse(r, err, err == STUDIO_ERR_INVALID_DATA ? "Last-Event-ID" : NULL);
    return false;
}
