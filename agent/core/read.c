#include "core/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "core/announce.h"
#include "core/committer.h"
#include "core/inside.h"
#include "core/reply.h"
#include "core/rights.h"

/* --- subscriptions --------------------------------------------------------------------------- */

static enum studio_err subscribe(struct core *core, struct actor *actor,
                                 const struct message *message, struct studio_error *error)
{
    const char *const *tables = (const char *const *)message->tables;
    enum studio_err err = STUDIO_OK;

    if (message->kind == MESSAGE_SUBSCRIBE) {
        unsigned interval = actor->watcher->interval_ms;

        if (message->interval_ms >= 0) /* counts for the first pushes already */
            actor->watcher->interval_ms = (unsigned)message->interval_ms;
        err = hub_subscribe(core->hub, actor->watcher, tables, message->table_count);
        if (err != STUDIO_OK)
            actor->watcher->interval_ms = interval;
        else if (message->presence)
            actor->watcher->presence = true;
    } else {
        hub_unsubscribe(core->hub, actor->watcher, tables, message->table_count);
    }
    if (err != STUDIO_OK)
        studio_error_set(error, err, err == STUDIO_ERR_INVALID_DATA ? "subscribe" : NULL);
    return err;
}

/* The names of a list, cut in place; false: one that is none, or too many. */
static bool split(char *list, char **names, size_t *count)
{
    *count = 0;
    for (char *name; (name = strsep(&list, ",")) != NULL; names[(*count)++] = name)
        if (*count == MESSAGE_SUBSCRIBE_MAX ||
            (strcmp(name, "*") != 0 && !name_is_table(name, strlen(name))))
            return false;
    return true;
}

bool read_subscribe(struct core *core, struct actor *actor, const char *list)
{
    char *names[MESSAGE_SUBSCRIBE_MAX];
    struct message message = {.kind = MESSAGE_SUBSCRIBE, .tables = names, .interval_ms = -1};
    struct item *item = item_create(ITEM_READ, actor);
    char *copy = strdup(list);
    struct studio_error error;
    enum studio_err err = item && copy ? STUDIO_OK : STUDIO_ERR_NO_MEMORY;

    if (err == STUDIO_OK && !split(copy, names, &message.table_count))
        err = studio_error_set(&error, STUDIO_ERR_INVALID_DATA, "subscribe");
    if (err == STUDIO_OK)
        err = rights_check(actor, &message, &error);
    if (err == STUDIO_OK)
        err = subscribe(core, actor, &message, &error);
    hub_seen(core->hub, actor->watcher, actor->table_id);
    if (err != STUDIO_OK && err != STUDIO_ERR_NO_MEMORY) {
        reply_set_error(core, item, &error);
        reply_give(core, item);
    }
    item_destroy(item);
    free(copy);
    return err != STUDIO_ERR_NO_MEMORY;
}

/* --- documents ------------------------------------------------------------------------------- */

/* What a device would find on its first connection. */
static void print_default(const struct core *core, const char *id, struct buf *out)
{
    struct table_state state;

    state_init(&state, core->o.lists, clock_wall(core->o.clock) / 1000);
    document_print(out, id, &state);
    state_finish(&state);
}

/* Finds the committed document; of a table without one the default, printed into core->text, if
 * that will do. */
static enum studio_err find_document(struct core *core, const char *id, bool any,
                                     const char **document, size_t *len, struct studio_error *error)
{
    struct table *table = tables_find(core->tables, id);

    if (!committer_owned(core->committer)) /* somebody else may have a newer one */
        return studio_error_set(error, STUDIO_ERR_STORAGE, NULL);
    if (table && table_exists(table)) {
        /* First to all who watch: who is shown this document now needs no push of it later. */
        announce_table(core, table);
        *document = table_snapshot(table)->document;
        *len = table_snapshot(table)->document_len;
        return STUDIO_OK;
    }
    if (!any)
        return studio_error_set(error, STUDIO_ERR_UNKNOWN_TABLE, "%s", id);
    buf_clear(&core->text);
    print_default(core, id, &core->text);
    *document = core->text.data;
    *len = core->text.len;
    return buf_ok(&core->text) ? STUDIO_OK : studio_error_set(error, STUDIO_ERR_NO_MEMORY, NULL);
}

static enum studio_err get(struct core *core, struct item *item, struct studio_error *error)
{
    const char *named = item->message.table_id;
    const char *document = NULL;
    size_t len = 0;
    /* Without a name as on connecting: the default document will do. */
    enum studio_err err =
        find_document(core, named ? named : item->actor->table_id, !named, &document, &len, error);

    if (err == STUDIO_OK)
        answer_document(&item->answer, document, len, item->message.request_id);
    return err;
}

void read_message(struct core *core, struct item *item)
{
    const struct message *message = &item->message;
    struct studio_error error;
    enum studio_err err;

    if (message->kind == MESSAGE_GET)
        err = get(core, item, &error);
    else if (message->kind == MESSAGE_SUBSCRIBE && !committer_owned(core->committer))
        err = studio_error_set(&error, STUDIO_ERR_STORAGE, NULL);
    else
        err = subscribe(core, item->actor, message, &error);
    if (err != STUDIO_OK)
        reply_set_error(core, item, &error);
    else if (message->kind != MESSAGE_GET)
        hub_answer(item->actor->watcher,
                   message->kind == MESSAGE_SUBSCRIBE ? "subscribed" : "unsubscribed",
                   message->request_id, &item->answer);
    reply_give(core, item);
}

void read_welcome(struct core *core, struct item *item)
{
    struct actor *actor = item->actor;
    struct studio_error error;
    const char *document = NULL;
    size_t len = 0;

    if (find_document(core, actor->table_id, !rights_to_create(actor), &document, &len, &error) ==
        STUDIO_OK) {
        buf_add(&item->answer, document, len);
    } else { /* its table could not be created */
        studio_error_set(&error, STUDIO_ERR_STORAGE, NULL);
        reply_set_error(core, item, &error);
    }
    reply_give(core, item);
    /* Only now: before, its table may not have existed. */
    if (item->err == STUDIO_OK && actor->joined && rights_to_be_seen(actor))
        announce_presence(core, actor->table_id);
}
