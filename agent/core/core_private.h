/* core_private.h - what the files of the core share; nobody else includes it. */
#ifndef AGENT_CORE_CORE_PRIVATE_H
#define AGENT_CORE_CORE_PRIVATE_H

#include "base/log.h"
#include "bridge/bridge.h"
#include "core/core.h"
#include "core/hub.h"
#include "core/item.h"

enum {
    BATCH_ITEMS_MAX = 4096,           /* beyond that senders are not read */
    BATCH_BYTES_MAX = 8 * 1024 * 1024 /* */
};

struct core {
    struct core_options o;
    struct committer *committer;
    struct tables *tables;
    struct hub *hub;
    struct presence *presence;
    struct bridge *bridge; /* NULL: none */
    struct batch batches[2];
    struct batch *open;       /* being filled */
    struct batch *flying;     /* with the store */
    bool settling;            /* the answer being given is the one whose turn it is */
    bool announce_due;        /* a table could not be announced for want of memory */
    struct buf text, changes; /* to print into, kept so that nothing is allocated for it */
    struct core_stats stats;
    struct log_limit refused_values;
};

/* stage.c: checks a message against the newest state and puts it into the open batch; on an error
 * nothing has changed. The message is moved from on success. */
STUDIO_MUST_USE enum studio_err stage_create(struct core *core, struct actor *actor, const char *id,
                                             struct table **out);
STUDIO_MUST_USE enum studio_err stage_update(struct core *core, struct actor *actor,
                                             struct message *message,
                                             const struct store_request *request,
                                             struct studio_error *error);
STUDIO_MUST_USE enum studio_err stage_exception(struct core *core, struct actor *actor,
                                                struct message *message,
                                                const struct store_request *request,
                                                struct studio_error *error);
STUDIO_MUST_USE enum studio_err stage_remove(struct core *core, struct actor *actor,
                                             struct message *message, struct studio_error *error);

/* call.c: carries out a message that only reads, against what is visible now. */
void call_message(struct core *core, struct actor *actor, const struct message *message);
void call_welcome(struct core *core, struct actor *actor);

/* settle.c: tells watchers and bridge what is visible now, if they do not know it yet. */
void core_announce_table(struct core *core, struct table *table);

/* core.c: answers, in turn. */
void core_answer(struct core *core, struct actor *actor, const struct buf *answer);
void core_answer_error(struct core *core, struct actor *actor, const struct studio_error *error,
                       const char *request_id);
/* core.c: a command that had to wait for its like, in its turn. */
void core_command_again(struct core *core, struct actor *actor, const char *text, size_t len);

#endif
