#include "inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/rates.h"
#include "base/clock.h"
#include "base/figures.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "protocol/decode.h"
#include "protocol/decode_replay.h"
#include "protocol/document.h"

enum {
    SENDERS_MAX = 4096, /* MQTT clients whose rate is remembered, however many commands come */
    REFUSAL_MAX = 1024
};

struct inbox {
    struct core *core;
    struct core_options o;
    void (*wake)(void *ctx);
    void *ctx;
    pthread_mutex_t lock; /* guards the lines up to the next blank one */
    struct bridge_command *queue[INBOX_MAX];
    size_t head, count;

    struct rates *senders; /* by client name; the bridge thread's, or of a shared root the net's */
};

/* One command as the core sees it. */
struct command_actor {
    struct actor actor; /* first */
    struct bridge *bridge;
    struct bridge_command *command; /* NULL once answered */
};

static void on_answer(struct actor *actor, enum studio_err err, const char *text, size_t len)
{
    struct command_actor *a = (struct command_actor *)actor;

    (void)err; /* the text tells it */
    if (a->command)
        bridge_answer(a->bridge, a->command, text, len);
    a->command = NULL;
}

static void on_release(struct actor *actor)
{
    struct command_actor *a = (struct command_actor *)actor;

    if (a->command) /* the core is going down: the broker keeps the command and sends it again */
        bridge_answer(a->bridge, a->command, NULL, 0);
    free(a);
}

static const struct actor_ops actor_ops = {on_answer, on_release};

struct inbox *inbox_create(struct core *core, const struct core_options *options,
                           void (*wake)(void *ctx), void *ctx)
{
    struct inbox *inbox = calloc(1, sizeof(*inbox));

    if (!inbox)
        return NULL;
    inbox->senders = rates_create(SENDERS_MAX);
    if (!inbox->senders) {
        free(inbox);
        return NULL;
    }
    inbox->core = core;
    inbox->o = *options;
    inbox->wake = wake;
    inbox->ctx = ctx;
    pthread_mutex_init(&inbox->lock, NULL);
    return inbox;
}

static struct bridge_command *take(struct inbox *inbox)
{
    struct bridge_command *command = NULL;

    pthread_mutex_lock(&inbox->lock);
    if (inbox->count > 0) {
        command = inbox->queue[inbox->head];
        inbox->head = (inbox->head + 1) % INBOX_MAX;
        inbox->count--;
    }
    pthread_mutex_unlock(&inbox->lock);
    return command;
}

