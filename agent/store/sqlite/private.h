/*
 * private.h - what the files of this engine share; nobody else includes it (but its tests).
 *
 * sql.c        statements: bind, run, classify a result
 * wal.c        is the write-ahead log damaged where SQLite would not say so
 * wal_vfs.c    writes that log in long pieces
 * schema.c     is this file ours, is it sound, bring it to this version
 * engine.c     the table of what this engine does
 * store.c      open, count the boot, close
 * commit.c     the transactions of the running agent
 * spans.c      in which spans of events a table has any
 * copier.c     the log's pages into the database, on another thread
 * housekeep.c  the end of a checkpoint, retention, forgetting
 * reader.c     the read-only connection
 * fd_vfs.c     a database in a file that is open already
 * backup.c     a copy of it all
 * tools.c      the maintenance commands' way in; `store restored`
 * check.c      `store check`
 * verify.c     `store verify`
 * export.c     `store export`
 * import.c     `store import`
 */
#ifndef AGENT_STORE_SQLITE_PRIVATE_H
#define AGENT_STORE_SQLITE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "store/engine.h"
#include "store/findings.h"
#include "store/lock.h"

#define STORE_FILE "studio.db"

enum {
    STORE_APPLICATION_ID = 0x53545544, /* "STUD" in the file's header */
    STORE_BUSY_MS = 5000,  /* patience with a foreign sqlite3 shell, before it is ours alone */
    STORE_WAL_STEP = 1000, /* pages in the WAL that make an idle checkpoint worth it */
    STORE_WAL_MAX = 16000, /* pages at which a commit checkpoints, idle or not */
    STORE_COPY_STEP = 512, /* pages in the WAL that make a step of the copier worth it */
    STORE_COPY_REST = 512, /* pages it may leave to the writer */
    STORE_SPAN = 1024,     /* events to a span, see the schema */
    STORE_SPAN_NOTES = 512,
    STORE_PAGE = 4096 /* bytes; SQLite's default */
};

/* Keys of the table `meta`. */
#define META_EPOCH    "epoch"
#define META_AGENT_ID "agent_id"
#define META_BOOT     "boot"
#define META_LAST_SEQ "last_seq" /* the newest event is this one, or a newer one that is there */
#define META_ACKED    "acked"    /* STORE_ALL_ACKED: without a broker every event is */
#define META_HOURS    "hours"    /* it has run, see housekeep.c */
#define META_MEMO     "memo"     /* may be missing */

/* --- sql.c ----------------------------------------------------------------------------------- */

/* One run of a prepared statement: arguments in order, the first error sticks. */
struct sql_call {
    sqlite3_stmt *stmt;
    int next;
    int rc;
};
struct sql_call sql_call(sqlite3_stmt *stmt);
void sql_u64(struct sql_call *call, uint64_t n); /* beyond int64: the largest there is */
void sql_i64(struct sql_call *call, int64_t n);
void sql_text(struct sql_call *call, const char *text, size_t len); /* NULL text is SQL NULL */
void sql_str(struct sql_call *call, const char *text);
void sql_blob(struct sql_call *call, const void *bytes, size_t len);
/* SQLITE_ROW, SQLITE_DONE or an error. */
int sql_step(struct sql_call *call);
/* Ends the run whatever its state; the statement holds no lock and no pointer afterwards. */
void sql_end(struct sql_call *call);
/* Runs to the end and ends it: SQLITE_OK or an error. */
int sql_run(struct sql_call *call);

/* A connection for one thread that only looks: it does not checkpoint when closed, until
 * SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE is taken back. `vfs` NULL: the usual one. *db must be closed also
 * after an error. */
int sql_open(const char *path, int flags, const char *vfs, sqlite3 **db);

/* Unprepared text: SQLITE_OK or an error; sql_number is SQLITE_NOTFOUND without a row. */
int sql_exec(sqlite3 *db, const char *sql);
int sql_number(sqlite3 *db, const char *sql, int64_t *out);
int sql_prepare_all(sqlite3 *db, const char *const *texts, sqlite3_stmt **stmts, size_t count);
void sql_finalize_all(sqlite3_stmt **stmts, size_t count);

/* What a failed statement means for the running agent: STORAGE or IO. */
enum studio_err sql_classify(int rc);
/* STORE_UNUSABLE with a sentence on what to do about `rc` at `path`; `db` may be NULL. */
enum studio_err sql_refuse(struct studio_error *error, const char *path, int rc, sqlite3 *db);

/* --- wal.c ----------------------------------------------------------------------------------- */

struct wal_damage {
    bool found;
    uint64_t frame; /* the first that does not fit, from 1 on; 0: the header */
    uint64_t lost;  /* transactions behind it */
    bool all;       /* nothing of the store is in its file yet */
};
/* Looks at the log of the store at `path`, on which no connection of this process may be open (it
 * would lose its locks). STORE_UNUSABLE: it cannot be read. */
