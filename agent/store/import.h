/*
 * import.h - the lines of an export (transfer.h), read and checked one by one, for an engine to make rows of. One
 * thread.
 *
 * What can be seen in a line, or in the order of lines, is checked here; what only rows can tell is the engine's.
 */
#ifndef AGENT_STORE_IMPORT_H
#define AGENT_STORE_IMPORT_H

#include <stdio.h>

#include "base/json.h"
#include "store/place.h"
#include "store/store.h"

struct import;

#define IMPORT_NO_REV UINT64_MAX /* an exception is published without the rev its table had */

/* What an engine does with them, in the order of the lines: begin first, then events from one seq to the next. All texts
 * live until the function returns. Each returns OK, or has set im->error. */
struct import_target {
    enum studio_err (*begin)(struct import *im, const struct store_info *info);
    enum studio_err (*event)(struct import *im, const struct studio_event *event);
    enum studio_err (*parked)(struct import *im, uint64_t seq, const char *reason);
    /* document NULL: it is removed */
    enum studio_err (*table)(struct import *im, const char *table_id, uint64_t rev,
                             const char *document, size_t len);
    enum studio_err (*request)(struct import *im, const struct store_request *request);
    enum studio_err (*cleared)(struct import *im, const char *table_id, const char *field);
};

enum { IMPORT_TEXTS = 4 };

struct import {
    const struct import_target *target;
    void *ctx; /* the engine's */
    FILE *in;
    store_progress_fn *tell; /* may be NULL */
    struct studio_error *error;
    struct store_info info; /* as the first line has it */
    uint64_t number;        /* of the line, from 1 */
    uint64_t first_seq, next_seq;
    bool ended;
    struct buf line, texts[IMPORT_TEXTS];
    struct json_members record;
};

/* Reads all of `im->in`; the first five members are the caller's to set, the rest is zero. Errors: USAGE, naming the line;
 * NO_MEMORY, IO, and the target's. */
STUDIO_MUST_USE enum studio_err import_read(struct import *im);
/* For the target, too: says what is wrong with the line that is read; with all of them, as only their rows tell. */
enum studio_err import_refuse(struct import *im, const char *fmt, ...) STUDIO_PRINTF(2, 3);
enum studio_err import_contradiction(struct import *im, const char *what);

#endif
