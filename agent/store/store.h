/*
 * store.h - the durable truth: one writer, a transactional outbox; in a file of SQLite's (sqlite/), or in a
 * PostgreSQL database (postgres/).
 *
 * A table's state and the event of its change are written in the same transaction and are on disk
 * when store_commit returns. The store knows bytes, table rows and sequence numbers, nothing of
 * messages or sockets. A struct store belongs to one thread at a time (the committer's after
 * start); a struct store_reader is a second, read-only connection for another thread.
 */
#ifndef AGENT_STORE_STORE_H
#define AGENT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "model/snapshot.h"
#include "store/survey.h"
#include "studio/error.h"

struct store;
struct store_reader;
struct store_copier;

enum {
    STORE_EPOCH_LEN = 32, /* lower-case hex */
    STORE_MEMO_MAX = 4095,
    STORE_OWNER_MAX = 127,  /* bytes of an owner's name */
    STORE_CLEARED_KEPT = 32 /* of a table's names that need not all be kept, the newest */
};

/*
 * Who waits for an agent that is another's: told after each look who has it ("" where it was left to somebody who has
 * not come yet), or, with `owner` NULL, why the database cannot be asked; rests until the next. False: give up. The
 * thread of store_open.
 */
typedef bool store_held_fn(void *ctx, const char *owner, const char *why);

struct store_options {
    const char *dir;           /* created with mode 0700 if missing */
    const char *url;           /* of a PostgreSQL database, a secret; NULL: the store is in `dir` */
    const char *agent_id;      /* NULL: the one kept in the store; if none, `host_name` is kept */
    const char *host_name;     /* default agent id of a new store; a valid client name */
    uint64_t retention_events; /* keep at most this many events; 0 = no limit */
    unsigned retention_days;   /* and none older, in days of a running agent; 0 = no limit */
    uint64_t max_bytes;        /* of the database, its log comes on top; 0 = no limit */
    bool mirror;               /* a broker is configured: events wait for an acknowledgement;
                                  else every commit counts as acknowledged */
    store_held_fn *held;       /* NULL: an agent that is another's, or no database, is an error */
    void *held_ctx;
    bool
        former; /* this process had it: who has it now is another, even of its name (a copied directory) */
    bool patient;        /* waits also for a database that is not there from the start on */
    bool unsafe_no_sync; /* for the test that proves a power cut would be noticed */
};

/* What a started store knows. Valid while the store is open. */
struct store_info {
    char epoch[STORE_EPOCH_LEN + 1];
    char agent_id[65];
    uint64_t boot;                   /* starts of this store, this one included */
    uint64_t last_seq;               /* newest committed event; 0 = none yet */
    uint64_t acked;                  /* every event <= acked is acknowledged by a broker */
    uint64_t oldest;                 /* oldest event still kept; last_seq + 1 when none is */
    uint64_t parked;                 /* events a broker refused for good */
    char owner[STORE_OWNER_MAX + 1]; /* in a database: who this process is there; else empty */
    char memo[STORE_MEMO_MAX + 1];   /* store_put_memo of an earlier run; empty: none */
};

/* A command that must be answered the same again (section 4). */
struct store_request {
    const char *table_id;
    const char *client;
    const char *request_id;   /* printed JSON */
    unsigned char digest[32]; /* SHA-256 of the payload */
    const char *answer;
    size_t answer_len;
    int64_t wall_ms;
};

/* One accepted message: its event, and what it makes of the table's row. All of it belongs to the
 * caller and must live until store_commit returns. */
struct store_item {
    struct studio_event *event;             /* NULL: a note, which only remembers its request */
    const struct studio_snapshot *snapshot; /* the table's row from now on (of a removed one only id
                                               and rev); NULL leaves it as it is */
    const char *const *cleared; /* custom fields this removes: their retained topics are to be */
    size_t cleared_count;       /*   cleared after every new broker connection; without a broker
                                     only the newest STORE_CLEARED_KEPT */
    const char *const *set;     /* custom fields this sets: no longer cleared */
    size_t set_count;
    const struct store_request *request; /* NULL if none */
};

/*
 * Opens or creates `<dir>/studio.db`, or this agent's rows in the database at `url`, takes the lock on `<dir>/lock`,
 * migrates, counts a boot. In a database the agent's id is its key: another one is another store.
 * `error` (never NULL) gets one clear sentence that says what to do: in use by another agent
 * (with its pid), damaged (never replaced), newer schema, no permission, disk full. With options->held it waits for an
 * agent that another process owns in a database, and says there that it does. Errors:
 * STORE_UNUSABLE, NO_MEMORY; of one that gave up, too.
 */
STUDIO_MUST_USE enum studio_err store_open(const struct store_options *options, struct store **out,
                                           struct studio_error *error);
/* Checkpoints (unless it has failed or is slow: the next start does it), closes, unlocks. NULL does
 * nothing. */
void store_close(struct store *store);

const struct store_info *store_info(const struct store *store);

