/* power_script.h - what the store is asked to do before the power goes, and how it looks after each call. One source of a
 * program includes it. */
#ifndef TESTS_FAULT_POWER_SCRIPT_H
#define TESTS_FAULT_POWER_SCRIPT_H

#include <inttypes.h>
#include <pthread.h>

#include "support/crashvfs.h"
#include "unit/agent/store/fixture.h"

enum { MARKS_MAX = 200, PIECES = 40, SEEDS = 3, BETWEEN = 5 };

static const int64_t now_ms = 1700000000000;

/* How the store looked when `op` operations had been recorded. */
struct mark {
    size_t op;
    uint64_t boot;
    char *look; /* NULL: no store yet */
};

static struct mark marks[MARKS_MAX];
static size_t mark_count;

/* --- how a store looks ----------------------------------------------------------------------- */

static inline bool print_event(void *ctx, struct studio_event *event)
{
    fprintf(ctx, "%" PRIu64 " %d %s %" PRIu64 " %d %.*s\n", event->seq, (int)event->kind,
            event->table_id, event->rev, event->parked, (int)event->body_len, event->body);
    return true;
}

static inline bool print_table(void *ctx, const char *table_id, uint64_t rev, const char *document,
                               size_t len)
{
    fprintf(ctx, "%s %" PRIu64 " %.*s\n", table_id, rev, (int)len, document ? document : "");
    return true;
}

static inline bool print_field(void *ctx, const char *table_id, const char *field)
{
    fprintf(ctx, "%s %s\n", table_id, field);
    return true;
}

static inline char *look_at(struct store *store)
{
    char *text = NULL, *answer = NULL;
    size_t len = 0;
    bool found, same;
    static const unsigned char digest[32];
    const struct store_info *info = store_info(store);
    struct store_reader *reader = open_reader(store);
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fprintf(out, "%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", info->epoch,
            info->agent_id, info->oldest, info->last_seq, info->acked, info->parked);
    assert_int_equal(store_read_events(reader, 0, UINT64_MAX, SIZE_MAX, print_event, out),
                     STUDIO_OK);
    assert_int_equal(store_tables(store, print_table, out), STUDIO_OK);
    assert_int_equal(store_read_cleared(reader, print_field, out), STUDIO_OK);
    for (uint64_t seq = 1; seq <= info->last_seq; seq++) {
        char id[24];
        snprintf(id, sizeof id, "%" PRIu64, seq);
        assert_int_equal(
            store_read_request(reader, "T-0", "plc", id, digest, &found, &same, &answer),
            STUDIO_OK);
        fprintf(out, "%d%s", found, answer ? answer : "");
        free(answer);
    }
    fclose(out);
    store_reader_close(reader);
    return text;
}

static inline void mark(struct store *store)
{
    assert_true(mark_count < MARKS_MAX);
    marks[mark_count++] = (struct mark){.op = crashvfs_ops(),
                                        .boot = store ? store_info(store)->boot : 0,
                                        .look = store ? look_at(store) : NULL};
}

static inline void forget_marks(void)
{
    for (size_t i = 0; i < mark_count; i++)
        free(marks[i].look);
    mark_count = 0;
}

/* --- the script ------------------------------------------------------------------------------ */

/* Bodies and documents from a few bytes to some pages. */
struct piece {
    char table_id[8];
    char body[9000];
    char document[9000];
    char request_id[24];
    struct store_request request;
    struct studio_event event;
    struct studio_snapshot snapshot;
};
static struct piece pieces[PIECES];
static uint64_t revs[3];