enum studio_err wal_examine(const char *path, struct wal_damage *out, struct studio_error *error);
/* After a sync that failed the system may still show what never reached the disk and take it for clean:
 * later syncs would succeed without it. So, before anything builds on the log of the store at `path`,
 * its bytes are written again and synced. The same restrictions and errors. */
enum studio_err wal_write_again(const char *path, struct studio_error *error);
/* Where it is, in words. */
enum { WAL_WHERE_MAX = 48 };
void wal_where(const struct wal_damage *damage, char out[WAL_WHERE_MAX]);
/* STORE_UNUSABLE with a sentence on what to do about the damage. */
enum studio_err wal_refuse(struct studio_error *error, const char *path,
                           const struct wal_damage *damage);

/* --- wal_vfs.c ------------------------------------------------------------------------------- */

/* For sql_open of the first connection to a store, which writes with synchronous = FULL: the usual VFS, but
 * no other process can open the database meanwhile, and the log is written in pieces of up to 124 KiB, the last of
 * them by the sync of a commit. Further connections open it as usual. Any thread. NULL: out of memory, the
 * usual one serves. */
const char *wal_vfs(void);

/* --- fd_vfs.c -------------------------------------------------------------------------------- */

/* Opens the file behind a descriptor, which stays the caller's, as a database for one who writes all of it,
 * with no locks, no journal, no sync, or who only reads it. *db must be closed also after an error. */
int fd_open(int fd, bool to_read, sqlite3 **db);

/* --- schema.c -------------------------------------------------------------------------------- */

/* Refuses what is not a store of this version or older. *blank: there is nothing in it yet. */
enum studio_err schema_identify(sqlite3 *db, const char *path, bool *blank,
                                struct studio_error *error);
/* Is the file sound, as far as a start may take the time to see? SQLITE_OK or an error. */
int schema_check(sqlite3 *db);
/* Inside a transaction: runs the steps this file has not seen yet. */
int schema_migrate(sqlite3 *db);
int schema_apply(sqlite3 *db, const char *const *list, int count);
/* Inside a transaction: what a new store starts with; a new epoch for one that is there. */
int schema_fill(sqlite3 *db, const char *agent_id);
int schema_new_epoch(sqlite3 *db);
/* What the store knows; SQLITE_CORRUPT if it contradicts itself. */
int schema_load(sqlite3 *db, struct store_info *info);

/* --- store.c --------------------------------------------------------------------------------- */

enum store_stmt {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_PUT_META,
    STMT_DROP_META,
    STMT_ADD_EVENT,
    STMT_ADD_SPAN,
    STMT_PUT_TABLE,
    STMT_ADD_CLEARED,
    STMT_DROP_CLEARED,
    STMT_MANY_CLEARED,
    STMT_FORGET_CLEARED,
    STMT_PUT_REQUEST,
    STMT_PARK,
    STMT_TABLES,
    STMT_AGED,
    STMT_COUNT_PARKED,
    STMT_DROP_EVENTS,
    STMT_DROP_SPANS,
    STMT_OLD_REQUEST,
    STMT_DROP_REQUESTS,
    STMT_ADD_HOUR,
    STMT_DROP_HOURS,
    STMT_COUNT
};

/* The table's row of this span is there. */
struct span_note {
    uint64_t span;
    char table_id[72]; /* empty: none */
};

struct sqlite_store {
    struct store base;
    sqlite3 *db;
    sqlite3_stmt *stmts[STMT_COUNT];
    int lock_fd;
    char *path;
    uint64_t retention_events;
    unsigned retention_days;
    int64_t max_pages;  /* of the database; 0: no limit */
    int64_t used_pages; /* of them at the last look, see room.c; 0: none yet */
    unsigned used_when; /* pages written until then */
    bool mirror;
    int64_t hours;      /* as in the table `meta` */
    int64_t hour_began; /* monotonic; -1: not yet */
    struct span_note spans[STORE_SPAN_NOTES];
    int64_t commit_ms; /* what the last commit took */
    struct log_limit complaints, crowding;
    /* The writer's and the copier's: */
    bool syncs, has_copier;  /* set while only one of them is there */
    pthread_mutex_t copying; /* held by who takes the log over into the database */
    atomic_bool failed;      /* an error on sync or a damaged file: nothing is trusted any more */
    atomic_int wal_pages;    /* in the WAL after the last commit; 0 after a checkpoint */
    atomic_int copied;       /* of them by the copier */
};

static inline struct sqlite_store *as_sqlite(struct store *base)
{
    return (struct sqlite_store *)base;
}

static inline const struct sqlite_store *as_const_sqlite(const struct store *base)
{
    return (const struct sqlite_store *)base;
}

/* --- what engine.c puts into its table, each as store.h says -------------------------------- */

enum studio_err sqlite_open(const struct store_options *options, struct store **out,
                            struct studio_error *error);