/* What the database did for an answer at the start; NULL: not known, or the store is in none. Any thread. */
const struct store_survey *store_surveyed(const struct store *store);

/* The last commit took so long that a stop should not ask for more. The owner's thread. */
bool store_slow(const struct store *store);

/* How large its files are, the log included. The owner's thread. */
uint64_t store_bytes(const struct store *store);

/* The store has nearly reached its size: housekeeping should not wait for a pause. The owner's thread. */
bool store_crowded(struct store *store);

/* Calls `row` for every table: existing ones with their document, removed ones with document NULL.
 * `row` returns false to stop. Errors: STORAGE, or NO_MEMORY if `row` stopped. */
typedef bool store_table_fn(void *ctx, const char *table_id, uint64_t rev, const char *document,
                            size_t document_len);
STUDIO_MUST_USE enum studio_err store_tables(struct store *store, store_table_fn *row, void *ctx);

/*
 * Commits the items in order in one transaction, synced, and gives each event its seq. `acked` (the
 * watermark so far) rides along. Either all are durable or none has happened and no number is used.
 * n may be 0 (only the watermark). Errors: STORAGE (nothing applied; works again when the cause is
 * gone), IO (an error on sync: the process must stop, what is on disk is unknown until restart).
 */
STUDIO_MUST_USE enum studio_err store_commit(struct store *store, struct store_item *items,
                                             size_t n, uint64_t acked);

/* After STORAGE from store_commit: its answer was lost on the way to a database, so it may have happened. Until that is
 * known the items must live and store_settle is all that may be called. The owner's thread. */
bool store_in_doubt(const struct store *store);
/* Tries to find out, for some seconds at most. *known: it is over, and what store_commit would have returned. */
STUDIO_MUST_USE enum studio_err store_settle(struct store *store, bool *known);

/* Marks events as refused for good by a broker, or adds to what is parked. Own transaction. */
STUDIO_MUST_USE enum studio_err store_park(struct store *store, uint64_t seq, const char *reason);

/* This field's retained topic is to be cleared after every new broker connection, unless the table sets it
 * again. Own transaction. */
STUDIO_MUST_USE enum studio_err store_mark_cleared(struct store *store, const char *table_id,
                                                   const char *field);

/* The retained topics of what a table removed up to this rev are cleared at the broker. */
struct store_clearing {
    char table_id[72];
    uint64_t rev;
};
/* Forgets those names, but for the newest STORE_CLEARED_KEPT of each table. One transaction, or none if
 * there are not so many. */
STUDIO_MUST_USE enum studio_err store_forget_cleared(struct store *store,
                                                     const struct store_clearing *clearings,
                                                     size_t n);

/* Keeps a text for the next start, instead of the one before; what it says is its owner's. One above
 * STORE_MEMO_MAX bytes is kept as an empty one. Own transaction. */
STUDIO_MUST_USE enum studio_err store_put_memo(struct store *store, const char *text);

/* Writes something small and takes it back: is the store writable now? Errors as store_commit. */
STUDIO_MUST_USE enum studio_err store_probe(struct store *store);

/*
 * One small step of housekeeping (a checkpoint, or up to some hundred old events or remembered
 * requests removed; never an unacknowledged event). *more: a step was done, there may be another.
 * To be called when no batch waits. Age counts the hours the agent runs, by the monotonic clock
 * `mono_ms`. A failure that must stop the process is reported as by store_commit.
 */
STUDIO_MUST_USE enum studio_err store_housekeep(struct store *store, int64_t mono_ms, bool *more);

/* --- ownership, in a database that others can open, too ---------------------------------------- */

/* Until now nobody else can have taken the agent: by this machine's clock, from when the last transaction that
 * renewed the ownership was sent. What is read here is the truth only while it is so. Without a database always.
 * Any thread. */
bool store_owned(const struct store *store);
/* Who has taken it over: then nothing can be written any more (IO). NULL: nobody, as far as is known. The owner's
 * thread, and any after it has ended. */
const char *store_successor(const struct store *store);
/* Who has waited for it longest, "" for nobody, and how many wait. The owner's thread. Errors: STORAGE. */
STUDIO_MUST_USE enum studio_err store_waiting(struct store *store, char name[STORE_OWNER_MAX + 1],
                                              size_t *count);
/* Ends the ownership for one who waits: for some seconds nobody else can take it. To be closed then. The owner's
 * thread. Errors: STORAGE (it has not come that far, as far as is known). */
STUDIO_MUST_USE enum studio_err store_hand_over(struct store *store, const char *name);

/* --- the log, from another thread ------------------------------------------------------------- */

/* It keeps one of its own; else nothing of the following may be called. Any thread. */
bool store_has_log(const struct store *store);
/* Opens a connection that copies what commits have written to the log into the database, so that
 * housekeeping finds little left to do. One at a time; to be closed before the store. */
STUDIO_MUST_USE enum studio_err store_copier_open(struct store *store, struct store_copier **out,
                                                  struct studio_error *error);
