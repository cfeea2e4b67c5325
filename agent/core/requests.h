/*
 * requests.h - commands with a request_id: the same again gets the same answer and is not applied
 * again (section 4). What was answered is in the store; what is about to be is in a batch.
 */
#ifndef AGENT_CORE_REQUESTS_H
#define AGENT_CORE_REQUESTS_H

#include "core/item.h"

struct core;

/* Makes the item's request from its decoded message and its text. False: out of memory. */
STUDIO_MUST_USE bool request_make(struct item *item, const char *text, size_t len);

/* True while a command with the same key is in a batch. */
bool request_pending(const struct core *core, const struct item *item);

/* The remembered answer becomes the item's, if there is one. Reads the store. Errors:
 * REQUEST_ID_USED (another payload), STORAGE. */
STUDIO_MUST_USE enum studio_err request_recall(struct core *core, struct item *item,
                                               struct studio_error *error);

#endif
