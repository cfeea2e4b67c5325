/*
 * export.h - the lines of an export (transfer.h), printed one by one as an engine reads its rows. One thread.
 *
 * In this order: export_begin, events by seq, parked by seq, tables, requests, names to clear, each by its key,
 * export_end; export_finish in any case. Texts may be NULL: the engine had no memory for one. Errors: IO, NO_MEMORY.
 */
#ifndef AGENT_STORE_EXPORT_H
#define AGENT_STORE_EXPORT_H

#include <stdio.h>

#include "base/buf.h"
#include "store/place.h"
#include "store/store.h"

struct export
{
    FILE *out;
    store_progress_fn *tell;
    struct studio_error *error;
    const struct store_info *info;
    uint64_t lines, events;
    struct buf line;
};

/* `info` must live until export_finish. */
STUDIO_MUST_USE enum studio_err export_begin(struct export *x, const struct store_info *info,
                                             FILE *out, store_progress_fn *tell,
                                             struct studio_error *error);
STUDIO_MUST_USE enum studio_err export_event(struct export *x, uint64_t seq, const char *body,
                                             size_t len);
STUDIO_MUST_USE enum studio_err export_parked(struct export *x, uint64_t seq, const char *reason);
/* A removed table has a document of length 0. */
STUDIO_MUST_USE enum studio_err export_table(struct export *x, const char *table_id, uint64_t rev,
                                             const char *document, size_t len);
STUDIO_MUST_USE enum studio_err export_request(struct export *x,
                                               const struct store_request *request);
STUDIO_MUST_USE enum studio_err export_cleared(struct export *x, const char *table_id,
                                               const char *field);
STUDIO_MUST_USE enum studio_err export_end(struct export *x);
void export_finish(struct export *x);

#endif
