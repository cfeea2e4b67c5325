/*
 * commands.h - commands from MQTT: from a message on a library thread to the agent, and its answer
 * back to who asked (protocol section 4).
 *
 * The library acknowledges a message to the broker when its callback returns. So the callback hands
 * the command straight to the agent and waits for the commit or refusal, at most COMMANDS_WAIT_MS. It
 * never waits for the bridge thread, which may be waiting for the library.
 *
 * When the agent ends before it has answered, the callback must not return: the broker would take the
 * command for done. It holds the library up for COMMANDS_HOLD_MS, by when the process is gone, and the
 * broker keeps it; in a program that goes on the command then counts as done.
 */
#ifndef BRIDGE_COMMANDS_H
#define BRIDGE_COMMANDS_H

#include <pthread.h>

#include "answers.h"
#include "base/log.h"
#include "events.h"
#include "link_paho.h"
#include "replays.h"
#include "topics.h"

enum { COMMANDS_WAIT_MS = 2000, COMMANDS_HOLD_MS = 60000 /* longer than a stop takes */ };

struct commands {
    const struct topics *topics;
    const struct bridge_source *source;
    struct answers *answers;
    struct replays *replays;
    struct events *events;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    unsigned hold_ms; /* COMMANDS_HOLD_MS; tests have less patience */
    unsigned inside;  /* callbacks that wait for an answer */
    bool ready, closed;
    uint64_t ignored; /* under the lock; of clients without a valid name, and foreign topics */
    struct log_limit log;
};

STUDIO_MUST_USE enum studio_err commands_init(struct commands *c, const struct topics *topics,
                                              const struct bridge_source *source,
                                              struct answers *answers, struct replays *replays,
                                              struct events *events);
void commands_finish(struct commands *c);

/* A link_command_fn; ctx is the struct commands. On a library thread. */
void commands_arrived(void *ctx, const struct link_command *in);
/* The agent's one answer, from the net thread; NULL: none. After commands_close it only frees. */
void commands_answer(struct commands *c, struct bridge_command *command, const char *json,
                     size_t len);
/* Nobody will answer any more. True: a callback is held back, and the library stands still. Any thread. */
bool commands_close(struct commands *c);
uint64_t commands_ignored(struct commands *c);

#endif
