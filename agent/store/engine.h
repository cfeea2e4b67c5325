/*
 * engine.h - what an engine of the store is: a table of functions behind store.h. Only the engines and the files
 * beside this one include it.
 *
 * An engine's own struct begins with a struct store, its reader's with a struct store_reader. Each function does
 * what store.h says of the one of its name.
 */
#ifndef AGENT_STORE_ENGINE_H
#define AGENT_STORE_ENGINE_H

#include <stdio.h>

#include "store/place.h"
#include "store/store.h"
#include "store/survey.h"

enum {
    STORE_STEP_ROWS = 500, /* rows one step of housekeeping removes */
    STORE_SLOW_MS = 500,   /* of a commit: the disk is slow */
    STORE_HOUR_MS = 3600 * 1000,
    STORE_REQUEST_HOURS =
        25 /* a request is remembered for: 24 whole ones, and the one it was made in */
};

#define STORE_ALL_ACKED INT64_MAX /* instead of a watermark: without a broker every event is */

struct store_engine {
    enum studio_err (*open)(const struct store_options *options, struct store **out,
                            struct studio_error *error);
    void (*close)(struct store *store);
    bool (*slow)(const struct store *store);
    uint64_t (*bytes)(const struct store *store);
    bool (*crowded)(struct store *store);
    enum studio_err (*tables)(struct store *store, store_table_fn *row, void *ctx);
    enum studio_err (*commit)(struct store *store, struct store_item *items, size_t n,
                              uint64_t acked);
    bool (*in_doubt)(const struct store *store); /* NULL: never */
    enum studio_err (*settle)(struct store *store, bool *known);
    enum studio_err (*park)(struct store *store, uint64_t seq, const char *reason);
    enum studio_err (*mark_cleared)(struct store *store, const char *table_id, const char *field);
    enum studio_err (*forget_cleared)(struct store *store, const struct store_clearing *clearings,
                                      size_t n);
    enum studio_err (*put_memo)(struct store *store, const char *text);
    enum studio_err (*probe)(struct store *store);
    enum studio_err (*housekeep)(struct store *store, int64_t mono_ms, bool *more);

    /* NULL, all of them, where nobody else can have it. */
    bool (*owned)(const struct store *store);
    const char *(*successor)(const struct store *store);
    enum studio_err (*waiting)(struct store *store, char name[STORE_OWNER_MAX + 1], size_t *count);
    enum studio_err (*hand_over)(struct store *store, const char *name);

    /* NULL, all of them, where there is no log. */
    enum studio_err (*copier_open)(struct store *store, struct store_copier **out,
                                   struct studio_error *error);
    void (*copier_close)(struct store_copier *copier);
    bool (*copy_due)(const struct store *store);
    enum studio_err (*copy)(struct store_copier *copier);

    enum studio_err (*reader_open)(const struct store *store, struct store_reader **out,
                                   struct studio_error *error);
    void (*reader_close)(struct store_reader *reader);
    enum studio_err (*read_events)(struct store_reader *reader, uint64_t from, uint64_t to,
                                   size_t limit, studio_event_fn *fn, void *ctx);
    enum studio_err (*walk_step)(struct store_reader *reader, struct store_walk *walk,
                                 studio_event_fn *fn, void *ctx);
    enum studio_err (*read_oldest)(struct store_reader *reader, uint64_t *seq);
    enum studio_err (*read_request)(struct store_reader *reader, const char *table_id,
                                    const char *client, const char *request_id,
                                    const unsigned char digest[32], bool *found, bool *same,
                                    char **answer);
    enum studio_err (*read_cleared)(struct store_reader *reader, store_cleared_fn *fn, void *ctx);

    /* transfer.h */
    enum studio_err (*check)(const struct store_place *place, FILE *out,
                             struct studio_error *error);
    enum studio_err (*export_lines)(const struct store_place *place, FILE *out,
                                    store_progress_fn *tell, struct studio_error *error);
    enum studio_err (*import_lines)(const struct store_place *place, FILE *in,
                                    store_progress_fn *tell, struct studio_error *error);
    enum studio_err (*survey)(const char *url, struct store_survey *out,
                              struct studio_error *error);             /* of a database */
    const struct store_survey *(*surveyed)(const struct store *store); /* NULL: of none */
    enum studio_err (*restored)(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                                struct studio_error *error);

    /* NULL, both of them, where no other agent can be. */
    enum studio_err (*read_agents)(struct store_reader *reader, const char *after, size_t limit,
                                   store_agent_fn *fn, void *ctx);
    enum studio_err (*read_their_tables)(struct store_reader *reader, const char *const *agents,
                                         size_t count, const char *after, size_t limit,
                                         store_their_table_fn *fn, void *ctx);
};

/* Where the store is that this address names, or, NULL, a directory. NULL, with a sentence: this program has no such
 * engine. */
const struct store_engine *store_engine_for(const char *url, struct studio_error *error);

struct store {
    const struct store_engine *engine;
    struct store_info info; /* only what is committed */
};

struct store_reader {
    const struct store_engine *engine;
};

struct store_copier {
    const struct store_engine *engine;
};

#endif
