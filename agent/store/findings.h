/*
 * findings.h - what a check of a store finds, and whether the JSON of its rows says what their columns say. Each engine
 * walks through its own rows. One thread.
 */
#ifndef AGENT_STORE_FINDINGS_H
#define AGENT_STORE_FINDINGS_H

#include <stdio.h>

#include "store/store.h"

/* The first is kept for the error message. */
struct findings {
    FILE *out; /* NULL: only counted */
    unsigned count;
    char first[160];
};

/* One more; the first hundred are printed, a line each. */
void findings_add(struct findings *findings, const char *fmt, ...) STUDIO_PRINTF(2, 3);
/* At the end: what the store knows (NULL: that cannot be read), and how many faults there are. */
void findings_end(const struct findings *findings, const struct store_info *info, uint64_t tables);

/* An event with the `{` it is published with, and the document of a table that is there. */
void findings_event(struct findings *findings, uint64_t seq, const char *table_id, uint64_t rev,
                    int kind, const char *json, size_t len);
void findings_document(struct findings *findings, const char *table_id, uint64_t rev,
                       const char *json, size_t len);

#endif
