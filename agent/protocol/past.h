/*
 * past.h - a table's document as it was before some event, put together from what the change events tell:
 * those that came later say what was before them, those that came earlier what was from then on (protocol
 * section 5). Pure; one thread at a time.
 *
 * Of each field what is told first counts. Whether a custom field was there is known of those that are told of,
 * and of all when the table's making, or its document of now, is told as well.
 */
#ifndef AGENT_PROTOCOL_PAST_H
#define AGENT_PROTOCOL_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { PAST_FIELDS_MAX = 4096 /* names that are told of */ };

struct past_field;

/* All zero in the beginning. */
struct past {
    struct past_field *fields; /* in the order in which they were told */
    bool failed;               /* no memory, too many names, or a body that is none */
};

/* What the bodies of change events are (protocol/document.h). */
enum past_kind {
    PAST_CHANGE,
    PAST_MADE,   /* the table was made by it: every field is in it, and nothing before it matters */
    PAST_REMOVED /* the table was removed by it: what it was before is not told by later ones */
};

/* A change that came later; to be told in the order of seq, up to one that is no PAST_CHANGE, which tells nothing. */
enum past_kind past_later(struct past *past, const char *body, size_t len);
/* One that came earlier; in the opposite order, up to one that is no PAST_CHANGE. PAST_MADE: all is known. */
enum past_kind past_earlier(struct past *past, const char *body, size_t len);
/* The document as it is when every later change has been told: all is known. */
void past_now(struct past *past, const char *document, size_t len);

/* Appends the document; what is not told has its first value, or is not there. */
void past_print(const struct past *past, struct buf *out, const char *table_id, uint64_t rev,
                int64_t stamp_s);
void past_finish(struct past *past);

#endif
