#include "core/requests.h"

#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "core/core_private.h"

bool request_make(struct store_request *request, const char *client, const char *request_id,
                  const char *payload, size_t len)
{
    *request = (struct store_request){.client = client, .request_id = request_id};
    return digest_make(payload, len, request->digest);
}

static bool in_batch(const struct batch *batch, const char *table_id,
                     const struct store_request *request)
{
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct store_item *row = &batch->rows[i];
        if (row->request && strcmp(row->request->table_id, table_id) == 0 &&
            strcmp(row->request->client, request->client) == 0 &&
            strcmp(row->request->request_id, request->request_id) == 0)
            return true;
    }
    return false;
}

bool request_pending(const struct core *core, const char *table_id,
                     const struct store_request *request)
{
    return in_batch(core->open, table_id, request) || in_batch(core->flying, table_id, request);
}

enum studio_err request_recall(struct core *core, const char *table_id,
                               const struct store_request *request, struct buf *answer,
                               struct studio_error *error)
{
    bool found = false, same = false;
    char *kept = NULL;
    enum studio_err err =
        store_read_request(core->o.reader, table_id, request->client, request->request_id,
                           request->digest, clock_wall(core->o.clock), &found, &same, &kept);

    if (err != STUDIO_OK) /* whatever it is, to a client it is the store */
        return studio_error_set(error, STUDIO_ERR_STORAGE, NULL);
    if (found && !same)
        err = studio_error_set(error, STUDIO_ERR_REQUEST_ID_USED, NULL);
    else if (found)
        buf_str(answer, kept);
    free(kept);
    if (err == STUDIO_OK && !buf_ok(answer))
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    return err;
}