void sqlite_close(struct store *base);
bool sqlite_slow(const struct store *base);
uint64_t sqlite_bytes(const struct store *base);
bool sqlite_crowded(struct store *base);
enum studio_err sqlite_tables(struct store *base, store_table_fn *row, void *ctx);
enum studio_err sqlite_commit(struct store *base, struct store_item *items, size_t n,
                              uint64_t acked);
enum studio_err sqlite_park(struct store *base, uint64_t seq, const char *reason);
enum studio_err sqlite_mark_cleared(struct store *base, const char *table_id, const char *field);
enum studio_err sqlite_forget_cleared(struct store *base, const struct store_clearing *clearings,
                                      size_t n);
enum studio_err sqlite_put_memo(struct store *base, const char *text);
enum studio_err sqlite_probe(struct store *base);
enum studio_err sqlite_housekeep(struct store *base, int64_t mono_ms, bool *more);
enum studio_err sqlite_copier_open(struct store *base, struct store_copier **out,
                                   struct studio_error *error);
void sqlite_copier_close(struct store_copier *base);
bool sqlite_copy_due(const struct store *base);
enum studio_err sqlite_copy(struct store_copier *base);
enum studio_err sqlite_reader_open(const struct store *base, struct store_reader **out,
                                   struct studio_error *error);
void sqlite_reader_close(struct store_reader *base);
enum studio_err sqlite_read_events(struct store_reader *base, uint64_t from, uint64_t to,
                                   size_t limit, studio_event_fn *fn, void *ctx);
enum studio_err sqlite_walk_step(struct store_reader *base, struct store_walk *walk,
                                 studio_event_fn *fn, void *ctx);
enum studio_err sqlite_read_oldest(struct store_reader *base, uint64_t *seq);
enum studio_err sqlite_read_request(struct store_reader *base, const char *table_id,
                                    const char *client, const char *request_id,
                                    const unsigned char digest[32], bool *found, bool *same,
                                    char **answer);
enum studio_err sqlite_read_cleared(struct store_reader *base, store_cleared_fn *fn, void *ctx);
enum studio_err sqlite_check(const struct store_place *place, FILE *out,
                             struct studio_error *error);
enum studio_err sqlite_export(const struct store_place *place, FILE *out, store_progress_fn *tell,
                              struct studio_error *error);
enum studio_err sqlite_import(const struct store_place *place, FILE *in, store_progress_fn *tell,
                              struct studio_error *error);
enum studio_err sqlite_restored(const struct store_place *place, char epoch[STORE_EPOCH_LEN + 1],
                                struct studio_error *error);

/* --- commit.c -------------------------------------------------------------------------------- */

struct sql_call store_call(struct sqlite_store *store, enum store_stmt stmt);
int store_put_meta_u64(struct sqlite_store *store, const char *key, uint64_t value);
/* The watermark, and with it how far the numbers have come. */
int store_put_numbers(struct sqlite_store *store, uint64_t last_seq, uint64_t acked);
/* Opens a transaction: OK, or STORAGE/IO (also when the store has failed before). */
enum studio_err store_begin(struct sqlite_store *store);
/* Commits if rc is SQLITE_OK, else, or when that fails, takes everything back. */
enum studio_err store_end(struct sqlite_store *store, int rc);
/* Notes a failure: logs it, and stops the store if it must. */
enum studio_err store_fail(struct sqlite_store *store, int rc, const char *what);
/* The same on another thread. */
enum studio_err store_note_failure(struct sqlite_store *store, struct log_limit *limit, int rc,
                                   const char *what);
/* There is little left for a checkpoint to do. */
bool store_copied_most(const struct sqlite_store *store);
/* One checkpoint, which begins the log anew unless a reader is in it. While the copier is at work: none,
 * or `wait` for the end of its step. */
enum studio_err store_checkpoint(struct sqlite_store *store, bool wait);

/* --- spans.c --------------------------------------------------------------------------------- */

/* Inside a transaction: the event can be found by its table. SQLITE_OK or an error. */
int spans_add(struct sqlite_store *store, const struct studio_event *event);
/* After a rollback: what was noted may not be there. */
void spans_forget(struct sqlite_store *store);

/* --- room.c ---------------------------------------------------------------------------------- */

/* So near its largest size that updates will not fit. */
bool store_full(struct sqlite_store *store);

/* --- tools.c, check.c ------------------------------------------------------------------------ */

/* A locked store that no agent runs on. */
struct tool {
    char *path;
    int lock_fd;
    sqlite3 *db;
    struct wal_damage
        damage; /* of the log: check tells it, export refuses, restored goes on without */
};
enum studio_err tool_open(const char *dir, bool writing, struct tool *tool,
                          struct studio_error *error);
/* The same to read; of an agent's store from a copy in the file `copy`, -1: there is none. */
enum studio_err tool_open_to_read(const char *dir, int copy, struct tool *tool,
                                  struct studio_error *error);
void tool_close(struct tool *tool);

/* Looks at everything; what cannot be read is a finding too. */
void check_database(sqlite3 *db, struct findings *findings);

#endif
