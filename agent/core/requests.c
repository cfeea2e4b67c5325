#include "core/requests.h"

#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "core/inside.h"

bool request_make(struct item *item, const char *text, size_t len)
{
    item->request = (struct store_request){
        .table_id = item->actor->table_id,
        .client = item->actor->user_id,
        .request_id = item->message.request_id,
    };
    item->has_request = digest_make(text, len, item->request.digest);
    return item->has_request;
}

static bool in_batch(const struct batch *batch, const struct store_request *request)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct store_request *other = batch->rows[i].request;
        if (other && strcmp(other->request_id, request->request_id) == 0 &&
            strcmp(other->table_id, request->table_id) == 0 &&
            strcmp(other->client, request->client) == 0)
            return true;
    }
    return false;
}

bool request_pending(const struct core *core, const struct item *item)
{
    return in_batch(core->open, &item->request) || in_batch(core->flying, &item->request);
}

enum studio_err request_recall(struct core *core, struct item *item, struct studio_error *error)
{
    const struct store_request *request = &item->request;
    bool found = false, same = false;
    char *kept = NULL;
    enum studio_err err =
        store_read_request(core->o.reader, request->table_id, request->client, request->request_id,
                           request->digest, &found, &same, &kept);

    if (err != STUDIO_OK) /* whatever it is, to a client it is the store */
        return studio_error_set(error, STUDIO_ERR_STORAGE, NULL);
    if (found && !same)
        err = studio_error_set(error, STUDIO_ERR_REQUEST_ID_USED, NULL);
    else if (found)
        buf_str(&item->answer, kept);
    free(kept);
    if (err == STUDIO_OK && !buf_ok(&item->answer))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return err;
}