void store_copier_close(struct store_copier *copier);
/* Any thread: there is enough for a step. */
bool store_copy_due(const struct store *store);
/* One step: what is committed so far, if anything, the database synced. Errors as store_commit; after
 * IO the store has failed, and its owner's next call says so, too. */
STUDIO_MUST_USE enum studio_err store_copy(struct store_copier *copier);

/* --- reading, from another thread ------------------------------------------------------------ */

/* A read-only way into an open store. Any thread. Of a database it connects when it is first used. */
STUDIO_MUST_USE enum studio_err store_reader_open(const struct store *store,
                                                  struct store_reader **out,
                                                  struct studio_error *error);
void store_reader_close(struct store_reader *reader);

/* Events with from <= seq <= to, in order, at most `limit`. Holds no lock afterwards. */
STUDIO_MUST_USE enum studio_err store_read_events(struct store_reader *reader, uint64_t from,
                                                  uint64_t to, size_t limit, studio_event_fn *fn,
                                                  void *ctx);
/* Change events of one table with rev >= from_rev, in order, at most `limit`; `after_seq` pages. */
STUDIO_MUST_USE enum studio_err store_read_changes(struct store_reader *reader,
                                                   const char *table_id, uint64_t from_rev,
                                                   uint64_t after_seq, size_t limit,
                                                   studio_event_fn *fn, void *ctx);

/*
 * A walk through what is kept of one table, in the order of seq, in steps that are short for those who wait
 * behind them. The caller fills in what it is after (store_walk has all of it) and keeps `table_id`.
 *
 * A wall clock may have stepped, so a time is looked for in all of it; of a thousand events nothing more is read
 * when none of them, of any table, can be of that time.
 */
struct store_walk {
    const char *table_id;
    bool changes, exceptions; /* which kinds; one at least */
    bool newest_first;
    /* All of these are included: */
    uint64_t from_seq, to_seq; /* a step moves the one it begins at */
    uint64_t from_rev, to_rev; /* an exception has that of the change before it */
    int64_t since_ms, until_ms;
    /* The walk's: */
    bool ended; /* nothing comes any more, or fn stopped it */
    bool begun;
    uint64_t span;
};
struct store_walk store_walk(const char *table_id);
/* One step: some events, or none yet. */
STUDIO_MUST_USE enum studio_err store_walk_step(struct store_reader *reader,
                                                struct store_walk *walk, studio_event_fn *fn,
                                                void *ctx);

/* The oldest kept seq (last + 1 when none is), and the oldest kept rev of a table. */
STUDIO_MUST_USE enum studio_err store_read_oldest(struct store_reader *reader, uint64_t *seq);
STUDIO_MUST_USE enum studio_err store_read_oldest_rev(struct store_reader *reader,
                                                      const char *table_id, bool *found,
                                                      uint64_t *rev, uint64_t *seq);

/* A remembered request: found, same payload, its answer (free()). */
STUDIO_MUST_USE enum studio_err store_read_request(struct store_reader *reader,
                                                   const char *table_id, const char *client,
                                                   const char *request_id,
                                                   const unsigned char digest[32], bool *found,
                                                   bool *same, char **answer);

/* Custom field topics to clear: calls fn with table id and field. Also fields of removed tables. */
typedef bool store_cleared_fn(void *ctx, const char *table_id, const char *field);
STUDIO_MUST_USE enum studio_err store_read_cleared(struct store_reader *reader,
                                                   store_cleared_fn *fn, void *ctx);

/* --- all agents of a store that many share ---------------------------------------------------- */

/* It is in a database, where other agents may have their rows, too; else nothing of the following may be called.
 * Any thread. */
bool store_is_shared(const struct store *store);

/* Whose tables they are, and whether somebody can answer for them. */
struct store_agent {
    const char *id, *epoch, *owner; /* of the process that has, or had it */
    uint64_t boot, last_seq; /* with the epoch: as long as they are the same, so are its tables */
    bool owned;              /* by the database's clock; else not since: */
    int64_t until_ms;        /* wall */
};
typedef bool store_agent_fn(void *ctx, const struct store_agent *agent);
/* The agents behind this id (""), in order, at most `limit`. */
STUDIO_MUST_USE enum studio_err store_read_agents(struct store_reader *reader, const char *after,
                                                  size_t limit, store_agent_fn *fn, void *ctx);

/* A table of agents[agent]; of a removed one the document is NULL. */
typedef bool store_their_table_fn(void *ctx, size_t agent, const char *table_id, uint64_t rev,
                                  const char *document, size_t document_len);
/* The tables of these agents, one agent after the other, by name, of the first those behind `after` (""), at most `limit`
 * in all. */
STUDIO_MUST_USE enum studio_err store_read_their_tables(struct store_reader *reader,
                                                        const char *const *agents, size_t count,
                                                        const char *after, size_t limit,
                                                        store_their_table_fn *fn, void *ctx);

#endif
