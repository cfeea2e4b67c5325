#include <string.h>

#include "core/core_private.h"

/* Messages that only read: carried out against what is committed, when their turn has come. */

static enum studio_err may_watch(const struct actor *actor, const char *table_id,
                                 struct studio_error *error)
{
    if (actor->role == ROLE_DEVICE && strcmp(table_id, actor->table_id) != 0)
        return studio_error_set(error, STUDIO_ERR_NOT_PERMITTED, NULL);
    return STUDIO_OK;
}

static enum studio_err subscribe(struct core *core, struct actor *actor,
                                 const struct message *message, struct studio_error *error)
{
    const char *const *tables = (const char *const *)message->tables;
    bool add = message->kind == MESSAGE_SUBSCRIBE;
    enum studio_err err = STUDIO_OK;
    struct buf answer;

    for (size_t i = 0; add && err == STUDIO_OK && i < message->table_count; i++)
        err = may_watch(actor, tables[i], error);
    if (err != STUDIO_OK)
        return err;
    if (add)
        err = hub_subscribe(core->hub, actor->watcher, tables, message->table_count);
    else
        hub_unsubscribe(core->hub, actor->watcher, tables, message->table_count);
    if (err != STUDIO_OK)
        return studio_error_set(error, err, err == STUDIO_ERR_INVALID_DATA ? "subscribe" : NULL);
    buf_init(&answer, SIZE_MAX);
    hub_answer(actor->watcher, add ? "subscribed" : "unsubscribed", message->request_id, &answer);
    if (buf_ok(&answer))
        core_answer(core, actor, &answer);
    else
        err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    buf_finish(&answer);
    return err;
}

/* The document of a table that does not exist: what a device would find on its first connection. */
static void print_default(const struct core *core, const char *id, struct buf *out)
{
    struct table_state state;

    state_init(&state, core->o.lists, clock_wall(core->o.clock) / 1000);
    document_print(out, id, &state);
    state_finish(&state);
}

/* Appends the committed document; without one the default, if that will do. */
static enum studio_err print_document(struct core *core, const char *id, bool any, struct buf *out,
                                      struct studio_error *error)
{
    struct table *table = tables_find(core->tables, id);

    if (table && table_exists(table)) {
        /* First to all who watch: who is shown this document now needs no push of it later. */
        core_announce_table(core, table);
        const struct studio_snapshot *snapshot = table_snapshot(table);
        buf_add(out, snapshot->document, snapshot->document_len);
    } else if (any) {
        print_default(core, id, out);
    } else {
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", id);
    }
    return buf_ok(out) ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

static enum studio_err get(struct core *core, struct actor *actor, const struct message *message,
                           struct studio_error *error)
{
    const char *id = message->table_id ? message->table_id : actor->table_id;
    bool unnamed = !message->table_id; /* then as on connecting: the default document will do */
    struct buf document, answer;
    enum studio_err err = may_watch(actor, id, error);

    buf_init(&document, SIZE_MAX);
    buf_init(&answer, SIZE_MAX);
    if (err == STUDIO_OK)
        err = print_document(core, id, unnamed, &document, error);
    if (err == STUDIO_OK) {
        answer_document(&answer, document.data, document.len, message->request_id);
        if (buf_ok(&answer))
            core_answer(core, actor, &answer);
        else
            err = studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
    }
    buf_finish(&answer);
    buf_finish(&document);
    return err;
}

void call_message(struct core *core, struct actor *actor, const struct message *message)
{
    struct studio_error error = {.code = STUDIO_OK};
    enum studio_err err;

    if (message->kind == MESSAGE_GET)
        err = get(core, actor, message, &error);
    else
        err = subscribe(core, actor, message, &error);
    if (err != STUDIO_OK)
        core_answer_error(core, actor, &error, message->request_id);
}

void call_welcome(struct core *core, struct actor *actor)
{
    bool device = actor->role == ROLE_DEVICE;
    struct studio_error error;
    struct buf document;

    buf_init(&document, SIZE_MAX);
    if (print_document(core, actor->table_id, !device, &document, &error) == STUDIO_OK)
        actor->ops->welcome(actor, document.data, document.len);
    else /* its table could not be created */
        actor->ops->refuse(actor, error.code);
    buf_finish(&document);
}
