/*
 * exposition.h - figures as text for Prometheus: its text format 0.0.4, or OpenMetrics 1.0.0.
 *
 * A family of figures begins with what it is, its samples follow; the caller keeps them together. Pure; any
 * thread.
 */
#ifndef AGENT_API_EXPOSITION_H
#define AGENT_API_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct histogram;

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPEN };

/* Which one an Accept header (NULL: none) would rather have; the text format where it names neither. */
enum exposition_format exposition_choose(const char *accept);
/* Its Content-Type. */
const char *exposition_type(enum exposition_format format);

enum family_kind { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_HISTOGRAM, FAMILY_INFO };

struct family {
    enum family_kind kind;
    const char *name;   /* `studio_` comes before it, `_total` and the like behind it */
    const char *unit;   /* what the name ends with; NULL: a plain number */
    const char *help;   /* one line */
    int64_t created_ms; /* when it began to count, wall clock; 0: not told */
};

struct exposition {
    struct buf *out;
    enum exposition_format format;
    struct family family; /* under way */
};

struct label {
    const char *name, *value;
};

void exposition_begin(struct exposition *e, struct buf *out, enum exposition_format format);
void exposition_family(struct exposition *e, const struct family *family);
/* A sample of a gauge, a counter or an info: n / 10^decimals. No two have the same values of labels. */
void exposition_sample(struct exposition *e, const struct label *labels, size_t count, uint64_t n,
                       unsigned decimals);
/* The samples of a histogram. */
void exposition_histogram(struct exposition *e, const struct histogram *histogram);
void exposition_end(struct exposition *e);

#endif
