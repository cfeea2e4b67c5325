/*
 * private.h - what the files of this engine share; nobody else includes it (but its tests).
 *
 * args.c       arguments and rows in binary
 * link.c       a connection
 * schema.c     the tables and views, brought to this version
 * owner.c      who may write: taken at the start, asked in every transaction
 * succession.c who waits for it, and how it is left to him
 * transact.c   a transaction of the owner, and what became of one whose answer was lost
 * commit.c     a batch, and the small transactions
 * housekeep.c  retention, forgetting, the count of hours, the lease
 * store.c      open and close
 * reader.c     the reading connection
 * bulk.c       more rows than should be in memory, out of a query, into a table
 * tool.c       the maintenance commands' way in; `store restored`
 * check.c      what must hold of an agent's rows
 * export.c     `store export`
 * import.c     `store import`
 * survey.c     what the database does for an answer
 * statements.c the SQL of all this
 * engine.c     the table of all this
 */
#ifndef AGENT_STORE_POSTGRES_PRIVATE_H
#define AGENT_STORE_POSTGRES_PRIVATE_H

#include <stdatomic.h>

#include "base/log.h"
#include "store/engine.h"
#include "store/postgres/link.h"

enum {
    LEASE_MS = 5000,       /* for so long, by the database's clock, nobody else may take an agent */
    LEASE_RENEW_MS = 900,  /* and so often, at the next round, the owner says it is there */
    LEASE_MARGIN_MS = 100, /* the owner takes it for shorter: no two clocks run alike */
    WAITING_MS = 3000,     /* who waits is forgotten by then, unless he says it again */
    WAITING_SAID_MS = 1000,
    PROMISE_MS = 5000, /* so long it is kept for whom it was left to */
    ROW_BYTES = 128    /* what an event or a request is counted with besides its text */
};

/* The SQLSTATE of a transaction that is not the owner's (any more). */
#define STATE_NOT_OWNER "ST001"

enum statement {
    PG_TAKE,
    PG_UNBLOCK,
    PG_LOOK,
    PG_WAIT,
    PG_WAIT_NO_MORE,
    PG_WAITING,
    PG_PROMISE,
    PG_FENCE,
    PG_SUCCESSOR,
    PG_LOAD,
    PG_OWN,
    PG_ADD_EVENTS,
    PG_PUT_TABLES,
    PG_DROP_CLEARED,
    PG_ADD_CLEARED,
    PG_FORGET_CLEARED,
    PG_FORGET_BELOW,
    PG_DROP_REQUESTS,
    PG_ADD_REQUESTS,
    PG_PARK,
    PG_PUT_MEMO,
    PG_TABLES,
    PG_AGED,
    PG_DROP_EVENTS,
    PG_OLD_REQUESTS,
    PG_DROP_OLD,
    PG_ADD_HOUR,
    PG_DROP_HOURS,
    PG_RELEASE,
    PG_SURVEY,
    PG_COUNT
};
extern const char *const postgres_texts[PG_COUNT];

/* What the numbers are once a transaction has happened. */
struct numbers {
    uint64_t last_seq, acked;
    int64_t bytes; /* that come */
};

struct postgres_store {
    struct store base;
    struct link link;
    char *url; /* memory of secret.h */
    char *owner;
    bool former; /* as store_options has it */
    int lock_fd;
    uint64_t retention_events;
    unsigned retention_days;
    uint64_t max_bytes;
    bool mirror;
    bool failed;         /* it has another owner, or contradicts itself */
    bool left;           /* to somebody else: there is nothing to release */
    int64_t line;        /* of the connections of this owner, the one that may write */
    int64_t writes;      /* transactions of this ownership that are known to have happened */
    int64_t bytes;       /* of events and requests */
    int64_t hours;       /* it has run */
    int64_t hour_began;  /* monotonic; -1: not yet */
    int64_t aged_hour;   /* nothing as old is left */
    int64_t forgot_hour; /* no request as old is left; -1: not looked yet */
    int64_t renewed;     /* monotonic: when the lease was last */
    int64_t sent;        /* by clock_boot: when what renews it was begun to be sent */
    atomic_int_fast64_t owned_until;     /* on that clock; any thread */
    char successor[STORE_OWNER_MAX + 1]; /* who owns it now; empty: nobody, as far as is known */
    int64_t commit_ms;                   /* what the last commit took */
    struct log_limit complaints, crowding;
    struct store_survey survey; /* at the start */
    bool surveyed;
    struct numbers coming; /* of the transaction under way */
    /* Of the transaction whose answer was lost: */
    bool lost;                /* there was one, since send_batch began */
    bool doubt;               /* it may have happened */
    int64_t asked;            /* its number */
    bool happened;            /* it has: known once the doubt is over */
    struct store_item *items; /* its; NULL: it was no batch, nobody waits for what became of it */
    size_t item_count;
};

