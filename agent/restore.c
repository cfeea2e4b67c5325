#include "restore.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"

struct restoring {
    struct core *core;
    struct store *store;
    struct buf former; /* of one table */
    struct studio_error *error;
};

/* The broker still has the topics custom fields had before there were built-in ones of their names. */
static bool forget_former(struct restoring *r, const char *id)
{
    if (!buf_ok(&r->former))
        return studio_error_set(r->error, STUDIO_ERR_NO_MEMORY, NULL) == STUDIO_OK;
    for (size_t at = 0; at < r->former.len; at += strlen(r->former.data + at) + 1) {
        if (store_mark_cleared(r->store, id, r->former.data + at) != STUDIO_OK)
            log_warn("store", "the retained topic of %s, once a custom field of table %s, stays",
                     r->former.data + at, id);
    }
    return true;
}

static bool restore_table(void *ctx, const char *id, uint64_t rev, const char *document, size_t len)
{
    struct restoring *r = ctx;

    buf_clear(&r->former);
    return core_restore(r->core, id, rev, document, len, &r->former, r->error) == STUDIO_OK &&
           forget_former(r, id);
}

enum studio_err restore_tables(struct store *store, struct core *core, struct studio_error *error)
{
    struct restoring restoring = {.core = core, .store = store, .error = error};
    enum studio_err err;

    buf_init(&restoring.former, STUDIO_MESSAGE_MAX);
    error->code = STUDIO_OK;
    err = store_tables(store, restore_table, &restoring);
    buf_finish(&restoring.former);
    if (error->code != STUDIO_OK)
        return error->code;
    if (err != STUDIO_OK)
        return studio_error_set(error, STUDIO_ERR_STORE_UNUSABLE, ": cannot read its tables");
    return STUDIO_OK;
}
