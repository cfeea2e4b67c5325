/*
 * requests.h - commands with a request_id: the same again gets the same answer and is not applied
 * again (section 4). What was answered is in the store; what is about to be is in a batch.
 */
#ifndef AGENT_CORE_REQUESTS_H
#define AGENT_CORE_REQUESTS_H

#include "core/core.h"

/* The key and digest of a command; the strings are borrowed. False: out of memory. */
STUDIO_MUST_USE bool request_make(struct store_request *request, const char *client,
                                  const char *request_id, const char *payload, size_t len);

/* True while a command with this key is in a batch. */
bool request_pending(const struct core *core, const char *table_id,
                     const struct store_request *request);

/* Appends the remembered answer, if there is one. Errors: REQUEST_ID_USED (another payload),
 * STORAGE. */
STUDIO_MUST_USE enum studio_err request_recall(struct core *core, const char *table_id,
                                               const struct store_request *request,
                                               struct buf *answer, struct studio_error *error);

#endif