static inline struct postgres_store *as_postgres(struct store *base)
{
    return (struct postgres_store *)base;
}

static inline const struct postgres_store *as_const_postgres(const struct store *base)
{
    return (const struct postgres_store *)base;
}

/* What a look at an agent found. */
enum owner_found {
    OWNER_OURS, /* it is taken, and what the store knows is loaded */
    OWNER_HELD, /* by another, who is named */
    OWNER_AWAY, /* the database cannot be asked now */
    OWNER_WRONG /* it will not do, whoever waits */
};

/* --- schema.c -------------------------------------------------------------------------------- */

/* STORE_UNUSABLE with a sentence on what to do. */
enum studio_err postgres_refuse(struct studio_error *error, const struct link *link);
/* The same, and whether one who waits may hope that it passes. */
enum owner_found postgres_not_asked(const struct link *link, enum link_result result,
                                    struct studio_error *error);
/* Brings the database to this version, or refuses one that is newer. The link has no statements yet. OURS: it is. */
enum owner_found schema_prepare(struct link *link, struct studio_error *error);

/* --- owner.c --------------------------------------------------------------------------------- */

/* Makes this process the owner, if nobody else is. But for OURS `error` says what there is, `holder` by whom it is
 * held. */
enum owner_found owner_take(struct postgres_store *store, char holder[STORE_OWNER_MAX + 1],
                            struct studio_error *error);
/* What was sent at store->sent has renewed it. */
void owner_renewed(struct postgres_store *store);
/* Nobody else need wait for the lease to run out. */
void owner_release(struct postgres_store *store);
/* A connection that may write: after another was lost, all that it still has under way will come to nothing, and
 * store->writes says whether the last of it had happened. OK, STORAGE (the database is away) or IO (another
 * owner). */
enum studio_err owner_resume(struct postgres_store *store);

/* --- succession.c ---------------------------------------------------------------------------- */

/* Takes the agent, waiting for it as the options say. Errors as of store_open. */
enum studio_err succession_take(struct postgres_store *store, const struct store_options *options,
                                struct studio_error *error);

/* --- transact.c ------------------------------------------------------------------------------ */

/* Begins one; OK: send statements, then transact_end. */
enum studio_err transact_begin(struct postgres_store *store, const struct numbers *numbers);
/* `what` says what it was for the log. *rows as of link_end. STORAGE with store->doubt: nobody knows yet. */
enum studio_err transact_end(struct postgres_store *store, const char *what, PGresult **rows);
/* One with nothing in it but the owner's word, if there was none for a while. */
enum studio_err transact_renew(struct postgres_store *store);
/* A failure of one statement by itself. */
enum studio_err transact_fail(struct postgres_store *store, enum link_result result,
                              const char *what);
/* Numbers as they are. */
struct numbers numbers_now(const struct postgres_store *store);

/* --- tool.c, check.c ------------------------------------------------------------------------- */

struct findings;

/* A connection to a database of this version, for rows of place->agent_id; link_close it in any case. */
enum studio_err tool_connect(const struct store_place *place, struct link *link,
                             struct studio_error *error);
/* What an answer means: OK, STORE_UNUSABLE, NO_MEMORY. */
enum studio_err tool_fail(const struct link *link, enum link_result result,
                          struct studio_error *error);
/* STORE_UNUSABLE, and *held, if somebody owns it. */
enum studio_err tool_held(struct link *link, const char *agent_id, bool *held,
                          struct studio_error *error);
