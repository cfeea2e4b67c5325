/*
 * control.h - a local socket by which commands reach a running agent: `control` in its data
 * directory, for the owner of the directory only.
 *
 * One connection is one command: a word and a newline there; `ok ` or `error `, a text and the end
 * back. Commands are carried out one after the other on a thread of the socket's own.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include "base/buf.h"
#include "studio/error.h"

struct control;

/* Carries out a command: appends what there is to say about it; false: it failed. */
typedef bool control_fn(void *ctx, const char *command, struct buf *answer);

/* The directory is this agent's (it holds its lock): a socket left behind is replaced. Errors: IO,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err control_open(const char *dir, control_fn *fn, void *ctx,
                                             struct control **out, struct studio_error *error);
/* Waits for the command that is being carried out. NULL does nothing. */
void control_close(struct control *control);

/* Asks the agent that runs on `dir`. *ok and `answer` are what it says. Errors: IO (none runs
 * there, it does not answer), NO_MEMORY. */
STUDIO_MUST_USE enum studio_err control_ask(const char *dir, const char *command, bool *ok,
                                            struct buf *answer, struct studio_error *error);

#endif