static inline struct store_item make_item(struct piece *piece, uint64_t seq)
{
    static const char *const field[] = {"note"};
    static char pad[8001];
    unsigned table = (unsigned)(seq % 3);
    size_t len = seq % 11 == 0 ? sizeof pad - 1 : (size_t)(seq * 37 % 300);
    memset(pad, 'a' + (int)(seq % 26), sizeof pad - 1);
    uint64_t rev = revs[table]++;
    snprintf(piece->table_id, sizeof piece->table_id, "T-%u", table);
    snprintf(piece->request_id, sizeof piece->request_id, "%" PRIu64, seq);
    int body = snprintf(piece->body, sizeof piece->body,
                        "\"table_id\":\"%s\",\"rev\":%" PRIu64 "," FIXTURE_ORIGIN
                        ",\"changes\":{\"note\":[null,\"%.*s\"]}}",
                        piece->table_id, rev, (int)len, pad);
    int document = snprintf(piece->document, sizeof piece->document,
                            "{\"TABLE_ID\":\"%s\",\"UPTIME\":%" PRIu64 ",\"note\":\"%.*s\"}",
                            piece->table_id, rev, (int)len, pad);
    piece->event = (struct studio_event){.kind = EVENT_CHANGE,
                                         .table_id = piece->table_id,
                                         .rev = rev,
                                         .wall_ms = now_ms,
                                         .body = piece->body,
                                         .body_len = (size_t)body};
    piece->snapshot = (struct studio_snapshot){.table_id = piece->table_id,
                                               .rev = rev,
                                               .document = piece->document,
                                               .document_len = (size_t)document};
    struct store_item item = {.event = &piece->event, .snapshot = &piece->snapshot};
    if (seq % 5 == 0) {
        piece->snapshot.removed = true;
        item.cleared = field;
        item.cleared_count = 1;
    } else {
        item.set = field;
        item.set_count = 1;
    }
    if (table == 0) {
        piece->request = (struct store_request){.table_id = piece->table_id,
                                                .client = "plc",
                                                .request_id = piece->request_id,
                                                .answer = "{}",
                                                .answer_len = 2,
                                                .wall_ms = now_ms};
        item.request = &piece->request;
    }
    return item;
}

static inline void commit_pieces(struct store *store, size_t count)
{
    struct store_item items[PIECES];
    uint64_t last = store_info(store)->last_seq;
    assert_true(count <= PIECES);
    for (size_t i = 0; i < count; i++)
        items[i] = make_item(&pieces[i], last + 1 + i);
    /* What the broker has acknowledged stays a little behind. */
    assert_int_equal(store_commit(store, items, count, last > 5 ? last - 5 : 0), STUDIO_OK);
    mark(store);
}

static inline void do_housework(struct store *store, bool checkpoint)
{
    bool more = true;
    if (checkpoint)
        as_sqlite(store)->wal_pages = STORE_WAL_STEP;
    while (more) {
        assert_int_equal(store_housekeep(store, now_ms, &more), STUDIO_OK);
        mark(store);
    }
}

static inline struct store_options script_options(const char *dir, bool sync)
{
    struct store_options options = options_for(dir);
    options.retention_events = 60;
    options.unsafe_no_sync = !sync;
    return options;
}

/* The log is copied while commits go on, as fast as it comes. */
struct copying {
    struct store_copier *copier;
    pthread_t thread;
    atomic_bool stop;
};

static inline void *copy_all_the_time(void *arg)
{
    struct copying *copying = arg;
    while (!atomic_load(&copying->stop))
        if (store_copy(copying->copier) != STUDIO_OK)
            return NULL;
    return arg;
}

static inline void begin_copying(struct copying *copying, struct store *store)
{
    struct studio_error error = {0};
    assert_int_equal(store_copier_open(store, &copying->copier, &error), STUDIO_OK);
    assert_int_equal(pthread_create(&copying->thread, NULL, copy_all_the_time, copying), 0);
}

static inline void end_copying(struct copying *copying)
{
    void *result = NULL;
    atomic_store(&copying->stop, true);
    assert_int_equal(pthread_join(copying->thread, &result), 0);
    assert_ptr_equal(result, copying);
    store_copier_close(copying->copier);
}

/* Two starts with an orderly stop between them, the second one is left to the cut. */
static inline void run_script_with(const char *dir, bool sync, bool copy)
{
    static const size_t sizes[] = {1, 1, 3, PIECES, 1, 2, 17, 1, 1, 5, 30, 1};
    struct store_options options = script_options(dir, sync);
    memset(revs, 0, sizeof revs);
    mark(NULL);
    for (int start = 0; start < 2; start++) {
        struct store *store = open_with(&options);
        struct copying copying = {.stop = false};
        mark(store);
        if (copy)
            begin_copying(&copying, store);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            commit_pieces(store, sizes[i]);
            if (i % 4 == 1) {
                assert_int_equal(store_park(store, store_info(store)->last_seq, "0x87"), STUDIO_OK);
                mark(store);
            }
            if (i % 3 == 2)
                do_housework(store, i % 2 == 0);
        }
        if (copy)
            end_copying(&copying);
        store_close(store);
    }
    crashvfs_pause();
}

static inline void run_script(const char *dir, bool sync)
{
    run_script_with(dir, sync, false);
}

#endif