/* The same to read all of one moment. */
enum studio_err tool_connect_to_read(const struct store_place *place, struct link *link,
                                     struct studio_error *error);
/* What the store knows, but for the memo. STORE_UNUSABLE also if there is none, or it contradicts itself. */
enum studio_err tool_load(struct link *link, const char *agent_id, struct store_info *info,
                          struct studio_error *error);
/* Looks at all rows of an agent. */
enum link_result check_rows(struct link *link, const char *agent_id, struct findings *findings);

/* --- survey.c -------------------------------------------------------------------------------- */

/* What the database does for an answer; `statement` is the one of PG_SURVEY. */
enum link_result survey_ask(struct link *link, int statement, struct store_survey *out);

/* --- what engine.c puts into its table, each as store.h says -------------------------------- */

enum studio_err postgres_open(const struct store_options *options, struct store **out,
                              struct studio_error *error);
void postgres_close(struct store *base);
bool postgres_slow(const struct store *base);
uint64_t postgres_bytes(const struct store *base);
bool postgres_crowded(struct store *base);
bool postgres_in_doubt(const struct store *base);
enum studio_err postgres_settle(struct store *base, bool *known);
enum studio_err postgres_tables(struct store *base, store_table_fn *row, void *ctx);
enum studio_err postgres_commit(struct store *base, struct store_item *items, size_t n,
                                uint64_t acked);
enum studio_err postgres_park(struct store *base, uint64_t seq, const char *reason);
enum studio_err postgres_mark_cleared(struct store *base, const char *table_id, const char *field);
enum studio_err postgres_forget_cleared(struct store *base, const struct store_clearing *clearings,
                                        size_t n);
enum studio_err postgres_put_memo(struct store *base, const char *text);
enum studio_err postgres_probe(struct store *base);
enum studio_err postgres_housekeep(struct store *base, int64_t mono_ms, bool *more);
bool postgres_owned(const struct store *base);
const char *postgres_successor(const struct store *base);
enum studio_err postgres_waiting(struct store *base, char name[STORE_OWNER_MAX + 1], size_t *count);
enum studio_err postgres_hand_over(struct store *base, const char *name);
enum studio_err postgres_reader_open(const struct store *base, struct store_reader **out,
                                     struct studio_error *error);
void postgres_reader_close(struct store_reader *base);
enum studio_err postgres_read_events(struct store_reader *base, uint64_t from, uint64_t to,
                                     size_t limit, studio_event_fn *fn, void *ctx);
enum studio_err postgres_walk_step(struct store_reader *base, struct store_walk *walk,
                                   studio_event_fn *fn, void *ctx);
enum studio_err postgres_read_oldest(struct store_reader *base, uint64_t *seq);
enum studio_err postgres_read_request(struct store_reader *base, const char *table_id,
                                      const char *client, const char *request_id,
                                      const unsigned char digest[32], bool *found, bool *same,
                                      char **answer);
enum studio_err postgres_read_cleared(struct store_reader *base, store_cleared_fn *fn, void *ctx);
enum studio_err postgres_read_agents(struct store_reader *base, const char *after, size_t limit,
                                     store_agent_fn *fn, void *ctx);
enum studio_err postgres_read_their_tables(struct store_reader *base, const char *const *agents,
                                           size_t count, const char *after, size_t limit,
                                           store_their_table_fn *fn, void *ctx);
enum studio_err postgres_survey(const char *url, struct store_survey *out,
                                struct studio_error *error);
const struct store_survey *postgres_surveyed(const struct store *base);
enum studio_err postgres_check(const struct store_place *place, FILE *out,
                               struct studio_error *error);
enum studio_err postgres_export(const struct store_place *place, FILE *out, store_progress_fn *tell,
                                struct studio_error *error);
enum studio_err postgres_import(const struct store_place *place, FILE *in, store_progress_fn *tell,
                                struct studio_error *error);
enum studio_err postgres_restored(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                                  struct studio_error *error);

/* So near its largest size that updates will not fit. */
bool postgres_full(const struct postgres_store *store);

#endif