void inbox_destroy(struct inbox *inbox, struct bridge *bridge)
{
    struct bridge_command *command;

    if (!inbox)
        return;
    while ((command = take(inbox)) != NULL)
        bridge_answer(bridge, command, NULL, 0);
    rates_destroy(inbox->senders);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

/* --- in: the bridge's thread ----------------------------------------------------------------- */

/* For its request_id, which the refusal carries; whatever else is wrong with it does not matter. */
static void decode(const struct inbox *inbox, const struct bridge_command *command,
                   struct message *out)
{
    struct studio_replay replay;
    struct studio_error error;
    enum studio_err err = STUDIO_OK;

    if (command->replay)
        err = message_decode_replay(command->payload, command->payload_len, &replay, out, &error);
    else if (!command->field)
        err = message_decode(inbox->o.lists, command->payload, command->payload_len, out, &error);
    (void)err;
}

static void refuse(struct inbox *inbox, struct bridge *bridge, struct bridge_command *command)
{
    static const char bare[] = "{\"error\":\"Rate limit exceeded\"}";
    struct message message = {0};
    struct buf text;

    figure_add(&inbox->o.figures->refused[STUDIO_ERR_RATE_LIMIT], 1);
    log_debug("core", "%s is refused: %s", command->client, studio_err_text(STUDIO_ERR_RATE_LIMIT));
    decode(inbox, command, &message);
    buf_init(&text, REFUSAL_MAX);
    answer_error(&text, studio_err_text(STUDIO_ERR_RATE_LIMIT), message.request_id);
    if (buf_ok(&text))
        bridge_answer(bridge, command, text.data, text.len);
    else
        bridge_answer(bridge, command, bare, sizeof(bare) - 1);
    buf_finish(&text);
    message_finish(&message);
}

static bool enqueue(struct inbox *inbox, struct bridge_command *command)
{
    bool taken;

    pthread_mutex_lock(&inbox->lock);
    taken = inbox->count < INBOX_MAX;
    if (taken)
        inbox->queue[(inbox->head + inbox->count++) % INBOX_MAX] = command;
    pthread_mutex_unlock(&inbox->lock);
    if (taken)
        inbox->wake(inbox->ctx);
    return taken;
}

bool inbox_put(struct inbox *inbox, struct bridge *bridge, struct bridge_command *command)
{
    struct rate *sender;
    struct bucket *bucket, before;
    bool within, taken = true;

    if (inbox->o.shared_root)
        return enqueue(inbox, command);
    sender = rates_hold(inbox->senders, command->client);
    bucket = rate_bucket(sender);
    if (bucket)
        before = *bucket;
    within = !bucket || bucket_take(bucket, bucket_cost(command->payload_len), inbox->o.rate,
                                    inbox->o.burst, clock_mono(inbox->o.clock));
    if (!within)
        refuse(inbox, bridge, command);
    else if (!(taken = enqueue(inbox, command)) && bucket)
        *bucket = before; /* it comes again */
    rates_leave(inbox->senders, sender);
    return taken;
}

/* --- out: the net thread --------------------------------------------------------------------- */

/* The topic's table; a name that is too long for one stays distinct from all that are not. */
static void copy_table_id(struct actor *actor, const char *table_id)
{
    static const char more[] = "\xe2\x80\xa6"; /* an ellipsis is in no table's name */
    size_t len = strlen(table_id);

    if (len <= STUDIO_TABLE_ID_MAX) {
        memcpy(actor->table_id, table_id, len + 1);
        return;
    }
    len = text_utf8_cut(table_id, STUDIO_TABLE_ID_MAX + 1 - sizeof(more));
    memcpy(actor->table_id, table_id, len);
    memcpy(actor->table_id + len, more, sizeof(more));
}

static void ask_replay(struct inbox *inbox, struct command_actor *a)
{
    const struct bridge_command *command = a->command;
    struct studio_replay replay;

    if (!core_replay(inbox->core, &a->actor, command->payload, command->payload_len,
                     command->retained, &replay))
        return;
    bridge_replay(a->bridge, a->command, &replay);
    a->command = NULL;
}

static void carry_out(struct inbox *inbox, struct bridge *bridge, struct bridge_command *command)
{
    struct command_actor *a = calloc(1, sizeof(*a));
    struct rate *sender = NULL;

    if (!a) {
        bridge_answer(bridge, command, JSON_NO_MEMORY, sizeof(JSON_NO_MEMORY) - 1);
        return;
    }
    a->actor.ops = &actor_ops;
    a->actor.via = VIA_MQTT;
    a->actor.refs = 1;
    a->bridge = bridge;
    a->command = command;
    strncpy(a->actor.user_id, command->client, sizeof(a->actor.user_id) - 1);
    copy_table_id(&a->actor, command->table_id);
    if (inbox->o.shared_root)
        sender = rates_hold(inbox->senders, a->actor.user_id);
    a->actor.bucket = rate_bucket(sender);
    if (command->replay)
        ask_replay(inbox, a);
    else if (command->retained)
        core_retained_command(inbox->core, &a->actor, command->field, command->payload,
                              command->payload_len);
    else
        core_command(inbox->core, &a->actor, command->field, command->payload,
                     command->payload_len);
    a->actor.bucket = NULL;
    rates_leave(inbox->senders, sender);
    actor_unref(&a->actor);
}

void inbox_drain(struct inbox *inbox, struct bridge *bridge)
{
    struct bridge_command *command;

    /* Bounded: at most what the queue holds now, the loop turns between. What the core has no place for
     * stays: the wake that makes room brings us here again. */
    for (int i = 0;
         i < INBOX_MAX && !core_commands_wait(inbox->core) && (command = take(inbox)) != NULL; i++)
        carry_out(inbox, bridge, command);
}
