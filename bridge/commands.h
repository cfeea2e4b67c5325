/*
 * commands.h - commands from MQTT: from the link to the agent, and their answers back to who asked
 * (protocol section 4).
 *
 *     arrived ──► waiting (the agent's queue is full) ──► under way ──► answered ──► reply, verdict
 *        └─────────────── ignored, refused here ────────────────────────────────────────▲
 *
 * A command is acknowledged to the broker by its verdict, and that comes only once it is committed or
 * refused, however long that takes. The link has at most LINK_COMMANDS_MAX without a verdict, so what waits
 * here is bounded by that, and an agent that is slow slows the broker down. One that ends without an
 * answer leaves the command with the broker.
 */
#ifndef BRIDGE_COMMANDS_H
#define BRIDGE_COMMANDS_H

#include <pthread.h>

#include "answers.h"
#include "base/log.h"
#include "link.h"
#include "replays.h"
#include "topics.h"

struct pending;
struct pending_list {
    struct pending *head, *tail;
};

struct commands {
    const struct topics *topics;
    const struct bridge_source *source;
    struct answers *answers;
    struct replays *replays;
    struct link *link;
    pthread_mutex_t lock;         /* guards `answered` */
    struct pending_list answered; /* by the agent, without a verdict yet */
    bool ready;
    struct pending_list waiting; /* what follows is the bridge thread's */
    bool held;                   /* those waiting came by a connection that was lost */
    uint64_t ignored;            /* of clients without a valid name, and foreign topics */
    struct log_limit log;
};

STUDIO_MUST_USE enum studio_err commands_init(struct commands *c, const struct topics *topics,
                                              const struct bridge_source *source,
                                              struct answers *answers, struct replays *replays,
                                              struct link *link);
/* Drops what waits. By now the agent has answered all it took. */
void commands_finish(struct commands *c);

/* Bridge thread. What became of the connection. What waits when it is lost is not handed over until the
 * next one is up: a broker that has kept the session brings it again, for it was not acknowledged, and
 * to carry it out now as well would be twice; one that has not does not. */
void commands_event(struct commands *c, const struct link_event *event);
/* Bridge thread. A command from the link. */
void commands_arrived(struct commands *c, const struct link_command *in);
/* Bridge thread: hands over what waits, passes the verdicts on. True: nothing waits for the agent. */
bool commands_step(struct commands *c);
/* The agent's one answer, any thread; NULL: none. The verdict comes with the next step. */
void commands_answer(struct commands *c, struct bridge_command *command, const char *json,
                     size_t len);
/* The agent's other answer: this is to be replayed for who asked. */
void commands_replay(struct commands *c, struct bridge_command *command,
                     const struct studio_replay *replay);

#endif
