/*
 * control.h - a local socket by which commands reach a running agent: `control` in its data
 * directory, for the owner of the directory only.
 *
 * One connection is one command: a word and a newline there, a file with it if the command is about one;
 * `ok ` or `error `, a text and the end back, before it lines `at DONE TOTAL` if it takes its time. Commands are
 * carried out one after the other on a thread of the socket's own, but for what is taken over by another.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "studio/error.h"

struct control;

struct control_call {
    const char *command;
    int caller, file; /* the connection; the file that came along, -1 if none did */
    bool taken; /* by whoever sets it: both are closed, and the caller is answered, by that one */
};

/* Carries out a command: appends what there is to say about it; false: it failed. */
typedef bool control_fn(void *ctx, struct control_call *call, struct buf *answer);

/* The directory is this agent's (it holds its lock): a socket left behind is replaced. Errors: IO,
 * NO_MEMORY. */
STUDIO_MUST_USE enum studio_err control_open(const char *dir, control_fn *fn, void *ctx,
                                             struct control **out, struct studio_error *error);
/* Waits for the command that is being carried out. NULL does nothing. */
void control_close(struct control *control);

/* Asks the agent that runs on `dir`. *ok and `answer` are what it says. Errors: NOT_CONNECTED (none runs
 * there), IO (not allowed, it does not answer). */
STUDIO_MUST_USE enum studio_err control_ask(const char *dir, const char *command, bool *ok,
                                            struct buf *answer, struct studio_error *error);

/* The same with a file and for what takes its time: `file` (-1: none) goes along, and `tell` (may be NULL) hears
 * how far it is. The agent may end meanwhile: IO. */
STUDIO_MUST_USE enum studio_err control_ask_long(const char *dir, const char *command, int file,
                                                 void (*tell)(uint64_t done, uint64_t total),
                                                 bool *ok, struct buf *answer,
                                                 struct studio_error *error);

#endif
