#include "core/reply.h"

#include "base/figures.h"
#include "base/json.h"
#include "base/log.h"
#include "core/inside.h"

/* The contract has no word for want of memory; to a client it is the same as a full disk. */
void reply_set_error(struct core *core, struct item *item, const struct studio_error *error)
{
    bool memory = error->code == STUDIO_ERR_NO_MEMORY;

    item->err = memory ? STUDIO_ERR_STORAGE : error->code;
    figure_add(&core->o.figures->refused[item->err], 1);
    buf_clear(&item->answer);
    answer_error(&item->answer, memory ? studio_err_text(item->err) : error->text,
                 item->message.request_id);
}

void reply_give(struct core *core, const struct item *item)
{
    struct actor *actor = item->actor;

    if (actor->gone)
        return;
    if (item->received_us > 0)
        histogram_observe(&core->o.figures->answer, core_turn_us(core) - item->received_us);
    if (!buf_ok(&item->answer))
        actor->ops->answer(actor, STUDIO_ERR_STORAGE, JSON_NO_MEMORY, sizeof(JSON_NO_MEMORY) - 1);
    else if (item->answer.len > 0)
        actor->ops->answer(actor, item->err, item->answer.data, item->answer.len);
}

void reply_in_turn(struct core *core, struct item *item)
{
    item->kind = ITEM_ANSWER;
    if (item->actor->outstanding > 0 && batch_add(core->open, item))
        return;
    /* Without memory for the queue the answer goes out early rather than never. */
    reply_give(core, item);
    item_destroy(item);
}

void reply_refuse(struct core *core, struct item *item, const struct studio_error *error)
{
    log_debug("core", "%s is refused: %s", item->actor->user_id, error->text);
    reply_set_error(core, item, error);
    reply_in_turn(core, item);
}

void reply_no_memory(struct core *core, struct actor *actor)
{
    figure_add(&core->o.figures->refused[STUDIO_ERR_STORAGE], 1);
    actor->ops->answer(actor, STUDIO_ERR_STORAGE, JSON_NO_MEMORY, sizeof(JSON_NO_MEMORY) - 1);
}
